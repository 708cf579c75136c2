//! Hashes what decides the bytes of a file.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::blob::{PIECE, read_full};

/// Bytes read at first: many blobs are small.
const FIRST_PIECE: usize = 8 * 1024;

/// SHA-256 over parts.
pub(super) struct Hasher(Sha256);

impl Hasher {
    /// Begins with the kind of file.
    pub(super) fn new(kind: &str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.part(kind.as_bytes());
        hasher
    }

    /// Adds a part with its length before it, so that no two lists of parts have one hash.
    pub(super) fn part(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    pub(super) fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Adds bytes whose length is not known beforehand; only as the last part.
impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// SHA-256 of all that is left of `reader`. Reports the bytes to `progress` as they are read.
pub(crate) fn sha256_of(mut reader: impl Read, progress: &mut dyn FnMut(u64)) -> io::Result<[u8; 32]> {
    let (mut hash, mut piece) = (Sha256::new(), vec![0; FIRST_PIECE]);
    loop {
        let count = read_full(&mut reader, &mut piece)?;
        if count == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(&piece[..count]);
        progress(count as u64);
        piece.resize(PIECE, 0);
    }
}

/// The CRC-32 of zip, gzip and xz.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
