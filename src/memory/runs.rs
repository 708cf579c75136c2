//! Sorted runs of records in a temporary file, and merging them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::{Cancel, unnamed_file};

/// Length of the head of a record: the lengths of its key and its value.
pub(super) const HEAD: usize = 8;

/// Bytes that are written at once.
const PIECE: usize = 256 << 10;

/// Bytes of a run that are read at once, at least and at most.
const LEAST_READ: u64 = 4 << 10;
const MOST_READ: u64 = 256 << 10;

/// How many runs are merged at once at most: each is read at another place of the file.
const MOST_AT_ONCE: usize = 256;

/// Cancellation is checked each time after this many records.
const LOOK: u64 = 1024;

/// A run: where it is, and its longest record, in bytes.
#[derive(Debug, Clone)]
struct SortedRun {
    place: Range<u64>,
    longest: u64,
}

/// Runs in one file, in the order in which they were written.
pub(super) struct Runs {
    file: Arc<File>,
    runs: Vec<SortedRun>,
    end: u64,
    /// The last key of the last run, if it is known.
    last_key: Option<Vec<u8>>,
}

pub(super) struct Writing<'r> {
    runs: &'r mut Runs,
    run: SortedRun,
    piece: Vec<u8>,
}

impl Runs {
    pub fn new() -> io::Result<Self> {
        Ok(Self { file: Arc::new(unnamed_file()?), runs: Vec::new(), end: 0, last_key: None })
    }

    /// Begins a run that starts with `key`, or continues the last one if its last key is not greater.
    pub fn begin_at(&mut self, key: &[u8]) -> Writing<'_> {
        let goes_on = self.last_key.take().is_some_and(|last| *last <= *key);
        match self.runs.pop_if(|_| goes_on) {
            Some(run) => Writing { runs: self, run, piece: Vec::with_capacity(PIECE) },
            None => self.begin(),
        }
    }

    fn begin(&mut self) -> Writing<'_> {
        let run = SortedRun { place: self.end..self.end, longest: 0 };
        Writing { runs: self, run, piece: Vec::with_capacity(PIECE) }
    }

    /// Merges runs until all that are left can be read at once with `memory` bytes.
    pub fn merged(mut self, memory: u64, cancel: &Cancel) -> io::Result<Merge> {
        loop {
            let together = self.together(memory);
            if together.len() <= 1 {
                return Merge::of(Arc::clone(&self.file), self.runs, memory, cancel);
            }
            let mut next = Self::new()?;
            for group in together {
                let mut merge = Merge::of(Arc::clone(&self.file), self.runs[group].to_vec(), memory, cancel)?;
                let mut run = next.begin();
                while let Some((key, value)) = merge.next()? {
                    run.write(key, value)?;
                }
                run.end()?;
            }
            self = next;
        }
    }

    /// Which runs are merged with which: neighbours, so that equal records stay in their order.
    fn together(&self, memory: u64) -> Vec<Range<usize>> {
        let (mut groups, mut start, mut bytes) = (Vec::new(), 0, 0_u64);
        for (at, run) in self.runs.iter().enumerate() {
            let cost = run.longest.max(LEAST_READ);
            let count = at - start;
            if count >= MOST_AT_ONCE || count >= 2 && bytes + cost > memory {
                groups.push(start..at);
                (start, bytes) = (at, 0);
            }
            bytes += cost;
        }
        groups.push(start..self.runs.len());
        groups
    }
}

