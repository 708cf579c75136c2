//! Messages: flatbuffers with a prefix, read by slot number.
//!
//! ```text
//! 0       1           4            8         12
//! +-------+-----------+------------+---------+-----------------+
//! | kind  | length    | offset of  | file    | tables, vectors,|
//! | (27)  | u24 BE    | root u32   | id      | strings ...     |
//! +-------+-----------+------------+---------+-----------------+
//! ```
//!
//! The length counts what follows the prefix. Everything after the prefix is a plain flatbuffer (little-endian). A
//! table begins with the distance back to its vtable: u16 size of the vtable, u16 size of the table, then one u16 per
//! slot with the place of that field in the table, 0 if it is absent.
//!
//! Slot numbers are the places of fields in Dolt's `serial/*.fbs`. Each access is checked against the bounds of the
//! message, so that no bytes can make it panic or read outside the message.

use std::ops::Deref;

use bytes::Bytes;

use crate::address::Address;

mod buffer;

pub use buffer::Buffer;

/// First byte of every message.
const KIND: u8 = 27;
const PREFIX_LEN: usize = 4;

/// File identifier of a commit.
pub const COMMIT_ID: [u8; 4] = *b"DCMT";
/// File identifier of a collection of foreign keys.
pub const FOREIGN_KEYS_ID: [u8; 4] = *b"DFKC";
/// File identifier of the schema of a table.
pub const SCHEMA_ID: [u8; 4] = *b"DSCH";

/// Bytes that are not the message they should be. Slots are counted as in Dolt's `serial/*.fbs`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum MessageError {
    /// It does not begin as a message does.
    #[error("its {len} bytes are no message")]
    NoMessage { len: usize },
    #[error("it is a {} message, not {}", found.escape_ascii(), wanted.escape_ascii())]
    WrongId { found: [u8; 4], wanted: [u8; 4] },
    #[error("{what} is outside of the message")]
    OutOfBounds { what: String },
    #[error("slot {slot} holds text that is not UTF-8")]
    NotUtf8 { slot: u16 },
    #[error("slot {slot}, which every such message has, is absent")]
    Absent { slot: u16 },
    #[error("it has {found} fields, of which {known} are known: a later version of Dolt wrote it")]
    UnknownFields { found: u16, known: u16 },
    /// Its content is not valid.
    #[error("{0}")]
    Invalid(String),
}

/// One message.
#[derive(Debug, Clone)]
pub struct Message<B = Bytes> {
    /// The file identifier: `DCMT` for a commit.
    pub id: [u8; 4],
    root: MessageTable<B>,
}

impl Message {
    /// The length of a message up to the end of its file identifier.
    pub const ID_END: usize = PREFIX_LEN + 8;

    /// The file identifier of bytes that begin as a message does, without reading the rest.
    pub fn id_of(bytes: &[u8]) -> Option<[u8; 4]> {
        (*bytes.first()? == KIND).then(|| array_at(bytes, PREFIX_LEN + 4))?
    }

    /// The same message as slices.
    pub fn as_slices(&self) -> Message<&[u8]> {
        let MessageTable { ref buffer, at, vtable, slots, end } = self.root;
        Message { id: self.id, root: MessageTable { buffer: &buffer[..], at, vtable, slots, end } }
    }
}

impl<B: Buffer> Message<B> {
    /// Reads the frame of a message.
    pub fn parse(bytes: B) -> Result<Self, MessageError> {
        let no_message = MessageError::NoMessage { len: bytes.len() };
        let [KIND, a, b, c, ..] = *bytes else { return Err(no_message) };
        let stated = u32::from_be_bytes([0, a, b, c]) as usize;
        if stated + PREFIX_LEN != bytes.len() {
            return Err(no_message);
        }
        let buffer = bytes.part(PREFIX_LEN..bytes.len());
        let (Some(at), Some(id)) = (u32_at(&buffer, 0), array_at(&buffer, 4)) else { return Err(no_message) };
        Ok(Self { id, root: MessageTable::new(buffer, at as usize)? })
    }

    /// Like [`Self::parse`], for a message that must be of this kind.
    pub fn parse_as(bytes: B, id: &[u8; 4]) -> Result<Self, MessageError> {
        let message = Self::parse(bytes)?;
        match message.id == *id {
            true => Ok(message),
            false => Err(MessageError::WrongId { found: message.id, wanted: *id }),
        }
    }
}

impl<B> Deref for Message<B> {
    type Target = MessageTable<B>;

    fn deref(&self) -> &MessageTable<B> {
        &self.root
    }
}

/// One table within a message: fields by slot.
#[derive(Debug, Clone)]
pub struct MessageTable<B = Bytes> {
    buffer: B,
    at: usize,
    vtable: usize,
    slots: u16,
    /// Where the table ends; its fields are before that.
    end: usize,
}

