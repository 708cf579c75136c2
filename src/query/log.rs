//! What each snapshot changed, newest first.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::count::count;
use super::diff::files_of;
use crate::catalog::{
    Ancestry, Base, Database, FileChange, Listings, Snapshot, SnapshotFolder, SnapshotKey, SnapshotOrLive,
    file_changes,
};
use crate::content::SourceError;
use crate::engine::Engine;
use crate::model::time::Timestamp;
use crate::views::{DerivedError, RowCounts};

/// The files that a snapshot changed.
pub struct SnapshotChanges<F> {
    /// By path.
    pub files: Vec<F>,
    /// Whether its parent is not in the source: then it was compared with the snapshot before it.
    pub lacks_parent: bool,
}

/// How much a file has changed.
pub enum ChangeSize {
    /// This many rows or lines.
    Rows(RowCounts),
    /// It is not text.
    Binary,
    /// It was not read, because no engine was given.
    NotCounted,
    /// It cannot be read.
    Failed(DerivedError),
}

/// A change of a file, and its size.
pub struct CountedChange {
    /// The file on both sides.
    pub file: FileChange,
    /// How much of it changed.
    pub size: ChangeSize,
}

impl CountedChange {
    /// Whether both sides have equal rows: a different content id does not have to mean different bytes.
    pub fn is_none(&self) -> bool {
        let is_on_both = self.file.before.is_some() && self.file.after.is_some();
        is_on_both && matches!(&self.size, ChangeSize::Rows(counts) if *counts == RowCounts::default())
    }
}

/// A database, and what is needed to say what its snapshots changed.
pub struct DatabaseLog<'d> {
    /// The database.
    pub database: &'d Database,
    ancestry: Ancestry<'d>,
    names: HashMap<Arc<str>, Vec<String>>,
}

impl<'d> DatabaseLog<'d> {
    /// The log of a database.
    pub fn of(database: &'d Database) -> Self {
        let mut names: HashMap<Arc<str>, Vec<String>> = HashMap::new();
        let branches = database.branches().map(|(path, key)| (path.to_owned(), key));
        let tags = database.tags().map(|(path, key)| (format!("tag: {path}"), key));
        for (shown, key) in branches.chain(tags) {
            if let Some(SnapshotFolder::Listed(name)) = database.folder_of(key) {
                names.entry(name).or_default().push(shown);
            }
        }
        Self { database, ancestry: Ancestry::of(database), names }
    }

    /// Branches, and tags as `tag: <name>`, that name a snapshot.
    pub fn names_of(&self, snapshot: &Snapshot) -> &[String] {
        self.names.get(&snapshot.name).map_or(&[], Vec::as_slice)
    }

    /// The changed files that `wants` names, without reading any; `None` without a snapshot to compare with.
    pub async fn changes(
        &self,
        snapshot: &Snapshot,
        listings: &Listings,
        wants: impl Fn(&str) -> bool,
    ) -> Result<Option<SnapshotChanges<FileChange>>, Arc<SourceError>> {
        let files =
            async |key: SnapshotKey| files_of(listings, self.database, &SnapshotOrLive::Snapshot(key)).await;
        let base = self.ancestry.base(&snapshot.key, &snapshot.meta);
        let lacks_parent = matches!(base, Base::InPlaceOfParent(_));
        let before = match base {
            Base::Nothing => Arc::default(),
            Base::Snapshot(base) | Base::InPlaceOfParent(base) => files(base).await?,
            Base::Unknown => return Ok(None),
        };
        let after = files(snapshot.key.clone()).await?;
        let files = file_changes(&before, &after).into_iter().filter(|file| wants(&file.path)).collect();
        Ok(Some(SnapshotChanges { files, lacks_parent }))
    }
}

impl SnapshotChanges<FileChange> {
    /// How much each file changed. Leaves out files with equal rows; without an engine, counts nothing.
    pub async fn counted(self, engine: Option<&Engine>) -> SnapshotChanges<CountedChange> {
        let mut files = Vec::new();
        for file in self.files {
            let size = match engine {
                Some(engine) => match count(engine, file.before.as_ref(), file.after.as_ref()).await {
                    Ok(Some(counts)) => ChangeSize::Rows(counts),
                    Ok(None) => ChangeSize::Binary,
                    Err(error) => ChangeSize::Failed(error),
                },
                None => ChangeSize::NotCounted,
            };
            files.push(CountedChange { file, size });
        }
        files.retain(|change| !change.is_none());
        SnapshotChanges { files, lacks_parent: self.lacks_parent }
    }
}

/// The snapshots of all databases, newest first; within one database in its own order, whatever the dates say.
pub fn newest_first<'l>(logs: &'l [DatabaseLog<'l>]) -> Vec<(&'l DatabaseLog<'l>, &'l Snapshot)> {
    let mut all: Vec<(Timestamp, &DatabaseLog, &Snapshot)> = Vec::new();
    for log in logs {
        // What came before a snapshot is no newer than it.
        let mut least = Timestamp::MAX;
        for &at in log.database.in_order().iter().rev() {
            let snapshot = &log.database.snapshots()[at];
            least = least.min(snapshot.meta.time);
            all.push((least, log, snapshot));
        }
    }
    all.sort_by_key(|(least, ..)| Reverse(*least));
    all.into_iter().map(|(_, log, snapshot)| (log, snapshot)).collect()
}
