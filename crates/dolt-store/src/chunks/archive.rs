//! Archives (`DOLTARC`, versions 1 to 3): spans of bytes, then an index, all big-endian.
//!
//! ```text
//! spans | index | metadata (JSON) | footer
//!
//! index:  S x end of span u64 | N x prefix u64, sorted | N x (dictionary u32, data u32) | N x suffix [12]
//! footer: index length u64 (u32 before version 3) | S u32 | N u32 | metadata length u32 | unused [192]
//!         | version u8 | "DOLTARC"
//! ```
//!
//! Spans are counted from 1. A chunk whose dictionary is 0 is a Snappy block with a checksum, as in table files; in
//! version 1 it is a Zstandard frame. A chunk with a dictionary is a Zstandard frame, as is the dictionary itself.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lru::LruCache;

use super::block::Dictionary;
use super::prefixes::find;
use super::table_file::{SUFFIX_LEN, join, split};
use crate::address::Address;
use crate::chunks::{block, found};
use crate::error::StoreError;
use crate::files::StoreFile;
use crate::number::to_usize;

/// The suffix of the name of an archive.
pub const SUFFIX: &str = ".darc";
const SIGNATURE: &[u8; 7] = b"DOLTARC";
const LAST_VERSION: u8 = 3;
/// From this version on, chunks without a dictionary are Snappy blocks.
const SNAPPY_VERSION: u8 = 2;
/// From this version on, the footer states the length of the index in 8 bytes.
const WIDE_VERSION: u8 = 3;
/// Length of a footer of the last version.
const FOOTER_LEN: u64 = 8 + 4 + 4 + 4 + 192 + 1 + 7;
const SPAN_LEN: u64 = 8;
const ENTRY_LEN: u64 = 8 + 8 + SUFFIX_LEN as u64;
/// Dictionaries kept ready, of 100 KiB or so each; archives made by garbage collection have one or a few.
const READY_DICTIONARIES: std::num::NonZeroUsize = std::num::NonZeroUsize::new(64).expect("64 is not 0");

/// An open archive with its index: 28 bytes of memory per chunk and 8 per span.
pub struct ArchiveFile {
    file: StoreFile,
    version: u8,
    /// End of each span.
    ends: Vec<u64>,
    /// Sorted; as many as there are chunks.
    prefixes: Vec<u64>,
    /// Spans of dictionary and data, in the order of the prefixes.
    spans: Vec<(u32, u32)>,
    /// In the order of the prefixes.
    suffixes: Vec<[u8; SUFFIX_LEN]>,
    dictionaries: Mutex<LruCache<u32, Arc<Dictionary>>>,
}

struct Footer {
    version: u8,
    index_at: u64,
    spans: u64,
    chunks: u64,
}

impl ArchiveFile {
    /// Reads the index of an archive that should hold `chunks` chunks, where that is known.
    pub fn open(file: StoreFile, chunks: Option<u32>) -> Result<Self, StoreError> {
        let footer = Footer::read(&file)?;
        let damaged = |problem: &str| StoreError::damaged(file.path(), problem);
        if let Some(chunks) = chunks.filter(|chunks| u64::from(*chunks) != footer.chunks) {
            let held = footer.chunks;
            return Err(damaged(&format!("it holds {held} chunks where the manifest says {chunks}")));
        }
        let index = file.read(footer.index_at, footer.spans * SPAN_LEN + footer.chunks * ENTRY_LEN)?;
        let (spans, chunks) = (to_usize(footer.spans), to_usize(footer.chunks));
        let (ends, rest) = index.split_at(spans * 8);
        let (prefixes, rest) = rest.split_at(chunks * 8);
        let (refs, suffixes) = rest.split_at(chunks * 8);
        let numbers = |bytes: &[u8]| -> Vec<_> {
            bytes.as_chunks::<8>().0.iter().map(|&number| u64::from_be_bytes(number)).collect()
        };
        let (ends, prefixes) = (numbers(ends), numbers(prefixes));
        if !ends.is_sorted() || ends.last().is_some_and(|&end| end > footer.index_at) {
            return Err(damaged("its spans overlap or lie outside of its data"));
        }
        if !prefixes.is_sorted() {
            return Err(damaged("its index is not sorted"));
        }
        let spans: Vec<_> = refs
            .as_chunks::<8>()
            .0
            .iter()
            .map(|[a, b, c, d, data @ ..]| (u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes(*data)))
            .collect();
        let suffixes = suffixes.as_chunks::<SUFFIX_LEN>().0.to_vec();
        let dictionaries = Mutex::new(LruCache::new(READY_DICTIONARIES));
        Ok(Self { file, version: footer.version, ends, prefixes, spans, suffixes, dictionaries })
    }

    fn find(&self, address: &Address) -> Option<usize> {
        let (prefix, suffix) = split(address);
        find(&self.prefixes, prefix, |&other| other).find(|&at| self.suffixes[at] == suffix)
    }

    pub fn file(&self) -> &StoreFile {
        &self.file
    }

    pub fn has(&self, address: &Address) -> bool {
        self.find(address).is_some()
    }

    /// The chunk, if it is here. Its address is always checked: neither the index nor Dolt's frames have checksums of
    /// their own.
    pub fn get(&self, address: &Address) -> Result<Option<Bytes>, StoreError> {
        found(|out| self.get_in(address, out))
    }

