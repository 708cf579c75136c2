//! The journal: the file that a running Dolt appends to.
//!
//! A record is its own length (u32, all of it), fields behind one-byte tags, and a CRC-32C of all before it. Numbers
//! are big-endian:
//!
//! | tag | field |
//! | --- | --- |
//! | 1 | kind: 1 a new root, 2 a chunk |
//! | 2 | address, 20 bytes |
//! | 3 | the chunk's block (Snappy, CRC-32C), up to the checksum of the record |
//! | 4 | time, 8 bytes |
//!
//! The last record may be torn, and zeros or rubbish may follow it: a journal looks like this after a crash, and for an
//! instant while Dolt writes it. It is damage only if records follow that count by the rules of
//! [`Journal::read_on`].
//!
//! | file | concern |
//! | --- | --- |
//! | `record` | one record |
//! | `window` | the bytes in memory; the search for records after bytes that are no records |
//! | `anchors` | whether what was read is still there |
//! | `check` | what only a check reads |

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::nearby::with_bytes;
use super::runs::{MAX_OFFSET, RecordPlace, Runs};
use super::{block, found};
use crate::address::Address;
use crate::error::StoreError;
use crate::files::{Stamp, StoreFile};
use crate::message::COMMIT_ID;

mod anchors;
mod check;
mod record;
mod window;

use anchors::{Anchor, Anchors};
use record::{Record, checked_chunk, parse, unpack};
use window::{JournalWindow, Search, SearchResult};

pub use check::FileFlaw;

/// At most this many records are read to find one chunk. Two addresses begin alike only if they were made to.
const MOST_ALIKE: usize = 64;
/// How many of the newest roots are kept, for a journal whose last root leads nowhere.
const KEPT_ROOTS: usize = 256;
/// How many chunks are read again to see whether a journal was written over.
const SAMPLES: usize = 16;

/// A journal up to the end of what was read. Extending it makes a new one that shares the file and the index.
#[derive(Debug, Clone)]
pub struct Journal {
    file: Arc<StoreFile>,
    runs: Runs,
    /// End of the last whole record.
    end: u64,
    /// The newest roots, the last one last.
    roots: VecDeque<Address>,
    /// Bytes before the end that are no records: offset and length.
    damage: Vec<(u64, u64)>,
    /// Where the search for records stopped, because it would take too long.
    unsearched: Option<u64>,
    anchors: Anchors,
    /// Whether a record differed from what it was when it was read first.
    is_suspect: Arc<AtomicBool>,
}

impl Journal {
    /// Opens a journal and reads all of it.
    pub fn open(file: StoreFile) -> Result<Self, StoreError> {
        let mut journal = Self {
            file: Arc::new(file),
            runs: Runs::default(),
            end: 0,
            roots: VecDeque::new(),
            damage: Vec::new(),
            unsearched: None,
            anchors: Anchors::default(),
            is_suspect: Arc::default(),
        };
        journal.read_on()?;
        Ok(journal)
    }

    /// The journal, read on to the present end of its file; see [`Self::rewritten`] first.
    pub fn extended(&self) -> Result<Self, StoreError> {
        let mut journal = self.clone();
        journal.read_on()?;
        Ok(journal)
    }

    /// What shows, as a clause, that the file was written over since it was read; `None` if what was read is still
    /// there. Reads a few records.
    pub fn rewritten(&self) -> Result<Option<String>, StoreError> {
        let len = self.stamp()?.len();
        if len < self.end {
            return Ok(Some(format!("it ends at {len}, and was read up to {}", self.end)));
        }
        if self.is_suspect.load(Ordering::Relaxed) {
            return Ok(Some("a record was not what it was when it was read".to_owned()));
        }
        let another = |offset| Ok(Some(format!("another record stands at {offset} than was read there")));
        for anchor in self.anchors.all() {
            if !anchor.holds(&self.file)? {
                return another(anchor.offset);
            }
        }
        for place in self.runs.samples(SAMPLES) {
            // Reads the file itself: the bytes that a thread keeps of it may be old.
            let mut record = vec![0; place.len() as usize];
            let len = self.file.read_some(place.offset(), &mut record)?;
            let found = checked_chunk(&record[..len]);
            if !found.is_ok_and(|(address, _)| place.may_be_of(&address)) {
                return another(place.offset());
            }
        }
        Ok(None)
    }

