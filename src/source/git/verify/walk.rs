//! All that a name reaches, each object once.

use std::collections::HashSet;
use std::io::{self, BufReader};
use std::sync::{Arc, OnceLock};

use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::EntryKind;

use super::super::blob::GitBlob;
use super::super::commit::tag_target;
use super::super::graph::{is_of_data, read_commit};
use super::super::objects::{CachedReader, FSCK, MAX_OBJECT_MEMORY, Objects};
use super::super::tree::{self, TreeEntry};
use crate::content::{ErrorKind, SourceError};
use crate::format::blob::{Blob, io_kind};
use crate::source::verify::{Finding, Progress, Severity};

/// How many findings about objects are listed.
pub(super) const KEPT: usize = 100;

/// Blobs up to this length are read in one piece, in bytes.
const IN_ONE_PIECE: u64 = 4 << 20;

/// How much of others is read at once, in bytes.
const PIECE: usize = 256 << 10;

/// Objects as they are reached.
pub(super) struct ObjectWalk<'o> {
    reader: CachedReader<'o>,
    stored: &'o Arc<Objects>,
    /// Knows what is replaced.
    shown: &'o Objects,
    /// Commits whose parents a shallow clone left behind.
    boundary: HashSet<ObjectId>,
    is_partial: bool,
    progress: &'o Progress,
    visited: HashSet<ObjectId>,
    /// Objects whose bytes are those that their hashes name.
    pub(super) sound: u64,
    /// Objects that a partial clone did not fetch.
    pub(super) promised: u64,
    /// Commits at which a shallow clone was cut.
    pub(super) cut: u64,
    /// Commits of which git cannot read who made them, or when: how many, one of them, and what is odd about it.
    pub(super) odd: u64,
    pub(super) first_odd: Option<(ObjectId, &'static str)>,
    /// The first findings, and how many more there are.
    pub(super) findings: Vec<Finding>,
    pub(super) more: u64,
    pub(super) worst_of_more: Severity,
}

impl<'o> ObjectWalk<'o> {
    pub(super) fn new(
        stored: &'o Arc<Objects>,
        shown: &'o Objects,
        boundary: HashSet<ObjectId>,
        progress: &'o Progress,
    ) -> Self {
        Self {
            reader: stored.reader().for_many(),
            stored,
            shown,
            boundary,
            is_partial: stored.is_partial(),
            progress,
            visited: HashSet::new(),
            sound: 0,
            promised: 0,
            cut: 0,
            odd: 0,
            first_odd: None,
            findings: Vec::new(),
            more: 0,
            worst_of_more: Severity::Note,
        }
    }

    /// Checks all that a name reaches, but for what others reached.
    pub(super) fn follow(&mut self, name: &str, id: ObjectId) {
        let mut at = id;
        while !self.visited.contains(&at) {
            let kind = match self.reader.header(at) {
                Some((kind, _)) => Ok(kind),
                None => self.reader.read_any(at, "object").map(|(kind, _)| kind),
            };
            match kind {
                Ok(Kind::Tag) => match self.tag(at) {
                    Ok(target) => at = target,
                    Err(error) => return self.problem(at, name, &error),
                },
                Ok(Kind::Commit) => return self.commits(at, name),
                Ok(Kind::Tree) => return self.entries(EntryKind::Tree, at, name),
                Ok(Kind::Blob) => return self.entries(EntryKind::Blob, at, name),
                Err(error) => {
                    self.visited.insert(at);
                    return self.problem(at, name, &error);
                }
            }
        }
    }

    fn tag(&mut self, id: ObjectId) -> Result<ObjectId, SourceError> {
        self.visited.insert(id);
        let stored = self.stored;
        let target = tag_target(self.reader.read(id, Kind::Tag, "tag")?, id.kind()).map_err(|why| {
            let operation = format!("cannot read tag {id}");
            SourceError::new(ErrorKind::Damaged, &*stored.label, operation).because(why)
        })?;
        self.count(0);
        Ok(target)
    }

    /// A commit, its files, and all before it.
    fn commits(&mut self, first: ObjectId, name: &str) {
        self.progress.expect(1);
        let mut todo = vec![(first, None)];
        while let Some((id, child)) = todo.pop() {
            self.progress.advance(1);
            if !self.visited.insert(id) {
                continue;
            }
            match read_commit(&mut self.reader, id) {
                Ok(commit) => {
                    self.count(0);
                    if let Some(oddity) = commit.text.oddity {
                        self.odd += 1;
                        self.first_odd.get_or_insert((id, oddity));
                    }
                    self.entries(EntryKind::Tree, commit.text.tree, &format!("commit {id}"));
                    if self.boundary.contains(&id) {
                        self.cut += 1;
                        continue;
                    }
                    let known = &self.visited;
                    let parents = commit.text.parents.iter().rev().filter(|parent| !known.contains(*parent));
                    let before = todo.len();
                    todo.extend(parents.map(|parent| (*parent, Some(id))));
                    self.progress.expect((todo.len() - before) as u64);
                }
                Err(error) => {
                    let place = child.map_or_else(|| name.to_owned(), |child| format!("commit {child}"));
                    let mut finding = Finding::of(place, &error);
                    // What descends from it is shown.
                    if is_of_data(&error) {
                        finding.problem += "; the history that is shown ends there";
                    }
                    self.add(id, finding);
                }
            }
        }
    }

