//! A blob in memory: what probes and tests read.

use std::io::{self, Cursor, Read};

use bytes::Bytes;

use super::Blob;
use super::opened::Opened;
use crate::model::content_id::ContentId;

pub(crate) struct InMemory(Bytes);

impl InMemory {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl Blob for InMemory {
    fn describe(&self) -> String {
        format!("{} bytes in memory", self.0.len())
    }

    fn key(&self) -> ContentId {
        ContentId::of(&[b"memory", &self.0])
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }

    fn open(&self) -> io::Result<Box<dyn Opened>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

impl Opened for Cursor<Bytes> {}
