//! In which snapshots each file changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::catalog::{Database, Snapshot};
use crate::engine::Listings;
use crate::model::content_id::ContentId;
use crate::source::FileEntry;

/// The ending that tables have, and that their folders do not.
const TABLE: &str = ".jsonl";

/// A content as it first appeared.
#[derive(Clone)]
pub struct Version {
    /// Which of the listed snapshots first had it.
    pub at: usize,
    /// The file.
    pub file: FileEntry,
    /// The snapshot from which on the file was no longer there, where it left before another version came.
    pub gone_at: Option<usize>,
}

/// The versions of all files over one state of a database's timeline.
pub struct VersionIndex {
    /// By path, oldest first.
    by_path: BTreeMap<Arc<str>, Vec<Version>>,
    /// Path by the name of its folder.
    folders: BTreeMap<Arc<str>, Arc<str>>,
    /// What names all versions of a file together, and when it last changed or went.
    states: BTreeMap<Arc<str>, (ContentId, Timestamp)>,
    /// Snapshots looked at.
    seen: usize,
}

impl VersionIndex {
    /// The folders of files, sorted: the path of a table without its ending, that of any other file as it is.
    pub fn folders(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.folders.iter()
    }

    /// The path of the file whose versions are in a folder.
    pub fn path_of(&self, folder: &str) -> Option<&Arc<str>> {
        self.folders.get(folder)
    }

    /// The versions of a file, by its path, oldest first.
    pub fn of(&self, path: &str) -> &[Version] {
        self.by_path.get(path).map_or(&[], Vec::as_slice)
    }

    /// What names all versions of a file together, and when the last one came or went.
    pub fn state_of(&self, path: &str) -> Option<(ContentId, Timestamp)> {
        self.states.get(path).copied()
    }

    /// All files with their versions, by path.
    pub fn files(&self) -> impl Iterator<Item = (&Arc<str>, &[Version])> {
        self.by_path.iter().map(|(path, versions)| (path, versions.as_slice()))
    }

    /// Adds what a snapshot shows. Snapshots come oldest first.
    fn add(&mut self, at: usize, files: &[FileEntry]) {
        for (path, versions) in &mut self.by_path {
            let is_there = files.binary_search_by(|file| file.path.cmp(path)).is_ok();
            if let Some(last) = versions.last_mut().filter(|last| !is_there && last.gone_at.is_none()) {
                last.gone_at = Some(at);
            }
        }
        for file in files {
            let versions = self.by_path.entry(Arc::clone(&file.path)).or_default();
            let is_same =
                versions.last().is_some_and(|last| last.gone_at.is_none() && last.file.id == file.id);
            if !is_same {
                versions.push(Version { at, file: file.clone(), gone_at: None });
            }
        }
    }

    /// Names the folders and the states, once all snapshots are added.
    fn name(&mut self, snapshots: &[Snapshot]) {
        let folder = |path: &Arc<str>| match path.strip_suffix(TABLE) {
            Some(table)
                if !table.is_empty() && !table.ends_with('/') && !self.by_path.contains_key(table) =>
            {
                table.into()
            }
            _ => Arc::clone(path),
        };
        self.states =
            self.by_path.iter().map(|(path, v)| (Arc::clone(path), state(path, v, snapshots))).collect();
        self.folders = self.by_path.keys().map(|path| (folder(path), Arc::clone(path))).collect();
    }
}

fn state(path: &str, versions: &[Version], snapshots: &[Snapshot]) -> (ContentId, Timestamp) {
    let mut parts: Vec<&[u8]> = vec![path.as_bytes()];
    for version in versions {
        parts.extend([snapshots[version.at].name.as_bytes(), version.file.id.as_bytes()]);
        parts.push(version.gone_at.map_or(&[], |at| snapshots[at].name.as_bytes()));
    }
    let last = versions
        .last()
        .map_or(Timestamp::UNIX_EPOCH, |version| snapshots[version.gone_at.unwrap_or(version.at)].meta.time);
    (ContentId::of(&parts), last)
}

/// The version indexes of databases, made when they are first asked for and kept until the database changes.
#[derive(Default)]
pub struct Versions {
    kept: Mutex<HashMap<Arc<str>, Arc<Slot>>>,
}

/// Locked while the index of its database is made.
type Slot = tokio::sync::Mutex<Option<(Arc<Database>, Arc<VersionIndex>)>>;

impl Versions {
    /// The index of a database as it is now: what is new since it was last asked for is added to what is known.
    ///
    /// A snapshot that cannot be listed is passed over, as if it were not there: the log names it.
    pub async fn of(&self, database: &Arc<Database>, listings: &Listings) -> Arc<VersionIndex> {
        let slot = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(kept.entry(Arc::clone(&database.name)).or_default())
        };
        let mut slot = slot.lock().await;
        if let Some((known, index)) = &*slot
            && Arc::ptr_eq(known, database)
        {
            return Arc::clone(index);
        }
        let mut index = slot
            .as_ref()
            .and_then(|(known, index)| continued(known, index, database))
            .unwrap_or_else(|| VersionIndex {
                by_path: BTreeMap::new(),
                folders: BTreeMap::new(),
                states: BTreeMap::new(),
                seen: 0,
            });
        for (at, snapshot) in database.snapshots().iter().enumerate().skip(index.seen) {
            index.seen = at + 1;
            let Some(view) = database.view(snapshot.key.slot).filter(|_| snapshot.meta.mark.is_none()) else {
                continue;
            };
            if let Ok(files) = listings.files(view, &snapshot.key.id).await {
                index.add(at, &files);
            }
        }
        index.name(database.snapshots());
        let index = Arc::new(index);
        *slot = Some((Arc::clone(database), Arc::clone(&index)));
        index
    }
}

/// What is known of an earlier state, where the present one only has more snapshots at its end.
fn continued(before: &Database, index: &VersionIndex, now: &Database) -> Option<VersionIndex> {
    let (old, new) = (before.snapshots(), now.snapshots().get(..index.seen)?);
    let is_same =
        old.len() >= index.seen && old.iter().zip(new).all(|(a, b)| a.key == b.key && a.name == b.name);
    is_same.then(|| VersionIndex {
        by_path: index.by_path.clone(),
        folders: BTreeMap::new(),
        states: BTreeMap::new(),
        seen: index.seen,
    })
}
