//! Remembers queries that exceeded their limits: soon after, they fail at once, so that many readers of an endless view do not
//! keep the machine busy.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lru::LruCache;

use super::ran_out::RanOut;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// For how long a failure is remembered.
pub(super) const REMEMBERED: Duration = Duration::from_secs(60);

/// How many failures are remembered.
const MOST: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// Failures by query and file.
pub(super) struct RecentFailures(Mutex<LruCache<ContentId, (Instant, RanOut)>>);

impl RecentFailures {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(MOST)))
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

    /// Remembers that a query failed.
    pub(super) fn put(&self, id: ContentId, ran_out: RanOut) {
        lock(&self.0).put(id, (Instant::now(), ran_out));
    }
}
