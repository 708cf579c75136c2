//! One database's archives as a timeline of snapshots.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use crate::model::time::Timestamp;
use async_trait::async_trait;

use super::found::{Archive, Artefact};
use super::pieces::{Piece, input_of, path_of, pieces};
use super::runs::{BlockMemo, Run, block_around};
use super::{checks, counts};
use crate::content::blocking::on_blocking_thread;
use crate::content::unlisted::is_passing;
use crate::content::{Content, ErrorKind, FileEntry, FileKind, SourceError};
use crate::format::SQLITE;
use crate::format::input::FormatContext;
use crate::format::sqlite::SqliteFile;
use crate::model::access::{Access, Audience, Audiences};
use crate::model::content_id::ContentId;
use crate::model::history::{History, SnapshotId, SnapshotMeta};
use crate::model::number::counted;
use crate::source::listing_cache::ListingCache;
use crate::source::verify::{Progress, Verdict};
use crate::source::{Capabilities, Database};

/// The path of a dump, which does not count.
const DUMP: &str = "dump.sql";

pub(super) struct ArchiveDatabase {
    history: History,
    audiences: Audiences,
    view: Arc<ArchiveView>,
}

struct ArchiveView {
    name: Arc<str>,
    context: FormatContext,
    /// Sorted by time, then by name.
    archives: Vec<Arc<Archive>>,
    by_id: HashMap<SnapshotId, usize>,
    blocks: Arc<BlockMemo>,
    listings: ListingCache<usize>,
}

impl ArchiveDatabase {
    /// A view of these archives, which are sorted by time, then by name.
    pub(super) fn new(
        name: Arc<str>,
        context: FormatContext,
        archives: Vec<Archive>,
        blocks: Arc<BlockMemo>,
    ) -> Self {
        let archives: Vec<Arc<Archive>> = archives.into_iter().map(Arc::new).collect();
        let ids: Vec<SnapshotId> = archives.iter().map(|archive| archive.state_id()).collect();
        let both = || archives.iter().zip(&ids);
        let timeline = both().rev().map(|(archive, id)| Arc::new(meta(archive, id))).collect();
        // Sorted by time: of several snapshots of one tag the newest counts.
        let tags = both().filter_map(|(a, id)| Some((a.tag.as_ref()?.to_string(), Arc::clone(id)))).collect();
        let by_id = ids.into_iter().zip(0..).collect();
        let audiences =
            archives.iter().flat_map(|archive| &archive.artefacts).map(Artefact::readers).collect();
        let listings = ListingCache::default();
        let view = Arc::new(ArchiveView { name, context, archives, by_id, blocks, listings });
        Self { history: History { timeline, tags, ..History::default() }, audiences, view }
    }

    /// Whether this is a view of exactly these archives.
    pub(super) fn shows(&self, archives: &[Archive]) -> bool {
        self.view.archives.iter().map(|archive| &**archive).eq(archives)
    }
}

fn meta(archive: &Archive, id: &SnapshotId) -> SnapshotMeta {
    SnapshotMeta {
        id: Arc::clone(id),
        known_as: Some(Arc::clone(&archive.id)),
        time: archive.time,
        commit: None,
        parents: Vec::new(),
        author: String::new(),
        email: String::new(),
        message: archive.message(),
        mark: archive.mark,
    }
}

#[async_trait]
impl Database for ArchiveDatabase {
    fn name(&self) -> &str {
        &self.view.name
    }

    fn capabilities(&self) -> Capabilities {
        let sql_dump = self.view.archives.iter().any(|archive| sole_database(archive).is_some());
        let tags = !self.history.tags.is_empty();
        Capabilities { sql_dump, tags, permissions: true, ..Capabilities::default() }
    }

    fn history(&self) -> &History {
        &self.history
    }

    fn audiences(&self) -> Audiences {
        self.audiences
    }

    fn audience_of(&self, snapshot: &SnapshotId) -> Audience {
        let Some(&index) = self.view.by_id.get(snapshot) else { return self.audiences.narrowest };
        let readers: Audiences = self.view.archives[index].artefacts.iter().map(Artefact::readers).collect();
        readers.widest
    }

    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError> {
        let Some(&index) = self.view.by_id.get(snapshot) else {
            let operation = format!("cannot list archive {snapshot}");
            return Err(SourceError::new(ErrorKind::Missing, &*self.view.context.label, operation)
                .because(format!("there is no such archive of database {}", self.view.name)));
        };
        if let Some(files) = self.view.listings.get(&index) {
            return Ok(files);
        }
        let view = Arc::clone(&self.view);
        on_blocking_thread(&self.view.context.label, move || view.list(index)).await
    }

    fn dumps_sql(&self, snapshot: &SnapshotId) -> bool {
        let index = self.view.by_id.get(snapshot);
        index.is_some_and(|&index| sole_database(&self.view.archives[index]).is_some())
    }

    async fn sql_dump(&self, snapshot: &SnapshotId) -> Result<Option<FileEntry>, SourceError> {
        let files = self.files(snapshot).await?;
        let Some(&index) = self.view.by_id.get(snapshot) else { return Ok(None) };
        let view = Arc::clone(&self.view);
        on_blocking_thread(&self.view.context.label, move || view.dump(index, &files)).await
    }

