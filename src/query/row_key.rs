//! Finds one row of a table by its key.

use std::collections::HashSet;
use std::sync::Arc;

use super::diff::Comparison;
use super::table::{ROWS, is_called};
use crate::catalog::FileChange;
use crate::content::FileEntry;
use crate::engine::{Engine, FilePair, RowSides};
use crate::model::row::{Row, key_name, short_name};
use crate::views::{DerivedError, RowChange, TableDiff, changed_columns, each_row_name};

/// At most this many bytes of row names are collected to suggest a similar one.
const MOST_NAMES: usize = 4 << 20;

/// A row's key as it was given.
pub struct RowKey {
    /// The names that it may mean: the given text, and the name of a one-column key whose value is this text.
    names: [String; 2],
}

impl RowKey {
    /// The key that a person typed.
    pub fn of(given: &str) -> Self {
        let text = serde_json::Value::from(given).to_string();
        Self { names: [short_name(given).into_owned(), key_name(&[&text])] }
    }

    /// The changes of this row.
    pub async fn changes_in(&self, diff: &mut TableDiff) -> Result<Vec<RowChange>, DerivedError> {
        let mut found = Vec::new();
        while let Some(changes) = diff.next().await? {
            let is_it =
                |change: &RowChange| change.name(&diff.key).is_some_and(|name| self.names.contains(&name));
            found.extend(changes.into_iter().filter(is_it));
        }
        Ok(found)
    }

    /// The same without comparing all rows, if the source looks up rows by key.
    pub async fn looked_up(&self, engine: &Engine, file: &FileChange) -> Result<LookedUpRow, DerivedError> {
        let pair = || [file.before.clone(), file.after.clone()];
        let [before, now] = match self.sides(engine, pair).await?.as_deref() {
            Some([]) => return Ok(Some((Vec::new(), Vec::new()))),
            Some([one]) => one.clone(),
            // Which of several rows comes first is left to the comparison.
            _ => return Ok(None),
        };
        let Some(side) = file.after.as_ref().or(file.before.as_ref()) else { return Ok(None) };
        let key = side.content.key().await.map_err(Arc::new)?.unwrap_or_default();
        let rows = [&before, &now].map(|line| line.as_deref().and_then(Row::parse));
        if let [Some(before), Some(now)] = &rows {
            if before.values(&key) != now.values(&key) {
                return Ok(None);
            }
            if changed_columns(before, now).is_empty() {
                return Ok(Some((key, Vec::new())));
            }
        }
        let [from, to] = [before, now].map(|line| line.map(Vec::from));
        Ok(Some((key, vec![RowChange { from, to, has_key: true }])))
    }

    /// The rows that have one of the names, on both sides; `None` if they have to be searched for.
    async fn sides(
        &self,
        engine: &Engine,
        pair: impl Fn() -> FilePair,
    ) -> Result<Option<Vec<RowSides>>, DerivedError> {
        let [first, second] = &self.names;
        let mut found = Vec::new();
        for name in std::iter::once(first).chain(Some(second).filter(|second| *second != first)) {
            let [Some(sides)] = &*engine.named_rows(vec![pair()], name).await? else { return Ok(None) };
            found.extend(Some(sides.clone()).filter(|sides| sides.iter().any(Option::is_some)));
        }
        Ok(Some(found))
    }

    /// Whether a file has the row, where its source can tell.
    async fn is_in(&self, engine: &Engine, file: &FileEntry) -> Result<bool, DerivedError> {
        let found = self.sides(engine, || [None, Some(file.clone())]).await?;
        Ok(found.is_some_and(|found| !found.is_empty()))
    }
}

/// The columns of the key, and the changes of the row; `None` where the table has to be compared.
type LookedUpRow = Option<(Vec<String>, Vec<RowChange>)>;

/// The result of looking for a row.
pub enum RowSearch {
    /// At least one side has it.
    Found,
    /// Neither side has it; these are the names of the table's rows.
    Missing(Vec<String>),
    /// The table's rows have no key.
    NoKey,
}

impl Comparison<'_> {
    /// Looks for a row of a table on both sides.
    pub async fn look_for(&self, table: &str, key: &RowKey) -> Result<RowSearch, DerivedError> {
        for side in [&self.sides.to, &self.sides.from] {
            let files = self.files(side).await?;
            for file in files.iter().filter(|file| is_rows(&file.path, table)) {
                if key.is_in(self.engine, file).await? {
                    return Ok(RowSearch::Found);
                }
            }
        }
        let mut has_key = false;
        let (mut is_found, mut all, mut known, mut bytes) = (false, Vec::new(), HashSet::new(), 0);
        for side in [&self.sides.to, &self.sides.from] {
            let files = self.files(side).await?;
            for file in files.iter().filter(|file| is_rows(&file.path, table)) {
                let take = |name: String| {
                    is_found |= key.names.contains(&name);
                    // Most rows are on both sides. Only the first ones are collected if there are very many.
                    if bytes < MOST_NAMES && known.insert(name.clone()) {
                        bytes += name.len();
                        all.push(name);
                    }
                };
                has_key |= each_row_name(self.engine, file, take).await?;
                if is_found {
                    return Ok(RowSearch::Found);
                }
            }
        }
        Ok(if has_key { RowSearch::Missing(all) } else { RowSearch::NoKey })
    }
}

fn is_rows(path: &str, table: &str) -> bool {
    path.ends_with(ROWS) && is_called(path, table)
}
