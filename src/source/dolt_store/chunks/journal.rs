//! The journal: what a running Dolt appends to.
//!
//! A record is its own length (u32, all of it), fields behind one-byte tags, and a CRC-32C of all before it; numbers are
//! big-endian:
//!
//! | tag | field |
//! | --- | --- |
//! | 1 | kind: 1 a new root, 2 a chunk |
//! | 2 | address, 20 bytes |
//! | 3 | the chunk's block (Snappy, CRC-32C), up to the checksum of the record |
//! | 4 | time, 8 bytes |
//!
//! The last record may be torn, and zeros or rubbish may follow it: both are how a journal looks after a crash, and
//! for an instant while it is written. Only where whole records follow as [`resume`] wants them is it damage.

use std::sync::Arc;

use bytes::Bytes;

use super::block;
use super::file::{Stamp, StoreFile};
use super::nearby::with_bytes;
use super::runs::{MAX_OFFSET, Place, Runs};
use crate::model::terminal::ShowPath;
use crate::source::dolt_store::address::Address;
use crate::source::dolt_store::error::StoreError;
use crate::source::dolt_store::objects::commit::COMMIT_ID;
use crate::source::root::SourcePath;

mod check;

pub use check::Flaw;

/// Name of the journal's file.
pub const JOURNAL: &str = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";
/// The longest record that Dolt writes.
const MAX_RECORD_LEN: usize = 5 << 20;
/// How much is read at once.
const WINDOW_LEN: usize = 8 << 20;
/// How many records are read in search of one chunk. Of addresses that begin alike there is one, unless somebody made
/// them so.
const MOST_ALIKE: usize = 64;
const LENGTH_LEN: usize = 4;
const CHECKSUM_LEN: usize = 4;

const KIND_TAG: u8 = 1;
const ADDRESS_TAG: u8 = 2;
const BLOCK_TAG: u8 = 3;
const TIME_TAG: u8 = 4;
const TIME_LEN: usize = 8;
const ROOT_KIND: u8 = 1;
const CHUNK_KIND: u8 = 2;

/// A journal as far as it was read. Extending it makes a new one that shares the file and the index.
#[derive(Debug, Clone)]
pub struct Journal {
    file: Arc<StoreFile>,
    runs: Runs,
    /// End of the last whole record.
    end: u64,
    root: Option<Address>,
    /// Bytes before the end that are no records: offset and length.
    damage: Vec<(u64, u64)>,
}

impl Journal {
    /// Opens a journal and reads all of it.
    ///
    /// # Errors
    /// [`StoreError::UnsupportedFile`] for records of a later version; what the operating system said.
    pub fn open(place: &SourcePath) -> Result<Self, StoreError> {
        let file = Arc::new(StoreFile::open(place)?);
        let mut journal = Self { file, runs: Runs::default(), end: 0, root: None, damage: Vec::new() };
        journal.read_on()?;
        Ok(journal)
    }

    /// Opens a journal beneath its folder, for tests.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[cfg(test)]
    fn named(path: &std::path::Path) -> Result<Self, StoreError> {
        let folder =
            SourcePath::of_folder(path.parent().unwrap_or(path), crate::source::root::Links::Beneath);
        let folder = folder.map_err(|error| StoreError::io(path, "open", error))?;
        Self::open(&folder.join(path.file_name().unwrap_or_default()))
    }

    /// The journal with what was appended since.
    ///
    /// # Errors
    /// See [`Self::open`].
    pub fn extended(&self) -> Result<Self, StoreError> {
        let mut journal = self.clone();
        journal.read_on()?;
        Ok(journal)
    }

    fn read_on(&mut self) -> Result<(), StoreError> {
        let mut window = Window::new(&self.file, self.end)?;
        let mut records = Records::default();
        records.read(&mut window, self.end)?;
        while let Some((resumed, found)) = resume(&mut window, records.end)? {
            tracing::warn!(
                file = %self.file.path().shown(),
                "{} bytes at {} are damaged; the records after them are read",
                resumed - records.end,
                records.end
            );
            self.damage.push((records.end, resumed - records.end));
            records.append(found);
        }
        self.end = records.end;
        self.root = records.root.or(self.root);
        self.runs.add(records.places);
        Ok(())
    }

    /// The newest root, if any was written.
    pub fn root(&self) -> Option<Address> {
        self.root
    }

    /// What was passed over because it is damaged, if anything: chunks that are nowhere else may have been there.
    pub fn damage(&self) -> Option<StoreError> {
        let (offset, len) = self.damage.first()?;
        let more = match self.damage.len() {
            1 => String::new(),
            places => format!(", and in {} more places", places - 1),
        };
        let problem = format!("{len} bytes at {offset} are no records{more}");
        Some(StoreError::damaged(self.file.path(), problem))
    }

