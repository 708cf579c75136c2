//! Table files: chunks, then an index, all big-endian.
//!
//! ```text
//! chunks (Snappy + CRC-32C) | N x (prefix u64, ordinal u32), sorted | N x length u32 | N x suffix [12]
//!     | N u32 | total unpacked length u64 | magic [8]
//! ```
//!
//! Lengths and suffixes are in the order of the chunks, which the ordinals count.

use bytes::Bytes;
use sha2::{Digest, Sha512};

use super::nearby::with_bytes;
use super::prefixes::find;
use super::{block, found};
use crate::address::Address;
use crate::error::StoreError;
use crate::files::StoreFile;

const MAGIC: [u8; 8] = [0xff, 0xb5, 0xd8, 0xc2, 0x24, 0x63, 0xee, 0x50];
const FOOTER_LEN: u64 = 4 + 8 + 8;
const TUPLE_LEN: usize = 8 + 4;
const LENGTH_LEN: usize = 4;
/// Length of the part of an address that the prefix does not hold.
pub const SUFFIX_LEN: usize = Address::LEN - 8;
const ENTRY_LEN: usize = TUPLE_LEN + LENGTH_LEN + SUFFIX_LEN;

/// An open table file with its index: 32 bytes of memory per chunk.
#[derive(Debug)]
pub struct TableFile {
    file: StoreFile,
    /// Sorted; as many as there are chunks.
    prefixes: Vec<u64>,
    ordinals: Vec<u32>,
    /// By ordinal.
    suffixes: Vec<[u8; SUFFIX_LEN]>,
    /// End of each chunk, by ordinal.
    ends: Vec<u64>,
}

impl TableFile {
    /// Reads the index of a table file that should hold `chunks` chunks, where that is known.
    pub fn open(file: StoreFile, chunks: Option<u32>) -> Result<Self, StoreError> {
        let path = file.path().to_owned();
        let damaged = |problem: &str| StoreError::damaged(&path, problem);
        let body = file.len().checked_sub(FOOTER_LEN).ok_or_else(|| damaged("it is too short"))?;
        let footer = file.read(body, FOOTER_LEN)?;
        if footer[12..] != MAGIC {
            return Err(damaged("it does not end as a table file does"));
        }
        let count = u32::from_be_bytes([footer[0], footer[1], footer[2], footer[3]]);
        if let Some(chunks) = chunks.filter(|chunks| *chunks != count) {
            return Err(damaged(&format!("it holds {count} chunks where the manifest says {chunks}")));
        }
        let index_len = u64::from(count) * ENTRY_LEN as u64;
        let data_len =
            body.checked_sub(index_len).ok_or_else(|| damaged("its index is longer than itself"))?;
        let index = file.read(data_len, index_len)?;
        Self::index(file, &index, data_len).map_err(damaged)
    }

