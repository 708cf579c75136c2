//! The small chunks used last.
//!
//! A leaf names each long text in it by its address. Where one row of a leaf changes, the texts of all its
//! other rows are those of the leaf's last version: reading each of them again costs more than all the rest of
//! the leaf.

use std::sync::Mutex;

use bytes::Bytes;
use dolt_store::{Address, Chunks, StoreError};

use crate::memory::Recent;
use crate::util::locks::lock;

/// How many bytes are kept, with what the book-keeping takes.
const KEPT: u64 = 12 << 20;
/// What is longer is not kept: leaves of long texts have 4,000 bytes on average.
const LONGEST: usize = 16 << 10;
/// What one entry takes beside its bytes, rounded up.
const OVERHEAD: u64 = 128;

/// Chunks by address.
#[derive(Default)]
pub struct RecentChunks(Mutex<Recent<Address, Bytes>>);

impl RecentChunks {
    /// The chunks of a store, with these before it.
    pub fn before<'c>(&'c self, store: &'c dyn Chunks) -> impl Chunks + 'c {
        WithRecentChunks { recent: self, store }
    }

    fn get(&self, address: &Address) -> Option<Bytes> {
        lock(&self.0).get(address).cloned()
    }

    fn put(&self, address: &Address, chunk: &Bytes) {
        if chunk.len() > LONGEST {
            return;
        }
        let mut kept = lock(&self.0);
        kept.put(*address, chunk.clone(), chunk.len() as u64 + OVERHEAD);
        kept.shrink_to(KEPT);
    }
}

struct WithRecentChunks<'c> {
    recent: &'c RecentChunks,
    store: &'c dyn Chunks,
}

impl Chunks for WithRecentChunks<'_> {
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError> {
        if let Some(chunk) = self.recent.get(address) {
            return Ok(chunk);
        }
        let chunk = self.store.chunk(address)?;
        self.recent.put(address, &chunk);
        Ok(chunk)
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
        let bytes = lock(&recent.0).cost();
        assert!(bytes <= KEPT && bytes > KEPT / 2, "{bytes}");
    }
}
