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

use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::{InChunk, StoreError};
use crate::message::{Buffer, Message, MessageError};

const ID: &[u8; 4] = b"TUPM";
const FIELDS: u16 = 11;
const OBJECT: &str = "node of a table's rows";
const CHILDREN: u16 = 7;
const COUNTS: u16 = 8;
const ALL: u16 = 9;
const LEVEL: u16 = 10;

/// A node of a tree, and how far it is above the leaves.
#[derive(Debug, Clone)]
pub struct TreeNode<B = Bytes> {
    /// 0 for a leaf.
    pub level: u8,
    /// How many rows are in it and below it; a table without a key stores equal rows once.
    pub rows: u64,
    /// Its message. [`RowReader::leaf`](crate::rows::RowReader::leaf) reads that of a leaf.
    pub message: Message<B>,
}

impl TreeNode {
    /// Reads the node in a chunk of its own, which has this level according to its parent.
    pub fn read(chunks: &dyn Chunks, address: &Address, level: u8) -> Result<Self, StoreError> {
        Self::of_level(address, chunks.chunk(address)?, level)
    }

    /// The root of a tree, which is part of the chunk of its table: errors name that chunk.
    pub fn within(table: &Address, root: Bytes) -> Result<Self, StoreError> {
        Self::parse(root).in_chunk(table, OBJECT)
    }
}

impl<'r> TreeNode<&'r [u8]> {
    /// As [`TreeNode::read`], with the chunk in `room`.
    ///
    /// # Errors
    /// The chunk, and what is wrong with it.
    pub fn read_in(
        chunks: &dyn Chunks,
        address: &Address,
        level: u8,
        room: &'r mut Vec<u8>,
    ) -> Result<Self, StoreError> {
        Self::of_level(address, chunks.chunk_in(address, room)?, level)
    }
}

impl<B: Buffer> TreeNode<B> {
    fn of_level(address: &Address, chunk: B, level: u8) -> Result<Self, StoreError> {
        let node = Self::parse(chunk).in_chunk(address, OBJECT)?;
        if node.level != level {
            let problem = format!("it is of level {} where its parent wants level {level}", node.level);
            return Err(MessageError::Invalid(problem)).in_chunk(address, OBJECT);
        }
        Ok(node)
    }

    fn parse(bytes: B) -> Result<Self, MessageError> {
        let message = Message::parse_as(bytes, ID)?;
        message.check_fields(FIELDS)?;
        Ok(Self { level: message.u8(LEVEL)?, rows: message.u64(ALL)?, message })
    }

    /// The chunks of its children, in the order of their rows; none in a leaf. The node is in chunk `own`.
    pub fn children(&self, own: &Address) -> Result<Vec<Address>, StoreError> {
        self.checked_children().in_chunk(own, OBJECT)
    }

    fn checked_children(&self) -> Result<Vec<Address>, MessageError> {
        let children = self.message.addresses(CHILDREN)?;
        let counts = counts(&self.message.bytes(COUNTS)?)?;
        if children.len() != counts.len() || (self.level == 0) != children.is_empty() {
            let (level, children, counts) = (self.level, children.len(), counts.len());
            let problem = format!("level {level} with {children} children and {counts} counts");
            return Err(MessageError::Invalid(problem));
        }
        let all = counts.iter().try_fold(0, |all: u64, rows| all.checked_add(*rows));
        if self.level > 0 && all != Some(self.rows) {
            let problem = format!("it states {} rows, and its children have another number", self.rows);
            return Err(MessageError::Invalid(problem));
        }
        Ok(children)
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
        let difference = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        last = last.checked_add(difference).ok_or_else(no_counts)?;
        counts.push(u64::try_from(last).map_err(|_| no_counts())?);
        bytes = rest;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Field, MemoryChunks, message};

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
    fn a_branch_names_its_children_in_order() {
        let mut chunks = MemoryChunks::default();
        let [a, b] = [3, 1].map(|rows| chunks.put(leaf(rows)));
        let root = TreeNode::within(&OWNER, inner(&[(a, 3), (b, 1)], 1)).expect("a root");
        assert_eq!((root.level, root.rows), (1, 4));
        assert_eq!(root.children(&OWNER).expect("a branch"), [a, b]);
        let second = TreeNode::read(&chunks, &b, 0).expect("a leaf");
        assert_eq!((second.level, second.rows), (0, 1));
        assert_eq!(second.children(&b).expect("a leaf"), []);
        assert!(TreeNode::read(&chunks, &b, 1).is_err(), "it is a leaf");
    }

    #[test]
    fn a_branch_that_contradicts_itself_is_refused() {
        let a = Address::new([1; 20]);
        let other_rows = message(
            ID,
            &[
                (7, Field::Bytes(a.as_bytes().to_vec())),
                (8, Field::Bytes(vec![6])),
                (9, Field::U64(4)),
                (10, Field::U8(1)),
            ],
        );
        for (root, what) in [
            (other_rows, "other rows than its child has"),
            (inner(&[], 1), "no children"),
            (inner(&[(a, 3)], 0), "a leaf with a child"),
        ] {
            let node = TreeNode::within(&OWNER, root).expect("a node");
            assert!(node.children(&OWNER).is_err(), "{what}");
        }
        assert!(TreeNode::within(&OWNER, Bytes::from_static(b"rubbish")).is_err());
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
