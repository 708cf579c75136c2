//! Sorting more records than memory holds.
//!
//! A record is a key and a value, both bytes. Records come out by key; those of one key come out in the order in which
//! they were pushed. Those that fit into the memory of a piece of work are sorted there. The rest goes to a temporary
//! file in sorted runs, which are merged. Records that are pushed in order are not sorted, and form one run.

use std::io;

use super::runs::{HEAD, Merge, Runs, short};
use super::{Cancel, Held, Work};

/// The least memory for one sorter, in bytes.
pub const LEAST: u64 = 1 << 20;

/// A sorter grows by this many bytes.
const STEP: u64 = 1 << 20;

/// Records are stored in blocks of this many bytes, which the allocator takes from the system and gives back one by
/// one.
const BLOCK: usize = 1 << 20;

/// What a record takes beside its bytes: its reference, twice while their list grows, and half of one for sorting.
const OVERHEAD: u64 = 2 * size_of::<RecordRef>() as u64 + size_of::<RecordRef>() as u64 / 2;

#[derive(Clone, Copy)]
struct RecordRef {
    /// The first bytes of the key, which mostly decide the order.
    prefix: u64,
    block: u32,
    at: u32,
    key: u32,
    value: u32,
}

pub struct Sorter {
    work: Work,
    /// The memory at the start, in bytes.
    least: u64,
    /// Whether it tries for more memory before it writes to a file.
    grows: bool,
    /// The memory of a record that does not fit into all of `work`.
    beyond: Option<Held>,
    held: HeldRecords,
    runs: Option<Runs>,
    cancel: Cancel,
}

#[derive(Default)]
struct HeldRecords {
    blocks: Vec<Vec<u8>>,
    entries: Vec<RecordRef>,
    bytes: u64,
    /// Whether a record was pushed after one with a greater key.
    is_unsorted: bool,
}

impl HeldRecords {
    fn record(&self, entry: &RecordRef) -> (&[u8], &[u8]) {
        let record = &self.blocks[entry.block as usize][entry.at as usize..];
        let (key, rest) = record.split_at(entry.key as usize);
        (key, &rest[..entry.value as usize])
    }

    fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let len = key.len() + value.len();
        if self.blocks.last().is_none_or(|block| block.capacity() - block.len() < len) {
            self.blocks.push(Vec::with_capacity(len.max(BLOCK)));
        }
        let block = self.blocks.len() - 1;
        let entry = RecordRef {
            prefix: prefix(key),
            block: short(block)?,
            at: short(self.blocks[block].len())?,
            key: short(key.len())?,
            value: short(value.len())?,
        };
        if !self.is_unsorted
            && let Some(last) = self.entries.last()
        {
            self.is_unsorted = (entry.prefix, key) < (last.prefix, self.record(last).0);
        }
        let bytes = &mut self.blocks[block];
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(value);
        self.entries.push(entry);
        self.bytes += cost(key, value);
        Ok(())
    }

    fn sort(&mut self) {
        if !std::mem::take(&mut self.is_unsorted) {
            return;
        }
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| self.record(a).0.cmp(self.record(b).0)));
        self.entries = entries;
    }

    fn clear(&mut self) {
        self.blocks.truncate(1);
        self.blocks.retain(|block| block.capacity() <= 2 * BLOCK);
        self.blocks.iter_mut().for_each(Vec::clear);
        self.entries = Vec::new();
        self.bytes = 0;
        self.is_unsorted = false;
    }
}

fn cost(key: &[u8], value: &[u8]) -> u64 {
    (HEAD + key.len() + value.len()) as u64 + OVERHEAD
}

/// The first bytes of a key as a number. Numbers compare as those bytes do.
fn prefix(key: &[u8]) -> u64 {
    let mut first = [0; 8];
    let len = key.len().min(8);
    first[..len].copy_from_slice(&key[..len]);
    u64::from_be_bytes(first)
}

impl Sorter {
    /// A sorter that starts with the memory of `work`.
    pub fn new(work: Work, cancel: &Cancel) -> Self {
        let (least, held, cancel) = (work.bytes(), HeldRecords::default(), cancel.clone());
        Self { work, least, grows: true, beyond: None, held, runs: None, cancel }
    }

    /// The same for records that come in order: more memory would not help them.
    pub fn in_order(work: Work, cancel: &Cancel) -> Self {
        Self { grows: false, ..Self::new(work, cancel) }
    }

    /// Adds a record. May write to a temporary file.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let bytes = cost(key, value);
        let is_full = self.held.bytes + bytes > self.work.bytes();
        if is_full && !(self.grows && self.work.grow(bytes.max(STEP))) {
            self.spill()?;
            if bytes > self.work.bytes() {
                self.beyond = Some(self.work.budget().hold(bytes));
            }
        }
        self.held.push(key, value)
    }

    fn spill(&mut self) -> io::Result<()> {
        self.held.sort();
        let [Some(first), Some(last)] = [self.held.entries.first(), self.held.entries.last()] else {
            return Ok(());
        };
        let runs = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert(Runs::new()?),
        };
        let mut run = runs.begin_at(self.held.record(first).0);
        for entry in &self.held.entries {
            let (key, value) = self.held.record(entry);
            run.write(key, value)?;
        }
        run.end_at(self.held.record(last).0)?;
        self.held.clear();
        self.beyond = None;
        Ok(())
    }

    /// All records, sorted: in memory if they fit and take no more than `keep` bytes. Gives back unused memory, down to
    /// what the sorter had at the start.
    pub fn finish(mut self, keep: u64) -> io::Result<Sorted> {
        if self.runs.is_some() || self.held.bytes > keep {
            self.spill()?;
        }
        let Some(runs) = self.runs.take() else {
            self.held.sort();
            self.held.entries.shrink_to_fit();
            self.work.shrink_to(self.held.bytes.max(self.least));
            let records = Storage::Memory { records: self.held, next: 0, _beyond: self.beyond };
            return Ok(Sorted { storage: records, work: self.work, least: self.least });
        };
        self.held = HeldRecords::default();
        self.work.shrink_to(self.least);
        let merge = runs.merged(self.work.bytes(), &self.cancel)?;
        Ok(Sorted { storage: Storage::File(Box::new(merge)), work: self.work, least: self.least })
    }

    /// Drops all records, and returns the memory that the sorter had at the start.
    pub fn into_work(mut self) -> Work {
        self.work.shrink_to(self.least);
        self.work
    }
}

pub struct Sorted {
    storage: Storage,
    work: Work,
    least: u64,
}

enum Storage {
    Memory { records: HeldRecords, next: usize, _beyond: Option<Held> },
    File(Box<Merge>),
}

impl Sorted {
    pub fn next(&mut self) -> io::Result<Option<(&[u8], &[u8])>> {
        match &mut self.storage {
            Storage::Memory { records, next, .. } => {
                let entry = records.entries.get(*next);
                *next += 1;
                Ok(entry.map(|entry| records.record(entry)))
            }
            Storage::File(merge) => merge.next(),
        }
    }

    /// Drops all records, and returns the memory that their sorter had at the start.
    pub fn into_work(self) -> Work {
        let Self { storage, mut work, least } = self;
        drop(storage);
        work.shrink_to(least);
        work
    }

    pub fn rewind(&mut self) -> io::Result<()> {
        match &mut self.storage {
            Storage::Memory { next, .. } => {
                *next = 0;
                Ok(())
            }
            Storage::File(merge) => merge.rewind(),
        }
    }
}
