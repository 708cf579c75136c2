//! Reads any bytes as each kind of file: what the fuzz targets in `fuzz/` do with bytes that they made up, and a test
//! with all that they ever found.
//!
//! What comes of it does not matter, only that it comes: no panic, no endless work, no memory that the bytes ask for
//! without being that long.

use std::io::{self, Read};

use super::blob::InMemory;
use super::export::read_export;
use super::packed::{ENDINGS, Packing};
use crate::content::{Sink, SourceError};

/// Bytes that are unpacked at most.
const MOST_UNPACKED: u64 = 1 << 20;

/// Bytes as an archive of `pg_dump -Fc`, and all its tables.
pub fn pg_dump(bytes: &[u8]) {
    super::pg_dump::probe::archive(bytes);
}

/// Bytes as rows in the text format of COPY, and as the statements that say what they are rows of.
pub fn copy_text(bytes: &[u8]) {
    super::pg_dump::probe::copy_text(bytes);
    super::pg_dump::probe::statements(bytes);
}

/// Bytes as a tar archive, and all its members.
pub fn tar(bytes: &[u8]) {
    super::tar::probe::tar(bytes);
}

/// Bytes as a file that is packed as a whole, in each way.
pub fn packed(bytes: &[u8]) {
    let _ = Packing::of_head(bytes);
    for (packing, ..) in ENDINGS {
        // Little may unpack to much.
        let unpacked = packing.unpack(&InMemory::new(bytes)).map(|unpacked| unpacked.take(MOST_UNPACKED));
        let _ = unpacked.and_then(|mut unpacked| io::copy(&mut unpacked, &mut io::sink()));
    }
}

/// Bytes as a list of checksums.
pub fn sha256sum(bytes: &[u8]) {
    if let Ok(sums) = super::checksums::parse(bytes) {
        let _ = super::checksums::expected(&sums, b"a");
    }
}

/// Bytes as an export, in whichever of both forms they look like.
pub fn export(bytes: &[u8]) {
    let (sink, mut pieces) = Sink::new(4);
    let blob = InMemory::new(bytes);
    let read = || -> Result<(), SourceError> { read_export("a probe", &blob, Packing::Plain, false, sink) };
    std::thread::scope(|scope| {
        scope.spawn(move || while pieces.blocking_recv().is_some() {});
        let _ = read();
    });
}
