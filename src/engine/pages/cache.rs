//! Keeps entries in memory, up to a number of bytes, and drops the least recently used first. The cache gives way to
//! all other holders of the budget.

use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;

use super::{Page, SegmentList};
use crate::content::tree::PageId;
use crate::content::versioned::LineChange;
use crate::memory::{Budget, GivesWay, Recent};
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// What one entry costs besides its bytes: the book-keeping of the map and the allocator, rounded up.
const ENTRY_OVERHEAD: u64 = 256;

/// The name of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CacheKey {
    /// The segment list of a content.
    List(ContentId),
    /// A segment, by the hash of its bytes.
    Segment(ContentId),
    Page(PageId),
    /// How a version of a table differs from the one that it was made from.
    Step(ContentId),
}

/// An entry; cheap to clone.
#[derive(Clone)]
pub(crate) enum Cached {
    List(Arc<SegmentList>),
    /// The bytes of a [`CacheKey::Segment`], or of a [`CacheKey::Page`] that is a segment.
    Lines(Bytes),
    /// A [`CacheKey::Page`] that is not a segment.
    Page(Arc<Page<PageId>>),
    /// A [`CacheKey::Step`].
    Step(Arc<Step>),
}

/// How a version of a table differs from the one that it was made from.
pub(crate) struct Step {
    /// The version that it was made from.
    pub from: ContentId,
    /// The lines that differ.
    pub changes: Vec<LineChange>,
}

impl Cached {
    fn cost(&self) -> u64 {
        ENTRY_OVERHEAD
            + match self {
                Self::List(list) => list.cost(),
                Self::Lines(lines) => lines.len() as u64,
                Self::Page(page) => page.cost(),
                Self::Step(step) => {
                    step.changes.iter().map(|change| ENTRY_OVERHEAD / 2 + change.bytes()).sum()
                }
            }
    }
}

pub(crate) struct Cache {
    budget: Arc<Budget>,
    entries: Mutex<Recent<CacheKey, Cached>>,
}

impl Cache {
    /// A cache that may use what the other holders of `budget` leave.
    pub fn new(budget: Arc<Budget>) -> Arc<Self> {
        let cache = Arc::new(Self { budget, entries: Mutex::default() });
        let giving: Weak<Self> = Arc::downgrade(&cache);
        cache.budget.serve_cache(giving);
        cache
    }

    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Returns an entry and marks it as used.
    pub fn get(&self, key: &CacheKey) -> Option<Cached> {
        lock(&self.entries).get(key).cloned()
    }

    pub fn list(&self, id: ContentId) -> Option<Arc<SegmentList>> {
        match self.get(&CacheKey::List(id)) {
            Some(Cached::List(list)) => Some(list),
            _ => None,
        }
    }

    /// How a version differs from the one that it was made from.
    pub fn step(&self, to: ContentId) -> Option<Arc<Step>> {
        match self.get(&CacheKey::Step(to)) {
            Some(Cached::Step(step)) => Some(step),
            _ => None,
        }
    }

    pub fn segment(&self, id: ContentId) -> Option<Bytes> {
        match self.get(&CacheKey::Segment(id)) {
            Some(Cached::Lines(lines)) => Some(lines),
            _ => None,
        }
    }

    #[cfg(test)]
    pub fn forget(&self, key: &CacheKey) {
        lock(&self.entries).remove(key);
    }

    #[cfg(test)]
    pub fn used(&self) -> u64 {
        lock(&self.entries).cost()
    }

    /// Keeps `value`, and drops the least recently used entries until all fit. A value larger than what is left of the
    /// budget is not kept.
    pub fn put(&self, key: CacheKey, value: Cached) {
        let (cost, most) = (value.cost(), self.budget.left_for_cache());
        if cost > most {
            return;
        }
        let mut entries = lock(&self.entries);
        entries.put(key, value, cost);
        entries.shrink_to(most);
    }
}

impl GivesWay for Cache {
    fn shrink_to(&self, bytes: u64) -> u64 {
        let mut entries = lock(&self.entries);
        let used = entries.cost();
        entries.shrink_to(bytes);
        used - entries.cost()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> CacheKey {
        CacheKey::Segment(ContentId::of(&[&[n]]))
    }

    fn piece(len: usize) -> Cached {
        Cached::Lines(Bytes::from(vec![0; len]))
    }

    #[test]
    fn it_drops_the_least_recently_used_first_and_stays_within_its_budget() {
        let cache = Cache::new(Budget::new(3 * (ENTRY_OVERHEAD + 100)));
        for n in 0..3 {
            cache.put(key(n), piece(100));
        }
        assert!(cache.get(&key(0)).is_some(), "all three fit");
        cache.put(key(3), piece(100));
        assert!(cache.get(&key(1)).is_none(), "1 was unused for longest");
        assert!(cache.get(&key(0)).is_some() && cache.get(&key(2)).is_some() && cache.get(&key(3)).is_some());
    }

    #[test]
    fn it_gives_way_to_bytes_in_flight() {
        let budget = Budget::new(8 * (ENTRY_OVERHEAD + 100));
        let cache = Cache::new(Arc::clone(&budget));
        for n in 0..8 {
            cache.put(key(n), piece(100));
        }
        let flying = budget.hold(6 * (ENTRY_OVERHEAD + 100));
        let held = |cache: &Cache| (0..9).filter(|n| cache.get(&key(*n)).is_some()).collect::<Vec<_>>();
        assert_eq!(held(&cache), [6, 7]);
        cache.put(key(8), piece(100));
        assert_eq!(held(&cache), [7, 8]);
        drop(flying);
        cache.put(key(0), piece(100));
        assert_eq!(held(&cache), [0, 7, 8]);
    }

    #[test]
    fn a_replaced_entry_is_counted_once_and_one_that_cannot_fit_is_not_kept() {
        let cache = Cache::new(Budget::new(2 * (ENTRY_OVERHEAD + 100)));
        for _ in 0..10 {
            cache.put(key(0), piece(100));
        }
        cache.put(key(1), piece(100));
        assert!(cache.get(&key(0)).is_some());
        cache.put(key(2), piece(100_000));
        assert!(cache.get(&key(2)).is_none());
        assert!(cache.get(&key(0)).is_some(), "nothing was dropped for an entry that cannot fit");
    }
}
