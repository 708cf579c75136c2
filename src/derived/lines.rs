//! The lines of a content, one after the other.

use bytes::Bytes;

use super::DerivedError;
use crate::engine::Engine;
use crate::source::FileEntry;

/// How much is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// Calls `take` with each line of a file, without its line feed.
///
/// # Errors
/// Why it cannot be read; what `take` says.
pub(super) async fn each_line(
    engine: &Engine,
    file: &FileEntry,
    mut take: impl FnMut(&[u8]) -> Result<(), DerivedError>,
) -> Result<(), DerivedError> {
    let reader = engine.open(file.id, &file.content).await?;
    let (mut offset, mut begun) = (0, Vec::new());
    loop {
        let piece: Bytes = reader.read(offset, PIECE).await?;
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
