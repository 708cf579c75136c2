//! What scans find, and what becomes of it, on stores on disk.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use dolt_store::objects::Refs;
use dolt_store::testing::{
    MemoryChunks, address_of, chunk_record, commit, manifest, root_record, root_value, store_root, table,
    table_file, write_store,
};
use dolt_store::{Address, Chunks};
use globset::GlobSet;

use super::scan::scan;
use crate::content::{ErrorKind, Sink};
use crate::model::access::Audience;
use crate::model::content_id::ContentId;
use crate::model::history::History;
use crate::source::Database;
use crate::source::dolt::store::chunk_store::ChunkStore;
use crate::source::dolt::store::database::DoltStoreDatabase;
use crate::source::dolt::store::history;
use crate::source::dolt::store::shared::SharedDatabase;
use crate::util::clock::WallClock;
use crate::util::locks::lock;

/// A store on disk that grows.
struct ScannedRepo {
    folder: tempfile::TempDir,
    chunks: MemoryChunks,
    /// A root value that is there.
    content: Address,
}

impl ScannedRepo {
    fn new() -> Self {
        let mut chunks = MemoryChunks::default();
        let content = chunks.put(root_value(&[], 0));
        Self { folder: tempfile::tempdir().expect("a temporary folder"), chunks, content }
    }

    fn commit(&mut self, height: u64, parents: &[Address], text: &str) -> Address {
        self.chunks.put(commit(self.content, height, parents, height * 1000, text))
    }

    fn table(&mut self, rows: &str) -> Address {
        self.chunks.put(table(Address::new([5; 20]), rows.as_bytes(), 0))
    }

    fn commit_of(&mut self, height: u64, parent: Address, tables: &[(&str, Address)]) -> Address {
        let root = self.chunks.put(root_value(tables, 0));
        self.chunks.put(commit(root, height, &[parent], height * 1000, "with tables"))
    }

    /// Makes a new root, with these refs, and writes all chunks.
    fn write(&mut self, refs: &[(&str, Address)]) -> Address {
        let root = self.chunks.put(store_root(refs));
        write_store(self.folder.path(), &self.chunks.all(), &root);
        root
    }

    fn open(&self) -> Arc<SharedDatabase> {
        let store = ChunkStore::of_folder(self.folder.path());
        let (exclude, clock) = (GlobSet::empty(), WallClock::system());
        Arc::new(SharedDatabase::new(store, Arc::default(), "here".into(), "db".to_owned(), exclude, clock))
    }
}

fn append(folder: &Path, chunks: &[Bytes], root: Address) {
    let journal = folder.join("v".repeat(32));
    let mut bytes = std::fs::read(&journal).expect("it is there");
    chunks.iter().for_each(|chunk| bytes.extend(chunk_record(chunk)));
    bytes.extend(root_record(&root));
    std::fs::write(&journal, bytes).expect("the folder is ours");
}

/// Scans once more; returns the messages of what is lost, newest first.
fn lost(shared: &Arc<SharedDatabase>) -> Vec<String> {
    shared.store.refresh().expect("a whole store");
    scan(&Arc::downgrade(shared), &AtomicBool::new(false));
    listed(shared)
}

fn listed(shared: &SharedDatabase) -> Vec<String> {
    current(shared).lost.iter().flatten().map(|commit| commit.message.clone()).collect()
}

fn current(shared: &SharedDatabase) -> History {
    let refs = Refs::read(&shared.store, &shared.store.root()).expect("refs");
    let mut graph = lock(&shared.graph);
    let mut history = history::load(&shared.store, &mut graph, &refs, None).expect("a history");
    history.lost = Some(shared.found.lost(&shared.store, &mut graph, &history));
    history
}

#[test]
fn what_no_name_reaches_is_lost() {
    let mut repo = ScannedRepo::new();
    let one = repo.commit(1, &[], "one");
    let two = repo.commit(2, &[one], "two");
    let old = repo.commit(2, &[one], "old");
    repo.commit(3, &[old], "older than its name");
    repo.chunks.put(commit(Address::new([7; 20]), 4, &[old], 9000, "without content"));
    repo.chunks.put(Bytes::from_static(b"\x1b\0\0\x10 no  DCMT at all"));
    repo.write(&[("refs/heads/main", two)]);
    let shared = repo.open();
    assert_eq!(listed(&shared), [""; 0], "nothing was looked through yet");
    assert_eq!(lost(&shared), ["older than its name", "old"]);
    assert_eq!(lost(&shared), ["older than its name", "old"], "there is nothing new");
}

