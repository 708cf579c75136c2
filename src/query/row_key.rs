//! Finds one row of a table by its key.

use std::collections::HashSet;

use super::diff::Comparison;
use super::table::{ROWS, is_called};
use crate::model::row::{key_name, short_name};
use crate::views::{DerivedError, RowChange, TableDiff, each_row_name};

/// At most this many bytes of row names are collected to suggest a similar one.
const MOST_NAMES: usize = 4 << 20;

/// A row's key as it was given.
pub struct RowKey {
    /// The names that it may mean: the given text, and the name of a key of one column that is this text.
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
}

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
        let mut has_key = false;
        let (mut is_found, mut all, mut known, mut bytes) = (false, Vec::new(), HashSet::new(), 0);
        for side in [&self.sides.to, &self.sides.from] {
            let files = self.files(side).await?;
            for file in files.iter().filter(|file| file.path.ends_with(ROWS) && is_called(&file.path, table))
            {
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
