//! Names one snapshot among all of a mount.

use std::sync::Arc;

use crate::model::content_id::ContentId;
use crate::model::history::{SnapshotId, SnapshotMeta};

/// Names one snapshot across all sources of a mount.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SnapshotKey {
    /// The source.
    pub slot: usize,
    /// The source's id of the snapshot.
    pub id: SnapshotId,
}

impl SnapshotKey {
    /// The content id of the folder `path` in it, or of all of it for an empty path. `db` is the database's shown name.
    pub fn identity(&self, db: &str, path: &str) -> ContentId {
        let slot = (self.slot as u64).to_le_bytes();
        ContentId::of(&[b"snapshot", db.as_bytes(), &slot, self.id.as_bytes(), path.as_bytes()])
    }
}

/// A snapshot listed under `asof/`.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its folder's name.
    pub name: Arc<str>,
    /// Which snapshot of which source answers.
    pub key: SnapshotKey,
    /// What the source says about it.
    pub meta: Arc<SnapshotMeta>,
}
