//! Which rows a table has.

use super::DerivedError;
use super::diff::is_table;
use super::key::{known_key, name_in, naming_columns};
use super::lines::{each_line, lines_from};
use crate::engine::Engine;
use crate::model::row::{Row, trimmed};
use crate::source::FileEntry;

/// The names of the keys of all rows of a table, as in `history/`, in its order; `None` where its rows have no key. All names
/// are held at once.
///
/// # Errors
/// Why it cannot be read.
pub async fn row_names(engine: &Engine, file: &FileEntry) -> Result<Option<Vec<String>>, DerivedError> {
    let key = naming_columns(file).await?;
    if key.is_empty() {
        return Ok(None);
    }
    let reader = engine.open(file.id, &file.content).await?;
    let mut names = Vec::new();
    lines_from(&reader, 0, u64::MAX, |line| {
        names.extend(Row::parse(line).and_then(|row| name_in(&row, &key)));
        Ok(())
    })
    .await?;
    Ok(Some(names))
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
