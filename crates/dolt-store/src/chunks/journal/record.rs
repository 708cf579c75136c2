//! One record of a journal: whether it is whole, and what it holds.

use crate::address::Address;
use crate::chunks::block;

/// The longest record that Dolt writes.
pub const MAX_RECORD_LEN: usize = 5 << 20;
/// The length that each record begins with.
pub const LENGTH_LEN: usize = 4;
/// The CRC-32C that each record ends in.
pub const CHECKSUM_LEN: usize = 4;
/// How many bytes show that a record may begin there.
pub const HEAD_LEN: usize = LENGTH_LEN + 2 + 1 + Address::LEN + 1;

const KIND_TAG: u8 = 1;
const ADDRESS_TAG: u8 = 2;
const BLOCK_TAG: u8 = 3;
const TIME_TAG: u8 = 4;
const TIME_LEN: usize = 8;
const ROOT_KIND: u8 = 1;
const CHUNK_KIND: u8 = 2;

/// Whether these [`HEAD_LEN`] bytes look like the beginning of a record as Dolt writes them.
pub fn is_head(bytes: &[u8]) -> bool {
    let Some(([a, b, c, d], [KIND_TAG, kind, next, rest @ ..])) = bytes.split_first_chunk() else {
        return false;
    };
    let len = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    let is_kind = match (*kind, *next) {
        (ROOT_KIND, TIME_TAG | ADDRESS_TAG) => true,
        (CHUNK_KIND, ADDRESS_TAG) => rest.get(Address::LEN) == Some(&BLOCK_TAG),
        _ => false,
    };
    is_kind && (HEAD_LEN..=MAX_RECORD_LEN).contains(&len)
}

/// The length that a record states, if a record may be so long.
pub fn stated_len(bytes: &[u8]) -> Option<usize> {
    let len = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
    (LENGTH_LEN + CHECKSUM_LEN..=MAX_RECORD_LEN).contains(&len).then_some(len)
}

/// Whether the bytes are one record with the right checksum.
pub fn is_whole(record: &[u8]) -> bool {
    let Some((covered, checksum)) = record.split_last_chunk() else { return false };
    let stated = covered.first_chunk().map(|len| u32::from_be_bytes(*len));
    stated == u32::try_from(record.len()).ok() && crc32c::crc32c(covered) == u32::from_be_bytes(*checksum)
}

/// What a record holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Record {
    /// The store has a new root.
    Root(Address),
    /// A chunk, whose block begins at `block_at`.
    Chunk { address: Address, block_at: usize },
}

/// Parses a whole record, including its checksum. The error completes the sentence "the record ...".
pub fn parse(record: &[u8]) -> Result<Record, String> {
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

/// The address and the block in a record of a chunk. The record may have been overwritten since it was found: the error
/// is what is wrong with it, as a clause.
pub fn checked_chunk(record: &[u8]) -> Result<(Address, &[u8]), String> {
    match is_whole(record).then(|| parse(record)) {
        Some(Ok(Record::Chunk { address, block_at })) => {
            Ok((address, &record[block_at..record.len() - CHECKSUM_LEN]))
        }
        Some(_) => Err("its record is one of another kind".to_owned()),
        None => Err("its record is damaged".to_owned()),
    }
}

/// Unpacks the chunk of an address from its record. The content needs no hashing: the record names the address, and its
/// checksum covers both.
pub fn unpack(address: &Address, record: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let (found, block) = checked_chunk(record)?;
    match found == *address {
        true => block::unpack_snappy(block, out),
        false => Err("its record is that of another address".to_owned()),
    }
}
