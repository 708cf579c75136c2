//! An index of which snapshot changed which file.
//!
//! A snapshot changed a file if the file differs in the snapshot that it is compared with ([`Ancestry`]).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use super::derived::TABLE;
use crate::catalog::{Ancestry, Base, Database, FileChange, Listings, Snapshot, SnapshotKey, listed_changes};
use crate::content::unlisted::{carried_on, is_passing};
use crate::content::{ErrorKind, FileEntry, SourceError};
use crate::model::content_id::ContentId;
use crate::model::time::Timestamp;
use crate::util::locks::lock;

/// The files of a snapshot, sorted by path.
type SnapshotFiles = Arc<[FileEntry]>;

/// A change of a file, and the snapshot that made it.
#[derive(Clone)]
pub struct IndexedChange {
    /// The place of the snapshot among those listed.
    pub at: usize,
    /// What it changed.
    pub file: FileChange,
}

/// The changes of all files over one state of a database's timeline.
#[derive(Default)]
pub struct ChangeIndex {
    by_path: BTreeMap<Arc<str>, Vec<IndexedChange>>,
    /// The path of each file, by the name of its folder.
    folders: BTreeMap<Arc<str>, Arc<str>>,
    /// By path, one content id for all changes of a file together, and the time of the last one.
    states: BTreeMap<Arc<str>, (ContentId, Timestamp)>,
    seen: Vec<usize>,
    /// The last snapshot of each source, with its files.
    last: HashMap<usize, (SnapshotKey, SnapshotFiles)>,
    /// Whether files are missing that a later attempt may be able to list.
    is_passing: bool,
}

impl ChangeIndex {
    /// The folders of files, sorted, each with the file's path: a table's folder lacks the ending.
    pub fn folders(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.folders.iter()
    }

    /// The path of the file whose changes are in a folder.
    pub fn path_of(&self, folder: &str) -> Option<&Arc<str>> {
        self.folders.get(folder)
    }

    /// The changes of the file at `path`, in order.
    pub fn of(&self, path: &str) -> &[IndexedChange] {
        self.by_path.get(path).map_or(&[], Vec::as_slice)
    }

    /// One content id for all changes of a file together, and the time of the last one.
    pub fn state_of(&self, path: &str) -> Option<(ContentId, Timestamp)> {
        self.states.get(path).copied()
    }

    /// Fills `folders` and `states`, after all snapshots are added.
    fn name(&mut self, snapshots: &[Snapshot]) {
        let folder = |path: &Arc<str>| match path.strip_suffix(TABLE) {
            Some(table)
                if !table.is_empty() && !table.ends_with('/') && !self.by_path.contains_key(table) =>
            {
                table.into()
            }
            _ => Arc::clone(path),
        };
        self.folders = self.by_path.keys().map(|path| (folder(path), Arc::clone(path))).collect();
        let state =
            |(path, changes): (&Arc<str>, &Vec<_>)| (Arc::clone(path), state(path, changes, snapshots));
        self.states = self.by_path.iter().map(state).collect();
    }
}

fn state(path: &str, changes: &[IndexedChange], snapshots: &[Snapshot]) -> (ContentId, Timestamp) {
    let mut parts: Vec<&[u8]> = vec![path.as_bytes()];
    for change in changes {
        parts.push(snapshots[change.at].name.as_bytes());
        parts.extend(change.file.sides().map(|file| file.map_or(&[][..], |file| file.id.as_bytes())));
    }
    let last = changes.last().map_or(Timestamp::UNIX_EPOCH, |change| snapshots[change.at].meta.time);
    (ContentId::of(&parts), last)
}

/// The change indexes of databases. Each is made when it is first asked for, and kept until the database changes.
#[derive(Default)]
pub struct ChangeIndexes {
    kept: Mutex<HashMap<Arc<str>, Arc<KeptIndex>>>,
}

/// Locked while the index of its database is made.
type KeptIndex = tokio::sync::Mutex<Option<(Arc<Database>, Arc<ChangeIndex>)>>;

