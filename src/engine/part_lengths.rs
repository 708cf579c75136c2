//! The lengths of parts: what lets the next version be measured by what is new in it.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use lru::LruCache;

use super::lock;
use crate::source::parts::Part;

/// How many are kept, at some 100 bytes each. A history of a million distinct leaves is measured all the same:
/// a version shares most of its parts with the one before, and these are the last used.
const KEPT: NonZeroUsize = NonZeroUsize::new(256 << 10).expect("it is not 0");

/// Lengths in bytes, of the parts used last.
pub(super) struct PartLengths {
    known: Mutex<LruCache<Part, u64>>,
}

impl Default for PartLengths {
    fn default() -> Self {
        Self { known: Mutex::new(LruCache::new(KEPT)) }
    }
}

impl PartLengths {
    pub fn get(&self, part: &Part) -> Option<u64> {
        lock(&self.known).get(part).copied()
    }

    /// Those of several parts at once; nothing for what is not known.
    pub fn of_all(&self, parts: &[Part]) -> Vec<Option<u64>> {
        let mut known = lock(&self.known);
        parts.iter().map(|part| known.get(part).copied()).collect()
    }

    pub fn keep(&self, part: Part, len: u64) {
        lock(&self.known).put(part, len);
    }
}
