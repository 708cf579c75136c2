//! Compares every file of every commit, read over `dolt://` and from the store's own files.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use asof::content::FileEntry;
use asof::engine::Engine;
use asof::model::content_id::ContentId;
use asof::model::history::{SnapshotId, SnapshotMeta};
use asof::model::time::Timestamp;
use asof::source::dolt::store::{DoltStoreOptions, DoltStoreSource};
use asof::source::{Database, Source};

use crate::support::server::Server;
use crate::support::{database, files, reading, wait};

/// The prefix of a clone's remote branches.
const ORIGIN: &str = "remotes/origin/";

/// The memory for a server's contents, in bytes: enough to request each content once.
const SERVER_CACHE: u64 = 64 << 20;
/// The same for contents from files. As in a mount, versions share segments, and long histories evict some.
const FILES_CACHE: u64 = 8 << 20;

type Files = BTreeMap<Arc<str>, FileEntry>;

/// A database as one of the two ways shows it.
pub struct Account {
    timeline: Vec<SnapshotMeta>,
    /// By id: the ways need not agree on the order outside the timeline.
    off_timeline: Vec<SnapshotMeta>,
    branches: BTreeMap<String, SnapshotId>,
    tags: BTreeMap<String, SnapshotId>,
    files: HashMap<SnapshotId, Files>,
    /// Reads the contents like a mount, which shares segments between them.
    engine: Engine,
    /// The contents that were read in advance.
    bytes: HashMap<ContentId, Vec<u8>>,
}

impl Account {
    /// The account of a server.
    pub fn of_server(server: &Server, name: &str) -> Self {
        Self::of(&database(&server.url(name)), SERVER_CACHE)
    }

    /// The account of the files at a path: a data folder, or any other path with one store.
    pub fn of_files(path: &Path, name: &str) -> Self {
        Self::of(&from_files(path, name), FILES_CACHE)
    }

    fn of(database: &Arc<dyn Database>, cache: u64) -> Self {
        let history = database.history();
        let timeline = told(&history.timeline);
        let mut off_timeline = told(&history.off_timeline);
        off_timeline.sort_by(|a, b| a.id.cmp(&b.id));
        let commits = timeline.iter().chain(&off_timeline);
        let files = commits.map(|commit| (commit.id.clone(), shown(&files(database, &commit.id)))).collect();
        let (branches, tags) = (history.branches.clone(), history.tags.clone());
        let engine = Engine::new(cache);
        Self { timeline, off_timeline, branches, tags, files, engine, bytes: HashMap::new() }
    }

    /// Reads all contents now, so that they can be compared after their source is gone.
    pub fn kept(mut self) -> Self {
        for entry in self.files.values().flat_map(BTreeMap::values) {
            self.bytes.entry(entry.id).or_insert_with(|| read(&self.engine, entry));
        }
        self
    }

    /// Removes the times, because an older server takes them from another field of a commit.
    pub fn without_times(mut self) -> Self {
        let commits = self.timeline.iter_mut().chain(&mut self.off_timeline);
        commits.for_each(|commit| commit.time = Timestamp::UNIX_EPOCH);
        let entries = self.files.values_mut().flat_map(BTreeMap::values_mut);
        entries.for_each(|entry| entry.changed = Timestamp::UNIX_EPOCH);
        self
    }

    /// The branches that a clone must have: one, and those of its origin.
    pub fn branches_of_clone(&self) -> BTreeMap<String, SnapshotId> {
        let of_origin = self.branches.iter().map(|(name, head)| (format!("{ORIGIN}{name}"), head.clone()));
        of_origin
            .chain(self.branches.get_key_value("main").map(|(name, head)| (name.clone(), head.clone())))
            .collect()
    }

    /// The number of different contents.
    pub fn contents(&self) -> usize {
        let entries = self.files.values().flat_map(BTreeMap::values);
        entries.map(|entry| entry.id).collect::<HashSet<_>>().len()
    }

    pub fn branches(&self) -> &BTreeMap<String, SnapshotId> {
        &self.branches
    }

