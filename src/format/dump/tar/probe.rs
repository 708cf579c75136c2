//! Any bytes as a tar archive.

use std::io;
use std::sync::Arc;

use super::super::packed::Packing;
use super::super::probe::InMemory;
use super::TarArchive;
use crate::format::blob::Stored;

/// Bytes of one member that are read at most: a sparse one may be of any length.
const MOST_READ: u64 = 1 << 20;

/// Finds the members, and reads them.
pub(in crate::format::dump) fn tar(bytes: &[u8]) {
    let stored: Arc<dyn Stored> = Arc::new(InMemory::new(bytes));
    let Ok(archive) = TarArchive::open(&"probe".into(), stored, Packing::Plain, &Arc::default()) else {
        return;
    };
    for (_, _, member) in archive.members() {
        let Ok(reader) = member.read() else { continue };
        let _ = io::copy(&mut io::Read::take(reader, MOST_READ), &mut io::sink());
    }
}
