//! What readers of files and folders come back to. No handle is needed: a file is its inode, and a listing has a number.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use super::list::DirEntry;
use crate::engine::Reader;
use crate::memory::Recent;
use crate::util::locks::lock;

/// Files that are kept open for their next read.
const READERS: NonZeroUsize = NonZeroUsize::new(64).expect("it is not 0");

/// Bytes of segment lists that these files keep in memory, at most.
const LISTS: u64 = 8 << 20;

/// Entries of unfinished listings, at most; each takes 32 bytes besides its name. The listing that began last is kept
/// whatever its size.
const ENTRIES: u64 = 1 << 20;

/// Unfinished listings, at most.
const LISTINGS: usize = 1024;

/// The readers of the files read last, by inode number.
pub(super) struct OpenFiles(Mutex<Recent<u64, Reader>>);

impl Default for OpenFiles {
    fn default() -> Self {
        Self(Mutex::new(Recent::of_at_most(READERS)))
    }
}

impl OpenFiles {
    pub fn get(&self, ino: u64) -> Option<Reader> {
        lock(&self.0).get(&ino).cloned()
    }

    pub fn put(&self, ino: u64, reader: Reader) {
        let mut readers = lock(&self.0);
        let cost = reader.cost();
        readers.put(ino, reader, cost);
        readers.shrink_to(LISTS);
    }

    pub fn remove(&self, ino: u64) {
        lock(&self.0).remove(&ino);
    }
}

/// The number of each listing that cannot change. All readers of a folder share it, because the kernel combines what it
/// keeps of a listing with what it asks for only if their cookies are the same.
pub(super) const SETTLED: u32 = 0;

/// A listing whose end its reader has not had yet.
#[derive(Clone)]
pub(super) struct OpenListing {
    pub entries: Arc<[DirEntry]>,
    pub is_settled: bool,
}

/// The unfinished listings, by folder and number.
#[derive(Default)]
pub(super) struct OpenListings(Mutex<ListingTable>);

#[derive(Default)]
struct ListingTable {
    listings: Recent<(u64, u32), OpenListing>,
    last: u32,
}

impl OpenListings {
    /// The listing of a folder with a number, if it is still kept.
    pub fn get(&self, folder: u64, number: u32) -> Option<OpenListing> {
        lock(&self.0).listings.get(&(folder, number)).cloned()
    }

    /// Keeps a listing of a folder, and returns its number: [`SETTLED`], or one less than 2^31, so that a cookie is never negative.
    pub fn add(&self, folder: u64, listing: OpenListing) -> u32 {
        let mut table = lock(&self.0);
        let number = match listing.is_settled {
            true => SETTLED,
            false => {
                table.last = table.last % (u32::MAX >> 1) + 1;
                table.last
            }
        };
        let entries = listing.entries.len() as u64;
        table.listings.put((folder, number), listing, entries);
        while table.listings.len() > LISTINGS || table.listings.cost() > ENTRIES && table.listings.len() > 1 {
            table.listings.drop_oldest();
        }
        number
    }

    /// Drops a listing: its reader has the end.
    pub fn remove(&self, folder: u64, number: u32) {
        lock(&self.0).listings.remove(&(folder, number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::NodeKind;

    fn listing(len: usize) -> OpenListing {
        let entry = DirEntry { name: "name".into(), ino: 2, kind: NodeKind::File };
        OpenListing { entries: vec![entry; len].into(), is_settled: false }
    }

    #[test]
    fn unfinished_listings_are_kept_within_a_number_of_entries() {
        let listings = OpenListings::default();
        let first = listings.add(1, listing(10));
        let large = listings.add(1, listing(ENTRIES as usize));
        assert!(listings.get(1, first).is_none(), "the oldest gives way");
        assert!(listings.get(1, large).is_some());
        assert!(listings.get(2, large).is_none(), "a cookie of another folder");
        let larger = listings.add(1, listing(2 * ENTRIES as usize));
        assert!(listings.get(1, large).is_none() && listings.get(1, larger).is_some(), "the newest stays");
        listings.remove(1, larger);
        let numbers: Vec<u32> = (0..2 * LISTINGS).map(|_| listings.add(1, listing(1))).collect();
        let kept = numbers.iter().filter(|number| listings.get(1, **number).is_some()).count();
        assert_eq!(kept, LISTINGS);
    }
}
