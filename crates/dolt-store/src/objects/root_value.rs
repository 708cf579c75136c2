//! Root values: the tables of a commit or a working set.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::{InChunk, StoreError};
use crate::message::{FOREIGN_KEYS_ID, Message, MessageError, MessageTable};
use crate::objects::address_map;

const ID: &[u8; 4] = b"RTVL";
const DOLTGRES_ID: &[u8; 4] = b"DGRV";
const OBJECT: &str = "root value";

/// The tables of a commit or a working set.
///
/// | slot | field |
/// | --- | --- |
/// | 0 | version of the features that it makes use of |
/// | 1 | tables, an address map within |
/// | 2 | foreign keys, in a chunk of their own |
/// | 3 | collation of the database |
/// | 4 | schemas, which only Doltgres has |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootValue {
    /// Table to address, with Dolt's own tables.
    pub tables: BTreeMap<String, Address>,
    /// The chunk with the foreign keys, where there are any.
    pub foreign_keys: Option<Address>,
    /// The collation of the database, by number.
    pub collation: u16,
}

impl RootValue {
    /// Reads a root value.
    pub fn read(chunks: &dyn Chunks, address: &Address) -> Result<Self, StoreError> {
        let doltgres = || StoreError::UnsupportedObject {
            address: *address,
            object: OBJECT,
            problem: "is of Doltgres, whose types are not read".to_owned(),
        };
        let chunk = chunks.chunk(address)?;
        if Message::id_of(&chunk).as_ref() == Some(DOLTGRES_ID) {
            return Err(doltgres());
        }
        let read = || {
            let message = Message::parse_as(chunk, ID)?;
            message.check_fields(5)?;
            let (has_schemas, tables) = (!message.tables(4)?.is_empty(), message.bytes(1)?);
            let root = Self {
                tables: BTreeMap::new(),
                foreign_keys: message.address(2)?,
                collation: message.u16(3)?,
            };
            Ok((has_schemas, tables, root))
        };
        let (has_schemas, tables, root) = read().in_chunk(address, OBJECT)?;
        if has_schemas {
            return Err(doltgres());
        }
        let tables =
            if tables.is_empty() { Vec::new() } else { address_map::entries(chunks, address, tables)? };
        Ok(Self { tables: tables.into_iter().collect(), ..root })
    }
}

/// All parts of a table's foreign keys, to compare with those of another root value; in the order of their names.
pub type ForeignKeyParts = Vec<Vec<Bytes>>;

/// The foreign keys of a root value by the table that declares them, its name in lower case.
pub fn foreign_key_parts(
    chunks: &dyn Chunks,
    root: &RootValue,
) -> Result<BTreeMap<String, ForeignKeyParts>, StoreError> {
    let Some(address) = &root.foreign_keys else { return Ok(BTreeMap::new()) };
    let object = "collection of foreign keys";
    let message = Message::parse_as(chunks.chunk(address)?, &FOREIGN_KEYS_ID).in_chunk(address, object)?;
    let mut keys: BTreeMap<String, ForeignKeyParts> = BTreeMap::new();
    for key in message.tables(0).in_chunk(address, object)? {
        let table = key.string(1).in_chunk(address, object)?.to_lowercase();
        keys.entry(table).or_default().push(key_parts(&key).in_chunk(address, object)?);
    }
    keys.values_mut().for_each(|keys| keys.sort());
    Ok(keys)
}

/// All of a foreign key:
///
/// | slot | field |
/// | --- | --- |
/// | 0 | name |
/// | 1-3 | table that declares it, its index, tags of its columns |
/// | 4-6 | table that it refers to, its index, tags of its columns |
/// | 7, 8 | what happens on update and on delete |
/// | 9, 10 | columns of both by name; early versions write them only while a table is missing |
/// | 13, 14 | whether it is NOT VALID; MATCH SIMPLE, FULL or PARTIAL |
fn key_parts(key: &MessageTable) -> Result<Vec<Bytes>, MessageError> {
    key.check_fields(15)?;
    let mut parts = Vec::with_capacity(11);
    for slot in [0, 1, 2, 4, 5] {
        parts.push(key.bytes(slot)?);
    }
    for slot in [3, 6] {
        parts.push(key.u64s(slot)?.iter().flat_map(|tag| tag.to_le_bytes()).collect::<Vec<_>>().into());
    }
    parts.push(vec![key.u8(7)?, key.u8(8)?, key.u8(13)?, key.u8(14)?].into());
    for slot in [9, 10] {
        parts.push(key.strings(slot)?.join("\0").into_bytes().into());
    }
    Ok(parts)
}
