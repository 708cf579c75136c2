//! The part of a journal that is in memory while it is read, and the search for records after bytes that are no
//! records, in about one pass.

use super::record::{HEAD_LEN, LENGTH_LEN, is_head, is_whole, stated_len};
use crate::error::StoreError;
use crate::files::StoreFile;
use crate::number::to_usize;

/// How many bytes are read at once.
pub const WINDOW_LEN: usize = 8 << 20;
/// How many bytes may be read again per byte that is searched. Only a checksum, which covers up to 5 MiB, shows whether
/// a record begins where one seems to. Real journals need hardly any rereading; a journal that was made to cost time
/// has such places everywhere.
const AGAIN: u64 = 2;
/// How many bytes more may be read again, so that short journals are always searched.
const SPARE: u64 = 64 << 20;

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

    /// How many of the `len` bytes from `offset` on the file has.
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

/// The result of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchResult {
    /// A whole record begins there.
    Record(u64),
    /// There is none up to the end of the file.
    Nothing,
    /// The search stopped there: too much of what follows looks like records and is none.
    GaveUp(u64),
}

/// A search through one journal, which continues after what it found.
pub struct Search {
    /// How many bytes may still be read again.
    allowance: u64,
}

impl Search {
    /// A search through `len` bytes.
    pub fn through(len: u64) -> Self {
        Self { allowance: len.saturating_mul(AGAIN).saturating_add(SPARE) }
    }

    /// The next whole record at or after `at`.
    pub fn next(&mut self, window: &mut JournalWindow<'_>, mut at: u64) -> Result<SearchResult, StoreError> {
        loop {
            let bytes = window.ahead(at, HEAD_LEN)?;
            if bytes.len() < HEAD_LEN {
                return Ok(SearchResult::Nothing);
            }
            let Some(next) = bytes.windows(HEAD_LEN).position(is_head) else {
                // A head may continue beyond the bytes in memory.
                at += (bytes.len() - HEAD_LEN + 1) as u64;
                continue;
            };
            let cost = stated_len(&bytes[next..]).unwrap_or_default() as u64;
            at += next as u64;
            match self.allowance.checked_sub(cost.min(window.end.saturating_sub(at))) {
                Some(rest) => self.allowance = rest,
                None => return Ok(SearchResult::GaveUp(at)),
            }
            if window.record(at)?.is_some() {
                return Ok(SearchResult::Record(at));
            }
            at += 1;
        }
    }
}
