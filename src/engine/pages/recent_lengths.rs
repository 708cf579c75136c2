//! The lengths of the pages of trees that were used last.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex};

use crate::content::tree::PageId;
use crate::memory::{Budget, Held};
use crate::model::number::to_usize;
use crate::util::locks::lock;
use foldhash::fast::RandomState;

/// How many are kept at most. That is enough for a history of a million distinct leaves: a version shares most of its pages
/// with the one before, and these were used last.
const KEPT: usize = 256 << 10;

/// This many are kept under any budget.
const FEWEST: usize = 1024;

/// What each of them takes, in bytes.
const EACH: u64 = 100;

/// They take up to one part in this many of the budget.
const PART: u64 = 8;

/// A change of their memory is reported to the budget only if it is more than this many bytes.
const COUNTED: u64 = 64 << 10;

/// Lengths in bytes of the pages used last.
pub(crate) struct RecentLengths {
    known: Mutex<Generations>,
}

/// Two generations instead of an exact order of use, because a lookup must cost little: a version of a large table asks
/// for hundreds. What was used since the last turn is young. At a turn the old lengths go, and the young ones become
/// old.
struct Generations {
    most: usize,
    held: Held,
    young: HashMap<PageId, u64, RandomState>,
    old: HashMap<PageId, u64, RandomState>,
}

impl RecentLengths {
    /// An empty table, for as many lengths as `budget` has room for.
    pub fn within(budget: &Arc<Budget>) -> Self {
        let most = to_usize(budget.part(PART) / EACH).clamp(FEWEST, KEPT);
        let (young, old) = (HashMap::default(), HashMap::default());
        Self { known: Mutex::new(Generations { most, held: budget.hold(0), young, old }) }
    }

    pub fn get(&self, page: &PageId) -> Option<u64> {
        lock(&self.known).get(page)
    }

    /// The lengths of several pages; `None` for those that are not known.
    pub fn of_all(&self, pages: &[PageId]) -> Vec<Option<u64>> {
        let mut known = lock(&self.known);
        pages.iter().map(|page| known.get(page)).collect()
    }

    pub fn keep(&self, page: PageId, len: u64) {
        lock(&self.known).keep(page, len);
    }
}

impl Generations {
    fn get(&mut self, page: &PageId) -> Option<u64> {
        if let Some(len) = self.young.get(page) {
            return Some(*len);
        }
        let len = self.old.remove(page)?;
        self.keep(*page, len);
        Some(len)
    }

    fn keep(&mut self, page: PageId, len: u64) {
        if self.young.len() >= self.most / 2 {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(page, len);
        let bytes = (self.young.len() + self.old.len()) as u64 * EACH;
        // Not each time: to report to the budget costs more than to insert.
        if bytes.abs_diff(self.held.bytes()) > COUNTED {
            self.held.resize(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::tree::{LineRange, Rendering};

    fn page(number: u32) -> PageId {
        let mut node = [0; 20];
        node[..4].copy_from_slice(&number.to_be_bytes());
        PageId { node, rendering: Rendering::of(&[0; 20]), level: 0, lines: LineRange::ALL }
    }

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let lengths = RecentLengths::within(&Budget::new(1 << 40));
        let count = KEPT as u32 * 2;
        for number in 0..count {
            lengths.keep(page(number), number.into());
            assert_eq!(lengths.get(&page(7)), (number >= 7).then_some(7));
        }
        let all: Vec<_> = (0..count).map(page).collect();
        let found = lengths.of_all(&all);
        let kept = found.iter().flatten().count();
        assert!((KEPT / 2..=KEPT).contains(&kept), "{kept}");
        assert!(found.iter().zip(0..).all(|(len, number)| len.is_none_or(|len| len == number)));
        assert_eq!(found.last(), Some(&Some(u64::from(count) - 1)));
    }
}
