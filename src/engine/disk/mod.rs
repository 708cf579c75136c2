//! Segments on disk: the next mount need not render them again, nor ask a server for them.
//!
//! A folder of packs ([`pack`]) that several mounts share: each adds to packs of its own and reads those of all. No one waits for
//! a write. Every segment that is read is checked; one that does not pass counts as missing.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::model::content_id::ContentId;
use crate::util::clock::WallClock;
use crate::util::locks::lock;
use crate::util::private;
use bytes::Bytes;

mod keeper;
mod pack;
#[cfg(test)]
mod tests;

use keeper::Keeper;
use pack::{Pack, PackPlace};

/// The smallest budget, in bytes: a smaller one holds only a few segments.
pub const SMALLEST: u64 = 1 << 20;

/// Bytes that wait to be written, at most. Segments beyond that are not kept.
const WAITING: usize = 8 << 20;

/// Segments that wait to be written, at most.
const WAITING_SEGMENTS: usize = 4096;

/// Segments that are known at most, at about 30 bytes of memory each.
const KNOWN: usize = 900_000;

/// How long [`SegmentStore::flush`] waits.
const FLUSH: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// Segments in a folder.
pub struct SegmentStore {
    shared: Arc<StoreState>,
    waiting: SyncSender<Order>,
    /// Longest segment that is kept, in bytes.
    longest: usize,
}

/// A request to the thread that writes.
enum Order {
    Keep(ContentId, Bytes),
    /// Report when all requests before this one are done.
    Tell(SyncSender<()>),
}

/// What readers and the thread that writes share.
#[derive(Default)]
struct StoreState {
    table: Mutex<SegmentTable>,
    /// Set once the folder has been read.
    loaded: OnceLock<()>,
    waiting: AtomicUsize,
    has_told: AtomicBool,
}

#[derive(Default)]
struct SegmentTable {
    /// By the first half of their ids; the checksum of a segment covers the whole id.
    places: HashMap<u64, (u32, PackPlace)>,
    packs: HashMap<u32, Arc<Pack>>,
    last_pack: u32,
}

impl SegmentStore {
    /// The segments in `folder`, which is made if it is missing, in at most `budget` bytes, [`SMALLEST`] or more.
    pub fn open(folder: &Path, budget: u64, clock: &WallClock) -> io::Result<Self> {
        private::make_folder(folder)?;
        let shared = Arc::<StoreState>::default();
        let (waiting, orders) = mpsc::sync_channel(WAITING_SEGMENTS);
        let keeper = Keeper::new(Arc::clone(&shared), folder, budget.max(SMALLEST), clock.clone());
        let longest = keeper.longest_segment();
        std::thread::Builder::new().name("segments".into()).spawn(move || keeper.run(&orders))?;
        Ok(Self { shared, waiting, longest })
    }

    /// The segment, if it is there and sound. Blocks for as long as the disk takes.
    pub(super) fn get(&self, id: &ContentId) -> Option<Bytes> {
        self.shared.loaded.wait();
        let (number, place, pack) = {
            let table = lock(&self.shared.table);
            let (number, place) = *table.places.get(&half(id))?;
            (number, place, Arc::clone(table.packs.get(&number)?))
        };
        let segment = pack.read(id, place);
        if segment.is_none() {
            self.shared.forget(id, (number, place));
        }
        segment
    }

    /// Keeps the segment, unless the disk is behind. Does not block.
    pub(super) fn put(&self, id: &ContentId, segment: &Bytes) {
        let len = segment.len();
        if len > self.longest || lock(&self.shared.table).places.contains_key(&half(id)) {
            return;
        }
        let before = self.shared.waiting.fetch_add(len, Ordering::Relaxed);
        if before + len > WAITING || self.waiting.try_send(Order::Keep(*id, segment.clone())).is_err() {
            self.shared.waiting.fetch_sub(len, Ordering::Relaxed);
        }
    }

    /// Waits until what was put is on disk, or for some seconds. Blocks.
    pub(super) fn flush(&self) {
        let (tell, done) = mpsc::sync_channel(1);
        let begun = Instant::now();
        while let Err(TrySendError::Full(_)) = self.waiting.try_send(Order::Tell(tell.clone())) {
            if begun.elapsed() > FLUSH {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        drop(tell);
        // The next mount makes what is not written by then.
        let _ = done.recv_timeout(FLUSH);
    }
}

impl StoreState {
    fn forget(&self, id: &ContentId, at: (u32, PackPlace)) {
        let mut table = lock(&self.table);
        if table.places.get(&half(id)) == Some(&at) {
            table.places.remove(&half(id));
        }
        drop(table);
        if !self.has_told.swap(true, Ordering::Relaxed) {
            tracing::warn!("some segments in the disk cache are damaged; they are made again");
        }
    }
}

impl SegmentTable {
    /// Adds a pack; returns its number.
    fn add_pack(&mut self, pack: Arc<Pack>) -> u32 {
        self.last_pack += 1;
        self.packs.insert(self.last_pack, pack);
        self.last_pack
    }

    /// Adds the places of segments of a pack, and forgets those of older packs if there are too many.
    fn add(&mut self, pack: u32, segments: impl IntoIterator<Item = (ContentId, PackPlace)>) {
        for (id, place) in segments {
            if self.places.len() >= KNOWN {
                self.forget_oldest(pack);
            }
            if self.places.len() < KNOWN {
                self.places.insert(half(&id), (pack, place));
            }
        }
    }

    /// Forgets the oldest pack, but not `needed`.
    fn forget_oldest(&mut self, needed: u32) {
        if let Some(&oldest) = self.packs.keys().filter(|pack| **pack != needed).min() {
            self.packs.remove(&oldest);
            self.forget_without_pack();
        }
    }

    /// Forgets the packs whose files are gone, so that the disk gets their space back.
    fn forget_gone(&mut self) {
        let before = self.packs.len();
        self.packs.retain(|_, pack| !pack.is_gone());
        if self.packs.len() < before {
            self.forget_without_pack();
        }
    }

    fn forget_without_pack(&mut self) {
        let packs = &self.packs;
        self.places.retain(|_, (pack, _)| packs.contains_key(pack));
    }
}

fn half(id: &ContentId) -> u64 {
    u64::from_le_bytes(*id.as_bytes().first_chunk().expect("an id is longer"))
}
