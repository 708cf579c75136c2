//! The thread that writes segments, and keeps them within their budget.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::pack::{LONGEST, Pack, PackFiles, Writer};
use super::{Order, StoreState};
use crate::model::content_id::ContentId;
use crate::model::jsonl::RENDER_VERSION;
use crate::model::terminal::ShowPath;
use crate::util::clock::WallClock;
use crate::util::locks::lock;
use crate::util::private;

/// A budget is this many packs. One pack is dropped at once.
const PACKS: u64 = 16;

/// Longest pack in bytes: places in it have 32 bits.
const LONGEST_PACK: u64 = 1 << 30;

/// What a segment takes beside its bytes, rounded up.
const OVERHEAD: u64 = 64;

/// Bytes that are written at once, before packing.
const BATCH: usize = 1 << 20;

/// How often to look for packs that other mounts have removed.
const LOOK: Duration = Duration::from_secs(30);

/// How long nothing is written after a failure.
const REST: Duration = Duration::from_secs(60);

pub(super) struct Keeper {
    shared: Arc<StoreState>,
    folder: PathBuf,
    budget: u64,
    /// The version of the program: another one may render differently.
    version: String,
    clock: WallClock,
    /// The pack that is added to, and its number.
    open: Option<(Writer, u32)>,
    resting: Option<Instant>,
}

/// Releases readers that wait until the folder has been read, however that ends.
struct Loaded(Arc<StoreState>);

impl Drop for Loaded {
    fn drop(&mut self) {
        let _ = self.0.loaded.set(());
    }
}

impl Keeper {
    pub fn new(shared: Arc<StoreState>, folder: &Path, budget: u64, clock: WallClock) -> Self {
        let version = format!("{}-{RENDER_VERSION}", env!("CARGO_PKG_VERSION"));
        Self { shared, folder: folder.to_owned(), budget, version, clock, open: None, resting: None }
    }

    /// How long a segment may be, in bytes: one pack has to hold it.
    pub fn longest_segment(&self) -> usize {
        usize::try_from(self.longest().saturating_sub(OVERHEAD)).unwrap_or(LONGEST).min(LONGEST)
    }

    pub fn run(mut self, orders: &Receiver<Order>) {
        let loaded = Loaded(Arc::clone(&self.shared));
        self.load();
        drop(loaded);
        loop {
            match orders.recv_timeout(LOOK) {
                Ok(order) => self.obey(order, orders),
                Err(RecvTimeoutError::Timeout) => lock(&self.shared.table).forget_gone(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    /// Reads the folder. Places in packs used later replace those in older ones.
    fn load(&self) {
        let mut packs = self.packs();
        packs.retain(|(files, ..)| files.is_of(&self.version));
        packs.sort_by_key(|(.., used)| *used);
        for (files, ..) in packs {
            let Ok(pack) = Pack::open(&files, &self.clock) else { continue };
            let Ok(keys) = pack.keys() else { continue };
            let mut table = lock(&self.shared.table);
            let number = table.add_pack(Arc::new(pack));
            table.add(number, keys);
        }
    }

    /// All packs, of other versions too, with their sizes in bytes and when they were last used.
    fn packs(&self) -> Vec<(PackFiles, u64, SystemTime)> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let found: HashSet<_> = entries.filter_map(|entry| PackFiles::of(&entry.path())).collect();
        let sized = |files: PackFiles| {
            let (size, used) = files.size_and_use();
            (files, size, used)
        };
        found.into_iter().map(sized).collect()
    }

    /// Takes all requests that wait, up to a batch, and writes their segments at once.
    fn obey(&mut self, first: Order, orders: &Receiver<Order>) {
        let (mut batch, mut size, mut asking) = (Vec::new(), 0, Vec::new());
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Keep(id, segment) => {
                    size += segment.len();
                    batch.push((id, segment));
                }
                Order::Tell(asker) => asking.push(asker),
            }
            next = if size < BATCH { orders.try_recv().ok() } else { None };
        }
        self.keep(&batch);
        self.shared.waiting.fetch_sub(size, Ordering::Relaxed);
        for asker in asking {
            // A caller that waits no longer needs no answer.
            let _ = asker.send(());
        }
    }

    fn keep(&mut self, batch: &[(ContentId, Bytes)]) {
        let was_resting = self.resting.is_some();
        if batch.is_empty() || self.resting.is_some_and(|until| Instant::now() < until) {
            return;
        }
        match self.try_keep(batch) {
            Ok(()) => self.resting = None,
            Err(error) => {
                self.open = None;
                self.resting = Some(Instant::now() + REST);
                if !was_resting {
                    let folder = self.folder.shown();
                    tracing::warn!(%folder, %error, "disk cache disabled for a minute");
                }
            }
        }
    }

    fn try_keep(&mut self, mut batch: &[(ContentId, Bytes)]) -> io::Result<()> {
        while !batch.is_empty() {
            let mut size = 0;
            let fits = batch.iter().take_while(|(_, segment)| {
                size += segment.len() as u64 + OVERHEAD;
                size <= self.longest()
            });
            let (now, later) = batch.split_at(fits.count().max(1));
            self.write(now)?;
            batch = later;
        }
        Ok(())
    }

    /// Writes segments that fit into one pack.
    fn write(&mut self, batch: &[(ContentId, Bytes)]) -> io::Result<()> {
        let size: u64 = batch.iter().map(|(_, segment)| segment.len() as u64 + OVERHEAD).sum();
        if let Some((writer, _)) = &self.open
            && writer.len()?.is_none_or(|len| len + size > self.longest())
        {
            self.open = None;
        }
        let (writer, number) = match &mut self.open {
            Some(open) => open,
            None => {
                let opened = self.open_pack()?;
                self.open.insert(opened)
            }
        };
        let places = writer.add(batch)?;
        lock(&self.shared.table).add(*number, places);
        Ok(())
    }

    fn longest(&self) -> u64 {
        (self.budget / PACKS).min(LONGEST_PACK)
    }

    /// A pack to add to: one that an earlier mount has left, or a new one, for which room is made.
    fn open_pack(&mut self) -> io::Result<(Writer, u32)> {
        private::make_folder(&self.folder)?;
        self.make_room();
        let left = self.packs().into_iter().filter(|(files, ..)| files.is_of(&self.version));
        let writer = match left.filter_map(|(files, ..)| Writer::go_on(&files, self.longest() / 2)).next() {
            Some(writer) => writer,
            None => Writer::start(PackFiles::new_in(&self.folder, &self.version, self.clock.system_time()))?,
        };
        let mut table = lock(&self.shared.table);
        let known = table.packs.iter().find(|(_, pack)| pack.files == writer.files).map(|(n, _)| *n);
        let number = match known {
            Some(number) => number,
            None => {
                let pack = Arc::new(Pack::open(&writer.files, &self.clock)?);
                table.add_pack(pack)
            }
        };
        Ok((writer, number))
    }

    /// Removes the packs unused for longest until one more fits. A pack that another mount writes to stays, and counts with
    /// its greatest size.
    fn make_room(&self) {
        let mut packs = self.packs();
        packs.sort_by_key(|(.., used)| *used);
        let size = |(files, size, _): &(PackFiles, u64, SystemTime)| {
            let is_written = files.lock().is_none();
            if is_written { (*size).max(self.longest()) } else { *size }
        };
        let mut all: u64 = packs.iter().map(size).sum();
        for pack in &packs {
            if all + self.longest() <= self.budget {
                break;
            }
            let size = size(pack);
            if pack.0.remove() {
                all -= size.min(all);
            }
        }
        lock(&self.shared.table).forget_gone();
    }
}
