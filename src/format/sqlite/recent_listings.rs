//! Keeps recent listings: a snapshot is listed for itself and for its neighbours, and each listing takes a process.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use bytes::Bytes;
use lru::LruCache;

use super::relation::RelationListing;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// How many listings are kept.
const KEPT: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// The longest schema that is kept, in bytes.
const LONGEST: usize = 64 << 10;

/// The tables and views of a file, and its schema as SQL.
pub(crate) type Listed = (RelationListing, Bytes);

/// Listings by the key of their file.
pub(super) struct RecentListings(Mutex<LruCache<ContentId, Listed>>);

impl RecentListings {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }

    pub(super) fn get(&self, file: ContentId) -> Option<Listed> {
        lock(&self.0).get(&file).cloned()
    }

    pub(super) fn put(&self, file: ContentId, listed: &Listed) {
        if listed.1.len() <= LONGEST {
            lock(&self.0).put(file, listed.clone());
        }
    }
}