    /// What tells whether the file is still the one by that name.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn stamp(&self) -> Result<Stamp, StoreError> {
        self.file.stamp()
    }

    /// Whether the chunk is here, as far as the first 8 bytes of its address tell.
    pub fn has(&self, address: &Address) -> bool {
        self.runs.find(address).next().is_some()
    }

    /// The chunk, if it is here.
    ///
    /// # Errors
    /// [`StoreError::DamagedChunk`]; what the operating system said.
    pub fn get(&self, address: &Address) -> Result<Option<Bytes>, StoreError> {
        let mut failure = None;
        for place in self.runs.find(address).take(MOST_ALIKE) {
            let unpacked =
                with_bytes(&self.file, place.offset(), place.len(), |record| unpack(address, record))?;
            match unpacked {
                Ok(chunk) => return Ok(Some(chunk)),
                Err(problem) => failure = Some(format!("at byte {}, {problem}", place.offset())),
            }
        }
        failure.map_or(Ok(None), |problem| {
            Err(StoreError::DamagedChunk { address: *address, file: self.file.path().to_owned(), problem })
        })
    }

    /// How many chunks were appended since `earlier`; of all where that is another file.
    pub fn count_since(&self, earlier: Option<&Self>) -> usize {
        self.since(earlier).count()
    }

    /// The addresses of all chunks, as they lie in the file.
    pub fn addresses(&self) -> impl Iterator<Item = Result<Address, StoreError>> {
        self.addresses_at(self.runs.places().copied().collect())
    }

    /// The addresses of the chunks that may be commits and were appended since `earlier`, as they lie in the file; of
    /// all where that is another file.
    pub fn possible_commits_since(
        &self,
        earlier: Option<&Self>,
    ) -> impl Iterator<Item = Result<Address, StoreError>> {
        self.addresses_at(self.since(earlier).filter(|place| place.may_be_commit()).copied().collect())
    }

    fn since(&self, earlier: Option<&Self>) -> impl Iterator<Item = &Place> {
        let start = earlier.filter(|earlier| self.continues(earlier)).map_or(0, |earlier| earlier.end);
        self.runs.places().filter(move |place| place.offset() >= start)
    }

    fn addresses_at(&self, mut places: Vec<Place>) -> impl Iterator<Item = Result<Address, StoreError>> {
        places.sort_unstable_by_key(Place::offset);
        places.into_iter().map(|place| {
            let address = |record: &[u8]| Ok(checked_chunk(record)?.0);
            let found = with_bytes(&self.file, place.offset(), place.len(), address)?;
            found.map_err(|problem| {
                let problem = format!("the record at {} is not what it was: {problem}", place.offset());
                StoreError::damaged(self.file.path(), problem)
            })
        })
    }

    /// Whether this is `earlier` with what was appended to it, if anything.
    pub fn continues(&self, earlier: &Self) -> bool {
        Arc::ptr_eq(&self.file, &earlier.file)
    }
}

/// The part of the file in memory.
struct Window<'f> {
    file: &'f StoreFile,
    /// Length of the file when reading it began.
    end: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'f> Window<'f> {
    fn new(file: &'f StoreFile, start: u64) -> Result<Self, StoreError> {
        Ok(Self { file, end: file.stamp()?.len(), start, bytes: Vec::new() })
    }

    /// The bytes from `offset` on of the next `len` that there are.
    fn there(&self, offset: u64, len: usize) -> usize {
        usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX).min(len)
    }

    /// Up to `len` bytes at `offset`: fewer only at the end of the file.
    fn at(&mut self, offset: u64, len: usize) -> Result<&[u8], StoreError> {
        let len = self.there(offset, len);
        let window_end = self.start + self.bytes.len() as u64;
        if offset < self.start || offset + len as u64 > window_end {
            self.bytes.resize(self.there(offset, WINDOW_LEN.max(len)), 0);
            let filled = self.file.read_some(offset, &mut self.bytes)?;
            self.bytes.truncate(filled);
            self.start = offset;
        }
        let skipped = ((offset - self.start) as usize).min(self.bytes.len());
        let end = (skipped + len).min(self.bytes.len());
        Ok(&self.bytes[skipped..end])
    }

    /// The whole record at `offset`, if there is one.
    fn record(&mut self, offset: u64) -> Result<Option<&[u8]>, StoreError> {
        let Some(len) = self.at(offset, LENGTH_LEN)?.first_chunk().map(|len| u32::from_be_bytes(*len)) else {
            return Ok(None);
        };
        let len = len as usize;
        if !(LENGTH_LEN + CHECKSUM_LEN..=MAX_RECORD_LEN).contains(&len) {
            return Ok(None);
        }
        let record = self.at(offset, len)?;
        Ok(is_whole(record).then_some(record))
    }
}

/// Whether bytes are one record whose checksum is right.
fn is_whole(record: &[u8]) -> bool {
    let Some((covered, checksum)) = record.split_last_chunk() else { return false };
    let stated = covered.first_chunk().map(|len| u32::from_be_bytes(*len));
    stated == u32::try_from(record.len()).ok() && crc32c::crc32c(covered) == u32::from_be_bytes(*checksum)
}

/// What a stretch of records says.
#[derive(Debug, Default)]
struct Records {
    places: Vec<Place>,
    root: Option<Address>,
    /// End of the last record.
    end: u64,
    /// Whether a record follows the first root.
    goes_on: bool,
}

