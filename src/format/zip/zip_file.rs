//! A zip with its directory.

use std::sync::Arc;

use super::{Directory, ZipError, ZipMember};
use crate::format::blob::{Blob, Opened};

/// A blob that is a zip. Holds no open file.
pub(crate) struct ZipFile {
    /// The zip itself.
    pub(crate) blob: Arc<dyn Blob>,
    /// What is in it.
    pub(crate) directory: Directory,
}

impl ZipFile {
    /// Reads the central directory. Blocks.
    ///
    /// # Errors
    /// If it cannot be read, is no zip, or is damaged.
    pub(crate) fn read(blob: &Arc<dyn Blob>) -> Result<Self, ZipError> {
        let mut reader = blob.open()?;
        let directory = Directory::read(&mut reader);
        // What looks damaged may have been written to meanwhile.
        reader.check()?;
        Ok(Self { blob: Arc::clone(blob), directory: directory? })
    }

    /// A reader of the zip with an open file of its own.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn open(&self) -> Result<Box<dyn Opened>, ZipError> {
        Ok(self.blob.open()?)
    }

    /// What a member is called in messages.
    pub(super) fn describe(&self, member: &ZipMember) -> String {
        format!("member {} of {}", member.path.escape_debug(), self.blob.describe())
    }
}
