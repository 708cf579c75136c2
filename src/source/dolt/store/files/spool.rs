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

/// A file that is being unpacked. What one that is not ended wrote is written over by the next.
pub struct Unpacking<'s> {
    spool: &'s Spool,
    start: u64,
    end: u64,
}

impl Spool {
    /// A new, empty one.
    pub fn new() -> Result<Self, StoreError> {
        let folder = temporary_folder();
        let file =
            unnamed_file().map_err(|error| StoreError::io(&folder, "make a temporary file in", error))?;
        Ok(Self { file: Arc::new(file), folder, end: Cell::new(0) })
    }

    /// Begins the next file.
    pub fn begin(&self) -> Unpacking<'_> {
        Unpacking { spool: self, start: self.end.get(), end: self.end.get() }
    }
}

impl Unpacking<'_> {
    /// Adds to the end of the file.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let Spool { file, folder, .. } = self.spool;
        let written = file.write_all_at(bytes, self.end);
        written.map_err(|error| StoreError::io(folder, "write a temporary file in", error))?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// The whole file. `path` is where it was unpacked from.
    pub fn end(self, path: PathBuf) -> StoreFile {
        self.spool.end.set(self.end);
        StoreFile::part(Arc::clone(&self.spool.file), path, self.start, self.end - self.start)
    }
}
