//! What a source tells about its snapshots: plain data, without the content.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::time::Timestamp;

/// Names one snapshot within one database of one source: a Dolt commit hash, an archive's file name.
pub type SnapshotId = Arc<str>;

/// One moment of a database's past, as its source describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// The source's own name for it: of what never changes.
    pub id: SnapshotId,
    /// What it goes by whatever it holds, where the id says in which state it is: an archive may be replaced by
    /// another one of its name.
    pub known_as: Option<SnapshotId>,
    /// When it was taken: a commit's date, a manifest's timestamp.
    pub time: Timestamp,
    /// The commit hash, where the source has commits.
    pub commit: Option<Arc<str>>,
    /// Parents in the source's commit graph, first parent first; empty where there is none.
    pub parents: Vec<SnapshotId>,
    /// Who made it; empty where the source does not say.
    pub author: String,
    /// The author's e-mail address; empty where the source does not say.
    pub email: String,
    /// The commit message; empty where the source has none.
    pub message: String,
    /// Appended to the listed name as `-<mark>` (`pre-restore`). A marked snapshot never answers a look-up by time.
    pub mark: Option<&'static str>,
}

/// Everything a source knows about the past of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The main timeline in the source's own order, newest first. For Dolt this is the order of
    /// `dolt_log`, whose dates may run backwards: look-ups by time depend on this order.
    pub timeline: Vec<Arc<SnapshotMeta>>,
    /// Snapshots that only a branch or a tag beside the main timeline reaches.
    pub off_timeline: Vec<Arc<SnapshotMeta>>,
    /// Commits that the source still holds although no name reaches them any more, newest first; `None` where the
    /// source cannot know of such.
    pub lost: Option<Vec<Arc<SnapshotMeta>>>,
    /// Whether the source is still on its way to find all of `lost`.
    pub is_lost_partial: bool,
    /// Branch name to the snapshot at its head.
    pub branches: BTreeMap<String, SnapshotId>,
    /// Tag name to the snapshot that it names.
    pub tags: BTreeMap<String, SnapshotId>,
    /// The bytes of names of branches and tags that are not UTF-8, by the texts that stand for them.
    pub odd_names: BTreeMap<String, Vec<u8>>,
    /// Whether the source has an uncommitted working set to show as `live/`.
    pub has_live: bool,
    /// Whether this is the running database itself rather than a copy: it wins a tie between sources.
    pub is_primary: bool,
}

impl History {
    /// Every snapshot: those of the timeline, those beside it, and the lost ones.
    pub fn snapshots(&self) -> impl Iterator<Item = &Arc<SnapshotMeta>> {
        self.timeline.iter().chain(&self.off_timeline).chain(self.lost.iter().flatten())
    }
}
