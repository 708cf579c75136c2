//! The listings of snapshots that were asked for last.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use lru::LruCache;

use crate::content::FileEntry;
use crate::util::locks::lock;

/// How many listings are kept.
const KEPT: NonZeroUsize = NonZeroUsize::new(16).expect("not zero");

/// Of longer listings only the last one is kept, and only beside shorter ones that came after it.
const LONG: usize = 10_000;

/// Listings by snapshot.
pub(super) struct ListingCache<K: Hash + Eq>(Mutex<LruCache<K, Arc<[FileEntry]>>>);

impl<K: Hash + Eq> Default for ListingCache<K> {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl<K: Hash + Eq> ListingCache<K> {
    /// A listing that was kept.
    pub(super) fn get(&self, snapshot: &K) -> Option<Arc<[FileEntry]>> {
        lock(&self.0).get(snapshot).cloned()
    }

    /// Keeps a listing.
    pub(super) fn put(&self, snapshot: K, files: &Arc<[FileEntry]>) {
        let mut listings = lock(&self.0);
        if files.len() > LONG {
            listings.clear();
        }
        listings.put(snapshot, Arc::clone(files));
    }
}
