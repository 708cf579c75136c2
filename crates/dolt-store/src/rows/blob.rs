//! Out-of-line values: trees of chunks whose leaves, one after the other, are the bytes.
//!
//! TEXT and BLOB trees are `BLOB` messages throughout. JSON trees have `BLOB` leaves below address maps
//! (`ADRM`) that say which part of the document each leaf holds; for the whole document only the order
//! matters.

use std::cell::RefCell;

use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::InChunk;
use crate::message::{Message, MessageError};
use crate::rows_error::ValueProblem;

/// No type holds more: LONGTEXT and LONGBLOB end at 4 GiB.
const MAX_LEN: usize = u32::MAX as usize;
/// Dolt's fan-out is some 200, so that five levels hold more than [`MAX_LEN`].
const MAX_LEVEL: u8 = 8;
/// Leaves hold 4,000 bytes (JSON: some hundreds at least); no value has more nodes than this.
const MAX_NODES: usize = 16 << 20;

/// Slots of `serial/blob.fbs`.
mod blob_slot {
    pub const PAYLOAD: u16 = 0;
    pub const ADDRESSES: u16 = 1;
    pub const LEVEL: u16 = 4;
    pub const COUNT: u16 = 5;
}

/// Slots of `serial/addressmap.fbs`.
mod map_slot {
    pub const ADDRESSES: u16 = 2;
    pub const LEVEL: u16 = 5;
    pub const COUNT: u16 = 6;
}

thread_local! {
    /// Where chunks are unpacked. If each value took new memory, all threads would wait for each other.
    static CHUNK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A buffer with more bytes than this is not kept.
const MAX_KEPT: usize = 64 << 10;

/// Appends the bytes of the tree at `address` to `out`. The zero address stands for no bytes at all.
pub fn read_blob(address: &Address, chunks: &dyn Chunks, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
    if address.is_empty() {
        return Ok(());
    }
    let mut room = CHUNK.take();
    let read = read_nodes(address, chunks, &mut room, out);
    if room.capacity() <= MAX_KEPT {
        CHUNK.set(room);
    }
    read
}

fn read_nodes(
    address: &Address,
    chunks: &dyn Chunks,
    room: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), ValueProblem> {
    let start = out.len();
    let mut nodes = 0;
    // The addresses to visit after the next one, the first of them last, each with the level that its node must have.
    let mut open = Vec::new();
    let mut next = Some((*address, None));
    while let Some((address, level)) = next {
        nodes += 1;
        let chunk = chunks.chunk_in(&address, room)?;
        let node = BlobNode::parse(chunk).in_chunk(&address, "part of an out-of-line value")?;
        if level.is_some_and(|level| level != node.level) || node.level > MAX_LEVEL || nodes > MAX_NODES {
            return Err(damaged(format!("chunk {address} does not fit its parent")));
        }
        if node.level == 0 {
            out.extend_from_slice(node.payload);
        } else {
            open.extend(node.children.into_iter().rev().map(|child| (child, Some(node.level - 1))));
        }
        if out.len() - start > MAX_LEN {
            return Err(damaged("it is longer than 4 GiB".to_owned()));
        }
        next = open.pop();
    }
    Ok(())
}

/// Whether a chunk is of a kind that trees of out-of-line values are made of.
pub(super) fn is_node(chunk: &[u8]) -> bool {
    matches!(Message::id_of(chunk).as_ref(), Some(b"BLOB" | b"ADRM"))
}

fn damaged(problem: String) -> ValueProblem {
    ValueProblem::DamagedTree(problem)
}

struct BlobNode<'c> {
    level: u8,
    payload: &'c [u8],
    children: Vec<Address>,
}

impl<'c> BlobNode<'c> {
    fn parse(chunk: &'c [u8]) -> Result<Self, MessageError> {
        let message = Message::parse(chunk)?;
        match &message.id {
            b"BLOB" => {
                message.check_fields(blob_slot::COUNT)?;
                Ok(Self {
                    level: message.u8(blob_slot::LEVEL)?,
                    payload: message.bytes(blob_slot::PAYLOAD)?,
                    children: message.addresses(blob_slot::ADDRESSES)?,
                })
            }
            b"ADRM" => {
                message.check_fields(map_slot::COUNT)?;
                Ok(Self {
                    level: message.u8(map_slot::LEVEL)?,
                    payload: &[],
                    children: message.addresses(map_slot::ADDRESSES)?,
                })
            }
            _ => Err(MessageError::WrongId { found: message.id, wanted: *b"BLOB" }),
        }
    }
}
