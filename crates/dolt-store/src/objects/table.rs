//! Tables: where their schema and their rows are.

use bytes::Bytes;

use super::TreeNode;
use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::{InChunk, StoreError};
use crate::message::{Message, MessageError};

const ID: &[u8; 4] = b"DTBL";
const OBJECT: &str = "table";

/// A table of a root value.
///
/// | slot | field |
/// | --- | --- |
/// | 0 | schema |
/// | 1 | primary index: the root of a tree, within |
/// | 2 | secondary indexes, an address map within; empty where there are none |
/// | 3 | the next `AUTO_INCREMENT` |
/// | 4-6 | conflicts, violations, artifacts of a merge |
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct StoredTable {
    /// The chunk of the table itself.
    pub address: Address,
    pub schema: Address,
    pub primary_index: Bytes,
    pub secondary_indexes: Bytes,
    /// The next number of its `AUTO_INCREMENT` column; 0 or 1 where nothing was counted yet.
    pub auto_increment: u64,
}

impl StoredTable {
    /// Reads a table.
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

    /// The leaves of the tree that holds the rows, in order, each with the address of its chunk. Ends after an error.
    pub fn leaves<'c>(&self, chunks: &'c dyn Chunks) -> Leaves<'c> {
        Leaves { chunks, root: Some((self.address, self.primary_index.clone())), open: Vec::new() }
    }
}

/// An iterator over the leaves of a table.
pub struct Leaves<'c> {
    chunks: &'c dyn Chunks,
    /// The root of the tree, until it is read.
    root: Option<(Address, Bytes)>,
    /// Nodes to read, with their levels; the next one is last.
    open: Vec<(Address, u8)>,
}

impl Leaves<'_> {
    fn advance(&mut self) -> Result<Option<(Address, Message)>, StoreError> {
        if let Some((address, bytes)) = self.root.take() {
            let root = TreeNode::within(&address, bytes)?;
            if root.rows == 0 {
                return Ok(None);
            }
            if root.level == 0 {
                return Ok(Some((address, root.message)));
            }
            self.add_children(&root, &address)?;
        }
        while let Some((address, level)) = self.open.pop() {
            let node = TreeNode::read(self.chunks, &address, level)?;
            if level == 0 {
                return Ok(Some((address, node.message)));
            }
            self.add_children(&node, &address)?;
        }
        Ok(None)
    }

    fn add_children(&mut self, node: &TreeNode, address: &Address) -> Result<(), StoreError> {
        let level = node.level.saturating_sub(1);
        self.open.extend(node.children(address)?.into_iter().rev().map(|child| (child, level)));
        Ok(())
    }
}

impl Iterator for Leaves<'_> {
    type Item = Result<(Address, Message), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if matches!(next, Some(Err(_))) {
            self.open.clear();
        }
        next
    }
}
