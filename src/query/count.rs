//! How many rows differ between two contents.

use std::sync::Arc;

use super::ROWS;
use crate::content::{FileEntry, SourceError};
use crate::engine::Engine;
use crate::views::{Counts, DerivedError, diff, row_count};

/// As much of a file tells whether it is text, in bytes: as git has it.
const LOOKED_AT: usize = 8000;

/// How two contents differ, row by row as in `diff/`; `None` for what is no text. Of other files than tables, lines count
/// as rows. Of a content that stands alone, all lines are counted, and none is held.
///
/// # Errors
/// Why one cannot be read.
pub async fn count(
    engine: &Engine,
    before: Option<&FileEntry>,
    after: Option<&FileEntry>,
) -> Result<Option<Counts>, DerivedError> {
    for file in before.into_iter().chain(after) {
        if !file.path.ends_with(ROWS) && !is_text(engine, file).await? {
            return Ok(None);
        }
    }
    Ok(Some(match (before, after) {
        (Some(_), Some(_)) => diff(engine, before, after).await?.counts(),
        (Some(gone), None) => Counts { removed: row_count(engine, gone).await?, ..Counts::default() },
        (None, Some(new)) => Counts { added: row_count(engine, new).await?, ..Counts::default() },
        (None, None) => Counts::default(),
    }))
}

async fn is_text(engine: &Engine, file: &FileEntry) -> Result<bool, Arc<SourceError>> {
    let start = engine.open(file.id, &file.content).await?.read(0, LOOKED_AT).await?;
    Ok(!is_binary(&start))
}

/// As grep has it.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_some()
}
