//! Compares every file of every commit, read over `dolt://` and from the store's own files.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use asof::model::history::SnapshotMeta;
use asof::source::dolt_store::{DoltStoreOptions, DoltStoreSource};
use asof::source::{Database, FileEntry, Source};

use crate::support::server::Server;
use crate::support::{bytes, database, files, wait};

/// A database read from the files below `data`.
pub fn from_files(data: &Path, name: &str) -> Arc<dyn Database> {
    let source =
        DoltStoreSource::open(data, DoltStoreOptions::default()).expect("the folder holds databases");
    let found = wait(source.poll()).unwrap_or_else(|error| panic!("{}", error.chain()));
    let found = found.expect("the first poll lists");
    found.into_iter().find(|database| database.name() == name).expect("the database is in the folder")
}

/// Checks that both ways agree on all of a database; gives how many files were compared byte for byte.
#[track_caller]
pub fn agree(server: &Server, data: &Path, name: &str) -> usize {
    let (asked, read) = (database(&server.url(name)), from_files(data, name));
    let (theirs, ours) = (asked.history(), read.history());
    assert_eq!(told(&ours.timeline), told(&theirs.timeline), "the timeline of {name}");
    assert_eq!(sorted(&ours.off_timeline), sorted(&theirs.off_timeline), "beside the timeline of {name}");
    assert_eq!((&ours.branches, &ours.tags), (&theirs.branches, &theirs.tags), "refs of {name}");
    let mut seen = HashSet::new();
    for commit in theirs.timeline.iter().chain(&theirs.off_timeline) {
        let (theirs, ours) = (tables(&files(&asked, &commit.id)), tables(&files(&read, &commit.id)));
        let names = |files: &BTreeMap<Arc<str>, FileEntry>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&theirs), "files of {name} at {}", commit.id);
        for (path, theirs) in theirs {
            let ours = &ours[&path];
            let what = format!("{path} of {name} at {} ({})", commit.id, commit.message);
            assert_eq!((ours.id, ours.changed), (theirs.id, theirs.changed), "identity of {what}");
            if seen.insert(theirs.id) {
                compare(ours, &theirs, &what);
            }
        }
    }
    seen.len()
}

fn compare(ours: &FileEntry, theirs: &FileEntry, what: &str) {
    let read = |file: &FileEntry| bytes(&file.content).unwrap_or_else(|e| panic!("{what}: {}", e.chain()));
    let (ours, theirs) = (read(ours), read(theirs));
    if ours != theirs {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (ours, theirs) = (text(&ours), text(&theirs));
        let differing = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b);
        panic!("{what}: {} and {} bytes, first difference {differing:?}", ours.len(), theirs.len());
    }
}

/// The tables, without what only a server can compute: views.
fn tables(files: &[FileEntry]) -> BTreeMap<Arc<str>, FileEntry> {
    let of_table = |file: &&FileEntry| file.content.describe().starts_with("table ");
    files.iter().filter(of_table).map(|file| (file.path.clone(), file.clone())).collect()
}

fn told(commits: &[Arc<SnapshotMeta>]) -> Vec<SnapshotMeta> {
    commits.iter().map(|commit| (**commit).clone()).collect()
}

fn sorted(commits: &[Arc<SnapshotMeta>]) -> Vec<SnapshotMeta> {
    let mut all = told(commits);
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}
