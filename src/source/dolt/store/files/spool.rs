//! Files that have to be unpacked before they can be read at an offset, one behind the other in a temporary file without
//! a name: it takes disk space instead of memory, and goes away with the last [`StoreFile`] in it.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use dolt_store::StoreError;
use dolt_store::files::StoreFile;

use crate::memory::{temporary_folder, unnamed_file};

/// A temporary file that is written to at its end.
pub struct Spool {
    file: Arc<File>,
    folder: PathBuf,
    end: Cell<u64>,
}

impl Spool {
    pub fn new() -> Result<Self, StoreError> {
        let folder = temporary_folder();
        let file =
            unnamed_file().map_err(|error| StoreError::io(&folder, "make a temporary file in", error))?;
        Ok(Self { file: Arc::new(file), folder, end: Cell::new(0) })
    }

    /// The next file, of these parts; `path` is where it is unpacked from. What one that failed wrote is written over by the
    /// next.
    pub fn unpack(
        &self,
        path: PathBuf,
        parts: impl Iterator<Item = Result<Vec<u8>, StoreError>>,
    ) -> Result<StoreFile, StoreError> {
        let start = self.end.get();
        let mut end = start;
        for part in parts {
            let part = part?;
            let written = self.file.write_all_at(&part, end);
            written.map_err(|error| StoreError::io(&self.folder, "write a temporary file in", error))?;
            end += part.len() as u64;
        }
        self.end.set(end);
        Ok(StoreFile::part(Arc::clone(&self.file), path, start, end - start))
    }
}