impl Records {
    /// Reads whole records from `offset` on.
    fn read(&mut self, window: &mut Window<'_>, offset: u64) -> Result<(), StoreError> {
        self.end = offset;
        let path = window.file.path();
        while let Some(record) = window.record(self.end)? {
            let unsupported = |problem: String| StoreError::UnsupportedFile {
                file: path.to_owned(),
                problem: format!("has a record at {} that {problem}", self.end),
            };
            let parsed = parse(record).map_err(unsupported)?;
            self.goes_on |= self.root.is_some();
            match parsed {
                Record::Root(root) => self.root = Some(root),
                Record::Chunk { address, block_at } => {
                    let may_be_commit = block::may_be_message(&record[block_at..], COMMIT_ID);
                    let place = Place::new(&address, self.end, record.len() as u32, may_be_commit);
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
        self.root = later.root.or(self.root);
        self.end = later.end;
    }
}

/// Looks for records behind bytes that are none. What is found counts only as Dolt itself counts it: a root and, not
/// necessarily at once, a record after it. Anything less may be rubbish that a crash left.
///
/// Gives where the records begin, and the records.
fn resume(window: &mut Window<'_>, from: u64) -> Result<Option<(u64, Records)>, StoreError> {
    // The very first bytes were found to be no record before.
    let Some(at) = next_record(window, from + 1)? else { return Ok(None) };
    let mut records = Records::default();
    records.read(window, at)?;
    Ok(records.goes_on.then_some((at, records)))
}

/// Where the next whole record begins, from `at` on, wherever that is.
fn next_record(window: &mut Window<'_>, mut at: u64) -> Result<Option<u64>, StoreError> {
    loop {
        let bytes = window.at(at, WINDOW_LEN)?;
        let Some(next) = bytes.windows(LENGTH_LEN + 3).position(is_head) else {
            match bytes.len() < WINDOW_LEN {
                true => return Ok(None),
                // Heads that lie across the end are looked for again.
                false => at += (bytes.len() - LENGTH_LEN - 2) as u64,
            }
            continue;
        };
        at += next as u64;
        if window.record(at)?.is_some() {
            return Ok(Some(at));
        }
        at += 1;
    }
}

/// Whether bytes look like the beginning of a record as Dolt writes them.
fn is_head(bytes: &[u8]) -> bool {
    let [a, b, c, d, tag, kind, next, ..] = *bytes else { return false };
    let len = u32::from_be_bytes([a, b, c, d]) as usize;
    let is_kind = matches!((kind, next), (ROOT_KIND, TIME_TAG | ADDRESS_TAG) | (CHUNK_KIND, ADDRESS_TAG));
    tag == KIND_TAG && is_kind && len <= MAX_RECORD_LEN
}

#[derive(Debug, PartialEq, Eq)]
enum Record {
    Root(Address),
    Chunk { address: Address, block_at: usize },
}

/// Reads a whole record, checksum included. The error completes the sentence "the record ...".
fn parse(record: &[u8]) -> Result<Record, String> {
    let body = &record[..record.len() - CHECKSUM_LEN];
    let (mut kind, mut address, mut block_at) = (None, None, None);
    let mut at = LENGTH_LEN;
    while let Some(&tag) = body.get(at) {
        at += 1;
        let rest = &body[at..];
        match tag {
            KIND_TAG => kind = rest.first().copied(),
            ADDRESS_TAG => address = rest.get(..Address::LEN).and_then(Address::from_slice),
            BLOCK_TAG => block_at = Some(at),
            TIME_TAG => {}
            other => return Err(format!("has a field {other}, which is unknown")),
        }
        at += match tag {
            KIND_TAG => 1,
            ADDRESS_TAG => Address::LEN,
            BLOCK_TAG => rest.len(),
            _ => TIME_LEN,
        };
    }
    match (kind, address, block_at) {
        (Some(ROOT_KIND), Some(root), None) => Ok(Record::Root(root)),
        (Some(CHUNK_KIND), Some(address), Some(block_at)) => Ok(Record::Chunk { address, block_at }),
        (Some(kind), _, _) if kind != ROOT_KIND && kind != CHUNK_KIND => {
            Err(format!("is of kind {kind}, which is unknown"))
        }
        _ => Err("lacks a field".to_owned()),
    }
}

/// The address and the block in a record of a chunk, which may have been overwritten since it was found. The error is
/// what is wrong with it, as a clause.
fn checked_chunk(record: &[u8]) -> Result<(Address, &[u8]), String> {
    match is_whole(record).then(|| parse(record)) {
        Some(Ok(Record::Chunk { address, block_at })) => {
            Ok((address, &record[block_at..record.len() - CHECKSUM_LEN]))
        }
        Some(_) => Err("its record is one of another kind".to_owned()),
        None => Err("its record is damaged".to_owned()),
    }
}

/// The chunk of an address in its record. That it is this one needs no look at the content: the record names it, and
/// its checksum covers both.
fn unpack(address: &Address, record: &[u8]) -> Result<Bytes, String> {
    let (found, block) = checked_chunk(record)?;
    match found == *address {
        true => block::unpack_snappy(block),
        false => Err("its record is that of another address".to_owned()),
    }
}

#[cfg(test)]
mod tests;
