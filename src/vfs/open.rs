//! What readers of files and folders come back to. No handle is needed: a file is its inode, and a listing has a number.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use lru::LruCache;

use super::list::DirEntry;
use crate::engine::Reader;
use crate::memory::Recent;
use crate::util::locks::lock;

/// Files that are kept open for their next read.
const READERS: NonZeroUsize = NonZeroUsize::new(64).expect("it is not 0");

/// Entries of unfinished listings, at most. The listing that began last is kept whatever its size.
const ENTRIES: u64 = 256 * 1024;

/// Unfinished listings, at most.
const LISTINGS: usize = 1024;

/// The readers of the files read last, by inode number.
pub(super) struct OpenFiles(Mutex<LruCache<u64, Reader>>);

impl Default for OpenFiles {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(READERS)))
    }
}

impl OpenFiles {
    pub fn get(&self, ino: u64) -> Option<Reader> {
        lock(&self.0).get(&ino).cloned()
    }

    pub fn put(&self, ino: u64, reader: Reader) {
        lock(&self.0).put(ino, reader);
    }

    pub fn remove(&self, ino: u64) {
        lock(&self.0).pop(&ino);
    }
}

/// A listing of which a reader has not had the end yet.
#[derive(Clone)]
pub(super) struct OpenListing {
    /// Its inode number: a cookie of another folder leads nowhere.
    pub folder: u64,
    pub entries: Arc<[DirEntry]>,
    pub is_settled: bool,
}

/// The unfinished listings, by number.
#[derive(Default)]
pub(super) struct OpenListings(Mutex<ListingTable>);

#[derive(Default)]
struct ListingTable {
    listings: Recent<u32, OpenListing>,
    last: u32,
}

impl OpenListings {
    /// The listing of a folder with a number, if it is still kept.
    pub fn get(&self, folder: u64, number: u32) -> Option<OpenListing> {
        lock(&self.0).listings.get(&number).filter(|listing| listing.folder == folder).cloned()
    }

    /// Keeps a listing, and returns its number: more than 0 and less than 2^31, so that a cookie is never negative.
    pub fn add(&self, listing: OpenListing) -> u32 {
        let mut table = lock(&self.0);
        table.last = table.last % (u32::MAX >> 1) + 1;
        let number = table.last;
        let entries = listing.entries.len() as u64;
        table.listings.put(number, listing, entries);
        while table.listings.len() > LISTINGS || table.listings.cost() > ENTRIES && table.listings.len() > 1 {
            table.listings.drop_oldest();
        }
        number
    }

    /// Drops a listing: its reader has the end.
    pub fn remove(&self, number: u32) {
        lock(&self.0).listings.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::NodeKind;

    fn listing(len: usize) -> OpenListing {
        let entry = DirEntry { name: "name".into(), ino: 2, kind: NodeKind::File };
        OpenListing { folder: 1, entries: vec![entry; len].into(), is_settled: true }
    }

    #[test]
    fn unfinished_listings_are_kept_within_a_number_of_entries() {
        let listings = OpenListings::default();
        let first = listings.add(listing(10));
        let large = listings.add(listing(ENTRIES as usize));
        assert!(listings.get(1, first).is_none(), "the oldest gives way");
        assert!(listings.get(1, large).is_some());
        assert!(listings.get(2, large).is_none(), "a cookie of another folder");
        let larger = listings.add(listing(2 * ENTRIES as usize));
        assert!(listings.get(1, large).is_none() && listings.get(1, larger).is_some(), "the newest stays");
        listings.remove(larger);
        let numbers: Vec<u32> = (0..2 * LISTINGS).map(|_| listings.add(listing(1))).collect();
        let kept = numbers.iter().filter(|number| listings.get(1, **number).is_some()).count();
        assert_eq!(kept, LISTINGS);
    }
}
