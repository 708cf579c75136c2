//! Reads any bytes as each kind of file and object of a store. The fuzz targets in `fuzz/` read bytes that they make
//! up, and a test reads all inputs that they ever found.
//!
//! The results do not matter, only that reading ends without a panic, and without taking memory for more bytes than
//! there are.

use std::path::Path;

use bytes::Bytes;

use crate::address::Address;
use crate::chunks::Chunks;
use crate::chunks::archive::ArchiveFile;
use crate::chunks::journal::Journal;
use crate::chunks::manifest::StoreManifest;
use crate::chunks::table_file::TableFile;
use crate::error::StoreError;
use crate::files::{StdAccess, StoreFile};
use crate::message::{Message, MessageError};
use crate::objects::{
    Commit, Refs, RootValue, StoredTable, TreeNode, address_map_entries, foreign_key_parts, references,
    tagged_commit, working_root,
};
use crate::rows::{RowReader, ValueRoom, read_blob};
use crate::schema::{ForeignKey, Schema, SchemaOf, create_table};

/// Bytes of the little-endian number before each part of an input but the last; it states the length of that part.
const LENGTH_LEN: usize = 4;

/// Reads bytes as a manifest.
pub fn manifest(bytes: &[u8]) {
    let _ = StoreManifest::parse(Path::new("manifest"), bytes);
}

/// Reads a file as a journal, with all its chunks.
pub fn journal(file: &Path) {
    let Some(journal) = open(file).and_then(|file| Journal::open(file).ok()) else { return };
    for address in journal.addresses().flatten() {
        let _ = journal.get(&address);
    }
    let _ = (journal.root(), journal.damage(), journal.extended());
}

/// Reads a file as a table file, with all its chunks.
pub fn table_file(file: &Path) {
    // The chunk count that a manifest would have to state.
    let Some(count) = number_before_end(file, 20) else { return };
    let Some(file) = open(file) else { return };
    let Ok(table) = TableFile::open(file, Some(count)) else { return };
    for address in table.addresses() {
        let _ = table.get(&address);
    }
}

/// Reads a file as an archive, with all its chunks.
pub fn archive(file: &Path) {
    let Some(count) = number_before_end(file, 208) else { return };
    let Some(file) = open(file) else { return };
    let Ok(archive) = ArchiveFile::open(file, Some(count)) else { return };
    for address in archive.addresses() {
        let _ = archive.get(&address);
    }
}

fn open(file: &Path) -> Option<StoreFile> {
    StoreFile::open(&StdAccess, file).ok()
}

/// The big-endian number that begins `before` bytes before the end of a file.
fn number_before_end(file: &Path, before: usize) -> Option<u32> {
    let bytes = std::fs::read(file).ok()?;
    let at = bytes.len().checked_sub(before)?;
    bytes[at..].first_chunk().map(|number| u32::from_be_bytes(*number))
}

/// Reads bytes as each kind of object. The store holds no chunk but these bytes.
pub fn object(bytes: &[u8]) {
    let chunk = Bytes::copy_from_slice(bytes);
    let address = Address::default();
    let only = Only(Some(chunk.clone()));
    let _ = Commit::parse(chunk.clone());
    let _ = tagged_commit(&only, &address);
    let _ = working_root(&only, &address);
    let _ = Refs::read(&only, &Address::new([1; Address::LEN]));
    if let Ok(root) = RootValue::read(&only, &address) {
        let _ = foreign_key_parts(&only, &root);
    }
    if let Ok(table) = StoredTable::read(&only, &address) {
        let _ = TreeNode::within(&address, table.primary_index).map(|node| node.children(&address));
        let _ = address_map_entries(&only, &address, table.secondary_indexes);
    }
    let _ = TreeNode::within(&address, chunk.clone()).map(|node| node.children(&address));
    let _ = address_map_entries(&only, &address, chunk.clone());
    let _ = read_blob(&Address::new([1; Address::LEN]), &only, &mut Vec::new());
    let _ = references(&chunk);
    let Ok(message) = Message::parse(chunk) else { return };
    if let Ok(schema) = Schema::read("t", &message) {
        for moment in [SchemaOf::Commit, SchemaOf::WorkingSet] {
            let _ = create_table(&schema, moment, 7, &[]);
        }
        let _ = RowReader::new(&schema);
    }
    let _ = ForeignKey::read_all(&message);
}

/// Reads bytes as a schema, a leaf of rows under it, and the one chunk that holds all out-of-line values.
/// [`rows_input`] puts such inputs together.
pub fn rows(bytes: &[u8]) {
    let Some((schema, rest)) = part(bytes) else { return };
    let Some((leaf, value)) = part(rest) else { return };
    rows_under(schema, leaf, &Only((!value.is_empty()).then(|| Bytes::copy_from_slice(value))));
}

/// Reads bytes as a schema, and a leaf of rows under it whose out-of-line values are among these chunks.
pub(crate) fn rows_under(schema: &[u8], leaf: &[u8], values: &dyn Chunks) {
    let message = |bytes| Message::parse(Bytes::copy_from_slice(bytes));
    let (Ok(schema), Ok(leaf)) = (message(schema), message(leaf)) else { return };
    let Ok(schema) = Schema::read("t", &schema) else { return };
    let Ok(reader) = RowReader::new(&schema) else { return };
    let Ok(leaf) = reader.leaf(&leaf) else { return };
    let _ = reader.check_addresses(&leaf, values);
    let mut room = ValueRoom::default();
    for number in 0..leaf.len() {
        let Ok(row) = reader.row(&leaf, number) else { continue };
        let _ = reader.times(&row);
        let _ = reader.each_value(&row, values, &mut room, |_| Ok::<(), MessageError>(()));
    }
}

/// Joins the parts of an input for [`rows`].
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

/// A store in which every address leads to the same chunk, or to none.
struct Only(Option<Bytes>);

impl Chunks for Only {
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError> {
        let missing = || StoreError::MissingChunk { address: *address, store: "nowhere".into() };
        self.0.clone().ok_or_else(missing)
    }
}
