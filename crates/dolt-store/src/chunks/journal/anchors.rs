//! Checks that records are still where they were read.
//!
//! A journal only grows, unless a backup or another database is copied over it. Then what was read of it is wrong, but
//! reading all of it at each look would take too long. So a few records are read again: the first, the last, the last
//! root and some in between. The root is the hash of all that the store held, and the place of its record depends on
//! the length of all records before it.

use super::record::{CHECKSUM_LEN, is_whole};
use crate::error::StoreError;
use crate::files::StoreFile;

/// A record that was read: its place and its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Where it stands.
    pub offset: u64,
    len: u32,
    checksum: u32,
}

impl Anchor {
    /// The record at `offset`.
    pub fn of(offset: u64, record: &[u8]) -> Self {
        let checksum =
            record.last_chunk::<CHECKSUM_LEN>().map_or(0, |checksum| u32::from_be_bytes(*checksum));
        // No record is longer than 5 MiB.
        Self { offset, len: u32::try_from(record.len()).unwrap_or(u32::MAX), checksum }
    }

    /// Whether the record is still there.
    pub fn holds(&self, file: &StoreFile) -> Result<bool, StoreError> {
        let mut record = vec![0; self.len as usize];
        let len = file.read_some(self.offset, &mut record)?;
        Ok(len == record.len() && is_whole(&record) && Self::of(self.offset, &record) == *self)
    }
}

/// The records of a journal that are read again.
#[derive(Debug, Clone, Default)]
pub struct Anchors {
    pub first: Option<Anchor>,
    pub last: Option<Anchor>,
    /// The last record of a root.
    pub root: Option<Anchor>,
}

impl Anchors {
    pub fn add(&mut self, anchor: Anchor, is_root: bool) {
        self.first.get_or_insert(anchor);
        self.last = Some(anchor);
        if is_root {
            self.root = Some(anchor);
        }
    }

    /// Notes the records that were read after these.
    pub fn append(&mut self, later: &Self) {
        self.first = self.first.or(later.first);
        self.last = later.last.or(self.last);
        self.root = later.root.or(self.root);
    }

    pub fn all(&self) -> impl Iterator<Item = &Anchor> {
        [&self.last, &self.root, &self.first].into_iter().flatten()
    }
}
