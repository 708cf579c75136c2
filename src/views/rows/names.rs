//! The names and the number of a table's rows.

use super::key::{ID, is_table, known_key, name_in};
use super::lines::each_line;
use crate::content::FileEntry;
use crate::engine::Engine;
use crate::model::row::{Row, trimmed};
use crate::views::error::DerivedError;

/// Calls `take` with the name of each row of a table, as in `history/`, in the table's order. Returns false if its
/// rows have no key.
pub async fn each_row_name(
    engine: &Engine,
    file: &FileEntry,
    mut take: impl FnMut(String),
) -> Result<bool, DerivedError> {
    let key = known_key(file).await?.unwrap_or_else(|| vec![ID.to_owned()]);
    if key.is_empty() {
        return Ok(false);
    }
    let reader = engine.open(file.id, &file.content).await?;
    each_line(&reader, |line| {
        if let Some(name) = Row::parse(line).and_then(|row| name_in(&row, &key)) {
            take(name);
        }
    })
    .await?;
    Ok(true)
}

/// The number of rows of a table, including lines that are not objects; for another file, the number of its lines.
pub async fn row_count(engine: &Engine, file: &FileEntry) -> Result<u64, DerivedError> {
    // A rendered table has no blank lines.
    if !is_table(&file.path) || known_key(file).await?.is_some() {
        return Ok(engine.digest(file.id, &file.content).await?.rows);
    }
    let reader = engine.open(file.id, &file.content).await?;
    let mut count = 0;
    each_line(&reader, |line| count += u64::from(!trimmed(line).is_empty())).await?;
    Ok(count)
}
