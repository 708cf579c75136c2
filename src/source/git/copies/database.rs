//! One consistent view of one database's copies.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use gix::ObjectId;

use super::DatedCopy;
use crate::content::blocking::on_blocking_thread;
use crate::content::{Content, ErrorKind, FileEntry, SourceError};
use crate::format::export::{EXPORTED_TABLE, Export, RAW_EXPORT};
use crate::format::shown::{FileGroup, ShownFile};
use crate::format::{EXPORT, shown_as};
use crate::model::access::Audiences;
use crate::model::content_id::ContentId;
use crate::model::history::{History, SnapshotId, SnapshotMeta};
use crate::model::names::escape_with_suffix;
use crate::source::git::blob::BlobContent;
use crate::source::git::graph::{CommitNumber, Graph};
use crate::source::git::objects::Objects;
use crate::source::git::shown::{BlobGroup, ShownMemory, is_whole_export, or_stand_in, state_of};
use crate::source::git::verify::{self, Checker};
use crate::source::listing_cache::ListingCache;
use crate::source::verify::{Progress, Verdict};
use crate::source::{Capabilities, Database};

pub(crate) struct CopiesDatabase {
    name: Arc<str>,
    history: History,
    checker: Checker,
    view: Arc<CopiesView>,
}

struct CopiesView {
    objects: Arc<Objects>,
    shown: Arc<ShownMemory>,
    /// The chosen folder, as git writes it.
    folder: Vec<u8>,
    /// What its files are called by.
    stem: String,
    /// Oldest first.
    copies: Vec<DatedCopy>,
    by_id: HashMap<SnapshotId, usize>,
    listings: ListingCache<usize>,
}

impl CopiesDatabase {
    /// A view of these copies, oldest first, of the database `stem`, shown as `name`. `former` is the last view, which
    /// stays where nothing is new.
    pub(crate) fn new(
        (name, stem): (&Arc<str>, &str),
        folder: &[Vec<u8>],
        copies: Vec<DatedCopy>,
        graph: &Graph,
        (objects, checker): (&Arc<Objects>, &Checker),
        former: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let history = history(&copies, graph);
        let is_same = |former: &&Arc<Self>| {
            former.view.objects.audience == objects.audience
                && former.history == history
                && (&*former.view.stem, &former.view.copies) == (stem, &copies)
        };
        if let Some(same) = former.filter(is_same) {
            return Arc::clone(same);
        }
        let by_id = copies.iter().enumerate().map(|(at, copy)| (copy.name.as_str().into(), at)).collect();
        let view = CopiesView {
            objects: Arc::clone(objects),
            shown: former.map_or_else(Arc::default, |former| Arc::clone(&former.view.shown)),
            folder: folder.join(&b'/'),
            stem: stem.to_owned(),
            copies,
            by_id,
            listings: ListingCache::default(),
        };
        Arc::new(Self { name: Arc::clone(name), history, checker: Arc::clone(checker), view: Arc::new(view) })
    }
}

fn history(copies: &[DatedCopy], graph: &Graph) -> History {
    let mut written: HashMap<CommitNumber, usize> = HashMap::new();
    copies.iter().for_each(|copy| *written.entry(copy.place).or_default() += 1);
    let mut older: Option<SnapshotId> = None;
    let mut timeline: Vec<Arc<SnapshotMeta>> = Vec::with_capacity(copies.len());
    for copy in copies {
        let commit = graph.commit(copy.place);
        let id: SnapshotId = copy.name.as_str().into();
        timeline.push(Arc::new(SnapshotMeta {
            id: Arc::clone(&id),
            time: copy.time,
            // A commit is one snapshot: one that wrote several copies names none of them.
            commit: (written[&copy.place] == 1).then(|| Arc::clone(&commit.id)),
            ..commit.meta(older.replace(id).into_iter().collect())
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
        self.view.objects.audience.into()
    }

    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError> {
        let label = &self.view.objects.label;
        let Some(&index) = self.view.by_id.get(snapshot) else {
            let operation = format!("cannot list copy {snapshot}");
            return Err(SourceError::new(ErrorKind::Missing, &**label, operation)
                .because(format!("there is no such copy of database {}", self.name)));
        };
        if let Some(files) = self.view.listings.get(&index) {
            return Ok(files);
        }
        let view = Arc::clone(&self.view);
        on_blocking_thread(label, move || Ok(view.list(index))).await
    }

    async fn verify(&self, progress: &Progress) -> Result<Verdict, SourceError> {
        verify::for_all(&self.checker, &self.name, &self.view.objects, progress).await
    }
}

impl CopiesView {
    /// The files of one copy. Blocks.
    fn list(&self, index: usize) -> Arc<[FileEntry]> {
        let copy = &self.copies[index];
        let mut shown = Vec::new();
        let context = self.shown.context(&self.objects);
        let group = self.blob_group(copy);
        let input = self.shown.input(&context, &self.objects, &group, copy.format);
        let blob = self.shown.blob(&self.objects, &group.path, group.id);
        let raw = Content::stream(BlobContent::new(Arc::clone(&blob)));
        let is_whole = if copy.format.is(EXPORT) {
            // The rows, and the bytes where these are not the same, or where that cannot be told.
            let found = is_whole_export(&blob);
            shown.push(ShownFile::of_blob(FileGroup::Tables, EXPORTED_TABLE, Export::content(&input)));
            if found != Some(true) {
                shown.push(ShownFile::of_blob(FileGroup::Tables, RAW_EXPORT, raw));
            }
            found.is_some()
        } else {
            let path = escape_with_suffix(&self.stem, &copy.format.suffix());
            let files = copy.format.format().map(|format| or_stand_in(format, &input, shown_as));
            shown.extend(files.unwrap_or_default());
            let is_whole = !shown.iter().any(|file| file.is_broken);
            shown.push(ShownFile::of_blob(FileGroup::Tables, path, raw));
            is_whole
        };
        let mut files: Vec<FileEntry> =
            shown.into_iter().map(|shown| self.file(index, &group, shown)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let files: Arc<[FileEntry]> = files.into();
        if is_whole {
            self.listings.put(index, &files);
        }
        files
    }

    /// A file is the same in neighbouring copies of equal bytes.
    fn file(&self, index: usize, group: &BlobGroup, shown: ShownFile) -> FileEntry {
        let copy = &self.copies[index];
        let is_same = |other: &&DatedCopy| (other.held, other.format) == (copy.held, copy.format);
        let before = self.copies[..index].iter().rev().take_while(is_same).count();
        let after = self.copies[index..].iter().take_while(is_same).count();
        let first = &self.copies[index - before];
        let [blob, wal, journal] = group.ids();
        let id = ContentId::of(&[
            b"git-copy",
            &self.folder,
            first.name.as_bytes(),
            shown.path.as_bytes(),
            state_of(&shown),
            blob,
            wal,
            journal,
            &first.time.as_nanosecond().to_le_bytes(),
        ]);
        let links = u32::try_from(before + after).unwrap_or(u32::MAX);
        let (path, content) = (shown.path, shown.content);
        let (kind, changed, access) = (shown.kind, first.time, self.objects.audience.into());
        FileEntry { path, kind, id, changed, links, access, content }
    }

    /// What a copy holds, as it is read.
    fn blob_group(&self, copy: &DatedCopy) -> BlobGroup {
        let effective = |id: ObjectId| self.objects.effective(id);
        let (path, beside) = (copy.name.as_str().into(), copy.held.beside.map(|id| id.map(effective)));
        BlobGroup { path, id: effective(copy.held.copy), beside }
    }
}
