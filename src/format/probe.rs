//! Reads any bytes as each kind of file: for the fuzz targets in `fuzz/`, and for a test that repeats all that they
//! ever found.
//!
//! Every function returns without a panic, whatever the bytes are, and reserves no memory for a length that the bytes
//! only claim.

use std::io::{self, Read};
use std::sync::Arc;

use super::blob::{Blob, InMemory};
use super::export::read_export;
use super::input::FormatContext;
use super::packed::{ENDINGS, Packing};
use super::tar::TarArchive;
use crate::content::Sink;

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
    let context = FormatContext::new(&"probe".into(), &Arc::default());
    let blob: Arc<dyn Blob> = Arc::new(InMemory::new(bytes));
    let Ok(archive) = TarArchive::open(&context, &blob, Packing::Plain) else { return };
    for (_, _, member) in archive.members() {
        // A sparse one may be of any length.
        let _ = member.read().and_then(|reader| io::copy(&mut reader.take(MOST_UNPACKED), &mut io::sink()));
    }
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
    std::thread::scope(|scope| {
        scope.spawn(move || while pieces.blocking_recv().is_some() {});
        let _ = read_export("a probe", &blob, Packing::Plain, false, sink);
    });
}
