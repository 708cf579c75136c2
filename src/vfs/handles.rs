//! Open files and folders.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::error::VfsError;
use super::list::DirEntry;
use crate::engine::Reader;
use crate::util::locks::lock;

/// The open handles, by number.
#[derive(Default)]
pub(super) struct Handles {
    table: Mutex<OpenHandles>,
}

#[derive(Default)]
struct OpenHandles {
    last: u64,
    open: HashMap<u64, Handle>,
}

enum Handle {
    File(Reader),
    Dir(Arc<[DirEntry]>),
}

impl Handles {
    fn lock(&self) -> std::sync::MutexGuard<'_, OpenHandles> {
        lock(&self.table)
    }

    fn add(&self, handle: Handle) -> u64 {
        let mut table = self.lock();
        table.last += 1;
        let number = table.last;
        table.open.insert(number, handle);
        number
    }

    pub fn add_file(&self, reader: Reader) -> u64 {
        self.add(Handle::File(reader))
    }

    pub fn add_dir(&self, entries: Arc<[DirEntry]>) -> u64 {
        self.add(Handle::Dir(entries))
    }

    pub fn file(&self, number: u64) -> Result<Reader, VfsError> {
        match self.lock().open.get(&number) {
            Some(Handle::File(reader)) => Ok(reader.clone()),
            _ => Err(VfsError::BadHandle),
        }
    }

    pub fn dir(&self, number: u64) -> Result<Arc<[DirEntry]>, VfsError> {
        match self.lock().open.get(&number) {
            Some(Handle::Dir(entries)) => Ok(entries.clone()),
            _ => Err(VfsError::BadHandle),
        }
    }

    pub fn remove(&self, number: u64) {
        self.lock().open.remove(&number);
    }
}
