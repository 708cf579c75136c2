//! From what differs to what is printed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::sides::{Meant, WantedRow, Young};
use super::{DiffArgs, json, text};
use crate::catalog::FileChange;
use crate::cli::Failure;
use crate::cli::diff::key;
use crate::cli::log_text;
use crate::cli::output::Output;
use crate::cli::place::{self, alike, listed};
use crate::cli::progress::Progress;
use crate::cli::tree::Opened;
use crate::engine::Listings;
use crate::model::secrets::Secrets;
use crate::model::terminal;
use crate::query::{
    ChangeSize, Comparison, CountedChange, DiffSides, ROWS, RowKey, RowSearch, count, is_called, table_name,
};
use crate::vfs::VfsError;
use crate::views::{DerivedError, RowCounts, diff};

/// What was seen on the way.
pub(super) struct Seen {
    pub differs: bool,
    /// All could be compared.
    pub is_whole: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self { differs: false, is_whole: true }
    }
}

/// Prints what differs, database by database.
pub(super) async fn all(
    opened: &Opened,
    meant: &Meant<'_>,
    args: &DiffArgs,
    out: &mut Output,
    seen: &mut Seen,
) -> Result<(), Failure> {
    let listings = Listings::new(Arc::default(), opened.engine.budget());
    let comparison = |sides| Comparison { engine: &opened.engine, listings: &listings, sides };
    let mut unknown = Vec::new();
    for sides in &meant.sides {
        let comparison = comparison(sides);
        let is_one_of_many = meant.sides.len() > 1;
        let secrets = if args.show_secrets { None } else { Some(&*opened.secrets) };
        let wanted = meant.wanted;
        let mut printer =
            Printer { comparison, wanted, secrets, args, out, seen, is_one_of_many, is_begun: false };
        let printed = match printer.files().await {
            Ok(files) => printer.print(files).await,
            Err(stop) => Err(stop),
        };
        match printed {
            Ok(()) => {}
            Err(Stop::Unknown(failure)) => unknown.push(failure),
            Err(Stop::Unlisted(failure)) => printer.trouble(&failure)?,
            Err(Stop::Output(failure)) => return Err(failure),
        }
    }
    let mut is_in_young = false;
    for young in &meant.young {
        let Some(known) = &young.known else {
            // It is on neither side: there is nothing that differs.
            tell(young, args, out)?;
            continue;
        };
        let sides = DiffSides { from: known.clone(), to: known.clone() };
        let comparison = Comparison { engine: &opened.engine, listings: &listings, sides: &sides };
        match has(&comparison, meant.wanted).await {
            Ok(true) => tell(young, args, out)?,
            Ok(false) => continue,
            Err(error) => {
                out.flush()?;
                place::failed(&known.database.name, &VfsError::from(error)).print();
                seen.is_whole = false;
                continue;
            }
        }
        (is_in_young, seen.differs) = (true, true);
    }
    // Of many databases, each has its own tables and rows.
    match unknown.pop() {
        Some(failure) if unknown.len() + 1 == meant.sides.len() && !is_in_young => Err(failure),
        _ => Ok(()),
    }
}

/// Whether one side has what is wanted.
async fn has(comparison: &Comparison<'_>, wanted: WantedRow<'_>) -> Result<bool, DerivedError> {
    Ok(match (wanted.table, wanted.key) {
        (None, _) => true,
        (Some(table), None) => comparison.has_table(table).await?,
        (Some(table), Some(key)) => {
            matches!(comparison.look_for(table, &RowKey::of(key)).await?, RowSearch::Found)
        }
    })
}

/// Says that a database is new: beside what programs read.
fn tell(young: &Young, args: &DiffArgs, out: &mut Output) -> Result<(), Failure> {
    if !args.json && !args.name_only {
        return out.text(&format!("{}\n", young.line()));
    }
    out.flush()?;
    Failure::new(young.line()).print();
    Ok(())
}

