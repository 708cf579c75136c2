//! Counts the rows that differ between two contents.

use std::sync::Arc;

use super::table::ROWS;
use crate::content::{FileEntry, SourceError};
use crate::engine::Engine;
use crate::views::{DerivedError, RowCounts, diff, row_count};

/// How many bytes of a file decide whether it is text, as in git.
const LOOKED_AT: usize = 8000;

/// How many rows differ between two contents, as in `diff/`; for other files than tables, lines. `None` if a file is
/// not text. If there is only one content, all its lines are counted, and none is held in memory.
pub async fn count(
    engine: &Engine,
    before: Option<&FileEntry>,
    after: Option<&FileEntry>,
) -> Result<Option<RowCounts>, DerivedError> {
    for file in before.into_iter().chain(after) {
        if !file.path.ends_with(ROWS) && !is_text(engine, file).await? {
            return Ok(None);
        }
    }
    Ok(Some(match (before, after) {
        (Some(_), Some(_)) => diff(engine, before, after).await?.counts(),
        (Some(gone), None) => RowCounts { removed: row_count(engine, gone).await?, ..RowCounts::default() },
        (None, Some(new)) => RowCounts { added: row_count(engine, new).await?, ..RowCounts::default() },
        (None, None) => RowCounts::default(),
    }))
}

async fn is_text(engine: &Engine, file: &FileEntry) -> Result<bool, Arc<SourceError>> {
    let start = engine.open(file.id, &file.content).await?.read(0, LOOKED_AT).await?;
    Ok(!is_binary(&start))
}

/// Whether bytes are not text, as git decides it: they hold a NUL.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_some()
}
