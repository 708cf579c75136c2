//! Reads any bytes as each kind of file and object of a store: what the fuzz targets in `fuzz/` do with bytes that they
//! made up, and a test with all that they ever found.
//!
//! What comes of it does not matter, only that it comes: no panic, no endless work, no memory that the bytes ask for
//! without being that long.

use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;

use super::address::Address;
use super::chunks::Chunks;
use super::error::StoreError;
use super::message::Message;
use super::objects::address_map;
use super::objects::commit::Commit;
use super::objects::prolly::Node;
use super::objects::root_value::RootValue;
use super::objects::store_root::Refs;
use super::objects::table::Table;
use super::rows::schema_sql::{Moment, create_table};
use super::rows::{ForeignKey, RowRenderer, Schema, read_blob};
use super::verify::references;
use crate::source::dolt::store::chunks;
use crate::source::dolt::store::objects::commit;
use crate::source::dolt::store::objects::root_value;

/// Lines that are rendered at most: a row of a table without a key may say that it occurs any number of times.
const MAX_LINES: usize = 1000;
/// Length of the length, little-endian, before each part of an input but the last.
const LENGTH_LEN: usize = 4;

/// Bytes as a manifest.
pub fn manifest(bytes: &[u8]) {
    chunks::probe::manifest(bytes);
}

/// A file as a journal.
pub fn journal(file: &Path) {
    chunks::probe::journal(file);
}

/// A file as a table file.
pub fn table_file(file: &Path) {
    chunks::probe::table_file(file);
}

/// A file as an archive.
pub fn archive(file: &Path) {
    chunks::probe::archive(file);
}

/// Bytes as each kind of object. Other chunks than these bytes there are none.
pub fn object(bytes: &[u8]) {
    let chunk = Bytes::copy_from_slice(bytes);
    let address = Address::default();
    let only = Only(Some(chunk.clone()));
    let _ = Commit::parse(chunk.clone());
    let _ = commit::tagged_commit(&only, &address);
    let _ = commit::working_root(&only, &address);
    let _ = Refs::read(&only, &Address::new([1; Address::LEN]));
    if let Ok(root) = RootValue::read(&only, &address) {
        let _ = root_value::foreign_keys(&only, &root);
    }
    if let Ok(table) = Table::read(&only, &address) {
        let _ = Node::within(&address, table.primary_index).map(|node| node.children(&address));
        let _ = address_map::entries(&only, &address, table.secondary_indexes);
    }
    let _ = Node::within(&address, chunk.clone()).map(|node| node.children(&address));
    let _ = address_map::entries(&only, &address, chunk.clone());
    let _ = read_blob(&Address::new([1; Address::LEN]), &only, &mut Vec::new());
    let _ = references(&chunk);
    let Ok(message) = Message::parse(chunk) else { return };
    if let Ok(schema) = Schema::read("t", &message) {
        for moment in [Moment::Commit, Moment::WorkingSet] {
            let _ = create_table(&schema, moment, 7, &[]);
        }
        let _ = RowRenderer::new(&schema);
    }
    let _ = ForeignKey::read_all(&message);
}

/// Bytes as a schema, a leaf of rows under it, and the one chunk that all out-of-line values are in.
/// [`rows_input`] puts such inputs together.
pub fn rows(bytes: &[u8]) {
    let Some((schema, rest)) = part(bytes) else { return };
    let Some((leaf, value)) = part(rest) else { return };
    let (Ok(schema), Ok(leaf)) = (message(schema), message(leaf)) else { return };
    let Ok(schema) = Schema::read("t", &schema) else { return };
    let Ok(renderer) = RowRenderer::new(&schema) else { return };
    let values = Only((!value.is_empty()).then(|| Bytes::copy_from_slice(value)));
    let mut lines = 0;
    let _ = renderer.render(&leaf, &values, 0..u64::MAX, &mut Vec::new(), |line| {
        line.clear();
        lines += 1;
        if lines < MAX_LINES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
}

/// What [`rows`] takes apart again.
pub fn rows_input(schema: &[u8], leaf: &[u8], value: &[u8]) -> Vec<u8> {
    let mut input = Vec::with_capacity(2 * LENGTH_LEN + schema.len() + leaf.len() + value.len());
    for part in [schema, leaf] {
        input.extend(u32::try_from(part.len()).expect("a short schema or leaf").to_le_bytes());
        input.extend(part);
    }
    input.extend(value);
    input
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<LENGTH_LEN>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

fn message(bytes: &[u8]) -> Result<Message, super::message::MessageError> {
    Message::parse(Bytes::copy_from_slice(bytes))
}

/// A store in which every address leads to the same chunk, or to none.
struct Only(Option<Bytes>);

impl Chunks for Only {
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError> {
        let missing = || StoreError::MissingChunk { address: *address, store: "nowhere".into() };
        self.0.clone().ok_or_else(missing)
    }
}
