//! Prolly trees: the rows of a table, in leaves that neighbouring versions share.
//!
//! | slot | field |
//! | --- | --- |
//! | 0, 1 | key bytes, offsets of the keys |
//! | 3, 4 | in a leaf: value bytes, offsets of the values |
//! | 7 | above the leaves: addresses of the children |
//! | 8 | above the leaves: rows below each child, as signed varints of the differences |
//! | 9 | rows in all |
//! | 10 | level, 0 in a leaf |

use bytes::Bytes;

use crate::source::dolt_store::address::Address;
use crate::source::dolt_store::chunks::Chunks;
use crate::source::dolt_store::error::{InChunk, StoreError};
use crate::source::dolt_store::message::{Message, MessageError};

const ID: &[u8; 4] = b"TUPM";
const FIELDS: u16 = 11;
const OBJECT: &str = "node of a table's rows";
const CHILDREN: u16 = 7;
const COUNTS: u16 = 8;
const ALL: u16 = 9;
const LEVEL: u16 = 10;

/// A leaf of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Where it is.
    pub place: LeafPlace,
    /// How many rows it has. (A row of a table without a key may stand for several equal ones.)
    pub rows: u64,
}

/// Where a leaf is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeafPlace {
    /// In a chunk of its own.
    Chunk(Address),
    /// Within the chunk of its table: the root of a small tree is the leaf itself.
    InTable(Bytes),
}

impl Leaf {
    /// The message of the leaf; `owner` is the chunk of the table.
    ///
    /// # Errors
    /// What is wrong with which chunk.
    pub fn message(&self, chunks: &dyn Chunks, owner: &Address) -> Result<Message, StoreError> {
        let (address, bytes) = match &self.place {
            LeafPlace::Chunk(address) => (address, chunks.chunk(address)?),
            LeafPlace::InTable(bytes) => (owner, bytes.clone()),
        };
        let message = node(bytes).in_chunk(address, OBJECT)?;
        match message.u8(LEVEL).in_chunk(address, OBJECT)? {
            0 => Ok(message),
            level => Err(MessageError::Invalid(format!("level {level}, where a leaf should be")))
                .in_chunk(address, OBJECT),
        }
    }
}

fn node(bytes: Bytes) -> Result<Message, MessageError> {
    let message = Message::parse_as(bytes, ID)?;
    message.check_fields(FIELDS)?;
    Ok(message)
}

/// The leaves of a tree, in the order of their rows. The tree's root is `root`, which lies in the chunk `owner`. No leaf
/// is read for that, except a root that is one.
///
/// # Errors
/// What is wrong with which chunk.
pub fn leaves(chunks: &dyn Chunks, owner: &Address, root: Bytes) -> Result<Vec<Leaf>, StoreError> {
    let message = node(root.clone()).in_chunk(owner, OBJECT)?;
    let inner = Inner::parse(&message).in_chunk(owner, OBJECT)?;
    if inner.level == 0 {
        return Ok(match inner.rows {
            0 => Vec::new(),
            rows => vec![Leaf { place: LeafPlace::InTable(root), rows }],
        });
    }
    let mut found = Vec::new();
    let mut open = vec![(*owner, inner)];
    while let Some((owner, inner)) = open.pop() {
        let mut expected = inner.rows;
        // The last one is put first, so that it is taken last.
        for (&address, &rows) in inner.children.iter().zip(&inner.counts).rev() {
            expected = expected.wrapping_sub(rows);
            if inner.level == 1 {
                continue;
            }
            let message = node(chunks.chunk(&address)?).in_chunk(&address, OBJECT)?;
            let child = Inner::parse(&message).in_chunk(&address, OBJECT)?;
            if child.level + 1 != inner.level || child.rows != rows {
                let problem = format!(
                    "level {} with {} rows, where its parent has level {} and says {rows} rows",
                    child.level, child.rows, inner.level
                );
                return Err(MessageError::Invalid(problem)).in_chunk(&address, OBJECT);
            }
            open.push((address, child));
        }
        if expected != 0 {
            let problem = format!("it says {} rows, and its children have others", inner.rows);
            return Err(MessageError::Invalid(problem)).in_chunk(&owner, OBJECT);
        }
        if inner.level == 1 {
            let leaves = inner.children.into_iter().zip(inner.counts);
            found.extend(leaves.map(|(address, rows)| Leaf { place: LeafPlace::Chunk(address), rows }));
        }
    }
    Ok(found)
}

/// What a node says of its tree.
struct Inner {
    level: u8,
    rows: u64,
    children: Vec<Address>,
    counts: Vec<u64>,
}