impl ChangeIndexes {
    /// The index of a database as it is now. New snapshots are added to the known index.
    ///
    /// A damaged snapshot is skipped, and the log names it. If a snapshot cannot be listed now, the whole index fails,
    /// because the snapshot's changes would be missing.
    pub async fn of(
        &self,
        database: &Arc<Database>,
        listings: &Listings,
    ) -> Result<Arc<ChangeIndex>, Arc<SourceError>> {
        let slot = {
            let mut kept = lock(&self.kept);
            Arc::clone(kept.entry(Arc::clone(&database.name)).or_default())
        };
        let mut slot = slot.lock().await;
        if let Some((known, index)) = &*slot
            && Arc::ptr_eq(known, database)
        {
            return Ok(Arc::clone(index));
        }
        let known = slot.as_ref().and_then(|(known, index)| continued(known, index, database));
        let mut index = known.unwrap_or_default();
        let ancestry = Ancestry::of(database);
        for &at in &database.in_order()[index.seen.len()..] {
            look_at(&mut index, database, &ancestry, listings, at).await?;
        }
        index.name(database.snapshots());
        let index = Arc::new(index);
        if !index.is_passing {
            *slot = Some((Arc::clone(database), Arc::clone(&index)));
        }
        Ok(index)
    }
}

async fn look_at(
    index: &mut ChangeIndex,
    database: &Database,
    ancestry: &Ancestry<'_>,
    listings: &Listings,
    at: usize,
) -> Result<(), Arc<SourceError>> {
    index.seen.push(at);
    let snapshot = &database.snapshots()[at];
    let Some(view) = database.view(snapshot.key.slot).filter(|_| snapshot.meta.mark.is_none()) else {
        return Ok(());
    };
    let Some(files) = listed(listings.files(view, &snapshot.key.id).await)? else { return Ok(()) };
    let last = index.last.remove(&view.slot);
    let base = match ancestry.base(&snapshot.key, &snapshot.meta) {
        Base::Snapshot(base) | Base::InPlaceOfParent(base) => Some(base),
        Base::Nothing | Base::Unknown => None,
    };
    let before: SnapshotFiles = match (base, last) {
        (None, _) => Arc::from([]),
        (Some(base), Some((key, files))) if key == base => files,
        // A damaged snapshot counts as if it were not there.
        (Some(base), last) => match listed(listings.files(view, &base.id).await)? {
            Some(files) => files,
            None => last.map_or_else(|| Arc::from([]), |(_, files)| files),
        },
    };
    let is_passing = is_passing(&files);
    index.is_passing |= is_passing;
    let files = if is_passing { carried_on(&files, &before).into_owned().into() } else { files };
    for file in listed_changes(&before, &files) {
        index.by_path.entry(Arc::clone(&file.path)).or_default().push(IndexedChange { at, file });
    }
    index.last.insert(view.slot, (snapshot.key.clone(), files));
    Ok(())
}

/// The listing; `None` if the snapshot is damaged or gone.
fn listed(files: Result<SnapshotFiles, Arc<SourceError>>) -> Result<Option<SnapshotFiles>, Arc<SourceError>> {
    match files {
        Ok(files) => Ok(Some(files)),
        Err(error) if error.kind.is_lasting() || error.kind == ErrorKind::Missing => Ok(None),
        Err(error) => Err(error),
    }
}

/// The index of an earlier state, if the current one only has more snapshots at its end.
fn continued(before: &Database, index: &ChangeIndex, now: &Database) -> Option<ChangeIndex> {
    let (old, new) = (before.snapshots(), now.snapshots());
    let order = now.in_order().get(..index.seen.len())?;
    let is_same =
        |(&a, &b): (&usize, &usize)| a == b && old[a].key == new[b].key && old[a].name == new[b].name;
    index.seen.iter().zip(order).all(is_same).then(|| ChangeIndex {
        by_path: index.by_path.clone(),
        seen: index.seen.clone(),
        last: index.last.clone(),
        ..ChangeIndex::default()
    })
}
