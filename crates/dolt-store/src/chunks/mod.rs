//! The kinds of files that hold chunks, and where chunks come from.
//!
//! | module | concern |
//! | --- | --- |
//! | `block` | compression and checksums |
//! | `nearby` | reading several chunks at once |
//! | `manifest` | which files there are |
//! | `table_file`, `archive`, `journal`, `runs` | one kind of file each; the index of a journal |

use bytes::Bytes;

use crate::address::Address;
use crate::error::StoreError;

pub(crate) mod archive;
pub(crate) mod block;
pub(crate) mod journal;
pub(crate) mod manifest;
mod nearby;
mod prefixes;
mod runs;
pub(crate) mod table_file;

pub use journal::FileFlaw;

/// Where chunks come from.
pub trait Chunks: Send + Sync {
    /// The decompressed bytes of one chunk, whose checksum was verified.
    ///
    /// # Errors
    /// [`StoreError::MissingChunk`] where no file holds it; otherwise the file or the chunk, and what is wrong with it.
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError>;

    /// Like [`Self::chunk`], but unpacks into `room`, which is reused: for a chunk that is needed only briefly.
    ///
    /// # Errors
    /// As [`Self::chunk`].
    fn chunk_in<'r>(&self, address: &Address, room: &'r mut Vec<u8>) -> Result<&'r [u8], StoreError> {
        room.clear();
        room.extend_from_slice(&self.chunk(address)?);
        Ok(room)
    }
}

/// What `read` puts into an empty buffer, if it finds anything.
pub(crate) fn found(
    read: impl FnOnce(&mut Vec<u8>) -> Result<bool, StoreError>,
) -> Result<Option<Bytes>, StoreError> {
    let mut chunk = Vec::new();
    Ok(read(&mut chunk)?.then(|| chunk.into()))
}
