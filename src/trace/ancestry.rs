//! Which snapshot a snapshot is held against.

use std::collections::HashMap;

use crate::catalog::{Database, SnapKey};
use crate::model::history::{SnapshotId, SnapshotMeta};

/// What a snapshot is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// It is the first of its source: all of it is new.
    Nothing,
    /// Another one of the same source: a commit's first parent, or the one before.
    Snapshot(SnapKey),
    /// A parent that the source does not have.
    Unknown,
}

/// The snapshots of a database that come one after the other in their sources.
pub struct Ancestry<'d> {
    database: &'d Database,
    /// The snapshot before each that is no commit. Marked copies are nobody's base: they were made aside.
    before: HashMap<SnapKey, SnapshotId>,
}

impl<'d> Ancestry<'d> {
    /// That of a database.
    pub fn of(database: &'d Database) -> Self {
        let mut before = HashMap::new();
        for view in database.views() {
            let mut last: Option<&SnapshotId> = None;
            for meta in view.database.history().timeline.iter().rev() {
                if let (None, Some(base)) = (&meta.commit, last) {
                    before.insert(SnapKey { slot: view.slot, id: meta.id.clone() }, base.clone());
                }
                if meta.mark.is_none() {
                    last = Some(&meta.id);
                }
            }
        }
        Self { database, before }
    }

    /// What the snapshot `key`, of which `meta` is known, is held against.
    pub fn base(&self, key: &SnapKey, meta: &SnapshotMeta) -> Base {
        let parent = match &meta.commit {
            Some(_) => meta.parents.first(),
            None => self.before.get(key),
        };
        let Some(parent) = parent else { return Base::Nothing };
        let is_there = self.database.view(key.slot).is_some_and(|view| view.snapshot(parent).is_some());
        match is_there {
            true => Base::Snapshot(SnapKey { slot: key.slot, id: parent.clone() }),
            false => Base::Unknown,
        }
    }
}
