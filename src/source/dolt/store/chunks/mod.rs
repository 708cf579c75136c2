//! The chunk store: files of immutable chunks, found by address.
//!
//! | file | concern |
//! | --- | --- |
//! | `place`, `git`, `spool` | where the files are: in a folder, in a git repository; unpacked ones |
//! | `file`, `nearby` | reading bytes; those of several chunks at once |
//! | `block` | compression and checksums |
//! | `manifest` | which files there are |
//! | `table_file`, `archive`, `journal`, `runs` | one kind of file each; the index of a journal |
//! | `broken` | files that cannot be read |
//! | `probe` | any bytes as each kind of file |
//! | `view`, `store` | all files at one instant; the newest of these |
//! | `recent` | the small chunks used last |

use bytes::Bytes;

use super::address::Address;
use super::error::StoreError;

mod archive;
mod block;
mod broken;
mod file;
mod git;
mod journal;
mod manifest;
mod nearby;
mod place;
pub(in crate::source::dolt::store) mod probe;
mod recent;
mod runs;
mod spool;
mod store;
mod table_file;
mod view;

pub use git::StoreInGit;
pub use journal::Flaw;
pub use place::Place;
pub use recent::RecentChunks;
pub use store::ChunkStore;
pub use view::View;

/// Where chunks come from.
pub trait Chunks: Send + Sync {
    /// The decompressed bytes of one chunk, whose checksum was verified.
    ///
    /// # Errors
    /// [`StoreError::MissingChunk`] where no file holds it; what is wrong with the file or the chunk.
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError>;
}
