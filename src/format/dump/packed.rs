//! Files that are compressed as a whole: `.gz`, `.zst`, `.xz` and their kin.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;

use super::error::DumpError;
pub(crate) use super::packing::Packing;
use super::{DumpContent, Hasher, push_all};
use crate::content::blocking::on_blocking_thread;
use crate::content::{Sink, SourceError, Stream};
use crate::format::blob::Stored;
use crate::model::content_id::ContentId;

/// The unpacked bytes of a file that is compressed as a whole. How long they are is not known before they are read:
/// gzip's length is modulo 4 GiB and of the last member only.
pub(crate) struct PackedFile {
    /// The label of its source.
    pub(crate) label: Arc<str>,
    /// The packed file.
    pub(crate) stored: Arc<dyn Stored>,
    /// How it is packed.
    pub(crate) packing: Packing,
}

impl PackedFile {
    fn read_blocking(&self, mut sink: Sink) -> Result<(), DumpError> {
        push_all(self.packing.unpack(&*self.stored)?, &mut sink)
    }
}

#[async_trait]
impl Stream for PackedFile {
    fn is_immutable_by_id(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("unpacked {}", self.stored.describe())
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let (label, stored, packing) = (Arc::clone(&self.label), Arc::clone(&self.stored), self.packing);
        on_blocking_thread(&self.label, move || {
            let file = Self { label, stored, packing };
            file.read_blocking(sink).map_err(|error| file.fail(error))
        })
        .await
    }
}

impl PackedFile {
    fn fail(&self, error: DumpError) -> SourceError {
        let stored = self.stored.describe();
        error.at(&self.label, format!("cannot unpack {stored}"), &stored)
    }
}

impl DumpContent for PackedFile {
    fn likeness(&self) -> ContentId {
        ContentId::of(&[b"packed file", &[self.packing as u8], &self.stored.len().to_le_bytes()])
    }

    fn place(&self) -> u64 {
        0
    }

    /// That of the packed bytes: how they are packed is in the likeness, too.
    fn digest(&self) -> io::Result<[u8; 32]> {
        let mut hash = Hasher::new("packed file");
        hash.part(&[self.packing as u8]);
        io::copy(&mut self.stored.read()?, &mut hash)?;
        Ok(hash.digest())
    }
}
