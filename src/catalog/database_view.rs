//! One source's view of one database, indexed for look-ups by time.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::time::Timestamp;

use crate::model::history::{SnapshotId, SnapshotMeta};
use crate::source;

/// A database as one source had it when it was last polled.
pub struct DatabaseView {
    /// The source, by its place on the command line.
    pub slot: usize,
    /// Unique among all views that this process makes.
    pub version: u64,
    /// The source's label.
    pub label: Arc<str>,
    /// The source's own object.
    pub database: Arc<dyn source::Database>,
    /// The positions in the source's timeline that may answer a look-up by time, newest first, each with the earliest
    /// time among itself and all before it. These minima only fall, so a binary search finds the first position with
    /// `time <= t`, although the times themselves may run backwards.
    falling: Vec<(Timestamp, usize)>,
    by_id: HashMap<SnapshotId, HistoryPlace>,
}

/// Where a snapshot stands in its source's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HistoryPlace {
    Timeline(usize),
    Off(usize),
    Lost(usize),
}

impl DatabaseView {
    pub(super) fn new(
        slot: usize,
        version: u64,
        label: Arc<str>,
        database: Arc<dyn source::Database>,
    ) -> Self {
        let history = database.history();
        let mut falling: Vec<(Timestamp, usize)> = Vec::new();
        for (position, meta) in history.timeline.iter().enumerate() {
            // Only a new minimum can be the first one at or before some time.
            if meta.mark.is_none() && falling.last().is_none_or(|(least, _)| meta.time < *least) {
                falling.push((meta.time, position));
            }
        }
        let on = history.timeline.iter().enumerate().map(|(i, m)| (m.id.clone(), HistoryPlace::Timeline(i)));
        let off = history.off_timeline.iter().enumerate().map(|(i, m)| (m.id.clone(), HistoryPlace::Off(i)));
        let lost =
            history.lost.iter().flatten().enumerate().map(|(i, m)| (m.id.clone(), HistoryPlace::Lost(i)));
        // The timeline comes last: it wins if a source names a snapshot in several places.
        let by_id = lost.chain(off).chain(on).collect();
        Self { slot, version, label, falling, by_id, database }
    }

    /// The snapshot in force at `time`: the source's first one at or before it, as in Dolt's `AS OF TIMESTAMP(t)`.
    pub fn as_of(&self, time: Timestamp) -> Option<&Arc<SnapshotMeta>> {
        let first = self.falling.partition_point(|(least, _)| *least > time);
        self.falling.get(first).map(|(_, position)| &self.database.history().timeline[*position])
    }

    /// The newest snapshot: the first in the source's order that may answer look-ups.
    pub fn newest(&self) -> Option<&Arc<SnapshotMeta>> {
        self.falling.first().map(|(_, position)| &self.database.history().timeline[*position])
    }

    /// The snapshot with this id, on the timeline, off it or lost.
    pub fn snapshot(&self, id: &str) -> Option<&Arc<SnapshotMeta>> {
        let history = self.database.history();
        match self.by_id.get(id)? {
            HistoryPlace::Timeline(i) => history.timeline.get(*i),
            HistoryPlace::Off(i) => history.off_timeline.get(*i),
            HistoryPlace::Lost(i) => history.lost.as_ref()?.get(*i),
        }
    }

    /// The ancestor `generations` back: by first parents if there are commits, otherwise by place in the timeline.
    pub fn ancestor(&self, id: &str, generations: u32) -> Option<&Arc<SnapshotMeta>> {
        let mut at = self.snapshot(id)?;
        if generations == 0 {
            return Some(at);
        }
        if at.commit.is_none() {
            let Some(HistoryPlace::Timeline(start)) = self.by_id.get(id) else { return None };
            let mut older = self.database.history().timeline[*start..].iter().filter(|m| m.mark.is_none());
            return older.nth(usize::try_from(generations).ok()?);
        }
        for _ in 0..generations {
            at = self.snapshot(at.parents.first()?)?;
        }
        Some(at)
    }
}