#[test]
fn names_come_and_go_without_another_scan() {
    let mut repo = ScannedRepo::new();
    let one = repo.commit(1, &[], "one");
    let side = repo.commit(2, &[one], "side");
    repo.write(&[("refs/heads/main", one), ("refs/heads/side", side)]);
    let shared = repo.open();
    assert_eq!(lost(&shared), [""; 0]);
    for (refs, expected) in
        [(vec![("refs/heads/main", one)], vec!["side"]), (vec![("refs/heads/main", side)], vec![])]
    {
        let root = store_root(&refs);
        append(repo.folder.path(), std::slice::from_ref(&root), address_of(&root));
        shared.store.refresh().expect("a whole store");
        assert_eq!(listed(&shared), expected);
    }
}

#[test]
fn only_what_is_new_is_gone_through() {
    let mut repo = ScannedRepo::new();
    let one = repo.commit(1, &[], "one");
    let root = repo.write(&[("refs/heads/main", one)]);
    let shared = repo.open();
    assert_eq!(lost(&shared), [""; 0]);
    let (view, version) = (shared.store.newest(), shared.found.version());
    let undone = commit(repo.content, 2, &[one], 2000, "undone");
    append(repo.folder.path(), std::slice::from_ref(&undone), root);
    assert_eq!(lost(&shared), ["undone"]);
    let newer = shared.store.newest();
    let new: Vec<_> =
        newer.possible_commits_since(Some(&view)).collect::<Result<_, _>>().expect("all is whole");
    assert_eq!((new, newer.count_since(Some(&view))), (vec![address_of(&undone)], 1));
    assert!(newer.keeps_all_of(&view) && shared.found.version() > version);
    let version = shared.found.version();
    append(repo.folder.path(), &[Bytes::from_static(b"no commit")], root);
    assert_eq!(lost(&shared), ["undone"]);
    assert_eq!(shared.found.version(), version, "nothing has to be listed again");
}

#[test]
fn what_was_collected_is_forgotten_and_may_come_back() {
    let mut repo = ScannedRepo::new();
    let one = repo.commit(1, &[], "one");
    let gone = repo.commit(2, &[one], "gone");
    repo.commit(3, &[one], "kept");
    let root = repo.write(&[("refs/heads/main", one)]);
    let shared = repo.open();
    assert_eq!(lost(&shared), ["kept", "gone"]);
    let before = shared.store.newest();
    let (collected, name) = (shared.store.chunk(&gone).expect("still there"), Address::new([1; 20]));
    let left: Vec<_> = repo.chunks.all().into_iter().filter(|chunk| *chunk != collected).collect();
    let left: Vec<_> = left.iter().map(|chunk| &chunk[..]).collect();
    let write = |file: &str, bytes: &[u8]| {
        std::fs::write(repo.folder.path().join(file), bytes).expect("the folder is ours");
    };
    write(&name.to_string(), &table_file(&left));
    write("manifest", manifest(&root, &[(name, left.len())]).as_bytes());
    std::fs::remove_file(repo.folder.path().join("v".repeat(32))).expect("the folder is ours");
    assert_eq!(lost(&shared), ["kept"]);
    let after = shared.store.newest();
    assert_eq!(after.possible_commits_since(Some(&before)).count(), 0, "all in the new file was known");
    assert!(!after.keeps_all_of(&before));
    let (file, again) = (table_file(&[&collected]), Address::new([2; 20]));
    write(&again.to_string(), &file);
    write("manifest", manifest(&root, &[(name, left.len()), (again, 1)]).as_bytes());
    assert_eq!(lost(&shared), ["kept", "gone"]);
}

#[test]
fn a_chunk_that_cannot_be_read_is_passed_over() {
    let mut repo = ScannedRepo::new();
    let one = repo.commit(1, &[], "one");
    let root = repo.write(&[("refs/heads/main", one)]);
    let [broken, whole] = ["broken", "whole"].map(|text| commit(repo.content, 2, &[one], 2000, text));
    let (mut file, name) = (table_file(&[&broken, &whole]), Address::new([1; 20]));
    file[20] ^= 1;
    std::fs::write(repo.folder.path().join(name.to_string()), file).expect("the folder is ours");
    let text = manifest(&root, &[(name, 2)]);
    std::fs::write(repo.folder.path().join("manifest"), text).expect("the folder is ours");
    let shared = repo.open();
    assert!(shared.store.chunk(&address_of(&broken)).is_err(), "it is damaged");
    assert_eq!(lost(&shared), ["whole"]);
}