impl<'r> Writing<'r> {
    pub fn write(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let [key_len, value_len] = [short(key.len())?, short(value.len())?];
        self.run.longest = self.run.longest.max((HEAD + key.len() + value.len()) as u64);
        self.piece.extend_from_slice(&key_len.to_le_bytes());
        self.piece.extend_from_slice(&value_len.to_le_bytes());
        for bytes in [key, value] {
            // A long key or value is not copied first.
            if self.piece.len() + bytes.len() > PIECE {
                self.flush()?;
            }
            if bytes.len() > PIECE {
                self.put(bytes)?;
            } else {
                self.piece.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    /// Ends the run, whose last key is `key`.
    pub fn end_at(self, key: &[u8]) -> io::Result<()> {
        self.end()?.last_key = Some(key.to_vec());
        Ok(())
    }

    fn end(mut self) -> io::Result<&'r mut Runs> {
        self.flush()?;
        let Self { runs, run, .. } = self;
        runs.runs.push(run);
        Ok(runs)
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        self.put(&piece)?;
        self.piece = piece;
        self.piece.clear();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.runs.file.write_all_at(bytes, self.runs.end)?;
        self.runs.end += bytes.len() as u64;
        self.run.place.end = self.runs.end;
        Ok(())
    }
}

/// A length or an offset as records store it.
pub(super) fn short(len: usize) -> io::Result<u32> {
    u32::try_from(len).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a row has 4 GiB or more"))
}

pub(super) struct Merge {
    file: Arc<File>,
    runs: Vec<SortedRun>,
    /// The readers that have a record, that of the least record first.
    readers: BinaryHeap<Box<RunReader>>,
    /// Whether the record of the first reader was handed out.
    is_given: bool,
    piece: usize,
    cancel: Cancel,
    count: u64,
}

impl Merge {
    fn of(file: Arc<File>, runs: Vec<SortedRun>, memory: u64, cancel: &Cancel) -> io::Result<Self> {
        let each = (memory / runs.len().max(1) as u64).clamp(LEAST_READ, MOST_READ);
        // Fits: it is at most 256 KiB.
        let piece = each as usize;
        let mut merge = Self {
            file,
            runs,
            readers: BinaryHeap::new(),
            is_given: false,
            piece,
            cancel: cancel.clone(),
            count: 0,
        };
        merge.rewind()?;
        Ok(merge)
    }

    pub fn rewind(&mut self) -> io::Result<()> {
        (self.readers, self.is_given) = (BinaryHeap::new(), false);
        for (number, run) in self.runs.iter().enumerate() {
            let mut reader = Box::new(RunReader::new(number, run.place.clone(), self.piece));
            if reader.advance(&self.file)? {
                self.readers.push(reader);
            }
        }
        Ok(())
    }

    pub fn next(&mut self) -> io::Result<Option<(&[u8], &[u8])>> {
        self.count += 1;
        if self.count.is_multiple_of(LOOK) && self.cancel.is_cancelled() {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "nobody waits for it any more"));
        }
        if std::mem::replace(&mut self.is_given, true)
            && let Some(mut first) = self.readers.peek_mut()
            && !first.advance(&self.file)?
        {
            PeekMut::pop(first);
        }
        Ok(self.readers.peek().map(|first| first.record()))
    }
}

struct RunReader {
    /// The position of its run among all runs.
    number: usize,
    rest: Range<u64>,
    piece: usize,
    buffer: Vec<u8>,
    /// Where the next record begins in the buffer.
    at: usize,
    key: Range<usize>,
    value: Range<usize>,
}

impl RunReader {
    fn new(number: usize, rest: Range<u64>, piece: usize) -> Self {
        Self { number, rest, piece, buffer: Vec::new(), at: 0, key: 0..0, value: 0..0 }
    }

    fn record(&self) -> (&[u8], &[u8]) {
        (&self.buffer[self.key.clone()], &self.buffer[self.value.clone()])
    }

    /// Moves to the next record; false after the last.
    fn advance(&mut self, file: &File) -> io::Result<bool> {
        if self.at == self.buffer.len() && self.rest.is_empty() {
            return Ok(false);
        }
        self.need(HEAD, file)?;
        let head = &self.buffer[self.at..self.at + HEAD];
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (key, value) = (number(0) as usize, number(4) as usize);
        self.need(HEAD + key + value, file)?;
        let start = self.at + HEAD;
        self.key = start..start + key;
        self.value = start + key..start + key + value;
        self.at = start + key + value;
        Ok(true)
    }

    /// Makes sure that the buffer has `len` bytes from `at` on.
    fn need(&mut self, len: usize, file: &File) -> io::Result<()> {
        let held = self.buffer.len() - self.at;
        if held >= len {
            return Ok(());
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let left = self.rest.end - self.rest.start;
        let more = (len - held).max(self.piece.saturating_sub(held));
        let more = usize::try_from(left).map_or(more, |left| more.min(left));
        if self.buffer.capacity() > 2 * self.piece.max(len) {
            // After a long record.
            self.buffer.shrink_to(self.piece.max(len));
        }
        self.buffer.resize(held + more, 0);
        file.read_exact_at(&mut self.buffer[held..], self.rest.start)?;
        self.rest.start += more as u64;
        if self.buffer.len() < len {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a temporary file is too short"));
        }
        Ok(())
    }
}

/// A heap gives the greatest first, so the reader of the least record is the greatest; of equal ones, that of the
/// earlier run.
impl Ord for RunReader {
    fn cmp(&self, other: &Self) -> Ordering {
        other.record().0.cmp(self.record().0).then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for RunReader {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for RunReader {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for RunReader {}
