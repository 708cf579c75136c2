//! Finds the rows that hold a text, and the snapshots from which and until which they do.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::find_in_file::FileSearch;
use super::matcher::Matcher;
use crate::catalog::{Database, DatabaseView, Listings, SnapshotKey};
use crate::content::{FileEntry, FileKind, SourceError};
use crate::engine::Engine;
use crate::model::history::SnapshotMeta;
use crate::model::secrets::Secrets;
use crate::source::verify::Progress;

/// A line of a row, and the snapshot that first has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLine {
    /// The place of that snapshot on the main line.
    pub at: usize,
    /// The line, without its line feed.
    pub line: Bytes,
}

/// A row that holds the text for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRow {
    /// The file, by its path below the snapshot's folder.
    pub path: Arc<str>,
    /// What identifies it: values by column; empty if its line is not a row.
    pub key: Vec<(String, String)>,
    /// Its lines, oldest first. All of them hold the text.
    pub lines: Vec<FoundLine>,
    /// The place of the snapshot that first lacks the text, if there is one.
    pub gone: Option<usize>,
}

/// A version that could not be searched. It counts as if it did not exist.
#[derive(Debug)]
pub struct UnreadVersion {
    /// The place of the snapshot that first has it.
    pub at: usize,
    /// The file; none if the snapshot could not be listed.
    pub path: Option<Arc<str>>,
    /// Why.
    pub error: Arc<SourceError>,
}

/// The main line of a source, oldest first: first parents of its newest commit, or all snapshots but marked copies.
pub fn main_line(view: &DatabaseView) -> Vec<Arc<SnapshotMeta>> {
    let timeline = &view.database.history().timeline;
    let mut line = match timeline.first() {
        Some(newest) if newest.commit.is_some() => {
            let parent = |meta: &Arc<SnapshotMeta>| view.snapshot(meta.parents.first()?).cloned();
            std::iter::successors(Some(newest.clone()), parent).collect::<Vec<_>>()
        }
        _ => timeline.iter().filter(|meta| meta.mark.is_none()).cloned().collect(),
    };
    line.reverse();
    line
}

/// The versions of a file, each with the place of the snapshot that first has it; `None` from a snapshot on that lacks
/// the file.
type FileVersions = Vec<(usize, Option<FileEntry>)>;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct WantedText<'w> {
    /// Finds lines.
    pub matcher: &'w Matcher,
    /// What is masked before the search, so that no answer depends on it; None to search everything.
    pub secrets: Option<&'w Secrets>,
}

/// What was found in one source of a database.
pub struct SourceFindings<'s> {
    /// The database.
    pub database: &'s Database,
    /// The source.
    pub view: &'s DatabaseView,
    /// The snapshots that were searched, oldest first.
    pub line: Vec<Arc<SnapshotMeta>>,
    /// Rows that hold the text, by path.
    pub found: Vec<FoundRow>,
    /// What could not be searched.
    pub unread: Vec<UnreadVersion>,
}

impl SourceFindings<'_> {
    /// The name under `asof/` of the snapshot at a place.
    pub fn name(&self, at: usize) -> String {
        let step = &self.line[at];
        let key = SnapshotKey { slot: self.view.slot, id: step.id.clone() };
        self.database.listed(&key).map_or_else(|| step.time.to_string(), |listed| listed.name.to_string())
    }

    /// The place of the last snapshot in which a row holds the text.
    pub fn last_step(&self, found: &FoundRow) -> usize {
        found.gone.map_or(self.line.len() - 1, |gone| gone.saturating_sub(1))
    }
}

/// Searches every version of the files that `wants` accepts. Reads only once what versions share.
pub async fn search(
    view: &Arc<DatabaseView>,
    line: &[Arc<SnapshotMeta>],
    wants: impl Fn(&str) -> bool,
    wanted: WantedText<'_>,
    engine: &Engine,
    progress: &Progress,
) -> (Vec<FoundRow>, Vec<UnreadVersion>) {
    let mut unread = Vec::new();
    let listings = Listings::new(Arc::default(), engine.budget());
    let by_path = versions(view, line, wants, progress, &listings, &mut unread).await;
    progress.expect(by_path.values().map(|versions| versions.len() as u64).sum());
    let mut found = Vec::new();
    for (path, versions) in by_path {
        let mut file = FileSearch::new(path, wanted, progress, engine);
        let mut rest = &versions[..];
        // After too many findings, the rest of the file is not searched.
        while !rest.is_empty() && !file.is_full() {
            let (count, searched) = file.go_on(rest, engine).await;
            if let Err(error) = searched {
                let (at, path) = (rest[count - 1].0, Some(Arc::clone(&file.path)));
                unread.push(UnreadVersion { at, path, error });
            }
            progress.advance(count as u64);
            rest = &rest[count..];
        }
        progress.advance(rest.len() as u64);
        found.extend(file.rows);
    }
    (found, unread)
}

async fn versions(
    view: &Arc<DatabaseView>,
    line: &[Arc<SnapshotMeta>],
    wants: impl Fn(&str) -> bool,
    progress: &Progress,
    listings: &Listings,
    unread: &mut Vec<UnreadVersion>,
) -> BTreeMap<Arc<str>, FileVersions> {
    let mut by_path: BTreeMap<Arc<str>, FileVersions> = BTreeMap::new();
    progress.expect(line.len() as u64);
    for (at, step) in line.iter().enumerate() {
        progress.advance(1);
        let files = match listings.files(view, &step.id).await {
            Ok(files) => files,
            Err(error) => {
                unread.push(UnreadVersion { at, path: None, error });
                continue;
            }
        };
        for (path, versions) in &mut by_path {
            let is_open = versions.last().is_some_and(|(_, version)| version.is_some());
            if is_open && file(&files, path).is_none() {
                versions.push((at, None));
            }
        }
        for file in files.iter().filter(|file| file.kind != FileKind::Symlink && wants(&file.path)) {
            let versions = by_path.entry(Arc::clone(&file.path)).or_default();
            let last = versions.last().and_then(|(_, version)| version.as_ref());
            if last.is_none_or(|last| last.id != file.id) {
                versions.push((at, Some(file.clone())));
            }
        }
    }
    by_path
}

/// A file of a sorted listing.
fn file<'f>(files: &'f [FileEntry], path: &str) -> Option<&'f FileEntry> {
    files.binary_search_by(|file| (*file.path).cmp(path)).ok().map(|at| &files[at])
}
