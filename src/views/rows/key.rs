//! Which columns identify the rows of a table.

use std::sync::Arc;

use crate::content::FileEntry;
use crate::model::row::{NULL, Row, key_name, text_of};
use crate::views::derived::TABLE;
use crate::views::error::DerivedError;

/// Whether a file is a table, by its name. In other files each line counts as it is.
pub fn is_table(path: &str) -> bool {
    path.ends_with(TABLE)
}

/// The column that identifies rows of exports, if their source knows no key.
pub const ID: &str = "id";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pairing {
    /// By the columns of a key that the source knows.
    Key(Vec<String>),
    /// By [`ID`], for rows whose id no other row has: the source knows no key.
    Id,
    /// Not at all: rows are identified by all of their values.
    Nothing,
}

impl Pairing {
    /// The columns whose values name a row; none if rows have no names.
    pub fn columns(&self) -> Vec<String> {
        match self {
            Self::Key(key) => key.clone(),
            Self::Id => vec![ID.to_owned()],
            Self::Nothing => Vec::new(),
        }
    }
}

pub async fn known_key(file: &FileEntry) -> Result<Option<Vec<String>>, DerivedError> {
    file.content.key().await.map_err(|error| DerivedError::Source(Arc::new(error)))
}

/// The keys by which the rows that differ between two contents may be paired: the key of the later content if all of
/// these rows have its columns, otherwise that of the earlier one.
#[derive(Debug, Clone)]
pub struct Candidates {
    is_known: bool,
    keys: Vec<Vec<String>>,
}

impl Candidates {
    /// None: each line counts as it is.
    pub fn none() -> Self {
        Self { is_known: true, keys: Vec::new() }
    }

    pub async fn of(from: Option<&FileEntry>, to: Option<&FileEntry>) -> Result<Self, DerivedError> {
        let (mut is_known, mut keys) = (false, Vec::new());
        for file in to.into_iter().chain(from) {
            if let Some(key) = known_key(file).await? {
                is_known = true;
                if !key.is_empty() && !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        Ok(Self { is_known, keys })
    }

    /// Whether the rows decide which key is used.
    pub fn have_to_be_judged(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Drops each key with a column that this row lacks. The row is one that differs.
    pub fn judge(&mut self, row: &Row<'_>) {
        self.keys.retain(|key| key.iter().all(|column| row.get(column).is_some()));
    }

    /// How rows are paired, once all rows were judged.
    pub fn pairing(&self) -> Pairing {
        match self.keys.first() {
            Some(key) => Pairing::Key(key.clone()),
            None if self.is_known => Pairing::Nothing,
            None => Pairing::Id,
        }
    }
}

/// The name of a row, from the columns that name the rows of its table. `None` for a row of an export without an id,
/// and if there are no such columns.
pub fn name_in(row: &Row<'_>, columns: &[String]) -> Option<String> {
    let values = row.values(columns);
    let is_unnamed = values.is_empty() || columns == [ID] && values == [NULL];
    (!is_unnamed).then(|| key_name(&values))
}

/// The id of a row of an export, as people write it: `1` and `"1"` are the same. `None` if it has none.
pub fn id_of(row: &Row<'_>) -> Option<String> {
    row.get(ID).filter(|id| *id != NULL).map(text_of)
}
