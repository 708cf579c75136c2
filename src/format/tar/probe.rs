//! Any bytes as a tar archive.

use std::io;
use std::sync::Arc;

use super::TarArchive;
use crate::format::blob::{Blob, InMemory};
use crate::format::input::FormatContext;
use crate::format::packed::Packing;

/// Bytes of one member that are read at most: a sparse one may be of any length.
const MOST_READ: u64 = 1 << 20;

/// Finds the members, and reads them.
pub(crate) fn tar(bytes: &[u8]) {
    let blob: Arc<dyn Blob> = Arc::new(InMemory::new(bytes));
    let context = FormatContext::new(&"probe".into(), &Arc::default());
    let Ok(archive) = TarArchive::open(&context, &blob, Packing::Plain) else {
        return;
    };
    for (_, _, member) in archive.members() {
        let Ok(reader) = member.read() else { continue };
        let _ = io::copy(&mut io::Read::take(reader, MOST_READ), &mut io::sink());
    }
}
