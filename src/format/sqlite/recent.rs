//! What is remembered of recent queries.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use lru::LruCache;

use super::ran_out::RanOut;
use super::relation::RelationListing;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// For how long a failure is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);

const MOST_FAILURES: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

const MOST_LISTINGS: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// The longest schema that is kept, in bytes.
const LONGEST_SCHEMA: usize = 64 << 10;

/// Queries that exceeded their limits, by query and file: soon after, they fail at once, so that many readers of an
/// endless view do not keep the machine busy.
pub(super) struct RecentFailures(Mutex<LruCache<ContentId, (Instant, RanOut)>>);

impl RecentFailures {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(MOST_FAILURES)))
    }

    /// Why a query failed recently, if it did.
    pub(super) fn get(&self, id: ContentId) -> Option<RanOut> {
        let mut recent = lock(&self.0);
        let (at, ran_out) = recent.get(&id)?;
        if at.elapsed() < REMEMBERED {
            return Some(ran_out.clone());
        }
        recent.pop(&id);
        None
    }

    pub(super) fn put(&self, id: ContentId, ran_out: RanOut) {
        lock(&self.0).put(id, (Instant::now(), ran_out));
    }
}

/// The tables and views of a file, and its schema as SQL.
pub(crate) type Listed = (RelationListing, Bytes);

/// Listings by the key of their file: neighbours of a snapshot ask for its listing, too, and each takes a process.
pub(super) struct RecentListings(Mutex<LruCache<ContentId, Listed>>);

impl RecentListings {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(MOST_LISTINGS)))
    }

    pub(super) fn get(&self, file: ContentId) -> Option<Listed> {
        lock(&self.0).get(&file).cloned()
    }

    pub(super) fn put(&self, file: ContentId, listed: &Listed) {
        if listed.1.len() <= LONGEST_SCHEMA {
            lock(&self.0).put(file, listed.clone());
        }
    }
}
