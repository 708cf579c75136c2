//! `KEY`: one row of a table.

use std::collections::HashSet;

use super::compare::Comparison;
use super::sides::Wanted;
use crate::cli::Failure;
use crate::cli::place::{alike, listed};
use crate::cli::target::{is_called, table_name};
use crate::model::row::{key_name, short_name};
use crate::query::ROWS;
use crate::views::{DerivedError, RowChange, TableDiff, each_row_name};

/// Names of rows that one like the wanted is looked for in, in bytes.
const MOST_TOLD: usize = 4 << 20;

/// A row's key as it was given.
pub(super) struct Key {
    /// The names that it may stand for: what was given, and the name of a text of one column that is just that.
    names: [String; 2],
}

impl Key {
    pub fn of(given: &str) -> Self {
        let text = serde_json::Value::from(given).to_string();
        Self { names: [short_name(given).into_owned(), key_name(&[&text])] }
    }

    /// The changes of the row that is meant.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
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

/// Where the row that is meant may be found.
pub(super) enum Looked {
    /// It is on one side at least.
    Found,
    /// It is on neither: there is such a table with these keys.
    Missing(Vec<String>),
    /// The table's rows have no key.
    NoKey,
}

impl Comparison<'_> {
    /// Whether one side has what is wanted.
    ///
    /// # Errors
    /// Why a side cannot be read.
    pub async fn has(&self, wanted: Wanted<'_>) -> Result<bool, DerivedError> {
        match (wanted.table, wanted.key) {
            (None, _) => Ok(true),
            (Some(table), Some(key)) => {
                Ok(matches!(self.look_for(table, &Key::of(key)).await?, Looked::Found))
            }
            (Some(table), None) => {
                let (from, to) = (self.files(&self.sides.from).await?, self.files(&self.sides.to).await?);
                Ok(from.iter().chain(to.iter()).any(|file| is_called(&file.path, table)))
            }
        }
    }

    /// Looks for a row in all versions of the table that is meant, on both sides.
    ///
    /// # Errors
    /// Why one cannot be read.
    pub async fn look_for(&self, table: &str, key: &Key) -> Result<Looked, DerivedError> {
        let mut has_key = false;
        let (mut is_found, mut all, mut told, mut bytes) = (false, Vec::new(), HashSet::new(), 0);
        for side in [&self.sides.to, &self.sides.from] {
            let files = self.files(side).await?;
            for file in files.iter().filter(|file| file.path.ends_with(ROWS) && is_called(&file.path, table))
            {
                let take = |name: String| {
                    is_found |= key.names.contains(&name);
                    // Most rows are on both sides. Of very many, the first ones are told.
                    if bytes < MOST_TOLD && told.insert(name.clone()) {
                        bytes += name.len();
                        all.push(name);
                    }
                };
                has_key |= each_row_name(self.engine, file, take).await?;
                if is_found {
                    return Ok(Looked::Found);
                }
            }
        }
        Ok(if has_key { Looked::Missing(all) } else { Looked::NoKey })
    }
}

/// What to say of a key that no row has.
pub(super) fn unknown(table: &str, key: &str, names: &[String]) -> Failure {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let table = table_name(table);
    let hint = match alike(key, &names) {
        _ if names.is_empty() => format!("{table} has no row on either side"),
        found if found.is_empty() => format!("its rows are {}", listed(&names)),
        found => format!("did you mean {}?", found.join(" or ")),
    };
    Failure::new(format!("neither side has a row `{key}` in {table}")).hint(hint)
}

/// What to say where rows have no key.
pub(super) fn none(table: &str) -> Failure {
    Failure::new(format!("the rows of {} have no key", table_name(table)))
        .hint("leave the KEY out, and look for the row with grep")
}
