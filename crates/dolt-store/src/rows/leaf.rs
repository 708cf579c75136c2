//! Leaves of the tree of a table's rows.

use std::ops::Range;

use bytes::Bytes;

use crate::address::Address;
use crate::message::{Buffer, Message, MessageError};

/// Slots of `serial/prolly.fbs`.
mod node_slot {
    pub const KEYS: u16 = 0;
    pub const KEY_OFFSETS: u16 = 1;
    pub const VALUES: u16 = 3;
    pub const VALUE_OFFSETS: u16 = 4;
    pub const ADDRESSES_IN_VALUES: u16 = 6;
    pub const LEVEL: u16 = 10;
    pub const COUNT: u16 = 11;
}

/// The keys of a node: in a leaf those of its rows, above the leaves the last key below each child.
pub struct NodeKeys<B = Bytes> {
    /// All keys, one after the other.
    pub bytes: B,
    offsets: Vec<u16>,
}

impl<B: Buffer> NodeKeys<B> {
    /// Reads the keys of a node of any level.
    pub fn read(node: &Message<B>) -> Result<Self, MessageError> {
        Ok(Self { bytes: node.bytes(node_slot::KEYS)?, offsets: node.u16s(node_slot::KEY_OFFSETS)? })
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a key; `None` where it lies outside of the node.
    pub fn get(&self, at: usize) -> Option<&[u8]> {
        item(&self.bytes, &self.offsets, at)
    }
}

/// The keys and values of a leaf.
pub struct Leaf<B = Bytes> {
    /// The keys of its rows.
    pub keys: NodeKeys<B>,
    /// All values.
    pub values: B,
    value_offsets: Vec<u16>,
    /// The places in the values where, according to the leaf, there are addresses.
    addresses: Vec<u16>,
}

impl<B: Buffer> Leaf<B> {
    /// Reads the message of a leaf.
    pub(super) fn read(message: &Message<B>) -> Result<Self, MessageError> {
        if message.id != *b"TUPM" {
            return Err(MessageError::WrongId { found: message.id, wanted: *b"TUPM" });
        }
        message.check_fields(node_slot::COUNT)?;
        if message.u8(node_slot::LEVEL)? != 0 {
            return Err(MessageError::Invalid("it is not a leaf of the tree".to_owned()));
        }
        let leaf = Self {
            keys: NodeKeys::read(message)?,
            values: message.bytes(node_slot::VALUES)?,
            value_offsets: message.u16s(node_slot::VALUE_OFFSETS)?,
            addresses: message.u16s(node_slot::ADDRESSES_IN_VALUES)?,
        };
        if leaf.keys.offsets.len() != leaf.value_offsets.len() && !leaf.is_empty() {
            let (keys, values) = (leaf.len(), leaf.value_offsets.len().saturating_sub(1));
            return Err(MessageError::Invalid(format!("it has {keys} keys and {values} values")));
        }
        Ok(leaf)
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of the key and the value of a row, or what is wrong with them.
    pub(super) fn raw(&self, row: usize) -> Result<(&[u8], &[u8]), &'static str> {
        let key = self.keys.get(row).ok_or("its key lies outside of the leaf")?;
        let value =
            item(&self.values, &self.value_offsets, row).ok_or("its value lies outside of the leaf")?;
        Ok((key, value))
    }

    /// The addresses that begin with a zero byte, according to the leaf: each with its row, and its place in the value
    /// of that row.
    pub(super) fn zero_led_addresses(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let is_zero_led = |at: &usize| self.values.get(*at) == Some(&0);
        self.addresses.iter().map(|&offset| usize::from(offset)).filter(is_zero_led).filter_map(|at| {
            let row = self.value_offsets.partition_point(|&start| usize::from(start) <= at).checked_sub(1)?;
            let start = at - usize::from(self.value_offsets[row]);
            (row < self.len()).then_some((row, start..start + Address::LEN))
        })
    }
}

fn item<'i>(items: &'i [u8], offsets: &[u16], at: usize) -> Option<&'i [u8]> {
    items.get(usize::from(*offsets.get(at)?)..usize::from(*offsets.get(at + 1)?))
}
