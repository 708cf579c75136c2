//! In which snapshots each file changed.
//!
//! A snapshot changed a file where it differs from that of the one that it is compared with ([`super::ancestry`]).

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use crate::model::time::Timestamp;

use super::ancestry::{Ancestry, Base};
use crate::catalog::{Database, SnapKey, Snapshot};
use crate::content::unlisted::{carried_on, is_passing};
use crate::content::{ErrorKind, FileEntry, SourceError};
use crate::engine::Listings;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// The ending that tables have, and that their folders do not.
const TABLE: &str = ".jsonl";

/// The files of a snapshot, sorted by path.
type Files = Arc<[FileEntry]>;

/// A change of a file.
#[derive(Clone)]
pub struct Version {
    /// Which of the listed snapshots made it.
    pub at: usize,
    /// The file before; none where it was not there.
    pub before: Option<FileEntry>,
    /// The file from then on; none where it went.
    pub file: Option<FileEntry>,
}

impl Version {
    /// The file before and from then on.
    pub fn sides(&self) -> [Option<&FileEntry>; 2] {
        [self.before.as_ref(), self.file.as_ref()]
    }
}

/// The versions of all files over one state of a database's timeline.
#[derive(Default)]
pub struct VersionIndex {
    /// By path, in the order in which they came to be.
    by_path: BTreeMap<Arc<str>, Vec<Version>>,
    /// Path by the name of its folder.
    folders: BTreeMap<Arc<str>, Arc<str>>,
    /// What names all versions of a file together, and when it last changed or went.
    states: BTreeMap<Arc<str>, (ContentId, Timestamp)>,
    /// The snapshots looked at, in order.
    seen: Vec<usize>,
    /// The last one of each source, with its files.
    last: HashMap<usize, (SnapKey, Files)>,
    /// Whether files are missing that may be listed another time.
    is_passing: bool,
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

    /// The versions of a file, by its path, in the order in which they came to be.
    pub fn of(&self, path: &str) -> &[Version] {
        self.by_path.get(path).map_or(&[], Vec::as_slice)
    }

    /// What names all versions of a file together, and when the last one came or went.
    pub fn state_of(&self, path: &str) -> Option<(ContentId, Timestamp)> {
        self.states.get(path).copied()
    }

    /// Adds what a snapshot changed.
    fn add(&mut self, at: usize, before: &[FileEntry], now: &[FileEntry]) {
        let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
        loop {
            let order = match (before.peek(), now.peek()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(before), Some(now)) => before.path.cmp(&now.path),
            };
            let before = if order.is_le() { before.next() } else { None };
            let file = if order.is_ge() { now.next() } else { None };
            if before.map(|file| file.id) == file.map(|file| file.id) {
                continue;
            }
            if let Some(path) = file.or(before).map(|file| Arc::clone(&file.path)) {
                let version = Version { at, before: before.cloned(), file: file.cloned() };
                self.by_path.entry(path).or_default().push(version);
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
        self.folders = self.by_path.keys().map(|path| (folder(path), Arc::clone(path))).collect();
        let state = |(path, versions): (&Arc<str>, &Vec<Version>)| {
            (Arc::clone(path), state(path, versions, snapshots))
        };
        self.states = self.by_path.iter().map(state).collect();
    }
}

fn state(path: &str, versions: &[Version], snapshots: &[Snapshot]) -> (ContentId, Timestamp) {
    let mut parts: Vec<&[u8]> = vec![path.as_bytes()];
    for version in versions {
        let ids = [&version.before, &version.file].map(|file| file.as_ref().map(|file| &file.id));
        parts.push(snapshots[version.at].name.as_bytes());
        parts.extend(ids.map(|id| id.map_or(&[][..], |id| id.as_bytes())));
    }
    let last = versions.last().map_or(Timestamp::UNIX_EPOCH, |version| snapshots[version.at].meta.time);
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
    /// A snapshot that is damaged is passed over, as if it were not there: the log names it.
    ///
    /// # Errors
    /// Why a snapshot cannot be listed now: what it changed would be missing.
    pub async fn of(
        &self,
        database: &Arc<Database>,
        listings: &Listings,
    ) -> Result<Arc<VersionIndex>, Arc<SourceError>> {
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
        if index.is_passing {
            return Ok(index);
        }
        *slot = Some((Arc::clone(database), Arc::clone(&index)));
        Ok(index)
    }
}

async fn look_at(
    index: &mut VersionIndex,
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
    let before: Files = match (base, last) {
        (None, _) => Arc::from([]),
        (Some(base), Some((key, files))) if key == base => files,
        // One that is damaged counts as if it were not there.
        (Some(base), last) => match listed(listings.files(view, &base.id).await)? {
            Some(files) => files,
            None => last.map_or_else(|| Arc::from([]), |(_, files)| files),
        },
    };
    let is_passing = is_passing(&files);
    index.is_passing |= is_passing;
    let files = if is_passing { carried_on(&files, &before).into_owned().into() } else { files };
    index.add(at, &before, &files);
    index.last.insert(view.slot, (snapshot.key.clone(), files));
    Ok(())
}

/// The listing; none of a snapshot that is damaged, or gone.
fn listed(files: Result<Files, Arc<SourceError>>) -> Result<Option<Files>, Arc<SourceError>> {
    match files {
        Ok(files) => Ok(Some(files)),
        Err(error) if error.kind.is_lasting() || error.kind == ErrorKind::Missing => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is known of an earlier state, where the present one only has more snapshots at its end.
fn continued(before: &Database, index: &VersionIndex, now: &Database) -> Option<VersionIndex> {
    let (old, new) = (before.snapshots(), now.snapshots());
    let order = now.in_order().get(..index.seen.len())?;
    let is_same =
        |(&a, &b): (&usize, &usize)| a == b && old[a].key == new[b].key && old[a].name == new[b].name;
    index.seen.iter().zip(order).all(is_same).then(|| VersionIndex {
        by_path: index.by_path.clone(),
        seen: index.seen.clone(),
        last: index.last.clone(),
        ..VersionIndex::default()
    })
}
