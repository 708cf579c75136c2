//! Files that are packed as a whole: `.gz`, `.zst`, `.xz` and others.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;

mod members;
mod packing;
mod unpacked;

pub(crate) use members::is_trailing_garbage;
pub(crate) use packing::{ENDINGS, Packing};
pub(crate) use unpacked::Unpacked;

use super::error::FormatError;
use super::hasher::Hasher;
use super::pieces::push_all;
use super::shown::Fingerprint;
use crate::content::blocking::on_blocking_thread;
use crate::content::{ErrorKind, Sink, SourceError, Stream};
use crate::format::blob::{Blob, io_kind};
use crate::model::content_id::ContentId;

/// The unpacked bytes of a file that is packed as a whole. Their length is known only after reading: gzip states it
/// modulo 4 GiB, and for the last member only.
#[derive(Clone)]
pub(crate) struct PackedFile {
    label: Arc<str>,
    blob: Arc<dyn Blob>,
    packing: Packing,
}

impl PackedFile {
    pub(crate) fn new(label: &Arc<str>, blob: &Arc<dyn Blob>, packing: Packing) -> Self {
        Self { label: Arc::clone(label), blob: Arc::clone(blob), packing }
    }

    fn push(&self, mut sink: Sink) -> Result<(), SourceError> {
        let unpacked = self.packing.unpack(&*self.blob);
        let pushed = unpacked.and_then(|unpacked| push_all(unpacked, u64::MAX, &mut sink));
        pushed.map(drop).map_err(|error| {
            let what = self.blob.describe();
            FormatError::from(error).at(&self.label, format!("cannot unpack {what}"), &what)
        })
    }
}

#[async_trait]
impl Stream for PackedFile {
    fn is_immutable_by_id(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("unpacked {}", self.blob.describe())
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let file = self.clone();
        on_blocking_thread(&self.label, move || file.push(sink)).await
    }
}

impl Fingerprint for PackedFile {
    fn likeness(&self) -> ContentId {
        ContentId::of(&[b"packed file", &[self.packing as u8], &self.blob.len().to_le_bytes()])
    }

    /// The digest of the packed bytes.
    fn digest(&self) -> Result<[u8; 32], ErrorKind> {
        let mut hash = Hasher::new("packed file");
        hash.part(&[self.packing as u8]);
        let copied = self.blob.read().and_then(|mut bytes| io::copy(&mut bytes, &mut hash));
        copied.map(|_| hash.digest()).map_err(|error| io_kind(&error))
    }
}
