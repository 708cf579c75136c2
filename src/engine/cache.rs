//! What is kept in memory: least recently used first out, counted in bytes.

use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use lru::LruCache;

use super::branch::Branch;
use super::disk::SegmentStore;
use super::version::Version;
use crate::locks::lock;
use crate::model::content_id::ContentId;
use crate::source::parts::Part;

/// What one entry costs beside its bytes: the map's and the allocator's book-keeping, rounded up.
const ENTRY_OVERHEAD: u64 = 256;

/// What an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// Which segments a content has.
    Version(ContentId),
    /// A segment of however many contents, by its hash.
    Segment(ContentId),
    /// A part of however many contents.
    Part(Part),
}

/// A cached piece; cheap to clone.
#[derive(Clone)]
pub(super) enum Cached {
    /// Of [`Key::Version`].
    Version(Arc<Version>),
    /// Bytes of a [`Key::Segment`], or of a [`Key::Part`] that is one.
    Bytes(Bytes),
    /// A [`Key::Part`] that is made of others.
    Branch(Arc<Branch>),
}

impl Cached {
    fn cost(&self) -> u64 {
        ENTRY_OVERHEAD
            + match self {
                Self::Version(version) => version.cost(),
                Self::Bytes(bytes) => bytes.len() as u64,
                Self::Branch(branch) => branch.cost(),
            }
    }
}

/// An LRU by bytes.
pub(super) struct Cache {
    budget: u64,
    entries: Mutex<Entries>,
    disk: OnceLock<SegmentStore>,
}

struct Entries {
    map: LruCache<Key, Cached>,
    used: u64,
}

impl Cache {
    pub fn new(budget: u64) -> Self {
        let entries = Mutex::new(Entries { map: LruCache::unbounded(), used: 0 });
        Self { budget, entries, disk: OnceLock::new() }
    }

    /// Has segments kept on disk too. Only the first call counts.
    pub fn use_disk(&self, store: SegmentStore) {
        let _ = self.disk.set(store);
    }

    /// Where segments are kept on disk, if they are: for whoever finds one missing here, and for whoever made it.
    pub fn disk(&self) -> Option<&SegmentStore> {
        self.disk.get()
    }

    pub fn get(&self, key: &Key) -> Option<Cached> {
        lock(&self.entries).map.get(key).cloned()
    }

    /// Drops an entry.
    #[cfg(test)]
    pub fn forget(&self, key: &Key) {
        let mut entries = lock(&self.entries);
        if let Some(dropped) = entries.map.pop(key) {
            entries.used -= dropped.cost();
        }
    }

    /// Bytes in use.
    #[cfg(test)]
    pub fn used(&self) -> u64 {
        lock(&self.entries).used
    }

    /// Keeps `value`, and drops the longest unused entries until all fit. A value larger than the whole
    /// budget is not kept.
    pub fn put(&self, key: Key, value: Cached) {
        let cost = value.cost();
        if cost > self.budget {
            return;
        }
        let mut entries = lock(&self.entries);
        if let Some(former) = entries.map.put(key, value) {
            entries.used -= former.cost();
        }
        entries.used += cost;
        while entries.used > self.budget {
            let Some((_, dropped)) = entries.map.pop_lru() else { break };
            entries.used -= dropped.cost();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        Key::Segment(ContentId::of(&[&[n]]))
    }

    fn piece(len: usize) -> Cached {
        Cached::Bytes(Bytes::from(vec![0; len]))
    }

    #[test]
    fn drops_the_longest_unused_first_and_stays_within_its_bytes() {
        let cache = Cache::new(3 * (ENTRY_OVERHEAD + 100));
        for n in 0..3 {
            cache.put(key(n), piece(100));
        }
        assert!(cache.get(&key(0)).is_some(), "all three fit");
        cache.put(key(3), piece(100));
        assert!(cache.get(&key(1)).is_none(), "1 was unused for longest");
        assert!(cache.get(&key(0)).is_some() && cache.get(&key(2)).is_some() && cache.get(&key(3)).is_some());
    }

    #[test]
    fn replacing_an_entry_is_counted_once_and_what_cannot_fit_is_not_kept() {
        let cache = Cache::new(2 * (ENTRY_OVERHEAD + 100));
        for _ in 0..10 {
            cache.put(key(0), piece(100));
        }
        cache.put(key(1), piece(100));
        assert!(cache.get(&key(0)).is_some());
        cache.put(key(2), piece(100_000));
        assert!(cache.get(&key(2)).is_none());
        assert!(cache.get(&key(0)).is_some(), "nothing was dropped for what cannot fit");
    }
}
