//! Tables: where their schema and their rows are.

use bytes::Bytes;

use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::chunks::Chunks;
use crate::source::dolt::store::error::{InChunk, StoreError};
use crate::source::dolt::store::message::{Message, MessageError};

const ID: &[u8; 4] = b"DTBL";
const OBJECT: &str = "table";

/// A table at one moment.
///
/// | slot | field |
/// | --- | --- |
/// | 0 | schema |
/// | 1 | primary index: the root of a tree, within |
/// | 2 | secondary indexes, an address map within |
/// | 3 | the next `AUTO_INCREMENT` |
/// | 4-6 | conflicts, violations, artifacts of a merge |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The chunk of the table itself.
    pub address: Address,
    /// The chunk with its schema.
    pub schema: Address,
    /// The root of the tree that holds its rows.
    pub primary_index: Bytes,
    /// The map of its secondary indexes; empty where it has none.
    pub secondary_indexes: Bytes,
    /// The next number of its `AUTO_INCREMENT` column; 0 or 1 where nothing was counted yet.
    pub auto_increment: u64,
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// What is wrong with which chunk.
    pub fn read(chunks: &dyn Chunks, address: &Address) -> Result<Self, StoreError> {
        let read = |chunk| {
            let message = Message::parse_as(chunk, ID)?;
            message.check_fields(7)?;
            Ok(Self {
                address: *address,
                schema: message.address(0)?.ok_or(MessageError::Absent { slot: 0 })?,
                primary_index: message.bytes(1)?,
                secondary_indexes: message.bytes(2)?,
                auto_increment: message.u64(3)?,
            })
        };
        read(chunks.chunk(address)?).in_chunk(address, OBJECT)
    }
}
