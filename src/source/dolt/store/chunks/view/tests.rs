//! Stores of which something is missing, damaged or written over.

use std::path::Path;

use bytes::Bytes;

use crate::content::chain;
use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::chunks::{ChunkStore, Chunks, Place};
use crate::source::dolt::store::testing::{
    MemoryChunks, address_of, chunk_record, commit, manifest, root_record, root_value, store_root, table_file,
};

const JOURNAL: &str = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), bytes).expect("the folder is ours");
}

fn open(folder: &Path) -> ChunkStore {
    let place = Place::folder(folder).expect("the folder is ours");
    ChunkStore::open(&place).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// The chunks that a root with one branch leads to, and that root.
fn rooted(text: &str) -> (Vec<Bytes>, Address) {
    let mut chunks = MemoryChunks::default();
    let content = chunks.put(root_value(&[], 0));
    let head = chunks.put(commit(content, 1, &[], 1000, text));
    let root = chunks.put(store_root(&[("refs/heads/main", head)]));
    (chunks.all(), root)
}

fn records(chunks: &[Bytes], root: &Address) -> Vec<u8> {
    let mut records: Vec<u8> = chunks.iter().flat_map(|chunk| chunk_record(chunk)).collect();
    records.extend(root_record(root));
    records
}

#[test]
fn the_newest_root_that_leads_somewhere_is_shown() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (chunks, root) = rooted("whole");
    let (newer, newest) = rooted("without its commit");
    let newer: Vec<_> = newer.into_iter().filter(|chunk| address_of(chunk) == newest).collect();
    let absent = Address::new([9; 20]);
    let all = [records(&chunks, &root), records(&newer, &newest), root_record(&absent)].concat();
    write(folder, JOURNAL, all);
    write(folder, "manifest", manifest(&root, &[]));
    let store = open(folder);
    assert_eq!(store.root(), root);
    let said = store.view().broken_files().join(" ");
    assert!(said.contains(&absent.to_string()) && said.contains(&root.to_string()), "{said}");
    assert_eq!(store.view().flaws(folder).expect("the folder is ours").len(), 1);
    // Beside a server that has just written it, a root is waited for.
    write(folder, JOURNAL, records(&chunks, &root));
    assert_eq!(store.view().broken_files().len(), 1);
    store.refresh().expect("all is there");
    assert_eq!((store.root(), store.view().broken_files().len()), (root, 0));
}

#[test]
fn a_manifest_older_than_the_files_hides_none_of_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (chunks, root) = rooted("whole");
    let (gone, there) = (Address::new([1; 20]), Address::new([2; 20]));
    let parts: Vec<_> = chunks.iter().map(|chunk| &chunk[..]).collect();
    write(folder, &there.to_string(), table_file(&parts));
    write(folder, "manifest", manifest(&root, &[(gone, 3)]));
    let store = open(folder);
    assert!(chunks.iter().all(|chunk| store.chunk(&address_of(chunk)).is_ok()));
    let said = store.view().broken_files().join(" ");
    assert!(said.contains(&gone.to_string()), "{said}");
}

#[test]
fn a_table_file_that_was_written_over_is_read_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (one, two) = (Bytes::from("one"), Bytes::from("another"));
    let name = Address::new([1; 20]);
    write(folder, &name.to_string(), table_file(&[&one, &two]));
    write(folder, "manifest", manifest(&address_of(&one), &[(name, 2)]));
    let store = open(folder);
    assert!(store.chunk(&address_of(&two)).is_ok());
    write(folder, &name.to_string(), table_file(&[&one]));
    write(folder, "manifest", manifest(&address_of(&one), &[(name, 1)]));
    store.refresh().expect("its root is there");
    assert!(store.was_rewritten());
    assert!(store.chunk(&address_of(&one)).is_ok() && store.chunk(&address_of(&two)).is_err());
}

#[test]
fn a_journal_that_was_written_over_is_read_from_the_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let ((chunks, root), (others, other)) = (rooted("one"), rooted("another, with a longer text"));
    write(folder, JOURNAL, records(&chunks, &root));
    write(folder, "manifest", manifest(&root, &[]));
    let store = open(folder);
    write(folder, JOURNAL, [records(&chunks, &root), records(&others, &other)].concat());
    store.refresh().expect("all is there");
    assert_eq!((store.root(), store.was_rewritten()), (other, false), "it grew");
    for (bytes, expected) in [(records(&chunks, &root), root), (records(&others, &other), other)] {
        write(folder, JOURNAL, bytes);
        write(folder, "manifest", manifest(&expected, &[]));
        store.refresh().expect("all is there");
        assert_eq!((store.root(), store.was_rewritten()), (expected, true));
        assert!(store.view().get(&expected).is_ok_and(|chunk| chunk.is_some()));
    }
}
