//! One consistent view of one database's copies.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use gix::ObjectId;
use lru::LruCache;

use super::DatedCopy;
use crate::content::blocking::on_blocking_thread;
use crate::content::{Content, ErrorKind, FileEntry, FileKind, SourceError};
use crate::format::blob::Spools;
use crate::format::dump::packed::Packing;
use crate::format::form::{EXPORTED_TABLE, Export, RAW_EXPORT};
use crate::model::access::Audiences;
use crate::model::content_id::ContentId;
use crate::model::history::{History, SnapshotId, SnapshotMeta};
use crate::model::names::escape_with_suffix;
use crate::source::archive::format::Format;
use crate::source::git::blob::{Blob, BlobContent};
use crate::source::git::graph::{Graph, Place};
use crate::source::git::objects::Objects;
use crate::source::git::tables::{DatabaseBlobs, is_lines};
use crate::source::git::verify::{self, Checker};
use crate::source::verify::{Progress, Verdict};
use crate::source::{Capabilities, Database};
use crate::util::locks::lock;

/// How many listings are kept.
const REMEMBERED_LISTINGS: NonZeroUsize = NonZeroUsize::new(16).expect("not zero");

/// One consistent view of one database's copies.
pub(in crate::source::git) struct CopiesDatabase {
    name: Arc<str>,
    history: History,
    checker: Checker,
    view: Arc<View>,
}

/// What listing works on.
struct View {
    objects: Arc<Objects>,
    spools: Arc<Spools>,
    /// The chosen folder, as git writes it.
    folder: Vec<u8>,
    /// What its files are called by.
    stem: String,
    /// Oldest first.
    copies: Vec<DatedCopy>,
    by_id: HashMap<SnapshotId, usize>,
    listings: Mutex<LruCache<usize, Arc<[FileEntry]>>>,
}

/// A file of a copy, before its time and identity.
struct Shown {
    path: Arc<str>,
    content: Content,
    is_broken: bool,
}

impl CopiesDatabase {
    /// A view of these copies, oldest first, of the database `stem`, shown as `name`. `former` is the last view, which
    /// stays where nothing is new.
    pub(in crate::source::git) fn new(
        (name, stem): (&Arc<str>, &str),
        folder: &[Vec<u8>],
        copies: Vec<DatedCopy>,
        graph: &Graph,
        (objects, checker): (&Arc<Objects>, &Checker),
        former: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let history = history(&copies, graph);
        let is_same = |former: &&Arc<Self>| {
            let is_same_audience = former.view.objects.audience() == objects.audience();
            is_same_audience && former.history == history && former.view.shows(stem, &copies)
        };
        if let Some(same) = former.filter(is_same) {
            return Arc::clone(same);
        }
        let by_id = copies.iter().enumerate().map(|(at, copy)| (copy.name.as_str().into(), at)).collect();
        let view = View {
            objects: Arc::clone(objects),
            spools: former.map_or_else(Arc::default, |former| Arc::clone(&former.view.spools)),
            folder: folder.join(&b'/'),
            stem: stem.to_owned(),
            copies,
            by_id,
            listings: Mutex::new(LruCache::new(REMEMBERED_LISTINGS)),
        };
        Arc::new(Self { name: Arc::clone(name), history, checker: Arc::clone(checker), view: Arc::new(view) })
    }
}

fn history(copies: &[DatedCopy], graph: &Graph) -> History {
    let mut written: HashMap<Place, usize> = HashMap::new();
    copies.iter().for_each(|copy| *written.entry(copy.place).or_default() += 1);
    let mut older: Option<SnapshotId> = None;
    let mut timeline: Vec<Arc<SnapshotMeta>> = Vec::with_capacity(copies.len());
    for copy in copies {
        let commit = graph.commit(copy.place);
        let id: SnapshotId = copy.name.as_str().into();
        timeline.push(Arc::new(SnapshotMeta {
            known_as: None,
            id: Arc::clone(&id),
            time: copy.time,
            // A commit is one snapshot: one that wrote several copies names none of them.
            commit: (written[&copy.place] == 1).then(|| Arc::clone(&commit.id)),
            parents: older.replace(id).into_iter().collect(),
            author: commit.author.clone(),
            email: commit.email.clone(),
            message: commit.message.clone(),
            mark: None,
        }));
    }
    timeline.reverse();
    History { timeline, ..History::default() }
}

