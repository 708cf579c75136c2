//! The lines of contents, one after the other.

use bytes::Bytes;

use super::DerivedError;
use crate::engine::{Reader, Run};

/// How much is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// Calls `take` with each line of some runs of an open content, without its line feed.
///
/// # Errors
/// Why it cannot be read; what `take` says.
pub(super) async fn each_line_in(
    reader: &Reader,
    runs: &[Run],
    mut take: impl FnMut(&[u8]) -> Result<(), DerivedError>,
) -> Result<(), DerivedError> {
    for run in runs {
        lines_from(reader, run.offset, run.offset.saturating_add(run.len), &mut take).await?;
    }
    Ok(())
}

/// The same with each line of the whole content.
///
/// # Errors
/// As [`each_line_in`].
pub(super) async fn each_line(
    reader: &Reader,
    take: impl FnMut(&[u8]) -> Result<(), DerivedError>,
) -> Result<(), DerivedError> {
    lines_from(reader, 0, u64::MAX, take).await
}

/// Calls `take` with each line between two offsets, without its line feed.
///
/// # Errors
/// As [`each_line_in`].
pub(super) async fn lines_from(
    reader: &Reader,
    mut offset: u64,
    end: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), DerivedError>,
) -> Result<(), DerivedError> {
    let mut begun = Vec::new();
    while offset < end {
        let size = usize::try_from(end - offset).map_or(PIECE, |left| left.min(PIECE));
        let piece: Bytes = reader.read(offset, size).await?;
        if piece.is_empty() {
            break;
        }
        offset += piece.len() as u64;
        let mut rest = &piece[..];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            if begun.is_empty() {
                take(&rest[..end])?;
            } else {
                begun.extend_from_slice(&rest[..end]);
                take(&begun)?;
                begun.clear();
            }
            rest = &rest[end + 1..];
        }
        begun.extend_from_slice(rest);
    }
    if begun.is_empty() { Ok(()) } else { take(&begun) }
}
