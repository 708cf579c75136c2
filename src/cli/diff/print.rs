//! Prints the differences of each database.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::sides::{ResolvedDiff, WantedRow, YoungDatabase};
use super::{DiffArgs, json, text};
use crate::catalog::{FileChange, Listings};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::progress::Notice;
use crate::cli::tree::OpenTree;
use crate::cli::{changed_files, suggest, tree_path};
use crate::model::secrets::Secrets;
use crate::model::terminal;
use crate::query::{
    ChangeSize, Comparison, CountedChange, DiffSides, ROWS, RowKey, RowSearch, count, is_called, table_name,
};
use crate::vfs::VfsError;
use crate::views::{DerivedError, RowCounts, TableDiff, diff};

#[derive(Default)]
pub(super) struct DiffOutcome {
    pub differs: bool,
    pub is_partial: bool,
}

pub(super) async fn all(
    tree: &OpenTree,
    resolved: &ResolvedDiff<'_>,
    args: &DiffArgs,
    out: &mut Output,
    outcome: &mut DiffOutcome,
) -> Result<(), Failure> {
    let engine = tree.vfs.engine();
    let listings = Listings::new(Arc::default(), engine.budget());
    let is_one_of_many = resolved.sides.len() > 1;
    let mut unknown = Vec::new();
    for sides in &resolved.sides {
        let comparison = Comparison { engine, listings: &listings, sides };
        let secrets = if args.show_secrets { None } else { Some(&*tree.secrets) };
        let wanted = resolved.wanted;
        let mut printer =
            Printer { comparison, wanted, secrets, args, out, outcome, is_one_of_many, is_begun: false };
        let printed = match printer.files().await {
            Ok(files) => printer.print(files).await,
            Err(stop) => Err(stop),
        };
        match printed {
            Ok(()) => {}
            Err(DiffStop::Unknown(failure)) => unknown.push(failure),
            Err(DiffStop::Unread(error)) => printer.trouble(&cannot_read(&sides.to.database.name, error))?,
            Err(DiffStop::Output(failure)) => return Err(failure),
        }
    }
    let mut is_in_young = false;
    for young in &resolved.young {
        let Some(known) = &young.known else {
            // It exists on neither side, so nothing differs.
            print_young(young, args, out)?;
            continue;
        };
        let sides = DiffSides { from: known.clone(), to: known.clone() };
        let comparison = Comparison { engine, listings: &listings, sides: &sides };
        match has(&comparison, resolved.wanted).await {
            Ok(true) => print_young(young, args, out)?,
            Ok(false) => continue,
            Err(error) => {
                out.flush()?;
                cannot_read(&known.database.name, error).print();
                outcome.is_partial = true;
                continue;
            }
        }
        (is_in_young, outcome.differs) = (true, true);
    }
    // A table or row need not exist in each of several databases.
    match unknown.pop() {
        Some(failure) if unknown.len() + 1 == resolved.sides.len() && !is_in_young => Err(failure),
        _ => Ok(()),
    }
}

/// Whether one side has the wanted table or row.
async fn has(comparison: &Comparison<'_>, wanted: WantedRow<'_>) -> Result<bool, DerivedError> {
    Ok(match (wanted.table, wanted.key) {
        (None, _) => true,
        (Some(table), None) => comparison.has_table(table).await?,
        (Some(table), Some(key)) => {
            matches!(comparison.look_for(table, &RowKey::of(key)).await?, RowSearch::Found)
        }
    })
}

/// Reports that a database begins later; on stderr if programs read the output.
fn print_young(young: &YoungDatabase, args: &DiffArgs, out: &mut Output) -> Result<(), Failure> {
    if !args.json && !args.name_only {
        return out.text(&format!("{}\n", young.line()));
    }
    out.flush()?;
    Failure::new(young.line()).print();
    Ok(())
}

enum DiffStop {
    /// Neither side has the wanted table or row.
    Unknown(Failure),
    /// A file, or the list of files, cannot be read.
    Unread(DerivedError),
    Output(Failure),
}

impl From<Failure> for DiffStop {
    fn from(failure: Failure) -> Self {
        Self::Output(failure)
    }
}

impl From<DerivedError> for DiffStop {
    fn from(error: DerivedError) -> Self {
        Self::Unread(error)
    }
}

struct Printer<'p> {
    comparison: Comparison<'p>,
    wanted: WantedRow<'p>,
    secrets: Option<&'p Secrets>,
    args: &'p DiffArgs,
    out: &'p mut Output,
    outcome: &'p mut DiffOutcome,
    is_one_of_many: bool,
    is_begun: bool,
}