/// Why nothing more is compared.
enum Stop {
    /// Neither side has the table or the row that is meant.
    Unknown(Failure),
    /// A source cannot list its files.
    Unlisted(Failure),
    /// What was found cannot be written.
    Output(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Output(failure)
    }
}

struct Printer<'p> {
    comparison: Comparison<'p>,
    wanted: WantedRow<'p>,
    /// What of it is not to be shown.
    secrets: Option<&'p Secrets>,
    args: &'p DiffArgs,
    out: &'p mut Output,
    seen: &'p mut Seen,
    /// Other databases are compared, too.
    is_one_of_many: bool,
    /// The line with both sides is printed.
    is_begun: bool,
}

impl Printer<'_> {
    fn sides(&self) -> &DiffSides {
        self.comparison.sides
    }

    /// The files that are wanted and may differ.
    async fn files(&self) -> Result<Vec<FileChange>, Stop> {
        let database = &self.sides().to.database.name;
        let failed = |error| Stop::Unlisted(place::failed(database, &VfsError::Source(error)));
        let mut changed = self.comparison.changed().await.map_err(failed)?;
        let Some(table) = self.wanted.table else { return Ok(changed) };
        let mut paths = Vec::new();
        for side in [&self.sides().to, &self.sides().from] {
            let files = self.comparison.files(side).await.map_err(failed)?;
            paths.extend(files.iter().map(|file| file.path.clone()));
        }
        if !paths.iter().any(|path| is_called(path, table)) {
            paths.sort();
            paths.dedup();
            let names: Vec<&str> = paths.iter().map(|path| table_name(path)).collect();
            let hint = match alike(table, &names) {
                _ if names.is_empty() => "both are empty".to_owned(),
                found if found.is_empty() => format!("there are: {}", listed(&names)),
                found => format!("did you mean {}?", found.join(" or ")),
            };
            let (from, to) = (self.sides().from.path(), self.sides().to.path());
            let failure = Failure::new(format!("neither {from} nor {to} has a table `{table}`")).hint(hint);
            return Err(Stop::Unknown(failure));
        }
        changed.retain(|file| is_called(&file.path, table));
        Ok(changed)
    }

    async fn print(&mut self, files: Vec<FileChange>) -> Result<(), Stop> {
        if self.args.stat || self.args.name_only {
            return Ok(self.count_all(files).await?);
        }
        let key = self.wanted.key.map(RowKey::of);
        let mut is_found = false;
        for mut file in files {
            if file.path.ends_with(ROWS) {
                is_found |= self.table(&mut file, key.as_ref()).await?;
            } else if key.is_none() {
                self.other(&mut file).await?;
            }
        }
        match (self.wanted.table, key) {
            (Some(table), Some(key)) if !is_found && self.seen.is_whole => self.look_for(table, &key).await,
            _ => Ok(()),
        }
    }

    /// Prints the rows of a table that differ; whether there is one.
    async fn table(&mut self, file: &mut FileChange, key: Option<&RowKey>) -> Result<bool, Stop> {
        let found = {
            let _comparing = self.comparing(file);
            let engine = self.comparison.engine;
            let tell =
                async |file: &FileChange| diff(engine, file.before.as_ref(), file.after.as_ref()).await;
            self.comparison.settled(file, tell).await
        };
        let mut found = match found {
            Ok(found) => found,
            Err(error) => {
                self.unread(file, &error)?;
                return Ok(false);
            }
        };
        if key.is_some() && found.key.is_empty() && found.counts().total() > 0 {
            return Err(Stop::Unknown(key::none(&file.path)));
        }
        let (mut counts, mut some) = (found.counts(), None);
        if let Some(key) = key {
            // A key is that of few rows.
            let changes = match key.changes_in(&mut found).await {
                Ok(changes) => changes,
                Err(error) => {
                    self.unread(file, &error)?;
                    return Ok(false);
                }
            };
            counts = RowCounts::of(&changes);
            some = Some(changes);
        }
        if counts.total() == 0 {
            return Ok(false);
        }
        self.seen.differs = true;
        if !self.args.json {
            self.begin()?;
            let line = text::table(self.out, file, counts);
            self.out.text(&line)?;
        }
        let secrets = self.secrets.and_then(|secrets| secrets.of(&file.path));
        let columns = found.key.clone();
        loop {
            let next = match some.take() {
                Some(changes) => Ok(Some(changes)),
                None if key.is_some() => Ok(None),
                None => found.next().await,
            };
            let changes = match next {
                Ok(Some(changes)) => changes,
                Ok(None) => return Ok(true),
                Err(error) => {
                    self.unread(file, &error)?;
                    return Ok(true);
                }
            };
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

    /// Names a file that is no table, if it differs.
    async fn other(&mut self, file: &mut FileChange) -> Result<(), Failure> {
        let sizes = {
            let _comparing = self.comparing(file);
            let tell = async |file: &FileChange| self.comparison.sizes(file).await;
            self.comparison.settled(file, tell).await
        };
        let sizes = match sizes {
            Ok(Some(sizes)) => sizes,
            Ok(None) => return Ok(()),
            Err(error) => return self.unread(file, &error),
        };
        self.seen.differs = true;
        if self.args.json {
            return self.out.json(&json::file(self.comparison.sides, file, sizes));
        }
        self.begin()?;
        let line = text::file(self.out, &file.path, sizes.before, sizes.after);
        self.out.text(&line)
    }

    /// Prints how much differs, or in which files something does.
    async fn count_all(&mut self, files: Vec<FileChange>) -> Result<(), Failure> {
        let mut tables = BTreeMap::new();
        let mut changes = Vec::new();
        for mut file in files {
            let stat = {
                let _comparing = self.comparing(&file);
                let engine = self.comparison.engine;
                let tell =
                    async |file: &FileChange| count(engine, file.before.as_ref(), file.after.as_ref()).await;
                self.comparison.settled(&mut file, tell).await
            };
            let counts = match stat {
                Ok(counts) => counts,
                Err(error) => {
                    self.unread(&file, &error)?;
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
        self.seen.differs |= !changes.is_empty();
        if self.args.json {
            return self.out.json(&json::summary(self.comparison.sides, tables));
        }
        if changes.is_empty() {
            return Ok(());
        }
        if self.args.name_only {
            return self.names(&changes);
        }
        self.begin()?;
        let lines = log_text::counted(self.out, &changes);
        self.out.text(&lines)
    }

    /// One name on each line; with the database where there are several.
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

    /// Says of a row that did not change whether it is there at all.
    async fn look_for(&mut self, table: &str, key: &RowKey) -> Result<(), Stop> {
        let unknown = match self.comparison.look_for(table, key).await {
            Ok(RowSearch::Found) => return Ok(()),
            Ok(RowSearch::NoKey) => key::none(table),
            Ok(RowSearch::Missing(names)) => key::unknown(table, self.wanted.key.unwrap_or_default(), &names),
            Err(error) => return Ok(self.trouble(&place::failed(table, &VfsError::from(error)))?),
        };
        Err(Stop::Unknown(unknown))
    }

    /// Says on a terminal what takes long.
    fn comparing(&self, file: &FileChange) -> Progress {
        Progress::of(format!("comparing {}/{}", self.sides().to.database.name, table_name(&file.path)))
    }

    /// Prints once what is compared with what.
    fn begin(&mut self) -> Result<(), Failure> {
        if std::mem::replace(&mut self.is_begun, true) {
            return Ok(());
        }
        let line = text::sides(self.out, &self.sides().from.path(), &self.sides().to.path());
        self.out.text(&line)
    }

    fn unread(&mut self, file: &FileChange, error: &DerivedError) -> Result<(), Failure> {
        let place = format!("{}/{}", self.sides().to.database.name, file.path);
        self.trouble(&place::failed(&place, &VfsError::from(error.clone())))
    }

    /// Tells of something that could not be compared; the rest goes on.
    fn trouble(&mut self, failure: &Failure) -> Result<(), Failure> {
        // In the order in which a terminal shows both.
        self.out.flush()?;
        failure.print();
        self.seen.is_whole = false;
        Ok(())
    }
}
