//! One consistent view of one database in a repository.

mod within;

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use gix::ObjectId;
use lru::LruCache;

use super::blob::BlobContent;
use super::changes::{ChangeMemory, Changes, Location, Node, Origin, SnapshotIndex};
use super::layout::{Part, Shape};
use super::objects::{CachedReader, Objects};
use super::shown::ShownMemory;
use super::tree::{self, Finder, FoundFile, TreeEntry};
use super::verify::{self, Checker};
use crate::content::blocking::on_blocking_thread;
use crate::content::{Content, ErrorKind, FileEntry, FileKind, SourceError};
use crate::format::export::{EXPORTED_TABLE, Export};
use crate::format::input::FormatInput;
use crate::format::packed::Packing;
use crate::model::access::Audiences;
use crate::model::content_id::ContentId;
use crate::model::history::{History, SnapshotId};
use crate::model::names::nested_paths;
use crate::source::listing_cache::ListingCache;
use crate::source::verify::{Progress, Verdict};
use crate::source::{Capabilities, Database};
use crate::util::locks::lock;

/// Of how many exports it is kept which form they have.
const REMEMBERED_FORMS: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// What the views of one database share.
pub(super) struct Shared {
    changes: Mutex<ChangeMemory>,
    shown: ShownMemory,
    /// Whether all bytes of exports are their rows, by their blobs.
    is_whole_export: Mutex<LruCache<ObjectId, bool>>,
    /// Submodules that the log has named.
    told: Mutex<HashSet<Vec<u8>>>,
}

impl Default for Shared {
    fn default() -> Self {
        let is_whole_export = Mutex::new(LruCache::new(REMEMBERED_FORMS));
        let (changes, shown, told) = (Mutex::default(), ShownMemory::default(), Mutex::default());
        Self { changes, shown, is_whole_export, told }
    }
}

/// A file that git has at a snapshot.
struct SnapshotFile {
    /// Its path in the snapshot's folder.
    path: Arc<str>,
    own: Vec<u8>,
    entry: TreeEntry,
}

pub(super) struct GitDatabase {
    name: Arc<str>,
    history: History,
    checker: Checker,
    view: Arc<GitView>,
}

struct GitView {
    objects: Arc<Objects>,
    shared: Arc<Shared>,
    part: Part,
    location: Location,
    /// Parents before children.
    nodes: Vec<Node>,
    by_id: HashMap<SnapshotId, SnapshotIndex>,
    /// `None` if there are more changes than fit.
    changes: OnceLock<Option<Changes>>,
    listings: ListingCache<SnapshotIndex>,
}

impl GitDatabase {
    /// A view of the part of a repository at `path`. `nodes` are all its snapshots, by id, parents before children.
    pub(super) fn new(
        name: Arc<str>,
        part: &Part,
        path: &[Vec<u8>],
        history: History,
        nodes: Vec<(SnapshotId, Node)>,
        (objects, shared, checker): (Arc<Objects>, Arc<Shared>, Checker),
    ) -> Self {
        let path: Vec<Vec<u8>> = path.iter().chain(&part.child).cloned().collect();
        let alone = match part.shape {
            Shape::Export => EXPORTED_TABLE.as_bytes().to_vec(),
            Shape::Files => path.last().cloned().unwrap_or_default(),
        };
        let (ids, nodes): (Vec<SnapshotId>, Vec<Node>) = nodes.into_iter().unzip();
        let view = GitView {
            objects,
            shared,
            part: part.clone(),
            location: Location { path, alone },
            nodes,
            by_id: ids.into_iter().zip(0..).collect(),
            changes: OnceLock::new(),
            listings: ListingCache::default(),
        };
        Self { name, history, checker, view: Arc::new(view) }
    }

    pub(super) fn is_of(&self, part: &Part) -> bool {
        self.view.part == *part
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.view.shared)
    }
}

#[async_trait]
impl Database for GitDatabase {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            commits: true,
            branches: true,
            tags: true,
            permissions: true,
            ..Capabilities::default()
        }
    }

    fn history(&self) -> &History {
        &self.history
    }

    fn audiences(&self) -> Audiences {
        self.view.objects.audience.into()
    }

    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError> {
        let label = &self.view.objects.label;
        let Some(&index) = self.view.by_id.get(snapshot) else {
            let operation = format!("cannot list commit {snapshot}");
            return Err(SourceError::new(ErrorKind::Missing, &**label, operation)
                .because(format!("it is no snapshot of database {}", self.name)));
        };
        if let Some(files) = self.view.listings.get(&index) {
            return Ok(files);
        }
        let view = Arc::clone(&self.view);
        on_blocking_thread(label, move || view.list(index)).await
    }

    async fn verify(&self, progress: &Progress) -> Result<Verdict, SourceError> {
        verify::for_all(&self.checker, &self.name, &self.view.objects, progress).await
    }
}

