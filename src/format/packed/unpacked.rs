//! The bytes in a packed file, for formats that are read in any order.

use std::io::{self, Read};
use std::sync::Arc;

use super::Packing;
use crate::format::blob::{Blob, Opened, Spools};
use crate::format::input::FormatContext;
use crate::model::content_id::ContentId;

/// What is in a packed file. Reading it from the start unpacks it on the way; opening it unpacks it into a temporary
/// file.
pub(crate) struct Unpacked {
    blob: Arc<dyn Blob>,
    packing: Packing,
    spools: Arc<Spools>,
    len: u64,
}

impl Unpacked {
    /// Unpacks all of it once, which proves it, and counts the bytes. Blocks.
    pub(crate) fn new(blob: Arc<dyn Blob>, packing: Packing, context: &FormatContext) -> io::Result<Self> {
        let len = io::copy(&mut context.unpack(packing, &*blob)?, &mut io::sink())?;
        Ok(Self { blob, packing, spools: Arc::clone(&context.spools), len })
    }
}

impl Blob for Unpacked {
    fn describe(&self) -> String {
        format!("unpacked {}", self.blob.describe())
    }

    fn key(&self) -> ContentId {
        ContentId::of(&[b"unpacked", self.blob.key().as_bytes(), &[self.packing as u8]])
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self) -> io::Result<Box<dyn Read + Send>> {
        self.packing.unpack(&*self.blob)
    }

    fn open(&self) -> io::Result<Box<dyn Opened>> {
        Ok(self.spools.unpacked(self)?.open())
    }

    fn check(&self) -> io::Result<()> {
        self.blob.check()
    }
}
