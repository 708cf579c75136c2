//! Commits, tags and working sets.

use bytes::Bytes;

use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::{InChunk, StoreError};
use crate::message::{COMMIT_ID, Message, MessageError};

const TAG_ID: &[u8; 4] = b"DTAG";
const WORKING_SET_ID: &[u8; 4] = b"WRST";

/// A commit.
///
/// | slot | field |
/// | --- | --- |
/// | 0 | root value |
/// | 1 | height: 1 more than that of the highest parent |
/// | 2, 3 | parents; all ancestors, as a tree |
/// | 4, 5 | author's name and e-mail address |
/// | 6 | message |
/// | 7, 8 | when it was committed (unsigned), and when it was written (signed): ms since 1970 |
/// | 9 | signature |
/// | 10, 11 | committer's name and e-mail address where they are not the author's |
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Commit {
    pub root: Address,
    pub height: u64,
    /// First parent first.
    pub parents: Vec<Address>,
    pub author: String,
    pub email: String,
    pub message: String,
    /// When it was committed, in ms since 1970: the date of `dolt_log` and of `AS OF TIMESTAMP`.
    pub committed_millis: i64,
    /// The author's date in ms since 1970, by which `dolt_log` orders commits of one height.
    pub author_millis: i64,
}

impl Commit {
    /// Reads a commit.
    pub fn read(chunks: &dyn Chunks, address: &Address) -> Result<Self, StoreError> {
        Self::parse(chunks.chunk(address)?).in_chunk(address, "commit")
    }

    /// Reads a commit from its chunk.
    pub fn parse(chunk: Bytes) -> Result<Self, MessageError> {
        let message = Message::parse_as(chunk, &COMMIT_ID)?;
        message.check_fields(12)?;
        Ok(Self {
            root: message.address(0)?.ok_or(MessageError::Absent { slot: 0 })?,
            height: message.u64(1)?,
            parents: message.addresses(2)?,
            author: message.string_lossy(4)?,
            email: message.string_lossy(5)?,
            message: message.string_lossy(6)?,
            // Dolt writes a signed number there, and reads it as one.
            committed_millis: message.u64(7)?.cast_signed(),
            author_millis: message.i64(8)?,
        })
    }
}

/// The commit that a tag names.
pub fn tagged_commit(chunks: &dyn Chunks, tag: &Address) -> Result<Address, StoreError> {
    first_address(chunks.chunk(tag)?, TAG_ID, 6).in_chunk(tag, "tag")
}

/// The root value of what is not committed yet.
pub fn working_root(chunks: &dyn Chunks, working_set: &Address) -> Result<Address, StoreError> {
    first_address(chunks.chunk(working_set)?, WORKING_SET_ID, 8).in_chunk(working_set, "working set")
}

/// The address in the first slot of an object with at most `fields` fields.
fn first_address(chunk: Bytes, id: &[u8; 4], fields: u16) -> Result<Address, MessageError> {
    let message = Message::parse_as(chunk, id)?;
    message.check_fields(fields)?;
    message.address(0)?.ok_or(MessageError::Absent { slot: 0 })
}
