//! What a format works on: a blob, and the context in which it is read.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::blob::{Blob, Reading, Spools, blob_error};
use super::head::head;
use super::packed::{Packing, Unpacked};
use crate::content::SourceError;

/// What is needed to read blobs, and the limits for that.
#[derive(Clone)]
pub(crate) struct FormatContext {
    pub(crate) label: Arc<str>,
    /// Where packed blobs are unpacked.
    pub(crate) spools: Arc<Spools>,
    /// Whether hashes prove the bytes of blobs. If so, an unfinished last line was stored that way and was not cut off.
    pub(crate) proves_bytes: bool,
    /// The most bytes that one blob may unpack to while its files are listed.
    pub(crate) most_unpacked: u64,
    unpacked: Arc<AtomicU64>,
}

impl FormatContext {
    /// A context without limits beyond those of the decoders.
    pub(crate) fn new(label: &Arc<str>, spools: &Arc<Spools>) -> Self {
        let (label, spools) = (Arc::clone(label), Arc::clone(spools));
        Self { label, spools, proves_bytes: false, most_unpacked: u64::MAX, unpacked: Arc::default() }
    }

    /// The same for blobs whose bytes are proven by hashes; each blob may unpack to `most` bytes.
    #[must_use]
    pub(crate) fn for_proven_blobs(self, most: u64) -> Self {
        Self { proves_bytes: true, most_unpacked: most, ..self }
    }

    /// Unpacks a blob to list its files, up to the limit, and counts the bytes.
    pub(super) fn unpack(&self, packing: Packing, blob: &dyn Blob) -> io::Result<Reading> {
        let bytes = packing.unpack_within(blob, self.most_unpacked)?;
        Ok(Box::new(CountedBytes { bytes, count: Arc::clone(&self.unpacked) }))
    }

    /// Counts `len` more bytes as unpacked to list files, and returns whether they are within the limit.
    pub(super) fn may_unpack(&self, len: u64) -> bool {
        self.unpacked.fetch_add(len, Ordering::Relaxed).saturating_add(len) <= self.most_unpacked
    }

    /// How many bytes were unpacked to list files, including those of blobs that turned out to be too long or damaged.
    pub(crate) fn unpacked(&self) -> u64 {
        self.unpacked.load(Ordering::Relaxed)
    }
}

struct CountedBytes {
    bytes: Reading,
    count: Arc<AtomicU64>,
}

impl Read for CountedBytes {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(out)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// A blob whose name says which format it has.
pub(crate) struct FormatInput<'a> {
    pub(crate) context: &'a FormatContext,
    pub(crate) blob: Arc<dyn Blob>,
    pub(crate) packing: Packing,
    /// What SQLite left beside it: the write-ahead log and the rollback journal.
    pub(crate) beside: [Option<Arc<dyn Blob>>; 2],
    head: OnceLock<Vec<u8>>,
}

impl<'a> FormatInput<'a> {
    /// A blob that is packed by `packing`.
    pub(crate) fn new(context: &'a FormatContext, blob: Arc<dyn Blob>, packing: Packing) -> Self {
        Self { context, blob, packing, beside: [None, None], head: OnceLock::new() }
    }

    /// The same with what SQLite left beside it.
    #[must_use]
    pub(crate) fn with_beside(self, beside: [Option<Arc<dyn Blob>>; 2]) -> Self {
        Self { beside, ..self }
    }

    /// The first unpacked bytes; read once. Blocks.
    pub(crate) fn head(&self) -> io::Result<&[u8]> {
        if let Some(head) = self.head.get() {
            return Ok(head);
        }
        let found = match self.packing {
            Packing::Plain => head(self.blob.open()?),
            packing => head(packing.unpack(&*self.blob)?),
        }?;
        Ok(self.head.get_or_init(|| found))
    }

    /// The blob, unpacked if it is packed as a whole, so that it can be read in any order. Blocks.
    pub(crate) fn unpacked(&self) -> Result<Arc<dyn Blob>, SourceError> {
        if self.packing == Packing::Plain {
            return Ok(Arc::clone(&self.blob));
        }
        let unpacked = Unpacked::new(Arc::clone(&self.blob), self.packing, self.context);
        unpacked.map(|blob| Arc::new(blob) as _).map_err(|error| self.fail("unpack", error))
    }

    /// A failure to do something with the blob.
    pub(crate) fn fail(&self, verb: &str, error: io::Error) -> SourceError {
        let what = self.blob.describe();
        blob_error(&self.context.label, format!("cannot {verb} {what}"), &what, error)
    }
}
