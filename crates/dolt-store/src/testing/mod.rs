//! Makes messages, and files of each kind, as Dolt lays them out: for tests only, and no part of the stable interface.

use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha512};

use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::StoreError;
use crate::message::Message;
use crate::schema::Schema;

mod access;

pub use access::NotedAccess;

/// A field of a message to make.
pub enum Field {
    U8(u8),
    U16(u16),
    U64(u64),
    /// A vector of bytes, or a text.
    Bytes(Vec<u8>),
    U16s(Vec<u16>),
    Strings(Vec<&'static str>),
    Table(Fields),
    Tables(Vec<Fields>),
}

/// The fields of a table, by slot.
pub type Fields = Vec<(usize, Field)>;

/// A message of these fields, by slot.
pub fn message(id: &[u8; 4], fields: &[(usize, Field)]) -> Bytes {
    let mut buffer = [&[0; 4], &id[..]].concat();
    let root = add_table(&mut buffer, fields);
    put(&mut buffer, 0, &(root as u32).to_le_bytes());
    let mut framed = (buffer.len() as u32).to_be_bytes().to_vec();
    framed[0] = 27;
    framed.extend(buffer);
    framed.into()
}

fn put(buffer: &mut [u8], at: usize, bytes: &[u8]) {
    buffer[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Writes at `place` the offset of `target`.
fn lead(buffer: &mut [u8], place: usize, target: usize) {
    put(buffer, place, &((target - place) as u32).to_le_bytes());
}

/// Appends a table with all that it refers to. Returns its place.
fn add_table(buffer: &mut Vec<u8>, fields: &[(usize, Field)]) -> usize {
    let slots = fields.iter().map(|(slot, _)| slot + 1).max().unwrap_or(0);
    let vtable = buffer.len().next_multiple_of(8);
    let table = (vtable + 4 + 2 * slots).next_multiple_of(8) + 4;
    buffer.resize(table + 4 + 8 * fields.len(), 0);
    put(buffer, vtable, &((4 + 2 * slots) as u16).to_le_bytes());
    put(buffer, vtable + 2, &((4 + 8 * fields.len()) as u16).to_le_bytes());
    put(buffer, table, &((table - vtable) as i32).to_le_bytes());
    for (place, (slot, field)) in fields.iter().enumerate() {
        let offset = 4 + 8 * place;
        let at = table + offset;
        put(buffer, vtable + 4 + 2 * slot, &(offset as u16).to_le_bytes());
        match field {
            Field::U8(number) => put(buffer, at, &[*number]),
            Field::U16(number) => put(buffer, at, &number.to_le_bytes()),
            Field::U64(number) => put(buffer, at, &number.to_le_bytes()),
            Field::Bytes(bytes) => add_vector(buffer, at, bytes.len(), bytes),
            Field::U16s(numbers) => {
                let bytes: Vec<_> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                add_vector(buffer, at, numbers.len(), &bytes);
            }
            Field::Strings(texts) => {
                let first = buffer.len() + 4;
                add_vector(buffer, at, texts.len(), &vec![0; 4 * texts.len()]);
                for (index, text) in texts.iter().enumerate() {
                    add_vector(buffer, first + 4 * index, text.len(), text.as_bytes());
                }
            }
            Field::Table(fields) => {
                let target = add_table(buffer, fields);
                lead(buffer, at, target);
            }
            Field::Tables(tables) => {
                let first = buffer.len() + 4;
                add_vector(buffer, at, tables.len(), &vec![0; 4 * tables.len()]);
                for (index, fields) in tables.iter().enumerate() {
                    let target = add_table(buffer, fields);
                    lead(buffer, first + 4 * index, target);
                }
            }
        }
    }
    table
}

/// Appends a vector, and makes `place` refer to it.
fn add_vector(buffer: &mut Vec<u8>, place: usize, count: usize, bytes: &[u8]) {
    let target = buffer.len();
    lead(buffer, place, target);
    buffer.extend((count as u32).to_le_bytes());
    buffer.extend(bytes);
}

/// A leaf of an address map.
pub fn address_map(entries: &[(&str, Address)]) -> Bytes {
    let keys: Vec<_> = entries.iter().map(|(name, _)| name.as_bytes()).collect();
    let (keys, offsets) = items(&keys);
    let addresses = entries.iter().flat_map(|(_, address)| *address.as_bytes()).collect();
    message(
        b"ADRM",
        &[
            (0, keys),
            (1, offsets),
            (2, Field::Bytes(addresses)),
            (4, Field::U64(entries.len() as u64)),
            (5, Field::U8(0)),
        ],
    )
}

/// A store's root with these refs.
pub fn store_root(refs: &[(&str, Address)]) -> Bytes {
    message(b"STRT", &[(0, Field::Bytes(address_map(refs).to_vec()))])
}

/// A commit, whose dates are both `millis`.
pub fn commit(root: Address, height: u64, parents: &[Address], millis: u64, text: &str) -> Bytes {
    let parents = parents.iter().flat_map(|parent| *parent.as_bytes()).collect();
    message(
        b"DCMT",
        &[
            (0, Field::Bytes(root.as_bytes().to_vec())),
            (1, Field::U64(height)),
            (2, Field::Bytes(parents)),
            (4, Field::Bytes(b"somebody".to_vec())),
            (5, Field::Bytes(b"some@body".to_vec())),
            (6, Field::Bytes(text.as_bytes().to_vec())),
            (7, Field::U64(millis)),
            (8, Field::U64(millis)),
        ],
    )
}

/// A root value with these tables.
pub fn root_value(tables: &[(&str, Address)], collation: u16) -> Bytes {
    message(
        b"RTVL",
        &[(0, Field::U64(7)), (1, Field::Bytes(address_map(tables).to_vec())), (3, Field::U16(collation))],
    )
}

/// A table with this schema, whose rows do not matter.
pub fn table(schema: Address, rows: &[u8], auto_increment: u64) -> Bytes {
    message(
        b"DTBL",
        &[
            (0, Field::Bytes(schema.as_bytes().to_vec())),
            (1, Field::Bytes(rows.to_vec())),
            (3, Field::U64(auto_increment)),
        ],
    )
}

/// Chunks in memory.
#[derive(Default)]
pub struct MemoryChunks(std::collections::HashMap<Address, Bytes>);

impl MemoryChunks {
    /// Adds a chunk. Returns its address.
    pub fn put(&mut self, chunk: Bytes) -> Address {
        let address = address_of(&chunk);
        self.0.insert(address, chunk);
        address
    }

    /// Puts other bytes in the place of a chunk.
    pub fn replace(&mut self, address: &Address, bytes: Bytes) {
        self.0.insert(*address, bytes);
    }

    pub fn all(&self) -> Vec<Bytes> {
        self.0.values().cloned().collect()
    }
}

impl Chunks for MemoryChunks {
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError> {
        let missing = || StoreError::MissingChunk { address: *address, store: "memory".into() };
        self.0.get(address).cloned().ok_or_else(missing)
    }
}

/// Keys and values one after the other, with their offsets.
pub fn items(items: &[&[u8]]) -> (Field, Field) {
    let mut offsets = vec![0];
    for item in items {
        offsets.push(offsets[offsets.len() - 1] + item.len() as u16);
    }
    (Field::Bytes(items.concat()), Field::U16s(offsets))
}

/// The address of a chunk.
pub fn address_of(chunk: &[u8]) -> Address {
    Address::from_slice(&Sha512::digest(chunk)[..Address::LEN]).expect("a digest is longer")
}

/// A block of Snappy with its checksum.
pub fn snappy_block(chunk: &[u8]) -> Vec<u8> {
    let mut block = snap::raw::Encoder::new().compress_vec(chunk).expect("it is short");
    let checksum = crc32c::crc32c(&block);
    block.extend(checksum.to_be_bytes());
    block
}

/// A journal's record of a chunk.
pub fn chunk_record(chunk: &[u8]) -> Vec<u8> {
    let mut body = vec![1, 2, 2];
    body.extend(address_of(chunk).as_bytes());
    body.push(3);
    body.extend(snappy_block(chunk));
    record(&body)
}

/// A journal's record of a new root.
pub fn root_record(root: &Address) -> Vec<u8> {
    let mut body = vec![1, 1, 4, 0, 0, 0, 0, 1, 2, 3, 4, 2];
    body.extend(root.as_bytes());
    record(&body)
}

/// A journal's record with these fields.
pub fn record(body: &[u8]) -> Vec<u8> {
    let mut record = ((body.len() + 8) as u32).to_be_bytes().to_vec();
    record.extend(body);
    let checksum = crc32c::crc32c(&record);
    record.extend(checksum.to_be_bytes());
    record
}

/// A table file with these chunks.
pub fn table_file(chunks: &[&[u8]]) -> Vec<u8> {
    let blocks: Vec<_> = chunks.iter().map(|chunk| snappy_block(chunk)).collect();
    let addresses: Vec<_> = chunks.iter().map(|chunk| address_of(chunk)).collect();
    let mut order: Vec<_> = (0..chunks.len()).collect();
    order.sort_by_key(|&at| addresses[at]);
    let mut file = blocks.concat();
    for &at in &order {
        file.extend(&addresses[at].as_bytes()[..8]);
        file.extend((at as u32).to_be_bytes());
    }
    blocks.iter().for_each(|block| file.extend((block.len() as u32).to_be_bytes()));
    addresses.iter().for_each(|address| file.extend(&address.as_bytes()[8..]));
    file.extend((chunks.len() as u32).to_be_bytes());
    file.extend((chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>()).to_be_bytes());
    file.extend([0xff, 0xb5, 0xd8, 0xc2, 0x24, 0x63, 0xee, 0x50]);
    file
}

/// An archive with these chunks; the first, third and so on with a dictionary.
pub fn archive(chunks: &[&[u8]], version: u8) -> Vec<u8> {
    let dictionary = b"rows of a table with a status and a title, open and closed".repeat(8);
    let mut spans = vec![zstd::bulk::compress(&dictionary, 3).expect("it is short")];
    let mut with_dictionary = zstd::bulk::Compressor::with_dictionary(3, &dictionary).expect("a dictionary");
    let mut entries = Vec::new();
    for (at, chunk) in chunks.iter().enumerate() {
        let (dictionary, span) = match (at % 2, version) {
            (0, _) => (1_u32, with_dictionary.compress(chunk).expect("it is short")),
            (_, 1) => (0, zstd::bulk::compress(chunk, 3).expect("it is short")),
            _ => (0, snappy_block(chunk)),
        };
        spans.push(span);
        entries.push((address_of(chunk), dictionary, spans.len() as u32));
    }
    entries.sort();
    let mut index = Vec::new();
    let mut end = 0;
    for span in &spans {
        end += span.len() as u64;
        index.extend(end.to_be_bytes());
    }
    entries.iter().for_each(|(address, _, _)| index.extend(&address.as_bytes()[..8]));
    for (_, dictionary, data) in &entries {
        index.extend(dictionary.to_be_bytes());
        index.extend(data.to_be_bytes());
    }
    entries.iter().for_each(|(address, _, _)| index.extend(&address.as_bytes()[8..]));
    let metadata = b"{\"dolt_version\":\"1.88.1\"}";
    let mut file = spans.concat();
    file.extend(&index);
    file.extend(metadata);
    match version {
        3.. => file.extend((index.len() as u64).to_be_bytes()),
        _ => file.extend((index.len() as u32).to_be_bytes()),
    }
    file.extend((spans.len() as u32).to_be_bytes());
    file.extend((entries.len() as u32).to_be_bytes());
    file.extend((metadata.len() as u32).to_be_bytes());
    file.extend([0; 192]);
    file.push(version);
    file.extend(b"DOLTARC");
    file
}

/// The text of a manifest with these files.
pub fn manifest(root: &Address, files: &[(Address, usize)]) -> String {
    let mut text = format!("5:__DOLT__:{root}:{root}:{}", Address::default());
    for (name, chunks) in files {
        text.push_str(&format!(":{name}:{chunks}"));
    }
    text
}

/// Writes a store into a folder: a manifest, and a journal with chunks and a root.
pub fn write_store(folder: &Path, chunks: &[Bytes], root: &Address) {
    let mut journal = Vec::new();
    chunks.iter().for_each(|chunk| journal.extend(chunk_record(chunk)));
    journal.extend(root_record(root));
    std::fs::write(folder.join("v".repeat(32)), journal).expect("the folder is ours");
    std::fs::write(folder.join("manifest"), manifest(root, &[])).expect("the folder is ours");
}

/// Writes a store with one commit on the branch `main`, which holds the table `sample` of [`Sample::of_many_types`].
pub fn write_sample_store(folder: &Path) {
    let mut chunks = Sample::of_many_types().values;
    let schema = chunks.put(Bytes::from_static(Sample::MANY_TYPES_SCHEMA));
    let table = chunks.put(table(schema, Sample::MANY_TYPES_LEAF, 0));
    let root = chunks.put(root_value(&[("sample", table)], 0));
    let commit = chunks.put(commit(root, 1, &[], 1_700_000_000_000, "add a table"));
    let root = chunks.put(store_root(&[("refs/heads/main", commit)]));
    write_store(folder, &chunks.all(), &root);
}

/// A step of a small pseudo-random sequence, for tests that try many bytes.
pub fn next_random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// A table that a server of version 1.88.1 wrote: its schema, its only leaf, and the chunks of its out-of-line values.
pub struct Sample {
    pub schema: Schema,
    pub leaf: Message,
    pub values: MemoryChunks,
}

impl Sample {
    /// The schema of [`Self::of_many_types`].
    pub const MANY_TYPES_SCHEMA: &[u8] = include_bytes!("sample.schema");
    pub const MANY_TYPES_LEAF: &[u8] = include_bytes!("sample.leaf");
    pub const MANY_TYPES_VALUES: [&[u8]; 3] =
        [include_bytes!("sample.value0"), include_bytes!("sample.value1"), include_bytes!("sample.value2")];
    /// The schema of [`Self::without_key`].
    pub const KEYLESS_SCHEMA: &[u8] = include_bytes!("keyless.schema");
    pub const KEYLESS_LEAF: &[u8] = include_bytes!("keyless.leaf");

    /// Columns of many types; two rows, one of them of NULLs.
    pub fn of_many_types() -> Self {
        Self::new(Self::MANY_TYPES_SCHEMA, Self::MANY_TYPES_LEAF, &Self::MANY_TYPES_VALUES)
    }

    /// A table without a key: one row three times, one once.
    pub fn without_key() -> Self {
        Self::new(Self::KEYLESS_SCHEMA, Self::KEYLESS_LEAF, &[])
    }

    fn new(schema: &'static [u8], leaf: &'static [u8], chunks: &[&'static [u8]]) -> Self {
        let message = |bytes| Message::parse(Bytes::from_static(bytes)).expect("a message");
        let mut values = MemoryChunks::default();
        for chunk in chunks {
            values.put(Bytes::from_static(chunk));
        }
        let schema = Schema::read("sample", &message(schema)).expect("a schema");
        Self { schema, leaf: message(leaf), values }
    }
}
