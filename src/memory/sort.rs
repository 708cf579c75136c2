//! Sorting more records than memory holds.
//!
//! Records are a key and a value of bytes. They come out by key, equal keys in the order in which they were pushed. What fits
//! into the memory of a piece of work is sorted there; the rest goes to a temporary file in sorted runs, which are merged.

use std::io;
use std::ops::Range;

use super::runs::{HEAD, Merge, Runs};
use super::{Cancel, Held, Work};

/// The least memory for one sorter, in bytes.
pub const LEAST: u64 = 1 << 20;

/// By how much a sorter grows, in bytes.
const STEP: u64 = 1 << 20;

/// Records lie in blocks of so many bytes, which the allocator takes from the system and gives back one by one.
const BLOCK: usize = 1 << 20;

/// What a record takes beside its bytes: its entry, twice while the list of entries grows, and half of one to sort them.
const OVERHEAD: u64 = 2 * size_of::<Entry>() as u64 + size_of::<Entry>() as u64 / 2;

/// Where a record lies.
#[derive(Clone, Copy)]
struct Entry {
    /// The key's first bytes, which mostly decide.
    prefix: u64,
    block: u32,
    at: u32,
    key: u32,
    value: u32,
}

/// Takes records.
pub struct Sorter {
    work: Work,
    /// The memory that there was to begin with, in bytes.
    least: u64,
    /// What does not fit into `work`: a record longer than all of it.
    beyond: Option<Held>,
    held: Records,
    runs: Option<Runs>,
    cancel: Cancel,
}

/// Records in memory.
#[derive(Default)]
struct Records {
    blocks: Vec<Vec<u8>>,
    entries: Vec<Entry>,
    bytes: u64,
}

impl Records {
    fn bytes_of(&self, entry: &Entry) -> (Range<usize>, Range<usize>) {
        let start = entry.at as usize;
        let middle = start + entry.key as usize;
        (start..middle, middle..middle + entry.value as usize)
    }

    fn record(&self, entry: &Entry) -> (&[u8], &[u8]) {
        let (key, value) = self.bytes_of(entry);
        let block = &self.blocks[entry.block as usize];
        (&block[key], &block[value])
    }

    fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let len = key.len() + value.len();
        if self.blocks.last().is_none_or(|block| block.capacity() - block.len() < len) {
            self.blocks.push(Vec::with_capacity(len.max(BLOCK)));
        }
        let block = self.blocks.len() - 1;
        let bytes = &mut self.blocks[block];
        let short = |len: usize| {
            u32::try_from(len)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a row has 4 GiB or more"))
        };
        let entry = Entry {
            prefix: prefix(key),
            block: short(block)?,
            at: short(bytes.len())?,
            key: short(key.len())?,
            value: short(value.len())?,
        };
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(value);
        self.entries.push(entry);
        self.bytes += cost(key, value);
        Ok(())
    }

    fn sort(&mut self) {
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
    }
}

fn cost(key: &[u8], value: &[u8]) -> u64 {
    (HEAD + key.len() + value.len()) as u64 + OVERHEAD
}

/// The first bytes of a key as a number that compares as they do.
fn prefix(key: &[u8]) -> u64 {
    let mut first = [0; 8];
    let len = key.len().min(8);
    first[..len].copy_from_slice(&key[..len]);
    u64::from_be_bytes(first)
}

impl Sorter {
    /// A sorter with the memory of `work`, to begin with.
    pub fn new(work: Work, cancel: &Cancel) -> Self {
        let (least, held, cancel) = (work.bytes(), Records::default(), cancel.clone());
        Self { work, least, beyond: None, held, runs: None, cancel }
    }

    /// Adds a record. May write to a temporary file.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let bytes = cost(key, value);
        if self.held.bytes + bytes > self.work.bytes() && !self.work.grow(bytes.max(STEP)) {
            self.spill()?;
            if bytes > self.work.bytes() {
                self.beyond = Some(self.work.budget().hold(bytes));
            }
        }
        self.held.push(key, value)
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.held.entries.is_empty() {
            return Ok(());
        }
        self.held.sort();
        let mut run = match &mut self.runs {
            Some(runs) => runs.begin(),
            none => none.insert(Runs::new()?).begin(),
        };
        for entry in &self.held.entries {
            let (key, value) = self.held.record(entry);
            run.write(key, value)?;
        }
        run.end()?;
        self.held.clear();
        self.beyond = None;
        Ok(())
    }

    /// All records, sorted: in memory if they fit, and take no more than `keep` bytes. What is not used of the memory goes
    /// back, but for what there was to begin with.
    ///
    /// # Errors
    /// When there is no room for temporary files, and when it is cancelled.
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
        self.held = Records::default();
        self.work.shrink_to(self.least);
        let merge = runs.merged(self.work.bytes(), &self.cancel)?;
        Ok(Sorted { storage: Storage::File(Box::new(merge)), work: self.work, least: self.least })
    }

    /// Forgets all records, and gives back what there was to begin with.
    pub fn into_work(mut self) -> Work {
        self.work.shrink_to(self.least);
        self.work
    }
}

/// Records in order.
pub struct Sorted {
    storage: Storage,
    work: Work,
    least: u64,
}

enum Storage {
    Memory { records: Records, next: usize, _beyond: Option<Held> },
    File(Box<Merge>),
}

impl Sorted {
    /// The next record: key and value.
    ///
    /// # Errors
    /// When the temporary file cannot be read, and when it is cancelled.
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

    /// Forgets all records, and gives back the memory that their sorter had to begin with.
    pub fn into_work(self) -> Work {
        let Self { storage, mut work, least } = self;
        drop(storage);
        work.shrink_to(least);
        work
    }

    /// Begins anew with the first record.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
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
