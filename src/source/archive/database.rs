//! One database's archives as a timeline of snapshots.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use lru::LruCache;

use super::naming::Format;
use super::runs::{Block, BlockMemo, Run, block_around, lock};
use super::scan::Archive;
use super::zip_content::ZipContent;
use super::zip_directory::ZipDirectory;
use super::zip_problem::zip_error;
use crate::model::content_id::ContentId;
use crate::model::history::{History, SnapshotId, SnapshotMeta};
use crate::model::names::escape_with_suffix;
use crate::source::blocking::on_blocking_thread;
use crate::source::form::{Export, Raw};
use crate::source::stored::StoredFile;
use crate::source::{Content, Database, ErrorKind, FileEntry, SourceError};

/// How many listings are kept.
const REMEMBERED_LISTINGS: NonZeroUsize = NonZeroUsize::new(16).expect("not zero");

/// Of longer listings only the last one is kept, and only beside shorter ones that came after it.
const LONG_LISTING: usize = 10_000;

/// What an export's file is called: dolt-archive exports the table `issues`, whatever the database.
const EXPORTED_TABLE: &str = "issues.jsonl";

/// One consistent view of one database's archives.
pub(super) struct ArchiveDatabase {
    name: Arc<str>,
    history: History,
    view: Arc<View>,
}

/// A path and what is there.
type NamedContent = (Arc<str>, Arc<dyn Content>);

/// What listing works on.
struct View {
    name: Arc<str>,
    label: Arc<str>,
    /// Sorted by time, then by name.
    archives: Vec<Arc<Archive>>,
    by_id: HashMap<SnapshotId, usize>,
    blocks: Arc<BlockMemo>,
    listings: Mutex<LruCache<usize, Arc<[FileEntry]>>>,
}

impl ArchiveDatabase {
    /// A view of these archives, which are sorted by time, then by name.
    pub(super) fn new(
        name: Arc<str>,
        label: Arc<str>,
        archives: Vec<Archive>,
        blocks: Arc<BlockMemo>,
    ) -> Self {
        let archives: Vec<Arc<Archive>> = archives.into_iter().map(Arc::new).collect();
        let timeline = archives.iter().rev().map(|archive| Arc::new(meta(archive))).collect();
        let by_id =
            archives.iter().enumerate().map(|(at, archive)| (Arc::clone(&archive.name), at)).collect();
        let listings = Mutex::new(LruCache::new(REMEMBERED_LISTINGS));
        let view = Arc::new(View { name: Arc::clone(&name), label, archives, by_id, blocks, listings });
        Self { name, history: History { timeline, ..History::default() }, view }
    }

    /// Whether this is a view of exactly these archives.
    pub(super) fn shows(&self, archives: &[Archive]) -> bool {
        self.view.archives.iter().map(|archive| &**archive).eq(archives)
    }
}

fn meta(archive: &Archive) -> SnapshotMeta {
    SnapshotMeta {
        id: Arc::clone(&archive.name),
        time: archive.time,
        commit: None,
        parents: Vec::new(),
        author: String::new(),
        email: String::new(),
        message: String::new(),
        mark: archive.mark,
    }
}

#[async_trait]
impl Database for ArchiveDatabase {
    fn name(&self) -> &str {
        &self.name
    }

    fn history(&self) -> &History {
        &self.history
    }

    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError> {
        let Some(&index) = self.view.by_id.get(snapshot) else {
            let operation = format!("cannot list archive {snapshot}");
            return Err(SourceError::new(ErrorKind::Missing, &*self.view.label, operation)
                .because(format!("there is no such archive of database {}", self.name)));
        };
        if let Some(files) = lock(&self.view.listings).get(&index) {
            return Ok(Arc::clone(files));
        }
        let view = Arc::clone(&self.view);
        on_blocking_thread(&self.view.label, move || view.list(index)).await
    }

    async fn live_files(&self) -> Result<Arc<[FileEntry]>, SourceError> {
        Err(SourceError::new(ErrorKind::Missing, &*self.view.label, "cannot list live files")
            .because("an archive has no uncommitted working set"))
    }
}