impl Inner {
    fn parse(message: &Message) -> Result<Self, MessageError> {
        let (level, rows, children) = (message.u8(LEVEL)?, message.u64(ALL)?, message.addresses(CHILDREN)?);
        let counts = counts(&message.bytes(COUNTS)?)?;
        if children.len() != counts.len() || (level == 0) != children.is_empty() {
            let problem =
                format!("level {level} with {} children and {} counts", children.len(), counts.len());
            return Err(MessageError::Invalid(problem));
        }
        Ok(Self { level, rows, children, counts })
    }
}

/// Reads counts: zigzag varints of the difference from one to the next.
fn counts(mut bytes: &[u8]) -> Result<Vec<u64>, MessageError> {
    let no_counts = || MessageError::Invalid("its counts are no varints".to_owned());
    let mut counts = Vec::new();
    let mut last = 0_i64;
    while !bytes.is_empty() {
        let len = bytes.iter().position(|byte| byte & 0x80 == 0).ok_or_else(no_counts)? + 1;
        let (varint, rest) = bytes.split_at(len);
        if len > 10 {
            return Err(no_counts());
        }
        let zigzag = varint.iter().rev().fold(0_u64, |bits, byte| bits << 7 | u64::from(byte & 0x7f));
        last = last.wrapping_add((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
        counts.push(last as u64);
        bytes = rest;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::source::dolt_store::testing::{Field, MemoryChunks, message};

    const OWNER: Address = Address::new([9; 20]);

    fn leaf(rows: u64) -> Bytes {
        message(
            b"TUPM",
            &[(0, Field::Bytes(rows.to_be_bytes().to_vec())), (9, Field::U64(rows)), (10, Field::U8(0))],
        )
    }

    fn inner(children: &[(Address, u8)], level: u8) -> Bytes {
        let addresses = children.iter().flat_map(|(child, _)| *child.as_bytes()).collect();
        let mut last = 0;
        let zigzags = children.iter().map(|&(_, rows)| {
            let difference = i16::from(rows) - std::mem::replace(&mut last, i16::from(rows));
            ((difference << 1) ^ (difference >> 15)) as u8
        });
        let counts = zigzags.collect();
        let rows = children.iter().map(|&(_, rows)| u64::from(rows)).sum();
        message(
            b"TUPM",
            &[
                (7, Field::Bytes(addresses)),
                (8, Field::Bytes(counts)),
                (9, Field::U64(rows)),
                (10, Field::U8(level)),
            ],
        )
    }

    #[test]
    fn leaves_come_in_order_with_their_rows() {
        let mut chunks = MemoryChunks::default();
        let [a, b, c] = [3, 1, 2].map(|rows| chunks.put(leaf(rows)));
        let left = chunks.put(inner(&[(a, 3), (b, 1)], 1));
        let right = chunks.put(inner(&[(c, 2)], 1));
        let root = inner(&[(left, 4), (right, 2)], 2);
        let found = leaves(&chunks, &OWNER, root).expect("a tree");
        let expected =
            [(a, 3), (b, 1), (c, 2)].map(|(address, rows)| Leaf { place: LeafPlace::Chunk(address), rows });
        assert_eq!(found, expected);
        assert_eq!(found[1].message(&chunks, &OWNER).expect("a leaf").u64(9), Ok(1));
    }

    #[test]
    fn a_small_tree_is_a_leaf_within_its_table() {
        let chunks = MemoryChunks::default();
        let found = leaves(&chunks, &OWNER, leaf(2)).expect("a tree");
        assert_eq!(found, [Leaf { place: LeafPlace::InTable(leaf(2)), rows: 2 }]);
        assert_eq!(leaves(&chunks, &OWNER, leaf(0)).expect("a tree"), []);
    }

    #[test]
    fn a_tree_that_is_none_is_refused() {
        let mut chunks = MemoryChunks::default();
        let a = chunks.put(leaf(3));
        let low = chunks.put(inner(&[(a, 3)], 1));
        for (root, what) in [
            (inner(&[(low, 4)], 2), "other rows than its child says"),
            (inner(&[(low, 3)], 3), "a level left out"),
            (inner(&[], 1), "no children"),
        ] {
            assert!(leaves(&chunks, &OWNER, root).is_err(), "{what}");
        }
        let wrong = Leaf { place: LeafPlace::Chunk(low), rows: 3 };
        assert!(wrong.message(&chunks, &OWNER).is_err(), "level 1 is no leaf");
    }

    #[test]
    fn counts_are_differences() {
        // 100, 101, 50: +100, +1, -51 as zigzag varints.
        assert_eq!(counts(&[0xc8, 0x01, 0x02, 0x65]), Ok(vec![100, 101, 50]));
        assert_eq!(counts(&[]), Ok(vec![]));
        assert!(counts(&[0x80]).is_err());
        assert!(counts(&[0xff; 11]).is_err());
    }
}