#[test]
fn a_scan_ends_early_when_nobody_wants_it() {
    let mut repo = ScannedRepo::new();
    let one = repo.commit(1, &[], "one");
    repo.commit(2, &[one], "lost");
    repo.write(&[("refs/heads/main", one)]);
    let shared = repo.open();
    scan(&Arc::downgrade(&shared), &AtomicBool::new(true));
    assert_eq!(listed(&shared), [""; 0]);
    scan(&Weak::new(), &AtomicBool::new(false));
    assert_eq!(lost(&shared), ["lost"]);
}

/// What a view lists of files: their identities, and how often each is shown, by commit and file name.
fn shown(shared: &Arc<SharedDatabase>) -> impl Fn(&Address, &str) -> (ContentId, u32) {
    let view = DoltStoreDatabase::new(Arc::clone(shared), "db".to_owned(), current(shared), Audience::Owner);
    move |commit, name| {
        let files = view.files_of(&commit.to_string().into()).expect("it reads").expect("it is shown");
        let file = files.files.iter().find(|file| &*file.path == name).expect("it has that file");
        (file.id, file.links)
    }
}

#[test]
fn lost_commits_share_files_with_those_that_they_come_from() {
    let mut repo = ScannedRepo::new();
    let [same, before, after] = ["same", "before", "after"].map(|rows| repo.table(rows));
    let start = repo.commit(1, &[], "start");
    let one = repo.commit_of(2, start, &[("t", same), ("u", before)]);
    let two = repo.commit_of(3, one, &[("t", same), ("u", after)]);
    let three = repo.commit_of(4, two, &[("t", same), ("u", after), ("v", same)]);
    let orphan = repo.commit_of(5, Address::new([7; 20]), &[("t", same)]);
    repo.write(&[("refs/heads/main", one)]);
    let shared = repo.open();
    let (id, links) = shown(&shared)(&one, "t.jsonl");
    assert_eq!(links, 1);
    assert_eq!(lost(&shared).len(), 3);
    let file = shown(&shared);
    assert_eq!([file(&one, "t.jsonl"), file(&two, "t.jsonl"), file(&three, "t.jsonl")], [(id, 3); 3]);
    assert_eq!(file(&two, "u.jsonl"), file(&three, "u.jsonl"));
    assert_eq!((file(&two, "u.jsonl").1, file(&one, "u.jsonl").1), (2, 1));
    assert_ne!(file(&two, "u.jsonl").0, file(&one, "u.jsonl").0);
    assert_eq!(file(&orphan, "t.jsonl").1, 1);
    assert_ne!(file(&orphan, "t.jsonl").0, id, "nothing is known of what its parent held");
    let another = repo.open();
    assert_eq!(lost(&another).len(), 3);
    for (commit, name) in [(&one, "t.jsonl"), (&two, "u.jsonl"), (&three, "v.jsonl"), (&orphan, "t.jsonl")] {
        assert_eq!(shown(&another)(commit, name), file(commit, name), "{name}, after a remount");
    }
    let root = store_root(&[("refs/heads/main", three)]);
    append(repo.folder.path(), std::slice::from_ref(&root), address_of(&root));
    assert_eq!(lost(&shared).len(), 1);
    assert_eq!(shown(&shared)(&three, "t.jsonl"), (id, 3), "being lost changed nothing");
}

#[tokio::test]
async fn a_table_that_was_collected_fails_alone() {
    let mut repo = ScannedRepo::new();
    let one = repo.commit(1, &[], "one");
    let whole = repo.table("whole");
    let torn = repo.commit_of(2, one, &[("gone", Address::new([7; 20])), ("there", whole)]);
    repo.write(&[("refs/heads/main", one)]);
    let shared = repo.open();
    assert_eq!(lost(&shared), ["with tables"]);
    let view =
        DoltStoreDatabase::new(Arc::clone(&shared), "db".to_owned(), current(&shared), Audience::Owner);
    let files = view.files(&torn.to_string().into()).await.expect("it lists");
    let names: Vec<_> = files.iter().map(|file| &*file.path).collect();
    assert_eq!(names, ["gone.jsonl", "schema.sql", "there.jsonl"]);
    let (sink, _pieces) = Sink::new(8);
    let error = files[0].content.read(sink).await.expect_err("its chunk is not there");
    assert_eq!(error.kind, ErrorKind::Missing, "{error}");
}
