//! The part of a journal that is in memory while it is read.

use super::record::{LENGTH_LEN, is_whole, stated_len};
use crate::error::StoreError;
use crate::files::StoreFile;
use crate::number::to_usize;

/// How many bytes are read at once.
pub const WINDOW_LEN: usize = 8 << 20;

pub struct JournalWindow<'f> {
    pub file: &'f StoreFile,
    /// Length of the file when reading it began.
    pub end: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'f> JournalWindow<'f> {
    /// A window on a file as it is now, at `start`.
    pub fn new(file: &'f StoreFile, start: u64) -> Result<Self, StoreError> {
        Ok(Self { file, end: file.stamp()?.len(), start, bytes: Vec::new() })
    }

    /// How many of the next `len` bytes from `offset` on there are.
    fn there(&self, offset: u64, len: usize) -> usize {
        to_usize(self.end.saturating_sub(offset)).min(len)
    }

    /// Up to `len` bytes at `offset`: fewer only at the end of the file.
    pub fn at(&mut self, offset: u64, len: usize) -> Result<&[u8], StoreError> {
        let len = self.there(offset, len);
        let window_end = self.start + self.bytes.len() as u64;
        if offset < self.start || offset + len as u64 > window_end {
            self.bytes.resize(self.there(offset, WINDOW_LEN.max(len)), 0);
            let filled = self.file.read_some(offset, &mut self.bytes)?;
            self.bytes.truncate(filled);
            self.start = offset;
        }
        let skipped = to_usize(offset - self.start).min(self.bytes.len());
        let end = (skipped + len).min(self.bytes.len());
        Ok(&self.bytes[skipped..end])
    }

    /// All bytes from `offset` on that are in memory: at least `least`, except at the end of the file.
    pub fn ahead(&mut self, offset: u64, least: usize) -> Result<&[u8], StoreError> {
        self.at(offset, least)?;
        let skipped = to_usize(offset.saturating_sub(self.start));
        Ok(self.bytes.get(skipped..).unwrap_or_default())
    }

    /// The whole record at `offset`, if there is one.
    pub fn record(&mut self, offset: u64) -> Result<Option<&[u8]>, StoreError> {
        let Some(len) = stated_len(self.at(offset, LENGTH_LEN)?) else { return Ok(None) };
        let record = self.at(offset, len)?;
        Ok(is_whole(record).then_some(record))
    }
}
