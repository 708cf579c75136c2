//! A zip with its directory.

use std::sync::Arc;

use super::{Directory, Result, ZipMember};
use crate::format::blob::{Blob, Opened};

/// A blob that is a zip. Holds no open file.
pub(crate) struct ZipFile {
    pub(crate) blob: Arc<dyn Blob>,
    pub(crate) directory: Directory,
}

impl ZipFile {
    /// Reads the central directory. Blocks.
    pub(crate) fn read(blob: &Arc<dyn Blob>) -> Result<Self> {
        let mut reader = blob.open()?;
        let directory = Directory::read(&mut reader);
        // A zip that looks damaged may have been written to meanwhile.
        reader.check()?;
        Ok(Self { blob: Arc::clone(blob), directory: directory? })
    }

    /// A reader of the zip with an open file of its own.
    pub(super) fn open(&self) -> Result<Box<dyn Opened>> {
        Ok(self.blob.open()?)
    }

    pub(super) fn member(&self, at: usize) -> &ZipMember {
        &self.directory.members[at]
    }

    pub(super) fn describe(&self, at: usize) -> String {
        let member = self.member(at);
        format!("member {} of {}", member.path.escape_debug(), self.blob.describe())
    }
}
