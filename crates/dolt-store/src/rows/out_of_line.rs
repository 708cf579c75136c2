//! Fields of values that may be out of line: TEXT, BLOB, JSON, geometry.
//!
//! | encoding | field |
//! | --- | --- |
//! | addressed | the address of a tree: 20 bytes, all zero for the empty value |
//! | adaptive, in the row | 0, then the value |
//! | adaptive, out of line | the value's length (never 0) as a SQLite4 varint, then the address of its tree |
//!
//! The schema says which encoding a column has, but a field may have the other one: `ALTER TABLE` of Dolt 2.0.7 and
//! 2.0.8 gave columns another encoding and left their rows as they were. Only fields of 20 bytes that begin with 0 have
//! two readings, an address or 19 bytes in the row:
//!
//! - If there is a tree at that address, the field is the address: no value is the address of a tree by chance.
//! - If there is none, the field of an adaptive column is 19 bytes in the row. The field of an addressed column is the
//!   address of a lost chunk, or 19 bytes in the row: that cannot be decided, unless the bytes are JSON, which no
//!   address is by chance.
//! - 20 zero bytes are the empty value in an addressed column. In an adaptive column they are the empty value or 19
//!   zero bytes: that cannot be decided.

use serde::de::IgnoredAny;

use super::blob::{is_node, read_blob};
use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::StoreError;
use crate::rows_error::ValueProblem;

/// Why a field has another encoding than its column.
const DRIFT: &str = "Dolt 2.0.7 and 2.0.8 changed the encodings of columns and left their rows as they were";

/// Reads a field of a column with an addressed encoding. `is_json` says whether its values are JSON.
pub fn addressed<'r>(
    field: &'r [u8],
    is_json: bool,
    chunks: &dyn Chunks,
    room: &'r mut Vec<u8>,
) -> Result<&'r [u8], ValueProblem> {
    match Address::from_slice(field) {
        Some(address) if field[0] != 0 || address.is_empty() || is_tree(&address, chunks)? => {
            tree(&address, chunks, room)
        }
        Some(_) if is_json && serde_json::from_slice::<IgnoredAny>(&field[1..]).is_ok() => Ok(&field[1..]),
        Some(address) => Err(ValueProblem::Ambiguous(format!(
            "its 20 bytes are the address of chunk {address}, which is not in the store, or a value of 19 bytes ({DRIFT})"
        ))),
        None => {
            read_adaptive(field, chunks, room).ok_or_else(|| ValueProblem::malformed(field, "address"))?
        }
    }
}

/// Reads a field of a column with an adaptive encoding.
pub fn adaptive<'r>(
    field: &'r [u8],
    chunks: &dyn Chunks,
    room: &'r mut Vec<u8>,
) -> Result<&'r [u8], ValueProblem> {
    match Address::from_slice(field) {
        Some(address) if address.is_empty() => Err(ValueProblem::Ambiguous(format!(
            "its 20 zero bytes are the empty value or 19 zero bytes ({DRIFT})"
        ))),
        Some(address) if field[0] != 0 || is_tree(&address, chunks)? => tree(&address, chunks, room),
        _ => read_adaptive(field, chunks, room)
            .ok_or_else(|| ValueProblem::malformed(field, "adaptive value"))?,
    }
}

/// Whether there is a tree at an address.
fn is_tree(address: &Address, chunks: &dyn Chunks) -> Result<bool, StoreError> {
    match chunks.chunk(address) {
        Ok(chunk) => Ok(is_node(&chunk)),
        Err(StoreError::MissingChunk { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn tree<'r>(address: &Address, chunks: &dyn Chunks, room: &'r mut Vec<u8>) -> Result<&'r [u8], ValueProblem> {
    room.clear();
    read_blob(address, chunks, room)?;
    Ok(room)
}

/// Reads a field as an adaptive value; `None` for a field that is none.
fn read_adaptive<'r>(
    field: &'r [u8],
    chunks: &dyn Chunks,
    room: &'r mut Vec<u8>,
) -> Option<Result<&'r [u8], ValueProblem>> {
    Some(match Adaptive::parse(field)? {
        Adaptive::Inline(bytes) => Ok(bytes),
        Adaptive::OutOfLine { len, address } => tree(&address, chunks, room).and_then(|bytes| {
            if bytes.len() as u64 == len {
                return Ok(bytes);
            }
            let problem = format!("it has {} bytes, not {len}", bytes.len());
            Err(ValueProblem::DamagedTree(problem))
        }),
    })
}

/// The two forms of an adaptive value.
#[derive(Debug, PartialEq, Eq)]
enum Adaptive<'f> {
    /// The value itself.
    Inline(&'f [u8]),
    /// Its length and where it is.
    OutOfLine { len: u64, address: Address },
}

impl<'f> Adaptive<'f> {
    fn parse(field: &'f [u8]) -> Option<Self> {
        if let Some((0, value)) = field.split_first() {
            return Some(Self::Inline(value));
        }
        let (len, address) = varint(field)?;
        Some(Self::OutOfLine { len, address: Address::from_slice(address)? })
    }
}

