//! Dumps and packed files as files of a snapshot: `pg_dump -Fc`, tar, single compressed files, `sha256sum`'s lists.
//!
//! Each reader takes a [`Stored`](crate::source::stored::Stored), wherever it lies, and says without reading rows or
//! members as which files it is shown (ADR 28). All reading blocks: contents do it on threads that may.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::source::stored::{PIECE, read_full};
use crate::source::{Content, Sink, SourceError};

mod bounded;
mod error;
pub mod packed;
pub mod pg;
pub mod probe;
pub mod sha256sum;
pub mod tar;
#[cfg(test)]
mod tests;

use error::DumpError;

/// One file that a dump or an archive is shown as.
#[derive(Clone)]
pub(in crate::source) struct DumpFile {
    /// Relative path: components made safe by [`crate::model::names`] and joined by `/`. No path is a folder of
    /// another, none occurs twice.
    pub(in crate::source) path: Arc<str>,
    /// What it is.
    pub(in crate::source) kind: FileKind,
    /// Its bytes; their length, where it is known without reading, is [`Content::stated_len`].
    pub(in crate::source) content: Arc<dyn DumpContent>,
}

/// What a shown file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum FileKind {
    /// A regular file; whether its owner may execute it.
    Regular {
        /// Whether the mode had the owner's execute bit.
        executable: bool,
    },
    /// A symbolic link, whose content is its target as the archive has it: never to be followed outside.
    Symlink,
}

impl FileKind {
    /// A file that is no program.
    pub(in crate::source) const PLAIN: Self = Self::Regular { executable: false };
}

/// A content that can say what decides its bytes.
pub(in crate::source) trait DumpContent: Content {
    /// SHA-256 over all that decides the bytes of this file, and how many packed bytes that took in: equal digests
    /// under one rendering version give equal bytes. Reads the packed data but renders nothing. Blocks.
    ///
    /// # Errors
    /// When the data cannot be read, or is not whole.
    fn digest(&self) -> Result<Digest, SourceError>;
}

/// What decides the bytes of a shown file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) struct Digest {
    /// SHA-256.
    pub(in crate::source) sha256: [u8; 32],
    /// How many stored bytes it took in.
    pub(in crate::source) packed_len: u64,
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

    fn digest(self, packed_len: u64) -> Digest {
        Digest { sha256: self.0.finalize().into(), packed_len }
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