    /// An entry of a tree and all below it, each object once.
    fn entries(&mut self, kind: EntryKind, id: ObjectId, root: &str) {
        let mut todo = vec![(Vec::new(), TreeEntry { mode: kind.into(), id })];
        self.progress.expect(1);
        while let Some((path, entry)) = todo.pop() {
            self.progress.advance(1);
            // Git knows the empty tree, stored or not.
            if entry.id.is_empty_tree() || !self.visited.insert(entry.id) {
                continue;
            }
            if !entry.is_tree() {
                match self.blob(entry.id) {
                    Ok(len) => self.count(len),
                    Err(error) => self.problem(entry.id, &place(root, &path), &error),
                }
                continue;
            }
            let found = match tree::entries(&mut self.reader, entry.id) {
                Ok(found) => found,
                Err(error) => {
                    self.problem(entry.id, &place(root, &path), &error);
                    continue;
                }
            };
            self.count(0);
            // A submodule's commits are in another repository.
            let is_new = |entry: &TreeEntry| {
                (entry.is_tree() || entry.file_kind().is_some()) && !self.visited.contains(&entry.id)
            };
            let before = todo.len();
            let new = found.iter().filter(|(_, entry)| is_new(entry));
            todo.extend(new.map(|(name, entry)| (tree::below(&path, name), entry)));
            self.progress.expect((todo.len() - before) as u64);
        }
    }

    fn blob(&mut self, id: ObjectId) -> Result<u64, SourceError> {
        let len = self.reader.header(id).map_or(0, |(_, len)| len);
        if len > IN_ONE_PIECE {
            let objects = Arc::clone(self.stored);
            let path = "a large file".into();
            let blob = GitBlob { objects, id, path, spools: Arc::default(), len: OnceLock::new() };
            if blob.is_loose() {
                return self.stream(&blob);
            }
        }
        let _memory = self.reader.memory_for(id, len)?;
        match self.reader.read(id, Kind::Blob, "blob") {
            Ok(data) => Ok(data.len() as u64),
            Err(error) if len > MAX_OBJECT_MEMORY.into() && is_of_data(&error) => {
                let (limit, label) = (MAX_OBJECT_MEMORY >> 20, &*self.stored.label);
                Err(SourceError::new(ErrorKind::Unsupported, label, format!("cannot check blob {id}"))
                    .because(format!(
                        "it is packed and has {len} bytes, and only {limit} MiB are read from packs"
                    )))
            }
            Err(error) => Err(error),
        }
    }

    /// Reads an object in a file of its own, which is checked at its end.
    fn stream(&self, blob: &GitBlob) -> Result<u64, SourceError> {
        let read = || io::copy(&mut BufReader::with_capacity(PIECE, blob.read()?), &mut io::sink());
        read().map_err(|error| {
            let (kind, label) = (io_kind(&error), &*self.stored.label);
            SourceError::new(kind, label, format!("cannot read blob {}", blob.id))
                .because(error)
                .with_hint(FSCK)
        })
    }

    fn count(&mut self, len: u64) {
        self.sound += 1;
        self.progress.read(len);
    }

    /// Something that is wrong with an object other than a commit.
    fn problem(&mut self, id: ObjectId, place: &str, error: &SourceError) {
        if self.is_partial && error.kind == ErrorKind::Missing {
            self.promised += 1;
            return;
        }
        self.add(id, Finding::of(place, error));
    }

    fn add(&mut self, id: ObjectId, mut finding: Finding) {
        if self.shown.effective(id) != id {
            finding.severity = Severity::Note;
            finding.problem += "; something else is shown in its place";
        }
        if self.findings.len() < KEPT {
            return self.findings.push(finding);
        }
        self.more += 1;
        self.worst_of_more = self.worst_of_more.max(finding.severity);
    }
}

/// A place in a commit, as git writes it.
fn place(root: &str, path: &[u8]) -> String {
    match path {
        [] => root.to_owned(),
        _ => format!("{root}:{}", String::from_utf8_lossy(path).escape_debug()),
    }
}
