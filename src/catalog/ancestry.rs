//! Which snapshot each snapshot is compared with to see what it changed: one rule for `versions/`, `history/` and
//! `asof log`.
//!
//! A commit is compared with its first parent. So the main line does not undo the changes of a merged branch, and each
//! of two sources of one database is only compared with itself. A snapshot without parents, such as an archive, and a
//! commit whose parent the source lacks (a shallow clone), are compared with the previous snapshot of the same source.
//! The first commit of a shallow clone has nothing to be compared with: `versions/` shows all of its files, and `asof
//! log` says that its changes are not known.

use std::collections::HashMap;

use super::database::Database;
use super::snapshot::SnapshotKey;
use crate::model::history::{SnapshotId, SnapshotMeta};

/// What a snapshot is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Nothing: it is the first of its source, so all of it is new.
    Nothing,
    /// A commit's first parent, or the previous snapshot.
    Snapshot(SnapshotKey),
    /// The previous snapshot, because its parent is not in the source.
    InPlaceOfParent(SnapshotKey),
    /// Its parent is not in the source, and there is no previous snapshot: its changes are not known.
    Unknown,
}

/// Which snapshot each snapshot of a database is compared with.
pub struct Ancestry<'d> {
    database: &'d Database,
    /// The previous snapshot of each snapshot whose first parent is not in its source. Nothing is compared with a
    /// marked copy.
    before: HashMap<SnapshotKey, SnapshotId>,
}

impl<'d> Ancestry<'d> {
    /// The ancestry of a database.
    pub fn of(database: &'d Database) -> Self {
        let mut before = HashMap::new();
        for view in database.views() {
            let mut last: Option<&SnapshotId> = None;
            for meta in view.database.history().timeline.iter().rev() {
                let has_parent = meta.parents.first().is_some_and(|parent| view.snapshot(parent).is_some());
                if let Some(base) = last.filter(|_| !has_parent) {
                    before.insert(SnapshotKey { slot: view.slot, id: meta.id.clone() }, base.clone());
                }
                if meta.mark.is_none() {
                    last = Some(&meta.id);
                }
            }
        }
        Self { database, before }
    }

    /// What the snapshot `key` with `meta` is compared with.
    pub fn base(&self, key: &SnapshotKey, meta: &SnapshotMeta) -> Base {
        let of = |id: &SnapshotId| SnapshotKey { slot: key.slot, id: id.clone() };
        let is_there =
            |id: &&SnapshotId| self.database.view(key.slot).is_some_and(|view| view.snapshot(id).is_some());
        let parent = meta.parents.first();
        match (parent.filter(is_there), parent, self.before.get(key)) {
            (Some(parent), ..) => Base::Snapshot(of(parent)),
            (None, None, Some(before)) => Base::Snapshot(of(before)),
            (None, None, None) => Base::Nothing,
            (None, Some(_), Some(before)) => Base::InPlaceOfParent(of(before)),
            (None, Some(_), None) => Base::Unknown,
        }
    }
}