    fn index(file: StoreFile, index: &[u8], data_len: u64) -> Result<Self, &'static str> {
        let count = index.len() / ENTRY_LEN;
        let (tuples, rest) = index.split_at(count * TUPLE_LEN);
        let (lengths, suffixes) = rest.split_at(count * LENGTH_LEN);
        let (tuples, _) = tuples.as_chunks::<TUPLE_LEN>();
        let prefixes: Vec<_> = tuples.iter().map(|tuple| be_u64(&tuple[..8])).collect();
        if !prefixes.is_sorted() {
            return Err("its index is not sorted");
        }
        let ordinals: Vec<_> = tuples.iter().map(|tuple| be_u32(&tuple[8..])).collect();
        if ordinals.iter().any(|&ordinal| ordinal as usize >= count) {
            return Err("its index names chunks that it does not have");
        }
        let (lengths, _) = lengths.as_chunks::<LENGTH_LEN>();
        let mut end = 0;
        let ends: Vec<_> = lengths
            .iter()
            .map(|&length| {
                end += u64::from(u32::from_be_bytes(length));
                end
            })
            .collect();
        if end != data_len {
            return Err("its chunks are not as long together as its index says");
        }
        let suffixes = suffixes.as_chunks::<SUFFIX_LEN>().0.to_vec();
        Ok(Self { file, prefixes, ordinals, suffixes, ends })
    }

    /// Where the chunk is, if it is here: its ordinal.
    fn find(&self, address: &Address) -> Option<usize> {
        let (prefix, suffix) = split(address);
        let same = find(&self.prefixes, prefix, |&other| other);
        let candidates = self.ordinals[same].iter().map(|&ordinal| ordinal as usize);
        candidates.into_iter().find(|&ordinal| self.suffixes[ordinal] == suffix)
    }

    pub fn has(&self, address: &Address) -> bool {
        self.find(address).is_some()
    }

    /// The chunk, if it is here. Its address is always checked: the checksum of a block does not say which chunk
    /// it is.
    pub fn get(&self, address: &Address) -> Result<Option<Bytes>, StoreError> {
        found(|out| self.get_in(address, out))
    }

    /// Puts the chunk into `out`, if it is here. Returns whether it is.
    pub fn get_in(&self, address: &Address, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let Some(ordinal) = self.find(address) else { return Ok(false) };
        let start = if ordinal == 0 { 0 } else { self.ends[ordinal - 1] };
        let len = u32::try_from(self.ends[ordinal] - start).expect("lengths are of 32 bits in the file");
        let unpacked = with_bytes(&self.file, start, len, |block| block::unpack_chunk(address, block, out))?;
        unpacked.map(|()| true).map_err(|problem| StoreError::DamagedChunk {
            address: *address,
            file: self.file.path().to_owned(),
            problem: format!("at byte {start}, {problem}"),
        })
    }

    pub fn file(&self) -> &StoreFile {
        &self.file
    }

    /// Whether the file has the name that Dolt gives it: the hash of the suffixes in its index.
    pub fn is_named(&self, name: &Address) -> bool {
        Sha512::digest(self.suffixes.as_flattened())[..Address::LEN] == *name.as_bytes()
    }

    pub fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// The addresses of all chunks, in no order.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        let pairs = self.prefixes.iter().zip(&self.ordinals);
        pairs.map(|(&prefix, &ordinal)| join(prefix, &self.suffixes[ordinal as usize]))
    }
}

/// Prefix and suffix of an address, as indexes hold them.
pub fn split(address: &Address) -> (u64, [u8; SUFFIX_LEN]) {
    let bytes = address.as_bytes();
    let mut suffix = [0; SUFFIX_LEN];
    suffix.copy_from_slice(&bytes[8..]);
    (be_u64(&bytes[..8]), suffix)
}

/// The address of a prefix and a suffix.
pub fn join(prefix: u64, suffix: &[u8; SUFFIX_LEN]) -> Address {
    let mut bytes = [0; Address::LEN];
    bytes[..8].copy_from_slice(&prefix.to_be_bytes());
    bytes[8..].copy_from_slice(suffix);
    Address::new(bytes)
}

/// The number in up to 8 bytes, big-endian.
fn be_u64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The number in up to 4 bytes, big-endian.
fn be_u32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::StdAccess;
    use crate::testing::{address_of, table_file};

    const CHUNKS: [&[u8]; 3] = [b"one", b"two two two two two", b""];

    fn open(bytes: &[u8]) -> Result<TableFile, StoreError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).expect("the folder is ours");
        TableFile::open(StoreFile::open(&StdAccess, &path)?, Some(3))
    }

    #[test]
    fn chunks_are_found_by_address() {
        let file = open(&table_file(&CHUNKS)).expect("a table file");
        for chunk in CHUNKS {
            assert_eq!(file.get(&address_of(chunk)).expect("it is whole").expect("it is there"), chunk);
        }
        assert!(file.get(&address_of(b"four")).expect("no damage").is_none());
        let mut addresses: Vec<_> = file.addresses().collect();
        let mut expected = CHUNKS.map(address_of);
        addresses.sort();
        expected.sort();
        assert_eq!(addresses, expected);
    }

    #[test]
    fn damage_anywhere_gives_no_wrong_chunk() {
        let whole = table_file(&CHUNKS);
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                let Ok(file) = open(&bytes) else { continue };
                for chunk in CHUNKS {
                    if let Ok(Some(found)) = file.get(&address_of(chunk)) {
                        assert_eq!(found, chunk, "bit {bit} of byte {at}");
                    }
                }
            }
            assert!(open(&whole[..at]).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn a_file_of_other_length_than_the_manifest_says_is_refused() {
        let error = open(&table_file(&CHUNKS[..2])).expect_err("two chunks");
        assert!(error.to_string().contains("holds 2 chunks where the manifest says 3"), "{error}");
    }
}