    async fn verify(&self, progress: &Progress) -> Result<Verdict, SourceError> {
        let mut verdict = Verdict::default();
        let mut counts = checks::CheckedCounts::new();
        progress.expect(self.view.archives.len() as u64);
        for archive in &self.view.archives {
            match counts::check(&self.view.context, archive).await {
                Ok(None) => {}
                Ok(Some(findings)) => {
                    *counts.entry(checks::MANIFEST).or_default() += 1;
                    verdict.findings.extend(findings);
                }
                // Reading all of the archive finds that too.
                Err(error) => tracing::debug!(archive = &*archive.id, reason = error.chain(), "no counts"),
            }
            let (context, archive) = (self.view.context.clone(), Arc::clone(archive));
            let told = progress.clone();
            let all = move || Ok(checks::all(&context, &archive, &told));
            let checked = on_blocking_thread(&self.view.context.label, all).await?;
            for (what, count) in checked.counts {
                *counts.entry(what).or_default() += count;
            }
            verdict.findings.extend(checked.findings);
            progress.advance(1);
        }
        verdict.checked = counts.into_iter().map(|((_, what), count)| counted(count, what)).collect();
        Ok(verdict)
    }
}

/// The artefact of an archive that is one SQLite file, by its name.
fn sole_database(archive: &Archive) -> Option<&Artefact> {
    match &archive.artefacts[..] {
        [only] if only.format.is_plain(SQLITE) => Some(only),
        _ => None,
    }
}

impl ArchiveView {
    /// The files of one archive. Blocks.
    fn list(&self, index: usize) -> Result<Arc<[FileEntry]>, SourceError> {
        let archive = &self.archives[index];
        let pieces = pieces(&self.context, archive)?;
        let span = block_around(&self.archives, index);
        let (archives, index_in_span) = (&self.archives[span.clone()], index - span.start);
        let block = (archives.len() > 1).then(|| self.blocks.block(&self.context, archives));
        let runs = block.as_ref().map(|block| block.runs_of(index_in_span));
        // An archive that could not be read a moment ago stands alone.
        let alone = |piece: &Piece| Run { start: index_in_span, artefact: piece.artefact, len: 1 };
        let runs: Vec<Run> = match runs {
            Some(runs) if runs.len() == pieces.len() => runs.collect(),
            _ => pieces.iter().map(alone).collect(),
        };
        let readers = RunReaders::over(archives);
        let file = |(Piece { path, content, kind, .. }, run): (Piece, Run)| {
            let (id, changed) = self.identity(&archives[run.start], run.artefact, &path);
            let access = readers.of(archives, run).into();
            FileEntry { path, kind, id, changed, links: run.len, access, content }
        };
        let files: Arc<[FileEntry]> = pieces.into_iter().zip(runs).map(file).collect();
        if !is_passing(&files) {
            self.listings.put(index, &files);
        }
        Ok(files)
    }

    /// The dump of an archive that is one SQLite file. The file and the log beside it decide its bytes. Blocks.
    fn dump(&self, index: usize, files: &[FileEntry]) -> Result<Option<FileEntry>, SourceError> {
        let archive = &self.archives[index];
        let Some(artefact) = sole_database(archive) else { return Ok(None) };
        let Some(database) = SqliteFile::of(&input_of(&self.context, artefact))? else { return Ok(None) };
        let path = path_of(archive, artefact);
        let Some(bytes) = files.iter().find(|file| file.path == path) else { return Ok(None) };
        let mut parts: Vec<&[u8]> = vec![b"sqlite-sql", bytes.id.as_bytes()];
        let beside = artefact.keys_beside();
        parts.extend(beside.iter().map(|key| &key.as_bytes()[..]));
        let is_alone = beside.is_empty();
        Ok(Some(FileEntry {
            path: DUMP.into(),
            kind: FileKind::Regular,
            id: ContentId::of(&parts),
            changed: if is_alone { bytes.changed } else { archive.time },
            links: if is_alone { bytes.links } else { 1 },
            access: Access::from(archive.readers()).and(bytes.access),
            content: Content::stream(database.dump()),
        }))
    }

    /// Identity and time of a content that first appears in archive `first`.
    fn identity(&self, first: &Archive, artefact: usize, path: &str) -> (ContentId, Timestamp) {
        let artefact = &first.artefacts[artefact];
        let (file, stamp) = (&artefact.file, &artefact.file.stamp);
        let time = first.time.as_nanosecond().to_le_bytes();
        let (len, inode) = (stamp.len.to_le_bytes(), stamp.inode.to_le_bytes());
        let times = [stamp.mtime_ns.to_le_bytes(), stamp.ctime_ns.to_le_bytes()];
        // The whole path is part of it: a copy of an archive in another folder may be the one that has rotted. It is the real
        // path, not the one typed, so that one folder gives one identity however it is named.
        let mut parts: Vec<&[u8]> = vec![b"archive", file.path.as_os_str().as_bytes(), self.name.as_bytes()];
        parts.extend([path.as_bytes(), &time, &len, &times[0], &times[1], &inode]);
        let beside = artefact.keys_beside();
        parts.extend(beside.iter().map(|key| &key.as_bytes()[..]));
        (ContentId::of(&parts), first.time)
    }
}

/// Who may read a content that several archives hold: those who may read it in each of them.
enum RunReaders {
    /// All archives have the same readers, as nearly all folders have it.
    Same(Audience),
    Each(Vec<Audience>),
}

impl RunReaders {
    fn over(archives: &[Arc<Archive>]) -> Self {
        let artefacts = archives.iter().flat_map(|archive| &archive.artefacts);
        let all: Audiences = artefacts.map(Artefact::readers).collect();
        match all.widest == all.narrowest {
            true => Self::Same(all.widest),
            false => Self::Each(archives.iter().map(|archive| archive.readers()).collect()),
        }
    }

    fn of(&self, archives: &[Arc<Archive>], run: Run) -> Audience {
        match self {
            Self::Same(audience) => *audience,
            Self::Each(each) => {
                let first = archives[run.start].artefacts[run.artefact].readers();
                let others = each.iter().skip(run.start + 1).take(run.len.saturating_sub(1) as usize);
                others.copied().fold(first, Audience::and)
            }
        }
    }
}
