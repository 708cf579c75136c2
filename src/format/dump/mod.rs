//! Dumps and packed files as files of a snapshot: `pg_dump -Fc`, tar, single compressed files, `sha256sum`'s lists.
//!
//! Each reader takes a [`Stored`](crate::format::blob::Stored), wherever it lies, and says without reading rows or
//! members as which files it is shown (ADR 28). All reading blocks: contents do it on threads that may.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::content::{FileKind, Sink, Stream};
use crate::format::blob::{PIECE, read_full};
use crate::model::content_id::ContentId;

mod error;
mod members;
pub mod packed;
mod packing;
pub mod pg;
pub mod probe;
pub mod sha256sum;
pub mod tar;
#[cfg(test)]
mod tests;
pub(crate) mod unpacked;

use error::DumpError;

/// One file that a dump or an archive is shown as.
#[derive(Clone)]
pub(crate) struct DumpFile {
    /// Relative path: components made safe by [`crate::model::names`] and joined by `/`. No path is a folder of
    /// another, none occurs twice.
    pub(crate) path: Arc<str>,
    /// What it is.
    pub(crate) kind: FileKind,
    /// Its bytes; their length, where it is known without reading, is [`Stream::stated_len`].
    pub(crate) content: Arc<dyn DumpContent>,
}

/// A content that can say what decides its bytes.
pub(crate) trait DumpContent: Stream {
    /// Differs for most contents that differ, and is known without reading them. Includes the kind of the file.
    fn likeness(&self) -> ContentId;

    /// Where in the artefact its data lies, as far as that is known: what is read in this order is read fast.
    fn place(&self) -> u64;

    /// SHA-256 over all that decides the bytes: contents with equal likenesses and equal digests are equal under one
    /// rendering version. Reads packed data where it has to, but renders nothing. Blocks.
    ///
    /// # Errors
    /// When the data cannot be read, or is not whole.
    fn digest(&self) -> io::Result<[u8; 32]>;
}

/// Hashes what decides the bytes of a file.
struct Hasher(Sha256);

impl Hasher {
    /// Begins with what kind of file it is.
    fn new(kind: &str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.part(kind.as_bytes());
        hasher
    }

    /// SHA-256 of bytes and nothing else.
    fn plain() -> Self {
        Self(Sha256::new())
    }

    /// Adds a part with its length before it, so that no two lists of parts run into one.
    fn part(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Adds bytes of which no length is known before: as the last part only.
impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Pushes what is left of `reader` in pieces. Ends early, and well, when nobody wants the rest.
fn push_all(mut reader: impl Read, sink: &mut Sink) -> Result<(), DumpError> {
    loop {
        let mut piece = vec![0; PIECE];
        let count = read_full(&mut reader, &mut piece)?;
        if count == 0 {
            return Ok(());
        }
        piece.truncate(count);
        if count < PIECE {
            // The cache counts lengths, not what is reserved.
            piece.shrink_to_fit();
        }
        if sink.push_blocking(Bytes::from(piece)).is_err() {
            return Ok(());
        }
    }
}