/// The path of the one file that an archive other than a zip holds.
pub(super) fn path_of_single_file(archive: &Archive) -> Arc<str> {
    match archive.format {
        Format::Sqlite => escape_with_suffix(&archive.database, ".db").into(),
        Format::Jsonl | Format::Zip => EXPORTED_TABLE.into(),
    }
}

impl View {
    /// The files of one archive. Blocks.
    fn list(&self, index: usize) -> Result<Arc<[FileEntry]>, SourceError> {
        let archive = &self.archives[index];
        let contents = self.contents(archive)?;
        let span = block_around(&self.archives, index);
        let block =
            if span.len() == 1 { None } else { Some(self.blocks.block(&self.archives[span.clone()])) };
        let runs = block.as_deref().map(|block: &Block| block.runs_of(index - span.start));
        // An archive that could not be read a moment ago stands alone.
        let alone = Run { start: index - span.start, len: 1 };
        let runs: Vec<Run> = match runs {
            Some(runs) if runs.len() == contents.len() => runs.collect(),
            _ => vec![alone; contents.len()],
        };
        let files: Arc<[FileEntry]> = contents
            .into_iter()
            .zip(runs)
            .map(|((path, content), run)| {
                let (id, changed) = self.identity(&self.archives[span.start + run.start], &path);
                FileEntry { path, id, changed, links: run.len, content }
            })
            .collect();
        self.remember(index, &files);
        Ok(files)
    }

    fn remember(&self, index: usize, files: &Arc<[FileEntry]>) {
        let mut listings = lock(&self.listings);
        if files.len() > LONG_LISTING {
            listings.clear();
        }
        listings.put(index, Arc::clone(files));
    }

    /// Paths and contents of an archive's files, sorted by path.
    fn contents(&self, archive: &Archive) -> Result<Vec<NamedContent>, SourceError> {
        let label = Arc::clone(&self.label);
        let stored = Arc::new(StoredFile { file: Arc::clone(&archive.file) });
        match archive.format {
            Format::Zip => self.members(archive),
            Format::Jsonl => Ok(vec![(path_of_single_file(archive), Arc::new(Export { label, stored }))]),
            Format::Sqlite => Ok(vec![(path_of_single_file(archive), Arc::new(Raw { label, stored }))]),
        }
    }

    fn members(&self, archive: &Archive) -> Result<Vec<NamedContent>, SourceError> {
        let path = &archive.file.path;
        let fail = |error| zip_error(&self.label, format!("cannot list zip {}", path.display()), path, error);
        let directory = Arc::new(ZipDirectory::read(&archive.file).map_err(fail)?);
        let reader = directory.reader();
        let content = |index| -> Result<Arc<dyn Content>, SourceError> {
            let len = reader.by_index_data(index).map_err(fail)?.size();
            let (label, directory) = (Arc::clone(&self.label), Arc::clone(&directory));
            Ok(Arc::new(ZipContent { label, directory, index, len }))
        };
        directory
            .members
            .iter()
            .map(|member| Ok((Arc::clone(&member.path), content(member.index)?)))
            .collect()
    }

    /// Identity and time of a content that first appears in archive `first`.
    fn identity(&self, first: &Archive, path: &str) -> (ContentId, Timestamp) {
        let stamp = &first.file.stamp;
        // The whole path is part of it: a copy of an archive in another folder may be the one that has
        // rotted. It is the real path, not the one typed, so that one folder gives one identity however it is
        // named.
        let parts: [&[u8]; 9] = [
            b"archive",
            first.file.path.as_os_str().as_bytes(),
            self.name.as_bytes(),
            path.as_bytes(),
            &first.time.as_nanosecond().to_le_bytes(),
            &stamp.len.to_le_bytes(),
            &stamp.mtime_ns.to_le_bytes(),
            &stamp.ctime_ns.to_le_bytes(),
            &stamp.inode.to_le_bytes(),
        ];
        (ContentId::of(&parts), first.time)
    }
}