    /// Puts the chunk into `out`, if it is here. Returns whether it is.
    pub fn get_in(&self, address: &Address, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let Some(at) = self.find(address) else { return Ok(false) };
        let (dictionary, data) = self.spans[at];
        let start = self.start_of(data);
        let damaged = |problem| StoreError::DamagedChunk {
            address: *address,
            file: self.file.path().to_owned(),
            problem: format!("at byte {start}, {problem}"),
        };
        let block = self.span(data)?.ok_or_else(|| damaged(format!("its span {data} is not there")))?;
        let unpacked = match dictionary {
            0 if self.version >= SNAPPY_VERSION => block::unpack_snappy(&block, out),
            0 => block::unpack_zstd(&block, None, out),
            span => {
                let dictionary = self.dictionary(span)?.map_err(damaged)?;
                block::unpack_zstd(&block, Some(&dictionary), out)
            }
        };
        unpacked.and_then(|()| block::check_address(address, out)).map_err(damaged)?;
        Ok(true)
    }

    fn span(&self, span: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(at) = (span as usize).checked_sub(1).filter(|&at| at < self.ends.len()) else {
            return Ok(None);
        };
        let start = self.start_of(span);
        self.file.read(start, self.ends[at] - start).map(Some)
    }

    /// Where a span begins; 0 where there is no such span.
    fn start_of(&self, span: u32) -> u64 {
        (span as usize).checked_sub(2).and_then(|before| self.ends.get(before)).copied().unwrap_or(0)
    }

    /// The dictionary in a span. The inner error is what is wrong with it, as a clause.
    fn dictionary(&self, span: u32) -> Result<Result<Arc<Dictionary>, String>, StoreError> {
        let mut ready = self.dictionaries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dictionary) = ready.get(&span) {
            return Ok(Ok(Arc::clone(dictionary)));
        }
        let Some(block) = self.span(span)? else {
            return Ok(Err(format!("its dictionary {span} is not there")));
        };
        Ok(block::unpack_dictionary(&block)
            .map(Arc::new)
            .map_err(|problem| format!("its dictionary in span {span} is damaged: {problem}"))
            .inspect(|dictionary| {
                ready.put(span, Arc::clone(dictionary));
            }))
    }

    pub fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// The addresses of all chunks, sorted.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        self.prefixes.iter().zip(&self.suffixes).map(|(&prefix, suffix)| join(prefix, suffix))
    }
}

impl Footer {
    fn read(file: &StoreFile) -> Result<Self, StoreError> {
        let damaged = |problem: &str| StoreError::damaged(file.path(), problem);
        // The footer of earlier versions is 4 bytes shorter; the bytes read before it are ignored.
        let at = file.len().checked_sub(FOOTER_LEN).ok_or_else(|| damaged("it is too short"))?;
        let footer = file.read(at, FOOTER_LEN)?;
        let [a, b, c, d, e, f, g, h, counts @ ..] = footer.as_slice() else {
            return Err(damaged("it is too short"));
        };
        let [.., version, _, _, _, _, _, _, _] = counts else { return Err(damaged("it is too short")) };
        if !footer.ends_with(SIGNATURE) {
            return Err(damaged("it does not end as an archive does"));
        }
        if !(1..=LAST_VERSION).contains(version) {
            let problem =
                format!("is an archive of version {version}; versions 1 to {LAST_VERSION} are read");
            return Err(StoreError::UnsupportedFile { file: file.path().to_owned(), problem });
        }
        let (index_len, footer_len) = match *version >= WIDE_VERSION {
            true => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), FOOTER_LEN),
            false => (u64::from(u32::from_be_bytes([*e, *f, *g, *h])), FOOTER_LEN - 4),
        };
        let number =
            |at: usize| counts[at..at + 4].iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        let (spans, chunks, metadata_len) = (number(0), number(4), number(8));
        if index_len != spans * SPAN_LEN + chunks * ENTRY_LEN {
            return Err(damaged("its index is not as long as its counts ask for"));
        }
        let index_at = file.len().checked_sub(footer_len + metadata_len + index_len);
        let index_at = index_at.ok_or_else(|| damaged("its index is longer than itself"))?;
        Ok(Self { version: *version, index_at, spans, chunks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::StdAccess;
    use crate::testing::{address_of, archive};

    const CHUNKS: [&[u8]; 4] = [b"rows of a table", b"two two two two two", b"open and closed", b"four"];

    fn open(bytes: &[u8]) -> Result<ArchiveFile, StoreError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file.darc");
        std::fs::write(&path, bytes).expect("the folder is ours");
        ArchiveFile::open(StoreFile::open(&StdAccess, &path)?, Some(4))
    }

    #[test]
    fn chunks_of_all_versions_are_found() {
        for version in 1..=3 {
            let file = open(&archive(&CHUNKS, version)).expect("an archive");
            for chunk in CHUNKS {
                let found = file.get(&address_of(chunk)).expect("it is whole");
                assert_eq!(found.expect("it is there"), chunk, "version {version}");
            }
            assert!(file.get(&address_of(b"five")).expect("no damage").is_none());
            assert!(file.addresses().is_sorted());
        }
    }

    #[test]
    fn a_later_version_is_refused_by_name() {
        let mut bytes = archive(&CHUNKS, 3);
        let version = bytes.len() - 8;
        bytes[version] = 4;
        let error = open(&bytes).err().expect("a later version");
        assert!(matches!(error, StoreError::UnsupportedFile { .. }), "{error}");
        assert!(error.to_string().contains("version 4"), "{error}");
    }

    #[test]
    fn damage_anywhere_gives_no_wrong_chunk() {
        for version in 1..=3 {
            let whole = archive(&CHUNKS, version);
            for at in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << (at % 8);
                let Ok(file) = open(&bytes) else { continue };
                for chunk in CHUNKS {
                    if let Ok(Some(found)) = file.get(&address_of(chunk)) {
                        assert_eq!(found, chunk, "byte {at}");
                    }
                }
            }
        }
    }
}
