//! The small chunks used last.
//!
//! A leaf names each long text in it by its address. Where one row of a leaf changes, the texts of all its
//! other rows are those of the leaf's last version: reading each of them again costs more than all the rest of
//! the leaf.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use dolt_store::{Address, Chunks, StoreError};
use foldhash::fast::RandomState;

/// How many bytes are kept, with what the book-keeping takes.
const KEPT: usize = 12 << 20;
/// What is longer is not kept: leaves of long texts have 4,000 bytes on average.
const LONGEST: usize = 16 << 10;
/// What one entry takes beside its bytes, rounded up.
const OVERHEAD: usize = 64;

/// Chunks by address. Threads that render leaves look here for every row, so that they must not wait for each other.
#[derive(Default)]
pub struct RecentChunks {
    kept: RwLock<KeptChunks>,
}

/// Two generations instead of an exact order of use, so that a look changes nothing. What was used since the last turn is
/// young; at a turn the old ones go.
#[derive(Default)]
struct KeptChunks {
    young: Generation,
    old: Generation,
}

/// Chunks one after the other in one place: each in memory of its own would have all threads wait for the allocator.
#[derive(Default)]
struct Generation {
    bytes: Vec<u8>,
    places: HashMap<Address, Range<usize>, RandomState>,
}

impl Generation {
    fn get(&self, address: &Address) -> Option<&[u8]> {
        Some(&self.bytes[self.places.get(address)?.clone()])
    }

    fn used(&self) -> usize {
        self.bytes.len() + self.places.len() * OVERHEAD
    }
}

impl RecentChunks {
    /// The chunks of a store, with these before it.
    pub fn before<'c>(&'c self, store: &'c dyn Chunks) -> impl Chunks + 'c {
        WithRecentChunks { recent: self, store }
    }

    /// Puts a chunk into `room`, if it is kept. Returns whether it is.
    fn get_in(&self, address: &Address, room: &mut Vec<u8>) -> bool {
        // What is kept is whole after every step.
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let young = kept.young.get(address);
        let Some(chunk) = young.or_else(|| kept.old.get(address)) else { return false };
        room.clear();
        room.extend_from_slice(chunk);
        let is_old = young.is_none();
        drop(kept);
        if is_old {
            self.put(address, room);
        }
        true
    }

    fn put(&self, address: &Address, chunk: &[u8]) {
        if chunk.len() > LONGEST {
            return;
        }
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.young.used() + chunk.len() + OVERHEAD > KEPT / 2 {
            kept.old = mem::take(&mut kept.young);
        }
        let Generation { bytes, places } = &mut kept.young;
        if let Entry::Vacant(place) = places.entry(*address) {
            let start = bytes.len();
            bytes.extend_from_slice(chunk);
            place.insert(start..bytes.len());
        }
    }
}

struct WithRecentChunks<'c> {
    recent: &'c RecentChunks,
    store: &'c dyn Chunks,
}

impl Chunks for WithRecentChunks<'_> {
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError> {
        let mut chunk = Vec::new();
        self.chunk_in(address, &mut chunk)?;
        Ok(chunk.into())
    }

    fn chunk_in<'r>(&self, address: &Address, room: &'r mut Vec<u8>) -> Result<&'r [u8], StoreError> {
        if !self.recent.get_in(address, room) {
            let chunk = self.store.chunk_in(address, room)?;
            self.recent.put(address, chunk);
        }
        Ok(room)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Chunks of as many bytes as the first byte of their address says, in KiB.
    #[derive(Default)]
    struct CountingChunks {
        reads: AtomicU32,
    }

    impl Chunks for CountingChunks {
        fn chunk(&self, address: &Address) -> Result<Bytes, StoreError> {
            self.reads.fetch_add(1, Ordering::SeqCst);
            Ok(vec![address.as_bytes()[1]; usize::from(address.as_bytes()[0]) << 10].into())
        }
    }

    fn address(kib: u8, number: u8) -> Address {
        let mut bytes = [0; 20];
        (bytes[0], bytes[1]) = (kib, number);
        Address::new(bytes)
    }

    #[test]
    fn a_small_chunk_is_read_once_and_a_large_one_each_time() {
        let (recent, store) = (RecentChunks::default(), CountingChunks::default());
        for (kib, reads) in [(4, 1), (17, 4)] {
            for _ in 0..3 {
                let chunk = recent.before(&store).chunk(&address(kib, 7)).expect("it is there");
                assert!(chunk.len() == usize::from(kib) << 10 && chunk.iter().all(|byte| *byte == 7));
            }
            assert_eq!(store.reads.load(Ordering::SeqCst), reads);
        }
    }

    #[test]
    fn no_more_is_kept_than_was_said() {
        let (recent, store) = (RecentChunks::default(), CountingChunks::default());
        for kib in 1..=16 {
            for number in 0..=255 {
                recent.before(&store).chunk(&address(kib, number)).expect("it is there");
            }
        }
        let kept = recent.kept.read().expect("nobody panicked");
        let [young, old] = [kept.young.used(), kept.old.used()];
        assert!(young.max(old) <= KEPT / 2 && old > KEPT / 3, "{young} and {old}");
        for address in kept.old.places.keys() {
            let ([kib, number, ..], chunk) = (address.as_bytes(), kept.old.get(address).expect("it is kept"));
            assert!(chunk.len() == usize::from(*kib) << 10 && chunk.iter().all(|byte| byte == number));
        }
    }
}