    /// Reads what follows the last record. Records after damaged bytes count only if Dolt itself counts them: if they
    /// have a root and, not necessarily at once, a record after it. Anything less may be rubbish that a crash left. If
    /// no record precedes the damaged bytes, a root is enough.
    fn read_on(&mut self) -> Result<(), StoreError> {
        let mut window = JournalWindow::new(&self.file, self.end)?;
        let mut records = RecordStretch::default();
        records.read(&mut window, self.end)?;
        let mut search = Search::through(window.end.saturating_sub(records.end));
        let (mut damage, mut unsearched) = (Vec::new(), None);
        loop {
            // No record begins at the end of the records that were read.
            let at = match search.next(&mut window, records.end + 1)? {
                SearchResult::Record(at) => at,
                SearchResult::Nothing => break,
                SearchResult::GaveUp(at) => {
                    unsearched = Some(at);
                    break;
                }
            };
            let mut found = RecordStretch::default();
            found.read(&mut window, at)?;
            let is_all_there_is = records.end == 0 && !found.roots.is_empty();
            if !found.goes_on && !is_all_there_is {
                break;
            }
            damage.push((records.end, at - records.end));
            records.append(found);
        }
        self.damage.extend(damage);
        self.unsearched = unsearched;
        self.end = records.end;
        self.anchors.append(&records.anchors);
        self.roots.extend(records.roots);
        keep_newest(&mut self.roots);
        self.runs.add(records.places);
        Ok(())
    }

    /// The newest root, if any was written.
    pub fn root(&self) -> Option<Address> {
        self.roots.back().copied()
    }

    /// The newest roots, the newest one first.
    pub fn roots(&self) -> impl Iterator<Item = &Address> {
        self.roots.iter().rev()
    }

    /// What was skipped because it is damaged, if anything: chunks that are nowhere else may have been there.
    pub fn damage(&self) -> Option<StoreError> {
        let problem = match (self.damage.first(), self.unsearched) {
            (Some((offset, len)), _) => {
                let more = match self.damage.len() {
                    1 => String::new(),
                    places => format!(", and in {} more places", places - 1),
                };
                format!("{len} bytes at {offset} are no records{more}")
            }
            (None, Some(at)) => {
                format!(
                    "what follows from {at} on was not read: too much of it looks like records and is none"
                )
            }
            (None, None) => return None,
        };
        Some(StoreError::damaged(self.file.path(), problem))
    }

    /// The state of the open file, to compare with the state of the file that has its name.
    pub fn stamp(&self) -> Result<Stamp, StoreError> {
        self.file.stamp()
    }

    /// Whether the chunk is here, by the first 8 bytes of its address.
    pub fn has(&self, address: &Address) -> bool {
        self.runs.find(address).next().is_some()
    }

    pub fn get(&self, address: &Address) -> Result<Option<Bytes>, StoreError> {
        found(|out| self.get_in(address, out))
    }

    /// Puts the chunk into `out`, if it is here. Returns whether it is.
    pub fn get_in(&self, address: &Address, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let mut failure = None;
        for place in self.runs.find(address).take(MOST_ALIKE) {
            let unpacked =
                with_bytes(&self.file, place.offset(), place.len(), |record| unpack(address, record, out));
            match unpacked.inspect_err(|_| self.suspect())? {
                Ok(()) => return Ok(true),
                Err(problem) => failure = Some(format!("at byte {}, {problem}", place.offset())),
            }
        }
        failure.map_or(Ok(false), |problem| {
            self.suspect();
            Err(StoreError::DamagedChunk { address: *address, file: self.file.path().to_owned(), problem })
        })
    }

    /// Notes that what was read is no longer there. It matters only if the file changed since.
    fn suspect(&self) {
        self.is_suspect.store(true, Ordering::Relaxed);
    }