impl<B: Buffer> MessageTable<B> {
    fn new(buffer: B, at: usize) -> Result<Self, MessageError> {
        Self::layout(&buffer, at)
            .map(|(vtable, slots, end)| Self { buffer, at, vtable, slots, end })
            .ok_or_else(|| out_of_bounds(format!("the table at {at}")))
    }

    /// Place of the vtable, number of slots, end of the table.
    fn layout(buffer: &[u8], at: usize) -> Option<(usize, u16, usize)> {
        let back = i64::from(i32::from_le_bytes(array_at(buffer, at)?));
        let vtable = usize::try_from(i64::try_from(at).ok()?.checked_sub(back)?).ok()?;
        let (vtable_len, len) = (u16_at(buffer, vtable)?, u16_at(buffer, vtable.checked_add(2)?)?);
        let end = at.checked_add(len.into())?;
        let is_inside = vtable.checked_add(vtable_len.into())? <= buffer.len() && end <= buffer.len();
        let slots = vtable_len.checked_sub(4)? / 2;
        (len >= 4 && is_inside).then_some((vtable, slots, end))
    }

    /// Checks that there are no fields beyond the first `known`: this crate must not ignore what a later version of
    /// Dolt wrote.
    pub fn check_fields(&self, known: u16) -> Result<(), MessageError> {
        match self.slots > known {
            true => Err(MessageError::UnknownFields { found: self.slots, known }),
            false => Ok(()),
        }
    }

    /// Whether the field is there.
    pub fn has(&self, slot: u16) -> bool {
        self.place(slot).is_some()
    }

    fn place(&self, slot: u16) -> Option<usize> {
        if slot >= self.slots {
            return None;
        }
        let offset = u16_at(&self.buffer, self.vtable + 4 + 2 * usize::from(slot))?;
        (offset != 0).then(|| self.at + usize::from(offset))
    }

    fn scalar<const N: usize>(&self, slot: u16) -> Result<Option<[u8; N]>, MessageError> {
        let Some(at) = self.place(slot) else { return Ok(None) };
        match array_at(&self.buffer, at) {
            Some(bytes) if at + N <= self.end => Ok(Some(bytes)),
            _ => Err(out_of_bounds(format!("slot {slot}"))),
        }
    }

    /// A byte; 0 where it is absent.
    pub fn u8(&self, slot: u16) -> Result<u8, MessageError> {
        Ok(self.scalar(slot)?.map_or(0, u8::from_le_bytes))
    }

    /// Whether a flag is set; false where it is absent.
    pub fn bool(&self, slot: u16) -> Result<bool, MessageError> {
        Ok(self.u8(slot)? != 0)
    }

    /// A number of 16 bits; 0 where it is absent.
    pub fn u16(&self, slot: u16) -> Result<u16, MessageError> {
        self.u16_or(slot, 0)
    }

    /// A number of 16 bits, or the default of the field.
    pub fn u16_or(&self, slot: u16, default: u16) -> Result<u16, MessageError> {
        Ok(self.scalar(slot)?.map_or(default, u16::from_le_bytes))
    }

    /// A number of 32 bits; 0 where it is absent.
    pub fn u32(&self, slot: u16) -> Result<u32, MessageError> {
        Ok(self.scalar(slot)?.map_or(0, u32::from_le_bytes))
    }

    /// A number of 64 bits; 0 where it is absent.
    pub fn u64(&self, slot: u16) -> Result<u64, MessageError> {
        Ok(self.scalar(slot)?.map_or(0, u64::from_le_bytes))
    }

    /// A signed number of 64 bits; 0 where it is absent.
    pub fn i64(&self, slot: u16) -> Result<i64, MessageError> {
        Ok(self.scalar(slot)?.map_or(0, i64::from_le_bytes))
    }

    /// Follows the offset in a slot. `None` where the field is absent.
    fn target(&self, slot: u16) -> Result<Option<usize>, MessageError> {
        let Some(at) = self.place(slot) else { return Ok(None) };
        let distance = self.scalar(slot)?.map_or(0, u32::from_le_bytes);
        let target = at.checked_add(distance as usize).filter(|&target| target < self.buffer.len());
        target.map(Some).ok_or_else(|| out_of_bounds(format!("slot {slot}")))
    }

    /// The elements of a vector: its place and how many elements of `size` bytes it has.
    fn vector(&self, slot: u16, size: usize) -> Result<Option<(usize, usize)>, MessageError> {
        let Some(at) = self.target(slot)? else { return Ok(None) };
        let inside = || {
            let count = u32_at(&self.buffer, at)? as usize;
            let start = at.checked_add(4)?;
            let end = start.checked_add(count.checked_mul(size)?)?;
            (end <= self.buffer.len()).then_some((start, count))
        };
        inside().map(Some).ok_or_else(|| out_of_bounds(format!("slot {slot}")))
    }