#[async_trait]
impl Database for CopiesDatabase {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { commits: true, permissions: true, ..Capabilities::default() }
    }

    fn history(&self) -> &History {
        &self.history
    }

    fn audiences(&self) -> Audiences {
        self.view.objects.audience().into()
    }

    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError> {
        let label = self.view.objects.label();
        let Some(&index) = self.view.by_id.get(snapshot) else {
            let operation = format!("cannot list copy {snapshot}");
            return Err(SourceError::new(ErrorKind::Missing, &**label, operation)
                .because(format!("there is no such copy of database {}", self.name)));
        };
        if let Some(files) = lock(&self.view.listings).get(&index) {
            return Ok(Arc::clone(files));
        }
        let view = Arc::clone(&self.view);
        on_blocking_thread(label, move || Ok(view.list(index))).await
    }

    async fn verify(&self, progress: &Progress) -> Result<Verdict, SourceError> {
        verify::for_all(&self.checker, &self.name, &self.view.objects, progress).await
    }
}

impl View {
    fn shows(&self, stem: &str, copies: &[DatedCopy]) -> bool {
        self.stem == stem && self.copies == copies
    }

    /// The files of one copy. Blocks.
    fn list(&self, index: usize) -> Arc<[FileEntry]> {
        let copy = &self.copies[index];
        let blob = self.blob(copy, copy.held.copy);
        let (shown, is_whole) = match copy.format {
            Format::Sqlite => self.database(copy, blob),
            _ => self.export(blob),
        };
        let mut files: Vec<FileEntry> = shown.into_iter().map(|shown| self.file(index, shown)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let files: Arc<[FileEntry]> = files.into();
        if is_whole {
            lock(&self.listings).put(index, Arc::clone(&files));
        }
        files
    }

    /// The tables, the schema and the bytes of a database; whether all of it could be read.
    fn database(&self, copy: &DatedCopy, blob: Arc<Blob>) -> (Vec<Shown>, bool) {
        let raw = BlobContent::new(Arc::clone(&blob));
        let path = escape_with_suffix(&self.stem, &copy.format.suffix()).into();
        let raw = Shown { path, content: Content::stream(raw), is_broken: false };
        let beside = copy.held.beside.map(|id| Some(self.blob(copy, id?)));
        let tables = DatabaseBlobs { database: blob, beside }.tables(0..=u64::MAX, &self.spools);
        let is_whole = tables.iter().all(|table| !table.is_broken);
        let shown = tables.into_iter().map(|table| Shown {
            path: table.name.into(),
            content: table.content,
            is_broken: table.is_broken,
        });
        (std::iter::once(raw).chain(shown).collect(), is_whole)
    }

    /// The rows of an export, and its bytes too where it is no JSONL; whether that could be told.
    fn export(&self, blob: Arc<Blob>) -> (Vec<Shown>, bool) {
        let is_lines = is_lines(&blob);
        let label = Arc::clone(self.objects.label());
        let stored = Arc::clone(&blob) as _;
        let rows = Content::stream(Export { label, stored, packing: Packing::Plain, is_proven: true });
        let mut shown = vec![Shown { path: EXPORTED_TABLE.into(), content: rows, is_broken: false }];
        if is_lines != Some(true) {
            let content = Content::stream(BlobContent::new(blob));
            shown.push(Shown { path: RAW_EXPORT.into(), content, is_broken: false });
        }
        (shown, is_lines.is_some())
    }

    /// A file is the same in neighbouring copies of equal bytes.
    fn file(&self, index: usize, Shown { path, content, is_broken }: Shown) -> FileEntry {
        let copy = &self.copies[index];
        let is_same = |other: &&DatedCopy| (other.held, other.format) == (copy.held, copy.format);
        let before = self.copies[..index].iter().rev().take_while(is_same).count();
        let after = self.copies[index..].iter().take_while(is_same).count();
        let first = &self.copies[index - before];
        let time = first.time.as_nanosecond().to_le_bytes();
        let effective = |id: ObjectId| self.objects.effective(id);
        let beside = copy.held.beside.map(|id| id.map(effective));
        let bytes = |id: &Option<ObjectId>| id.map_or(Vec::new(), |id| id.as_slice().to_vec());
        // What stands for tables that cannot be read gives way to them when they can.
        let state: &[u8] = if is_broken { b"broken" } else { b"whole" };
        let id = ContentId::of(&[
            b"git-copy",
            &self.folder,
            first.name.as_bytes(),
            path.as_bytes(),
            state,
            effective(copy.held.copy).as_slice(),
            &bytes(&beside[0]),
            &bytes(&beside[1]),
            &time,
        ]);
        let links = u32::try_from(before + after).unwrap_or(u32::MAX);
        let (kind, changed, access) = (FileKind::Regular, first.time, self.objects.audience().into());
        FileEntry { path, kind, id, changed, links, access, content }
    }

    fn blob(&self, copy: &DatedCopy, id: ObjectId) -> Arc<Blob> {
        let (objects, spools) = (Arc::clone(&self.objects), Arc::clone(&self.spools));
        let (id, path) = (self.objects.effective(id), copy.name.as_str().into());
        Arc::new(Blob { objects, id, path, spools, len: OnceLock::new() })
    }
}
