//! What is remembered of a working set from one listing to the next.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use lru::LruCache;

use crate::content::FileEntry;
use crate::model::content_id::ContentId;
use crate::source::dolt::common::listing::Listing;
use crate::util::clock::WallClock;

/// How many changed contents are remembered beyond those of the last listing: some 100 bytes each.
const REMEMBERED: usize = 10_000;

/// What is remembered of a working set: listing it again while nothing changed is one small query.
#[derive(Default)]
pub struct LiveMemory {
    pub last: Option<SeenListing>,
    pub head: Option<Arc<HeadListing>>,
    pub first_seen: FirstSeen,
}

/// When each changed content was first seen. One that went is kept: it may come back, and then is as old as before.
pub struct FirstSeen(LruCache<ContentId, Timestamp>);

impl Default for FirstSeen {
    fn default() -> Self {
        Self(LruCache::unbounded())
    }
}

impl FirstSeen {
    /// When a content was first seen; now for a new one. (The server keeps no time for what is not committed.)
    pub fn of(&mut self, id: ContentId, clock: &WallClock) -> Timestamp {
        *self.0.get_or_insert(id, || clock.now())
    }

    /// Forgets what was not seen for the longest time, but nothing of the last listing, which has so many entries.
    pub fn shrink(&mut self, listed: usize) {
        while self.0.len() > REMEMBERED.max(listed) {
            self.0.pop_lru();
        }
    }
}

pub struct SeenListing {
    pub working: String,
    pub head: Arc<str>,
    pub files: Arc<[FileEntry]>,
}

/// The head commit, with which the working set is compared.
pub struct HeadListing {
    pub commit: Arc<str>,
    pub files: HashMap<Arc<str>, FileEntry>,
    pub hashes: HashMap<Arc<str>, String>,
    pub listing: Arc<Listing>,
    pub schema: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_remembered_within_bounds() {
        let id = |n: usize| ContentId::of(&[&n.to_be_bytes()]);
        let clock = WallClock::from(|| Timestamp::UNIX_EPOCH);
        let mut seen = FirstSeen::default();
        let first = seen.of(id(0), &clock);
        for n in 1..REMEMBERED + 5 {
            seen.of(id(n), &clock);
        }
        assert_eq!(seen.of(id(0), &clock), first);
        seen.shrink(1);
        assert_eq!(seen.0.len(), REMEMBERED);
        assert!(seen.0.contains(&id(0)) && !seen.0.contains(&id(1)), "the longest unseen went first");
        for n in 0..REMEMBERED * 2 {
            seen.of(id(n), &clock);
        }
        seen.shrink(REMEMBERED * 2);
        assert_eq!(seen.0.len(), REMEMBERED * 2, "one listing is never cut");
    }
}