    /// A vector of bytes, shared with the message; empty where it is absent.
    pub fn bytes(&self, slot: u16) -> Result<B, MessageError> {
        let Some((start, count)) = self.vector(slot, 1)? else { return Ok(self.buffer.part(0..0)) };
        Ok(self.buffer.part(start..start + count))
    }

    /// A text; empty where it is absent.
    pub fn string(&self, slot: u16) -> Result<String, MessageError> {
        String::from_utf8(self.bytes(slot)?.to_vec()).map_err(|_| MessageError::NotUtf8 { slot })
    }

    /// A text in which bytes that are not UTF-8 are replaced: for what people wrote, such as commit messages.
    pub fn string_lossy(&self, slot: u16) -> Result<String, MessageError> {
        Ok(String::from_utf8_lossy(&self.bytes(slot)?).into_owned())
    }

    /// The places that a vector of offsets leads to; none where it is absent.
    fn targets(&self, slot: u16) -> Result<impl Iterator<Item = Result<usize, MessageError>>, MessageError> {
        let (start, count) = self.vector(slot, 4)?.unwrap_or_default();
        Ok((0..count).map(move |index| {
            let place = start + 4 * index;
            let target =
                u32_at(&self.buffer, place).and_then(|distance| place.checked_add(distance as usize));
            target.ok_or_else(|| out_of_bounds(format!("slot {slot}")))
        }))
    }

    /// A vector of texts; empty where it is absent.
    pub fn strings(&self, slot: u16) -> Result<Vec<String>, MessageError> {
        let texts = self.targets(slot)?.map(|at| {
            let at = at?;
            let from = at.checked_add(4);
            let end = from.and_then(|from| from.checked_add(u32_at(&self.buffer, at)? as usize));
            let bytes = from.zip(end).and_then(|(from, end)| self.buffer.get(from..end));
            let bytes = bytes.ok_or_else(|| out_of_bounds(format!("slot {slot}")))?;
            String::from_utf8(bytes.to_vec()).map_err(|_| MessageError::NotUtf8 { slot })
        });
        texts.collect()
    }

    /// A vector of numbers of 16 bits; empty where it is absent.
    pub fn u16s(&self, slot: u16) -> Result<Vec<u16>, MessageError> {
        let Some((start, count)) = self.vector(slot, 2)? else { return Ok(Vec::new()) };
        let bytes = &self.buffer[start..start + 2 * count];
        Ok(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
    }

    /// A vector of numbers of 64 bits; empty where it is absent.
    pub fn u64s(&self, slot: u16) -> Result<Vec<u64>, MessageError> {
        let Some((start, count)) = self.vector(slot, 8)? else { return Ok(Vec::new()) };
        let bytes = &self.buffer[start..start + 8 * count];
        Ok(bytes.as_chunks::<8>().0.iter().map(|&number| u64::from_le_bytes(number)).collect())
    }

    /// A vector of bytes that holds addresses one after the other; empty where it is absent.
    pub fn addresses(&self, slot: u16) -> Result<Vec<Address>, MessageError> {
        let bytes = self.bytes(slot)?;
        if bytes.len() % Address::LEN != 0 {
            let problem = format!("slot {slot} has {} bytes, which are no addresses", bytes.len());
            return Err(MessageError::Invalid(problem));
        }
        Ok(bytes.chunks_exact(Address::LEN).filter_map(Address::from_slice).collect())
    }

    /// One address. `None` where it is absent or zero, which stands for none.
    pub fn address(&self, slot: u16) -> Result<Option<Address>, MessageError> {
        match self.addresses(slot)?.as_slice() {
            [] => Ok(None),
            [address] => Ok(Some(*address).filter(|address| !address.is_empty())),
            more => Err(MessageError::Invalid(format!("slot {slot} has {} addresses, not one", more.len()))),
        }
    }

    /// A table. `None` where it is absent.
    pub fn table(&self, slot: u16) -> Result<Option<Self>, MessageError> {
        self.target(slot)?.map(|at| Self::new(self.buffer.clone(), at)).transpose()
    }

    /// A vector of tables; empty where it is absent.
    pub fn tables(&self, slot: u16) -> Result<Vec<Self>, MessageError> {
        self.targets(slot)?.map(|at| Self::new(self.buffer.clone(), at?)).collect()
    }

    /// Items that follow each other in `data`, delimited by `offsets` (first 0, last the length of `data`).
    pub fn items(&self, data: u16, offsets: u16) -> Result<Vec<B>, MessageError> {
        let (bytes, offsets_read) = (self.bytes(data)?, self.u16s(offsets)?);
        let items = offsets_read.windows(2).map(|ends| {
            let (start, end) = (usize::from(ends[0]), usize::from(ends[1]));
            match start <= end && end <= bytes.len() {
                true => Ok(bytes.part(start..end)),
                false => Err(out_of_bounds(format!("an item of slot {data}"))),
            }
        });
        items.collect()
    }
}

fn out_of_bounds(what: String) -> MessageError {
    MessageError::OutOfBounds { what }
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests;