impl GitView {
    /// The files of one snapshot. Blocks.
    fn list(&self, index: SnapshotIndex) -> Result<Arc<[FileEntry]>, SourceError> {
        let mut reader = self.objects.reader();
        let found = self.found(&mut reader, index)?;
        let paths = nested_paths(found.iter().map(|(path, _)| path.as_slice()));
        let found: Vec<SnapshotFile> = paths
            .into_iter()
            .zip(found)
            .map(|(path, (own, entry))| SnapshotFile { path: path.into(), own, entry })
            .collect();
        let mut files: Vec<FileEntry> = found.iter().filter_map(|file| self.file(index, file)).collect();
        let (more, is_whole) = self.within(index, &found);
        files.extend(more);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let files: Arc<[FileEntry]> = files.into();
        if is_whole {
            self.listings.put(index, &files);
        }
        Ok(files)
    }

    /// What is shown beside the files, and whether all of it could be told.
    fn within(&self, index: SnapshotIndex, found: &[SnapshotFile]) -> (Vec<FileEntry>, bool) {
        match (self.part.shape, found) {
            (Shape::Files, _) => self.files_in_blobs(index, found),
            (Shape::Export, [file]) if file.own == EXPORTED_TABLE.as_bytes() => {
                let (raw, is_whole) = self.raw_export(index, file);
                (raw.into_iter().collect(), is_whole)
            }
            (Shape::Export, _) => (Vec::new(), true),
        }
    }

    fn found(
        &self,
        reader: &mut CachedReader<'_>,
        index: SnapshotIndex,
    ) -> Result<Vec<FoundFile>, SourceError> {
        let tree = self.nodes[index as usize].tree;
        let entry = Finder::default().find(reader, tree, &self.location.path)?;
        let listing = tree::list(reader, entry, &self.location.alone)?;
        for path in listing.submodules {
            if lock(&self.shared.told).insert(path.clone()) {
                let path = String::from_utf8_lossy(&path).into_owned();
                let source = &*self.objects.label;
                tracing::info!(source, path, "a submodule is left out: its files are in another repository");
            }
        }
        Ok(listing.files)
    }

    /// Since when each path has had its content; looked for once.
    fn changes(&self) -> Option<&Changes> {
        let look = || {
            let found =
                Changes::new(&self.objects, &self.location, &self.nodes, &mut lock(&self.shared.changes));
            if found.is_none() {
                let source = &*self.objects.label;
                tracing::info!(source, "the history has too many changes to say how old each file is");
            }
            found
        };
        self.changes.get_or_init(look).as_ref()
    }

    /// A file that is the same since the last change of one of git's `own` paths. `id` gives its identity, by the commit of
    /// that change.
    fn entry(
        &self,
        index: SnapshotIndex,
        own: &[&[u8]],
        (path, kind, content): (Arc<str>, FileKind, Content),
        id: impl FnOnce(&ObjectId) -> ContentId,
    ) -> FileEntry {
        let alone = Origin { index, links: 1 };
        let origin = self.changes().map_or(alone, |changes| changes.origin(own, index));
        let begin = &self.nodes[origin.index as usize];
        let (id, changed, access) = (id(&begin.commit), begin.time, self.objects.audience.into());
        FileEntry { path, kind, id, changed, links: origin.links, access, content }
    }

    fn file(&self, index: SnapshotIndex, file: &SnapshotFile) -> Option<FileEntry> {
        let SnapshotFile { path, own, entry } = file;
        let kind = entry.file_kind()?;
        // Its replacement may be another one next time.
        let blob = self.objects.effective(entry.id);
        let shape: &[u8] = match self.part.shape {
            Shape::Files => b"files",
            Shape::Export => b"table",
        };
        let shown = (Arc::clone(path), kind, self.content(path, blob));
        Some(self.entry(index, &[own], shown, |begin| self.identity(shape, own, kind, blob, begin)))
    }

    /// A blob of a path since a commit is one content, in every clone and for every user.
    fn identity(
        &self,
        shape: &[u8],
        own: &[u8],
        kind: FileKind,
        blob: ObjectId,
        begin: &ObjectId,
    ) -> ContentId {
        let kind = match kind {
            FileKind::Regular => b'r',
            FileKind::Executable => b'x',
            FileKind::Symlink => b'l',
        };
        let folder = self.location.path.join(&b'/');
        ContentId::of(&[b"git", shape, &folder, own, &[kind], blob.as_slice(), begin.as_slice()])
    }

    fn content(&self, path: &Arc<str>, id: ObjectId) -> Content {
        let blob = self.blob(path, id);
        match self.part.shape {
            Shape::Files => Content::stream(BlobContent::new(blob)),
            Shape::Export => {
                let context = self.shared.shown.context(&self.objects);
                Export::content(&FormatInput::new(&context, blob, Packing::Plain))
            }
        }
    }
}