    /// How many chunks were appended since `earlier`; all chunks if `earlier` is of another file.
    pub fn count_since(&self, earlier: Option<&Self>) -> usize {
        self.since(earlier).count()
    }

    /// The addresses of all chunks, in the order of the file.
    pub fn addresses(&self) -> impl Iterator<Item = Result<Address, StoreError>> {
        self.addresses_at(self.runs.places().copied().collect())
    }

    /// The addresses of the chunks that may be commits and were appended since `earlier`, in the order of the file; of
    /// all chunks that may be commits if `earlier` is of another file.
    pub fn possible_commits_since(
        &self,
        earlier: Option<&Self>,
    ) -> impl Iterator<Item = Result<Address, StoreError>> {
        self.addresses_at(self.since(earlier).filter(|place| place.may_be_commit()).copied().collect())
    }

    fn since(&self, earlier: Option<&Self>) -> impl Iterator<Item = &RecordPlace> {
        let start = earlier.filter(|earlier| self.continues(earlier)).map_or(0, |earlier| earlier.end);
        self.runs.places().filter(move |place| place.offset() >= start)
    }

    fn addresses_at(
        &self,
        mut places: Vec<RecordPlace>,
    ) -> impl Iterator<Item = Result<Address, StoreError>> {
        places.sort_unstable_by_key(RecordPlace::offset);
        places.into_iter().map(|place| {
            let address = |record: &[u8]| Ok(checked_chunk(record)?.0);
            let found = with_bytes(&self.file, place.offset(), place.len(), address)?;
            found.map_err(|problem| {
                let problem = format!("the record at {} is not what it was: {problem}", place.offset());
                StoreError::damaged(self.file.path(), problem)
            })
        })
    }

    /// Whether this is `earlier`, with or without appended records.
    pub fn continues(&self, earlier: &Self) -> bool {
        Arc::ptr_eq(&self.file, &earlier.file)
    }
}

/// Drops all roots but the newest.
fn keep_newest(roots: &mut VecDeque<Address>) {
    roots.drain(..roots.len().saturating_sub(KEPT_ROOTS));
}

/// What consecutive records hold.
#[derive(Debug, Default)]
struct RecordStretch {
    places: Vec<RecordPlace>,
    /// The newest roots, the last one last.
    roots: VecDeque<Address>,
    anchors: Anchors,
    /// End of the last record.
    end: u64,
    /// Whether a record follows the first root.
    goes_on: bool,
}

impl RecordStretch {
    /// Reads whole records from `offset` on.
    fn read(&mut self, window: &mut JournalWindow<'_>, offset: u64) -> Result<(), StoreError> {
        self.end = offset;
        let path = window.file.path();
        while let Some(record) = window.record(self.end)? {
            let unsupported = |problem: String| StoreError::UnsupportedFile {
                file: path.to_owned(),
                problem: format!("has a record at {} that {problem}", self.end),
            };
            let parsed = parse(record).map_err(unsupported)?;
            self.goes_on |= !self.roots.is_empty();
            self.anchors.add(Anchor::of(self.end, record), matches!(parsed, Record::Root(_)));
            match parsed {
                Record::Root(root) => {
                    self.roots.push_back(root);
                    keep_newest(&mut self.roots);
                }
                Record::Chunk { address, block_at } => {
                    let may_be_commit = block::may_be_message(&record[block_at..], COMMIT_ID);
                    let len = u32::try_from(record.len()).ok();
                    let place = len.and_then(|len| RecordPlace::new(&address, self.end, len, may_be_commit));
                    let too_far = || unsupported(format!("lies behind {MAX_OFFSET} bytes, as none should"));
                    self.places.push(place.ok_or_else(too_far)?);
                }
            }
            self.end += record.len() as u64;
        }
        Ok(())
    }

    fn append(&mut self, later: Self) {
        self.places.extend(later.places);
        self.roots.extend(later.roots);
        keep_newest(&mut self.roots);
        self.anchors.append(&later.anchors);
        self.end = later.end;
    }
}

#[cfg(test)]
mod tests;