    /// Checks that this account equals `theirs`; returns how many contents were compared byte for byte.
    #[track_caller]
    pub fn agrees_with(&self, theirs: &Self, what: &str) -> usize {
        assert_eq!(self.branches, theirs.branches, "branches of {what}");
        self.agrees_but_for_branches(theirs, what)
    }

    /// The same, except the names of branches.
    #[track_caller]
    pub fn agrees_but_for_branches(&self, theirs: &Self, what: &str) -> usize {
        self.agrees_in_part(theirs, what, 0, 1)
    }

    /// The same, but compares only part number `part` of `parts` parts of the contents byte for byte.
    #[track_caller]
    pub fn agrees_in_part(&self, theirs: &Self, what: &str, part: usize, parts: usize) -> usize {
        let is_in_part = |id: &ContentId| usize::from(id.as_bytes()[0]) % parts == part;
        assert_eq!(self.timeline, theirs.timeline, "the timeline of {what}");
        assert_eq!(self.off_timeline, theirs.off_timeline, "beside the timeline of {what}");
        assert_eq!(self.tags, theirs.tags, "tags of {what}");
        let mut seen = HashSet::new();
        for commit in theirs.timeline.iter().chain(&theirs.off_timeline) {
            let (ours, theirs_there) = (&self.files[&commit.id], &theirs.files[&commit.id]);
            let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(ours), names(theirs_there), "files of {what} at {}", commit.id);
            for (path, entry) in theirs_there {
                let our_entry = &ours[path];
                let what = format!("{path} of {what} at {} ({})", commit.id, commit.message);
                let identity = |entry: &FileEntry| (entry.id, entry.changed);
                assert_eq!(identity(our_entry), identity(entry), "identity of {what}");
                if is_in_part(&entry.id) && seen.insert(entry.id) {
                    same(&self.bytes_of(our_entry), &theirs.bytes_of(entry), &what);
                }
            }
        }
        seen.len()
    }

    fn bytes_of(&self, entry: &FileEntry) -> Vec<u8> {
        self.bytes.get(&entry.id).cloned().unwrap_or_else(|| read(&self.engine, entry))
    }
}

/// Opens a database from the files at a path.
pub fn from_files(path: &Path, name: &str) -> Arc<dyn Database> {
    let what = || format!("{name} in {}", path.display());
    let source = DoltStoreSource::open(path, DoltStoreOptions::default());
    let source = source.unwrap_or_else(|error| panic!("{}: {}", what(), error.chain()));
    let found = wait(source.poll()).unwrap_or_else(|error| panic!("{}: {}", what(), error.chain()));
    let found = found.expect("the first poll lists");
    found
        .into_iter()
        .find(|database| database.name() == name)
        .unwrap_or_else(|| panic!("there is no {}", what()))
}

/// Checks that both ways agree on a whole database; returns how many files were compared byte for byte.
#[track_caller]
pub fn agree(server: &Server, data: &Path, name: &str) -> usize {
    Account::of_files(data, name).agrees_with(&Account::of_server(server, name), name)
}

fn read(engine: &Engine, entry: &FileEntry) -> Vec<u8> {
    let read = wait(reading::by_engine(engine, entry.id, &entry.content));
    read.unwrap_or_else(|error| panic!("{}: {}", entry.content.describe(), error.chain()))
}

#[track_caller]
fn same(ours: &[u8], theirs: &[u8], what: &str) {
    if ours != theirs {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (a, b) = (text(ours), text(theirs));
        let differing = a.lines().zip(b.lines()).find(|(a, b)| a != b).map(|(a, b)| (head(a), head(b)));
        panic!("{what}: {} and {} bytes, first difference {differing:?}", ours.len(), theirs.len());
    }
}

fn head(line: &str) -> String {
    line.chars().take(500).collect()
}

/// The files without views, which only a server can compute.
fn shown(files: &[FileEntry]) -> Files {
    let is_view = |file: &FileEntry| file.content.describe().starts_with("view ");
    files.iter().filter(|file| !is_view(file)).map(|file| (file.path.clone(), file.clone())).collect()
}

fn told(commits: &[Arc<SnapshotMeta>]) -> Vec<SnapshotMeta> {
    commits.iter().map(|commit| (**commit).clone()).collect()
}