impl Printer<'_> {
    fn sides(&self) -> &DiffSides {
        self.comparison.sides
    }

    /// The wanted files that may differ.
    async fn files(&self) -> Result<Vec<FileChange>, DiffStop> {
        let mut changed = self.comparison.changed().await.map_err(DerivedError::Source)?;
        let Some(table) = self.wanted.table else { return Ok(changed) };
        let mut paths = Vec::new();
        for side in [&self.sides().to, &self.sides().from] {
            let files = self.comparison.files(side).await.map_err(DerivedError::Source)?;
            paths.extend(files.iter().map(|file| file.path.clone()));
        }
        if !paths.iter().any(|path| is_called(path, table)) {
            paths.sort();
            paths.dedup();
            let names: Vec<&str> = paths.iter().map(|path| table_name(path)).collect();
            let hint = suggest::hint(table, &names, "the tables are:", "both are empty");
            let (from, to) = (self.sides().from.path(), self.sides().to.path());
            let failure = Failure::new(format!("neither {from} nor {to} has a table `{table}`")).hint(hint);
            return Err(DiffStop::Unknown(failure));
        }
        changed.retain(|file| is_called(&file.path, table));
        Ok(changed)
    }

    async fn print(&mut self, files: Vec<FileChange>) -> Result<(), DiffStop> {
        if self.args.stat || self.args.name_only {
            return self.count_all(files).await;
        }
        let key = self.wanted.key.map(RowKey::of);
        let mut is_found = false;
        for mut file in files {
            let printed = if file.path.ends_with(ROWS) {
                self.table(&mut file, key.as_ref()).await
            } else if key.is_none() {
                self.other(&mut file).await
            } else {
                continue;
            };
            match printed {
                Ok(differs) => is_found |= differs,
                Err(DiffStop::Unread(error)) => self.unread(&file, error)?,
                Err(stop) => return Err(stop),
            }
        }
        match (self.wanted.table, key) {
            (Some(table), Some(key)) if !is_found && !self.outcome.is_partial => {
                self.look_for(table, &key).await
            }
            _ => Ok(()),
        }
    }

    /// Prints the rows of a table that differ. Returns whether there are any.
    async fn table(&mut self, file: &mut FileChange, key: Option<&RowKey>) -> Result<bool, DiffStop> {
        let engine = self.comparison.engine;
        let looked_up = match key {
            Some(key) => {
                self.settled(file, async |file: &FileChange| key.looked_up(engine, file).await).await?
            }
            None => None,
        };
        let (mut found, mut of_key) = (TableDiff::default(), None);
        if let Some((columns, changes)) = looked_up {
            (found.key, of_key) = (columns, Some(changes));
        } else {
            let compare =
                async |file: &FileChange| diff(engine, file.before.as_ref(), file.after.as_ref()).await;
            found = self.settled(file, compare).await?;
            if let Some(key) = key {
                if found.key.is_empty() && found.counts().total() > 0 {
                    return Err(DiffStop::Unknown(no_key(&file.path)));
                }
                // Few rows have the same key.
                of_key = Some(key.changes_in(&mut found).await?);
            }
        }
        let counts = of_key.as_ref().map_or_else(|| found.counts(), |changes| RowCounts::of(changes));
        if counts.total() == 0 {
            return Ok(false);
        }
        self.outcome.differs = true;
        if !self.args.json {
            self.begin()?;
            let line = text::table(self.out, file, counts);
            self.out.text(&line)?;
        }
        let secrets = self.secrets.and_then(|secrets| secrets.of(&file.path));
        let columns = found.key.clone();
        loop {
            let next = match of_key.take() {
                Some(changes) => Some(changes),
                None if key.is_some() => None,
                None => found.next().await?,
            };
            let Some(changes) = next else { return Ok(true) };
            for change in &changes {
                let secrets = secrets.as_ref();
                match self.args.json {
                    true => {
                        let line = json::row(self.comparison.sides, file, &columns, change, secrets);
                        self.out.json_lines(&line)?;
                    }
                    false => self.out.text(&text::row(self.out, &columns, change, key.is_some(), secrets))?,
                }
            }
        }
    }

    /// Prints a file that is not a table, if it differs. Returns whether it does.
    async fn other(&mut self, file: &mut FileChange) -> Result<bool, DiffStop> {
        let measure = async |file: &FileChange| self.comparison.sizes(file).await;
        let Some(sizes) = self.settled(file, measure).await? else { return Ok(false) };
        self.outcome.differs = true;
        if self.args.json {
            self.out.json(&json::file(self.comparison.sides, file, sizes))?;
        } else {
            self.begin()?;
            let line = text::file(self.out, &file.path, sizes);
            self.out.text(&line)?;
        }
        Ok(true)
    }

    /// Prints how much differs, or the names of the files that differ.
    async fn count_all(&mut self, files: Vec<FileChange>) -> Result<(), DiffStop> {
        let engine = self.comparison.engine;
        let count = async |file: &FileChange| count(engine, file.before.as_ref(), file.after.as_ref()).await;
        let mut tables = BTreeMap::new();
        let mut changes = Vec::new();
        for mut file in files {
            let counts = match self.settled(&mut file, &count).await {
                Ok(counts) => counts,
                Err(error) => {
                    self.unread(&file, error)?;
                    continue;
                }
            };
            if file.path.ends_with(ROWS) {
                tables.insert(table_name(&file.path).to_owned(), counts.unwrap_or_default());
            }
            let size = counts.map_or(ChangeSize::Binary, ChangeSize::Rows);
            changes.push(CountedChange { file, size });
        }
        changes.retain(|change| !change.is_none());
        self.outcome.differs |= !changes.is_empty();
        if self.args.json {
            return Ok(self.out.json(&json::summary(self.comparison.sides, tables))?);
        }
        if changes.is_empty() {
            return Ok(());
        }
        if self.args.name_only {
            return Ok(self.names(&changes)?);
        }
        self.begin()?;
        let lines = changed_files::lines(self.out, &changes);
        Ok(self.out.text(&lines)?)
    }

    /// Prints one name per line, with the database if there are several.
    fn names(&mut self, changes: &[CountedChange]) -> Result<(), Failure> {
        for change in changes {
            let mut name = terminal::json(table_name(&change.file.path)).into_owned();
            if self.is_one_of_many {
                name = format!("{}/{name}", self.sides().to.database.name);
            }
            self.out.text(&format!("{name}\n"))?;
        }
        Ok(())
    }

    /// Reports a row that does not exist on either side.
    async fn look_for(&mut self, table: &str, key: &RowKey) -> Result<(), DiffStop> {
        let unknown = match self.comparison.look_for(table, key).await {
            Ok(RowSearch::Found) => return Ok(()),
            Ok(RowSearch::NoKey) => no_key(table),
            Ok(RowSearch::Missing(names)) => unknown_key(table, self.wanted.key.unwrap_or_default(), &names),
            Err(error) => return Ok(self.trouble(&cannot_read(table, error))?),
        };
        Err(DiffStop::Unknown(unknown))
    }

    /// Asks about a file until it does not change meanwhile. Announces what takes long.
    async fn settled<T>(
        &self,
        file: &mut FileChange,
        ask: impl AsyncFn(&FileChange) -> Result<T, DerivedError>,
    ) -> Result<T, DerivedError> {
        let (database, table) = (&self.sides().to.database.name, table_name(&file.path));
        let _comparing = Notice::of(format!("comparing {database}/{table}"));
        self.comparison.settled(file, ask).await
    }

    fn begin(&mut self) -> Result<(), Failure> {
        if std::mem::replace(&mut self.is_begun, true) {
            return Ok(());
        }
        let line = text::sides(self.out, &self.sides().from.path(), &self.sides().to.path());
        self.out.text(&line)
    }

    fn unread(&mut self, file: &FileChange, error: DerivedError) -> Result<(), Failure> {
        self.trouble(&cannot_read(&format!("{}/{}", self.sides().to.database.name, file.path), error))
    }

    /// Reports something that could not be compared, and goes on.
    fn trouble(&mut self, failure: &Failure) -> Result<(), Failure> {
        // So that a terminal shows output and error in order.
        self.out.flush()?;
        failure.print();
        self.outcome.is_partial = true;
        Ok(())
    }
}

fn cannot_read(path: &str, error: DerivedError) -> Failure {
    tree_path::failure(path, &VfsError::from(error))
}

fn unknown_key(table: &str, key: &str, names: &[String]) -> Failure {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let table = table_name(table);
    let hint = suggest::hint(key, &names, "its rows are", &format!("{table} has no row on either side"));
    Failure::new(format!("neither side has a row `{key}` in {table}")).hint(hint)
}

fn no_key(table: &str) -> Failure {
    Failure::new(format!("the rows of {} have no key", table_name(table)))
        .hint("leave the KEY out, and look for the row with grep")
}
