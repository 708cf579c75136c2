//! Which columns tell the rows of a table apart.

use std::sync::Arc;

use super::DerivedError;
use crate::content::FileEntry;
use crate::model::row::{NULL, Row, key_name, text_of};

/// The column that rows of exports go by, where their source knows of no key.
pub(super) const ID: &str = "id";

/// What the rows of two contents are paired by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pairing {
    /// The columns of a key that the source knows of.
    Key(Vec<String>),
    /// [`ID`], where a row has one that no other row has: the source knows of no key.
    Id,
    /// Nothing: rows are told apart by all that they hold.
    Nothing,
}

impl Pairing {
    /// The columns whose values name a row; none where rows have no names.
    pub fn columns(&self) -> Vec<String> {
        match self {
            Self::Key(key) => key.clone(),
            Self::Id => vec![ID.to_owned()],
            Self::Nothing => Vec::new(),
        }
    }
}

/// The key that a table's source knows of; `None` where it knows of none.
///
/// # Errors
/// What the source says.
pub async fn known_key(file: &FileEntry) -> Result<Option<Vec<String>>, DerivedError> {
    file.content.key().await.map_err(|error| DerivedError::Source(Arc::new(error)))
}

/// What the rows that differ between two contents may be paired by: the later one's key, if all of these rows have its
/// columns, or the earlier one's.
#[derive(Debug, Clone)]
pub struct Candidates {
    /// Whether a source knows of a key.
    is_known: bool,
    keys: Vec<Vec<String>>,
}

impl Candidates {
    /// None: each line counts as it is.
    pub fn none() -> Self {
        Self { is_known: true, keys: Vec::new() }
    }

    /// The keys of two contents.
    ///
    /// # Errors
    /// What the source says.
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

    /// Whether it depends on the rows which one it is.
    pub fn have_to_be_judged(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Takes note of a row that differs: a key counts only if it has all of its columns.
    pub fn judge(&mut self, row: &Row<'_>) {
        self.keys.retain(|key| key.iter().all(|column| row.get(column).is_some()));
    }

    /// What rows are paired by, after all that was judged.
    pub fn pairing(&self) -> Pairing {
        match self.keys.first() {
            Some(key) => Pairing::Key(key.clone()),
            None if self.is_known => Pairing::Nothing,
            None => Pairing::Id,
        }
    }
}

/// The name of a row's key by the columns that name the rows of its table. `None` for a row of an export without an id,
/// and where there are no such columns.
pub fn name_in(row: &Row<'_>, columns: &[String]) -> Option<String> {
    let values = row.values(columns);
    let is_unnamed = values.is_empty() || columns == [ID] && values == [NULL];
    (!is_unnamed).then(|| key_name(&values))
}

/// The id that a row of an export goes by, as people write it: `1` and `"1"` are one. `None` for a row without.
pub fn id_of(row: &Row<'_>) -> Option<String> {
    row.get(ID).filter(|id| *id != NULL).map(text_of)
}

/// The columns that name the rows of a table: those of its key, or [`ID`] where its source knows of none.
///
/// # Errors
/// What the source says.
pub async fn naming_columns(file: &FileEntry) -> Result<Vec<String>, DerivedError> {
    Ok(known_key(file).await?.unwrap_or_else(|| vec![ID.to_owned()]))
}
