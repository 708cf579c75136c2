//! Which rows a table has.

use super::DerivedError;
use super::diff::is_table;
use super::key::{known_key, name_in, naming_columns};
use super::lines::each_line;
use crate::content::FileEntry;
use crate::engine::Engine;
use crate::model::row::{Row, trimmed};

/// Shows `take` the names of the keys of all rows of a table, as in `history/`, in its order. False where its rows have no
/// key.
///
/// # Errors
/// Why it cannot be read.
pub async fn each_row_name(
    engine: &Engine,
    file: &FileEntry,
    mut take: impl FnMut(String),
) -> Result<bool, DerivedError> {
    let key = naming_columns(file).await?;
    if key.is_empty() {
        return Ok(false);
    }
    let reader = engine.open(file.id, &file.content).await?;
    each_line(&reader, |line| {
        if let Some(name) = Row::parse(line).and_then(|row| name_in(&row, &key)) {
            take(name);
        }
        Ok(())
    })
    .await?;
    Ok(true)
}

/// How many rows a table has, lines that are no objects among them; of any other file, how many lines.
///
/// # Errors
/// Why it cannot be read.
pub async fn row_count(engine: &Engine, file: &FileEntry) -> Result<u64, DerivedError> {
    // What its source renders has no blank line.
    if !is_table(&file.path) || known_key(file).await?.is_some() {
        return Ok(engine.digest(file.id, &file.content).await?.rows);
    }
    let reader = engine.open(file.id, &file.content).await?;
    let mut count = 0;
    each_line(&reader, |line| {
        count += u64::from(!trimmed(line).is_empty());
        Ok(())
    })
    .await?;
    Ok(count)
}
