//! Open files and folders.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::error::VfsError;
use super::list::DirEntry;
use crate::engine::Reader;
use crate::util::locks::lock;

/// The open handles, by number.
#[derive(Default)]
pub(super) struct Handles(Mutex<OpenHandles>);

#[derive(Default)]
struct OpenHandles {
    last: u64,
    open: HashMap<u64, Handle>,
}

pub(super) enum Handle {
    File(Reader),
    Dir(Arc<[DirEntry]>),
}

impl Handles {
    pub fn add(&self, handle: Handle) -> u64 {
        let mut table = lock(&self.0);
        table.last += 1;
        let number = table.last;
        table.open.insert(number, handle);
        number
    }

    pub fn file(&self, number: u64) -> Result<Reader, VfsError> {
        match lock(&self.0).open.get(&number) {
            Some(Handle::File(reader)) => Ok(reader.clone()),
            _ => Err(VfsError::BadHandle),
        }
    }

    pub fn dir(&self, number: u64) -> Result<Arc<[DirEntry]>, VfsError> {
        match lock(&self.0).open.get(&number) {
            Some(Handle::Dir(entries)) => Ok(entries.clone()),
            _ => Err(VfsError::BadHandle),
        }
    }

    pub fn remove(&self, number: u64) {
        lock(&self.0).open.remove(&number);
    }
}
