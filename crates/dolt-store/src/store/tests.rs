//! Stores of every kind of file, and stores of which something is missing, damaged or written over.

use std::path::Path;

use bytes::Bytes;

use super::Store;
use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::{ErrorKind, StoreError, chain};
use crate::files::{JOURNAL, MANIFEST, StdAccess, StoreFolder};
use crate::testing::{
    MemoryChunks, address_of, chunk_record, commit, manifest, root_record, root_value, store_root,
    table_file, write_store,
};

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), bytes).expect("the folder is ours");
}

fn open(folder: &Path) -> Store {
    Store::open(folder).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// Looks at the files again; returns whether the root is another one.
fn refresh(store: &mut Store) -> bool {
    let before = store.root();
    if let Some(renewed) = store.renewed().unwrap_or_else(|error| panic!("{}", chain(&error))) {
        *store = renewed;
    }
    store.root() != before
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
    write(folder, MANIFEST, manifest(&root, &[]));
    let mut store = open(folder);
    assert_eq!(store.root(), root);
    let said = store.problems().join(" ");
    assert!(said.contains(&absent.to_string()) && said.contains(&root.to_string()), "{said}");
    assert_eq!(store.flaws().expect("the folder is ours").len(), 1);
    // Once the journal ends in a root that leads somewhere, the next look finds it.
    write(folder, JOURNAL, records(&chunks, &root));
    assert_eq!(store.problems().len(), 1);
    refresh(&mut store);
    assert_eq!((store.root(), store.problems().len()), (root, 0));
}

#[test]
fn a_manifest_older_than_the_files_hides_none_of_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (chunks, root) = rooted("whole");
    let (gone, there) = (Address::new([1; 20]), Address::new([2; 20]));
    let parts: Vec<_> = chunks.iter().map(|chunk| &chunk[..]).collect();
    write(folder, &there.to_string(), table_file(&parts));
    write(folder, MANIFEST, manifest(&root, &[(gone, 3)]));
    let store = open(folder);
    assert!(chunks.iter().all(|chunk| store.chunk(&address_of(chunk)).is_ok()));
    let said = store.problems().join(" ");
    assert!(said.contains(&gone.to_string()), "{said}");
}

#[test]
fn a_table_file_that_was_written_over_is_read_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (one, two) = (Bytes::from("one"), Bytes::from("another"));
    let name = Address::new([1; 20]);
    write(folder, &name.to_string(), table_file(&[&one, &two]));
    write(folder, MANIFEST, manifest(&address_of(&one), &[(name, 2)]));
    let mut store = open(folder);
    assert!(store.chunk(&address_of(&two)).is_ok());
    write(folder, &name.to_string(), table_file(&[&one]));
    write(folder, MANIFEST, manifest(&address_of(&one), &[(name, 1)]));
    refresh(&mut store);
    assert!(store.rewritten().is_some());
    assert!(store.chunk(&address_of(&one)).is_ok() && store.chunk(&address_of(&two)).is_err());
}

#[test]
fn an_old_view_outlives_garbage_collection() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    write_store(folder, &[Bytes::from("one"), Bytes::from("two")], &address_of(b"one"));
    let mut store = open(folder);
    let before = open(folder);
    let table = Address::new([1; 20]);
    write(folder, &table.to_string(), table_file(&[b"two"]));
    write(folder, "new", manifest(&address_of(b"two"), &[(table, 1)]));
    std::fs::rename(folder.join("new"), folder.join(MANIFEST)).expect("the folder is ours");
    std::fs::remove_file(folder.join("v".repeat(32))).expect("the folder is ours");
    assert!(refresh(&mut store));
    assert!(matches!(store.chunk(&address_of(b"one")), Err(StoreError::MissingChunk { .. })));
    assert_eq!(before.get(&address_of(b"one")).expect("it is whole").expect("it is there"), "one");
}

#[test]
fn without_the_file_that_may_hold_the_root_nothing_opens() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table = Address::new([1; 20]);
    write(folder.path(), &table.to_string(), "no table file, though long enough");
    write(folder.path(), MANIFEST, manifest(&address_of(b"one"), &[(table, 1)]));
    let error = Store::open(folder.path()).err().expect("its only file is broken");
    let story = chain(&error);
    assert!(story.contains("does not end as a table file does"), "{story}");
    assert!(story.contains(&table.to_string()) && story.contains(&address_of(b"one").to_string()));
}

#[test]
fn what_is_no_store_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(StoreFolder::locate(folder.path(), &StdAccess), None);
    let error = Store::open(folder.path()).err().expect("there is none");
    assert!(error.to_string().contains("manifest"), "{error}");
    let missing = Address::new([1; 20]);
    write(folder.path(), MANIFEST, manifest(&missing, &[(missing, 1)]));
    let error = Store::open(folder.path()).err().expect("its file is missing");
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(chain(&error).contains(&missing.to_string()), "{error}");
}
