//! Which rows a table has.

use super::DerivedError;
use super::key::{ID, known_key};
use super::lines::lines_from;
use crate::engine::Engine;
use crate::model::row::{Row, key_name};
use crate::source::FileEntry;

/// The names of the keys of all rows of a table, as in `history/`, in its order; `None` where its rows have no key. All names
/// are held at once.
///
/// # Errors
/// Why it cannot be read.
pub async fn row_names(engine: &Engine, file: &FileEntry) -> Result<Option<Vec<String>>, DerivedError> {
    let key = known_key(file).await?.unwrap_or_else(|| vec![ID.to_owned()]);
    if key.is_empty() {
        return Ok(None);
    }
    let reader = engine.open(file.id, &file.content).await?;
    let mut names = Vec::new();
    lines_from(&reader, 0, u64::MAX, |line| {
        names.extend(Row::parse(line).map(|row| key_name(&row.values(&key))));
        Ok(())
    })
    .await?;
    Ok(Some(names))
}