/// Reads a SQLite4 varint (https://sqlite.org/src4/doc/trunk/www/varint.wiki); also returns what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let first = u64::from(first);
    match first {
        0..=240 => Some((first, rest)),
        241..=248 => {
            let (&low, rest) = rest.split_first()?;
            Some((240 + 256 * (first - 241) + u64::from(low), rest))
        }
        249 => {
            let (bytes, rest) = rest.split_first_chunk::<2>()?;
            Some((2288 + u64::from(u16::from_be_bytes(*bytes)), rest))
        }
        _ => {
            // 250 stands for three bytes, 255 for eight.
            let len = usize::try_from(first).ok()?.checked_sub(247)?;
            let (bytes, rest) = rest.split_at_checked(len)?;
            Some((bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)), rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Field, MemoryChunks, address_of, message};

    fn addressed<'r>(
        field: &'r [u8],
        chunks: &dyn Chunks,
        room: &'r mut Vec<u8>,
    ) -> Result<&'r [u8], ValueProblem> {
        super::addressed(field, false, chunks, room)
    }

    /// A function that reads a field, into the buffer if its bytes are elsewhere.
    type Reader = for<'r> fn(&'r [u8], &dyn Chunks, &'r mut Vec<u8>) -> Result<&'r [u8], ValueProblem>;

    fn read(reader: Reader, field: &[u8], chunks: &dyn Chunks) -> Result<Vec<u8>, ValueProblem> {
        reader(field, chunks, &mut Vec::new()).map(<[u8]>::to_vec)
    }

    fn out_of_line(len: usize, address: &Address) -> Vec<u8> {
        assert!(len <= 240, "one byte of length");
        [&[len as u8][..], address.as_bytes()].concat()
    }

    #[test]
    fn json_of_nineteen_bytes_is_no_address() {
        let (none, mut room) = (MemoryChunks::default(), Vec::new());
        let mut json = |field| super::addressed(field, true, &none, &mut room).map(<[u8]>::to_vec);
        assert_eq!(json(b"\0{\"n\":12,\"t\":\"jjjj\"}").expect("JSON"), b"{\"n\":12,\"t\":\"jjjj\"}");
        let address = [&[0][..], &[7; 19]].concat();
        assert!(matches!(json(&address), Err(ValueProblem::Ambiguous(_))));
    }

    #[test]
    fn a_chunk_that_is_no_tree_decides_nothing() {
        let mut chunks = MemoryChunks::default();
        let commit = (0_u64..).map(|millis| message(b"DCMT", &[(7, Field::U64(millis))]));
        let commit = commit.into_iter().find(|chunk| address_of(chunk).as_bytes()[0] == 0);
        let address = chunks.put(commit.expect("one of 256 begins with zero"));
        assert_eq!(read(adaptive, address.as_bytes(), &chunks).expect("a value"), &address.as_bytes()[1..]);
    }

    #[test]
    fn zeros_are_empty_or_no_guess() {
        let none = MemoryChunks::default();
        assert_eq!(read(addressed, &[0; 20], &none).expect("it is empty"), b"");
        assert!(matches!(read(adaptive, &[0; 20], &none), Err(ValueProblem::Ambiguous(_))));
        for len in [1, 19, 21, 40] {
            assert_eq!(read(adaptive, &vec![0; len], &none).expect("zeros"), vec![0; len - 1]);
        }
    }

    #[test]
    fn what_is_missing_or_has_another_length_is_an_error() {
        let mut chunks = MemoryChunks::default();
        let text = "a text out of line";
        let leaf = [(0, Field::Bytes(text.into())), (3, Field::U64(text.len() as u64))];
        let chunk = message(b"BLOB", &leaf);
        let address = address_of(&chunk);
        assert_ne!(address.as_bytes()[0], 0, "it cannot be a value in the row");
        for reader in [addressed, adaptive] {
            for field in [address.as_bytes().to_vec(), out_of_line(text.len(), &address)] {
                let missing = read(reader, &field, &chunks);
                assert!(matches!(missing, Err(ValueProblem::Store(StoreError::MissingChunk { .. }))));
            }
        }
        chunks.put(chunk);
        for reader in [addressed, adaptive] {
            let short = read(reader, &out_of_line(text.len() - 1, &address), &chunks);
            assert!(matches!(short, Err(ValueProblem::DamagedTree(_))), "{short:?}");
            let cut = &out_of_line(text.len(), &address)[..19];
            assert!(matches!(read(reader, cut, &chunks), Err(ValueProblem::Malformed { len: 19, .. })));
        }
    }

    #[test]
    fn varints_of_every_length() {
        for (bytes, number) in [
            (&[0][..], 0),
            (&[240], 240),
            (&[241, 0], 240),
            (&[241, 1], 241),
            (&[248, 255], 2287),
            (&[249, 0, 0], 2288),
            (&[249, 255, 255], 67823),
            (&[250, 1, 8, 240], 67824),
            (&[255, 1, 2, 3, 4, 5, 6, 7, 8], 0x0102_0304_0506_0708),
        ] {
            assert_eq!(varint(bytes), Some((number, &[][..])), "{bytes:?}");
            assert_eq!(varint(&bytes[..bytes.len() - 1]), None, "{bytes:?} cut");
        }
    }
}
