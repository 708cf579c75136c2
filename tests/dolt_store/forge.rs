//! Makes stores that no available Dolt writes: replaces chunks, and their references, by others of the same length.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha512};

const ADDRESS_LEN: usize = 20;
const PREFIX_LEN: usize = 4;
/// The position of a message's file identifier.
const ID: std::ops::Range<usize> = 8..12;
const SCHEMA: &[u8] = b"DSCH";
const ROOT_RECORD: u8 = 1;
const CHUNK_RECORD: u8 = 2;
/// Slots of a schema and of a column (`serial/schema.fbs`).
const COLUMNS: usize = 0;
const NAME: usize = 0;
const ENCODING: usize = 6;

pub type Address = [u8; ADDRESS_LEN];

/// The chunks of a store that is only a journal, because no garbage was collected.
pub struct Forged {
    journal: PathBuf,
    /// The bytes already in it.
    written: Vec<u8>,
    pub chunks: HashMap<Address, Vec<u8>>,
    root: Address,
    added: Vec<Vec<u8>>,
}

impl Forged {
    /// Opens the store of a database whose server is stopped.
    pub fn open(database: &Path) -> Self {
        let journal = database.join(".dolt/noms").join("v".repeat(32));
        let mut written = fs::read(&journal).expect("it was not collected");
        let (mut chunks, mut root, mut at) = (HashMap::new(), None, 0);
        while let Some(record) = record_at(&written, at) {
            let mut fields = &record[4..record.len() - 4];
            let (mut kind, mut address) = (0, None);
            while let [tag, rest @ ..] = fields {
                fields = match tag {
                    1 => {
                        kind = rest[0];
                        &rest[1..]
                    }
                    2 => {
                        let (start, rest) = rest.split_first_chunk().expect("a whole record");
                        address = Some(*start);
                        rest
                    }
                    4 => &rest[8..],
                    _ => {
                        let block = &rest[..rest.len() - 4];
                        let chunk = snap::raw::Decoder::new().decompress_vec(block).expect("Dolt wrote it");
                        chunks.insert(address.expect("a chunk has an address"), chunk);
                        &[]
                    }
                };
            }
            if kind == ROOT_RECORD {
                root = address;
            }
            at += record.len();
        }
        // Dolt extends the file in advance.
        written.truncate(at);
        Self { journal, written, chunks, root: root.expect("a store has a root"), added: Vec::new() }
    }

    pub fn of_kind(&self, id: &[u8]) -> Vec<Address> {
        let is_kind = |chunk: &[u8]| chunk.get(ID) == Some(id);
        self.chunks.iter().filter(|(_, chunk)| is_kind(chunk)).map(|(address, _)| *address).collect()
    }

    /// Replaces a chunk by another of its length, and everything that leads to it from the root.
    pub fn replace(&mut self, old: Address, new: Vec<u8>) {
        let mut moved = VecDeque::from([(old, self.put(old, new))]);
        while let Some((from, to)) = moved.pop_front() {
            let referrers =
                self.chunks.iter().filter_map(|(at, chunk)| Some((*at, replaced(chunk, &from, &to)?)));
            for (referrer, changed) in referrers.collect::<Vec<_>>() {
                moved.push_back((referrer, self.put(referrer, changed)));
            }
        }
    }

    fn put(&mut self, old: Address, new: Vec<u8>) -> Address {
        let before = self.chunks.remove(&old).expect("it is there");
        assert!(before.len() == new.len() && before != new, "another one of its length");
        let address = address_of(&new);
        self.chunks.insert(address, new.clone());
        self.added.push(new);
        if self.root == old {
            self.root = address;
        }
        address
    }

    /// Gives all columns of that name another encoding without changing their rows. Returns the number of columns.
    pub fn retag(&mut self, column: &str, from: u8, to: u8) -> usize {
        let mut count = 0;
        for schema in self.of_kind(SCHEMA) {
            let mut chunk = self.chunks[&schema].clone();
            let columns = columns(&chunk);
            let place = columns.iter().find(|(name, place)| name == column && chunk[*place] == from);
            if let Some(&(_, place)) = place {
                chunk[place] = to;
                self.replace(schema, chunk);
                count += 1;
            }
        }
        count
    }

    /// Writes the replacements at the end of the store's journal, like Dolt.
    pub fn write(mut self) {
        for chunk in &self.added {
            let mut block = snap::raw::Encoder::new().compress_vec(chunk).expect("it is short");
            block.extend(crc32c::crc32c(&block).to_be_bytes());
            let fields = [&[1, CHUNK_RECORD, 2][..], &address_of(chunk), &[3], &block].concat();
            self.written.extend(record(&fields));
        }
        let fields = [&[1, ROOT_RECORD, 4, 0, 0, 0, 0, 105, 0, 0, 0, 2][..], &self.root].concat();
        self.written.extend(record(&fields));
        fs::write(&self.journal, &self.written).expect("the folder is ours");
    }
}

fn address_of(chunk: &[u8]) -> Address {
    Sha512::digest(chunk)[..ADDRESS_LEN].try_into().expect("a digest is longer")
}

fn record_at(journal: &[u8], at: usize) -> Option<&[u8]> {
    let len = u32::from_be_bytes(*journal.get(at..)?.first_chunk()?) as usize;
    journal.get(at..at + len).filter(|record| record.len() > 8)
}

fn record(fields: &[u8]) -> Vec<u8> {
    let len = u32::try_from(fields.len() + 8).expect("chunks are short");
    let mut record = [&len.to_be_bytes()[..], fields].concat();
    record.extend(crc32c::crc32c(&record).to_be_bytes());
    record
}

/// Replaces every occurrence of an address in a chunk.
fn replaced(chunk: &[u8], from: &Address, to: &Address) -> Option<Vec<u8>> {
    let mut changed = None;
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(&chunk[at..], from) {
        let start = at + found;
        at = start + ADDRESS_LEN;
        changed.get_or_insert_with(|| chunk.to_vec())[start..at].copy_from_slice(to);
    }
    changed
}

fn u16_at(chunk: &[u8], at: usize) -> usize {
    u16::from_le_bytes(*chunk[at..].first_chunk().expect("Dolt wrote it")).into()
}

fn u32_at(chunk: &[u8], at: usize) -> usize {
    u32::from_le_bytes(*chunk[at..].first_chunk().expect("Dolt wrote it")) as usize
}

/// The target of the offset at `at`.
fn target(chunk: &[u8], at: usize) -> usize {
    at + u32_at(chunk, at)
}

/// The position of a table's field.
fn field(chunk: &[u8], table: usize, slot: usize) -> usize {
    let back = i32::from_le_bytes(*chunk[table..].first_chunk().expect("Dolt wrote it"));
    let vtable = table.checked_add_signed(-(back as isize)).expect("Dolt wrote it");
    let offset = u16_at(chunk, vtable + 4 + 2 * slot);
    assert_ne!(offset, 0, "the field is there");
    table + offset
}

/// The columns of a schema, each with the position of its encoding number.
fn columns(chunk: &[u8]) -> Vec<(String, usize)> {
    let root = target(chunk, PREFIX_LEN);
    let list = target(chunk, field(chunk, root, COLUMNS));
    let column = |index: usize| {
        let table = target(chunk, list + 4 + 4 * index);
        let name = target(chunk, field(chunk, table, NAME));
        let name = &chunk[name + 4..name + 4 + u32_at(chunk, name)];
        (String::from_utf8_lossy(name).into_owned(), field(chunk, table, ENCODING))
    };
    (0..u32_at(chunk, list)).map(column).collect()
}
