//! A source's description of its snapshots: plain data without contents.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::time::Timestamp;

/// Names one snapshot within one database of one source: a Dolt commit hash or an archive's file name.
pub type SnapshotId = Arc<str>;

/// One snapshot of a database, as its source describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// The source's own name of the snapshot. The data that it names never changes.
    pub id: SnapshotId,
    /// A name that stays when an archive is replaced and its id changes.
    pub known_as: Option<SnapshotId>,
    /// When it was taken: a commit's date, a manifest's timestamp.
    pub time: Timestamp,
    /// The commit hash, if the source has commits.
    pub commit: Option<Arc<str>>,
    /// Parents in the source's commit graph, first parent first; possibly empty.
    pub parents: Vec<SnapshotId>,
    /// Who made it; empty if the source does not say.
    pub author: String,
    /// The author's e-mail address; empty if the source does not say.
    pub email: String,
    /// The commit message; empty if the source has none.
    pub message: String,
    /// Appended to the listed name as `-<mark>` (`pre-restore`). A marked snapshot never answers for a time.
    pub mark: Option<&'static str>,
}

/// The whole past of one database, as its source knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The main timeline in the source's own order, newest first. For Dolt it is the order of `dolt_log`, whose dates
    /// may run backwards; look-ups by time depend on this order.
    pub timeline: Vec<Arc<SnapshotMeta>>,
    /// Snapshots outside the main timeline that a branch or tag reaches.
    pub off_timeline: Vec<Arc<SnapshotMeta>>,
    /// Commits in the source that no name reaches, newest first; `None` if the source cannot find them.
    pub lost: Option<Vec<Arc<SnapshotMeta>>>,
    /// Whether the source is still searching for more of `lost`.
    pub is_lost_partial: bool,
    /// The newest snapshot of each branch.
    pub branches: BTreeMap<String, SnapshotId>,
    /// The snapshot that each tag names.
    pub tags: BTreeMap<String, SnapshotId>,
    /// The bytes of branch and tag names that are not UTF-8, by the texts that stand for them.
    pub odd_names: BTreeMap<String, Vec<u8>>,
    /// Whether the source has an uncommitted working set, shown as `live/`.
    pub has_live: bool,
    /// Whether this is the running database itself and not a copy. It wins a tie between sources.
    pub is_primary: bool,
}

impl History {
    /// All snapshots: on the timeline, outside it, and lost.
    pub fn snapshots(&self) -> impl Iterator<Item = &Arc<SnapshotMeta>> {
        self.timeline.iter().chain(&self.off_timeline).chain(self.lost.iter().flatten())
    }
}
