//! A packed file as the bytes that are in it, for formats that are read in any order.

use std::io::{self, Read};
use std::sync::Arc;

use super::packed::Packing;
use crate::format::blob::{Opened, Spools, Stored};
use crate::model::content_id::ContentId;

/// What is in a packed file. Read from the start it is unpacked as it comes; opened, into a temporary file.
pub(crate) struct Unpacked {
    stored: Arc<dyn Stored>,
    packing: Packing,
    spools: Arc<Spools>,
    len: u64,
}

impl Unpacked {
    /// Unpacks all of it once, which proves it, and counts the bytes. Blocks.
    ///
    /// # Errors
    /// Those of [`Packing::unpack`], and where what it is packed with is damaged.
    pub(crate) fn new(stored: Arc<dyn Stored>, packing: Packing, spools: &Arc<Spools>) -> io::Result<Self> {
        let len = io::copy(&mut packing.unpack(&*stored)?, &mut io::sink())?;
        Ok(Self { stored, packing, spools: Arc::clone(spools), len })
    }
}

impl Stored for Unpacked {
    fn describe(&self) -> String {
        format!("unpacked {}", self.stored.describe())
    }

    fn key(&self) -> ContentId {
        ContentId::of(&[b"unpacked", self.stored.key().as_bytes(), &[self.packing as u8]])
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self) -> io::Result<Box<dyn Read + Send>> {
        self.packing.unpack(&*self.stored)
    }

    fn open(&self) -> io::Result<Box<dyn Opened>> {
        Ok(self.spools.unpacked(self)?.open())
    }

    fn check(&self) -> io::Result<()> {
        self.stored.check()
    }
}
