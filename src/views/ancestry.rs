//! Which snapshot a snapshot is compared with, to tell what it changed: one rule for `versions/`, `history/` and
//! `asof log`.
//!
//! A commit is compared with its first parent. So a branch that was merged takes nothing back, and of two sources of one
//! database each tells its own story. What has no parents, such as an archive, and a commit whose parent the source does
//! not have (a shallow clone) are compared with what came before in the same source.

use std::collections::HashMap;

use crate::catalog::{Database, SnapKey};
use crate::model::history::{SnapshotId, SnapshotMeta};

/// What a snapshot is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// It is the first of its source: all of it is new.
    Nothing,
    /// The one that it came of: a commit's first parent, or the snapshot before.
    Snapshot(SnapKey),
    /// The snapshot before, as its parent is not in the source.
    InPlaceOfParent(SnapKey),
    /// Its parent is not in the source, and nothing came before: what it changed is not known.
    Unknown,
}

/// The snapshots of a database that come one after the other in their sources.
pub struct Ancestry<'d> {
    database: &'d Database,
    /// The snapshot before each one. Marked copies are nobody's base: they were made aside.
    before: HashMap<SnapKey, SnapshotId>,
}

impl<'d> Ancestry<'d> {
    /// That of a database.
    pub fn of(database: &'d Database) -> Self {
        let mut before = HashMap::new();
        for view in database.views() {
            let mut last: Option<&SnapshotId> = None;
            for meta in view.database.history().timeline.iter().rev() {
                let has_parent = meta.parents.first().is_some_and(|parent| view.snapshot(parent).is_some());
                if let Some(base) = last.filter(|_| !has_parent) {
                    before.insert(SnapKey { slot: view.slot, id: meta.id.clone() }, base.clone());
                }
                if meta.mark.is_none() {
                    last = Some(&meta.id);
                }
            }
        }
        Self { database, before }
    }

    /// What the snapshot `key`, of which `meta` is known, is compared with.
    pub fn base(&self, key: &SnapKey, meta: &SnapshotMeta) -> Base {
        let of = |id: &SnapshotId| SnapKey { slot: key.slot, id: id.clone() };
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
