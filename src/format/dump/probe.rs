//! Reads any bytes as each kind of file: what the fuzz targets in `fuzz/` do with bytes that they made up, and a test
//! with all that they ever found.
//!
//! What comes of it does not matter, only that it comes: no panic, no endless work, no memory that the bytes ask for
//! without being that long.

use std::io::{self, Cursor, Read};

use bytes::Bytes;

use crate::format::blob::{Opened, Stored};
use crate::model::content_id::ContentId;

/// Bytes that are unpacked at most.
const MOST_UNPACKED: u64 = 1 << 20;

/// Bytes as an archive of `pg_dump -Fc`, and all its tables.
pub fn pg_dump(bytes: &[u8]) {
    super::pg::probe::archive(bytes);
}

/// Bytes as rows in the text format of COPY, and as the statements that say what they are rows of.
pub fn copy_text(bytes: &[u8]) {
    super::pg::probe::copy_text(bytes);
    super::pg::probe::statements(bytes);
}

/// Bytes as a tar archive, and all its members.
pub fn tar(bytes: &[u8]) {
    super::tar::probe::tar(bytes);
}

/// Bytes as a file that is packed as a whole, in each way.
pub fn packed(bytes: &[u8]) {
    use super::packing::Packing;
    let _ = Packing::of_head(bytes);
    let ways = [
        Packing::Gzip,
        Packing::Zstd,
        Packing::Xz,
        Packing::Bzip2,
        Packing::Lz4,
        Packing::Lzma,
        Packing::Lzip,
    ];
    for packing in ways {
        // Little may unpack to much.
        let unpacked = packing.unpack(&InMemory::new(bytes)).map(|unpacked| unpacked.take(MOST_UNPACKED));
        let _ = unpacked.and_then(|mut unpacked| io::copy(&mut unpacked, &mut io::sink()));
    }
}

/// Bytes as a list of checksums.
pub fn sha256sum(bytes: &[u8]) {
    if let Ok(sums) = super::sha256sum::parse(bytes) {
        let _ = super::sha256sum::expected(&sums, b"a");
    }
}

/// A piece of bytes in memory.
pub(crate) struct InMemory(Bytes);

impl InMemory {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl Stored for InMemory {
    fn describe(&self) -> String {
        format!("{} bytes in memory", self.0.len())
    }

    fn key(&self) -> ContentId {
        ContentId::of(&[b"memory", &self.0])
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }

    fn open(&self) -> io::Result<Box<dyn Opened>> {
        Ok(Box::new(OpenedMemory(Cursor::new(self.0.clone()))))
    }
}

struct OpenedMemory(Cursor<Bytes>);

impl Read for OpenedMemory {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

impl io::Seek for OpenedMemory {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Opened for OpenedMemory {
    fn check(&self) -> io::Result<()> {
        Ok(())
    }
}
