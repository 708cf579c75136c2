//! Looking for records behind bytes that are none, at the price of one pass.

use super::record::{HEAD_LEN, is_head, stated_len};
use super::window::Window;
use crate::source::dolt::store::error::StoreError;

/// How many bytes may be read once more, by bytes that are searched: a checksum says whether a record begins where one
/// seems to, and covers up to 5 MiB. Real journals need hardly any; one that was made to cost time has such places
/// everywhere.
const AGAIN: u64 = 2;
/// How many more, so that short journals are always searched.
const SPARE: u64 = 64 << 20;

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A whole record begins there.
    Record(u64),
    /// There is none up to the end of the file.
    Nothing,
    /// What follows from there on was not looked through: too much of it looks like records and is none.
    GaveUp(u64),
}

/// A search through one journal, which goes on behind what it found.
pub struct Search {
    /// How many bytes may still be read once more.
    allowance: u64,
}

impl Search {
    /// A search through so many bytes.
    pub fn through(len: u64) -> Self {
        Self { allowance: len.saturating_mul(AGAIN).saturating_add(SPARE) }
    }

    /// The next whole record from `at` on, wherever that is.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn next(&mut self, window: &mut Window<'_>, mut at: u64) -> Result<Found, StoreError> {
        loop {
            let bytes = window.ahead(at, HEAD_LEN)?;
            if bytes.len() < HEAD_LEN {
                return Ok(Found::Nothing);
            }
            let Some(next) = bytes.windows(HEAD_LEN).position(is_head) else {
                // A head may lie across the end of what is in memory.
                at += (bytes.len() - HEAD_LEN + 1) as u64;
                continue;
            };
            let cost = stated_len(&bytes[next..]).unwrap_or_default() as u64;
            at += next as u64;
            match self.allowance.checked_sub(cost.min(window.end.saturating_sub(at))) {
                Some(rest) => self.allowance = rest,
                None => return Ok(Found::GaveUp(at)),
            }
            if window.record(at)?.is_some() {
                return Ok(Found::Record(at));
            }
            at += 1;
        }
    }
}
