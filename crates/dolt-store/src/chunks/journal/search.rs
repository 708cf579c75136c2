//! Searches for records after bytes that are none, in about one pass.

use super::record::{HEAD_LEN, is_head, stated_len};
use super::window::JournalWindow;
use crate::error::StoreError;

/// How many bytes may be read again per byte that is searched: only a checksum, which covers up to 5 MiB, shows whether a
/// record begins where one seems to. Real journals need hardly any; one that was made to cost time has such places
/// everywhere.
const AGAIN: u64 = 2;
/// How many more, so that short journals are always searched.
const SPARE: u64 = 64 << 20;

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
                // A head may continue behind the end of what is in memory.
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
