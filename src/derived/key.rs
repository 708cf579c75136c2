//! Which columns tell the rows of a table apart.

use std::collections::HashSet;
use std::sync::Arc;

use super::DerivedError;
use crate::model::row::Row;
use crate::source::FileEntry;

/// The column that rows of exports go by, where their source knows of no key.
pub(super) const ID: &str = "id";

/// The key that a table's source knows of; `None` where it knows of none.
///
/// # Errors
/// What the source says.
pub async fn known_key(file: &FileEntry) -> Result<Option<Vec<String>>, DerivedError> {
    file.content.key().await.map_err(|error| DerivedError::Source(Arc::new(error)))
}

/// The key by which the rows that differ between two contents are paired; empty where they are not. The later one's
/// counts, as far as its columns are in all rows. Without any, rows go by `id`, if each has one of its own.
///
/// # Errors
/// What the source says.
pub async fn key_of<'l>(
    from: Option<&FileEntry>,
    to: Option<&FileEntry>,
    lines: impl Iterator<Item = &'l Vec<u8>> + Clone + Send,
) -> Result<Vec<String>, DerivedError> {
    let mut known = false;
    for file in to.into_iter().chain(from) {
        if let Some(key) = known_key(file).await? {
            known = true;
            if !key.is_empty() && all_have(&key, lines.clone()) {
                return Ok(key);
            }
        }
    }
    let id = vec![ID.to_owned()];
    Ok(if !known && all_have(&id, lines.clone()) && is_distinct(lines) { id } else { Vec::new() })
}

fn all_have<'l>(key: &[String], mut lines: impl Iterator<Item = &'l Vec<u8>>) -> bool {
    lines.all(|line| Row::parse(line).is_some_and(|row| key.iter().all(|column| row.get(column).is_some())))
}

/// Whether no more than two lines, those before and after, have one id.
fn is_distinct<'l>(lines: impl Iterator<Item = &'l Vec<u8>>) -> bool {
    let (mut once, mut twice) = (HashSet::new(), HashSet::new());
    for line in lines {
        let Some(id) = Row::parse(line).and_then(|row| row.get(ID)) else { return false };
        if !once.insert(id) && !twice.insert(id) {
            return false;
        }
    }
    true
}
