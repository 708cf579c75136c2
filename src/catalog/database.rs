//! One database over all its sources: the merged timeline.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use crate::model::time::Timestamp;

use super::database_view::DatabaseView;
use super::naming::GivenNames;
use super::periods::LastOfPeriods;
use super::snapshot::{Snapshot, SnapshotKey};
use crate::model::access::{Audience, Audiences};
use crate::model::content_id::ContentId;
use crate::model::history::{SnapshotId, SnapshotMeta};
use crate::model::names;
use crate::model::period::Period;

/// A database, merged over its sources.
pub struct Database {
    /// The name it is shown under: one safe path component.
    pub name: Arc<str>,
    /// Its sources' views, in the order in which they win ties: running databases first.
    views: Vec<Arc<DatabaseView>>,
    /// All of `asof/`, oldest first.
    snapshots: Vec<Snapshot>,
    by_name: HashMap<Arc<str>, usize>,
    by_key: HashMap<SnapshotKey, usize>,
    /// Every commit of every source by its full hash, on the timeline or not.
    commits: BTreeMap<Arc<str>, SnapshotKey>,
    /// Commits that no name reaches in any source, by full hash; `None` if no source can know any.
    lost: Option<BTreeMap<Arc<str>, SnapshotKey>>,
    is_lost_partial: bool,
    branches: BTreeMap<String, RefTarget>,
    tags: BTreeMap<String, RefTarget>,
    fingerprint: OnceLock<ContentId>,
    periods: OnceLock<LastOfPeriods>,
    in_order: OnceLock<Vec<usize>>,
    /// When this state of the database was first seen.
    seen: jiff::Timestamp,
}

/// A branch or tag: its own name and where it points.
struct RefTarget {
    name: String,
    key: SnapshotKey,
}

impl Database {
    pub(super) fn merge(
        name: Arc<str>,
        mut views: Vec<Arc<DatabaseView>>,
        given: &mut GivenNames,
        seen: jiff::Timestamp,
    ) -> Self {
        views.sort_by_key(|v| (!v.database.history().is_primary, v.slot));
        let mut database = Self {
            name,
            branches: refs(&views, |v| &v.database.history().branches),
            tags: refs(&views, |v| &v.database.history().tags),
            views,
            snapshots: Vec::new(),
            by_name: HashMap::new(),
            by_key: HashMap::new(),
            commits: BTreeMap::new(),
            lost: None,
            is_lost_partial: false,
            fingerprint: OnceLock::new(),
            periods: OnceLock::new(),
            in_order: OnceLock::new(),
            seen,
        };
        database.list_snapshots(given);
        database.list_commits();
        database.list_lost();
        database
    }

    /// Fills `snapshots` and its indexes: by time; within one instant by source, then in commit order.
    fn list_snapshots(&mut self, given: &mut GivenNames) {
        let mut found: Vec<(Timestamp, usize, usize, SnapshotKey, Arc<SnapshotMeta>)> = Vec::new();
        let mut seen = HashSet::new();
        let mut repeated: Vec<(SnapshotKey, Arc<str>)> = Vec::new();
        for (rank, view) in self.views.iter().enumerate() {
            for (order, meta) in view.database.history().timeline.iter().rev().enumerate() {
                let key = SnapshotKey { slot: view.slot, id: meta.id.clone() };
                match &meta.commit {
                    // A commit that two sources hold is one snapshot.
                    Some(commit) if !seen.insert(commit.clone()) => repeated.push((key, commit.clone())),
                    _ => found.push((meta.time, rank, order, key, meta.clone())),
                }
            }
        }
        found.sort_by_key(|(time, rank, order, ..)| (*time, *rank, *order));
        self.by_name.reserve(found.len());
        self.by_key.reserve(found.len() + repeated.len());
        self.snapshots.reserve(found.len());
        for (index, (_, _, _, key, meta)) in found.into_iter().enumerate() {
            let name = given.name(&key, &meta);
            self.by_name.insert(name.clone(), index);
            self.by_key.insert(key.clone(), index);
            self.snapshots.push(Snapshot { name, key, meta });
        }
        if !repeated.is_empty() {
            let of_commit = |(index, s): (usize, &Snapshot)| Some((s.meta.commit.clone()?, index));
            let by_commit: HashMap<_, _> = self.snapshots.iter().enumerate().filter_map(of_commit).collect();
            self.by_key.extend(repeated.into_iter().map(|(key, commit)| (key, by_commit[&commit])));
        }
    }

    /// Fills `commits`. If several sources have a commit, one that lists it on its timeline answers, otherwise the
    /// first.
    fn list_commits(&mut self) {
        // Collecting sorts once and builds the map in order.
        self.commits =
            self.snapshots.iter().filter_map(|s| Some((s.meta.commit.clone()?, s.key.clone()))).collect();
        for view in &self.views {
            for meta in &view.database.history().off_timeline {
                if let Some(commit) = &meta.commit {
                    let key = SnapshotKey { slot: view.slot, id: meta.id.clone() };
                    self.commits.entry(commit.clone()).or_insert(key);
                }
            }
        }
    }

    /// Fills `lost`, after `commits`: a commit that a name reaches in any source is not lost.
    fn list_lost(&mut self) {
        for view in &self.views {
            let history = view.database.history();
            let Some(metas) = &history.lost else { continue };
            self.is_lost_partial |= history.is_lost_partial;
            let lost = self.lost.get_or_insert_default();
            for meta in metas {
                if let Some(commit) = meta.commit.as_ref().filter(|c| !self.commits.contains_key(*c)) {
                    let key = SnapshotKey { slot: view.slot, id: meta.id.clone() };
                    lost.entry(commit.clone()).or_insert(key);
                }
            }
        }
    }

    pub(super) fn is_made_of(&self, views: &[Arc<DatabaseView>]) -> bool {
        self.views.len() == views.len()
            && views.iter().all(|v| self.views.iter().any(|own| own.version == v.version))
    }

    /// How many bytes its servers have sent so far; `None` if it has other sources too.
    pub fn received(&self) -> Option<u64> {
        self.views.iter().map(|view| view.database.received()).sum()
    }

    /// Its sources' views, in the order in which they win ties.
    pub fn views(&self) -> &[Arc<DatabaseView>] {
        &self.views
    }

    /// The widest and the narrowest audience among the files of all its sources.
    pub fn audiences(&self) -> Audiences {
        self.views.iter().map(|view| view.database.audiences()).collect()
    }

    /// Who may read the times, authors and messages of its snapshots: those to whom every source shows names.
    pub fn log_audience(&self) -> Audience {
        let each = self.views.iter().map(|view| view.database.audiences().widest);
        each.fold(Audience::Everyone, Audience::and)
    }

    /// The view of the source in `slot`.
    pub fn view(&self, slot: usize) -> Option<&Arc<DatabaseView>> {
        self.views.iter().find(|v| v.slot == slot)
    }

    /// The view that shows `live/`.
    pub fn live_view(&self) -> Option<&Arc<DatabaseView>> {
        self.views.iter().find(|v| v.database.capabilities().working_set)
    }

    /// The snapshots of `asof/`, oldest first.
    pub fn snapshots(&self) -> &[Snapshot] {
        &self.snapshots
    }

    /// The places of all listed snapshots: within one source in the source's order, whatever the dates say (a commit
    /// may be dated after its descendants); across sources by time.
    pub fn in_order(&self) -> &[usize] {
        self.in_order.get_or_init(|| {
            let mut found: Vec<(Timestamp, usize, usize, usize)> = Vec::with_capacity(self.snapshots.len());
            for (rank, view) in self.views.iter().enumerate() {
                let timeline = &view.database.history().timeline;
                let mut least = Timestamp::MAX;
                for (newest_first, meta) in timeline.iter().enumerate() {
                    least = least.min(meta.time);
                    let key = SnapshotKey { slot: view.slot, id: meta.id.clone() };
                    // A commit that another source shows has its place there.
                    if let Some(place) = self.place(&key).filter(|at| self.snapshots[*at].key == key) {
                        found.push((least, rank, timeline.len() - newest_first, place));
                    }
                }
            }
            found.sort_unstable();
            found.into_iter().map(|(.., place)| place).collect()
        })
    }

    /// The periods of a kind that have a snapshot, by name, each with its last one. Marked copies do not count.
    pub fn periods(&self, period: Period) -> impl Iterator<Item = (&Arc<str>, &Snapshot)> {
        self.all_periods().of(period).iter().map(|(name, at)| (name, &self.snapshots[*at]))
    }

    /// The last snapshot of a period, by its name.
    pub fn last_of(&self, period: Period, name: &str) -> Option<&Snapshot> {
        let periods = self.all_periods().of(period);
        let at = periods.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.snapshots[periods[at].1])
    }

    fn all_periods(&self) -> &LastOfPeriods {
        self.periods.get_or_init(|| LastOfPeriods::among(&self.snapshots))
    }

    /// The snapshot listed as `name`.
    pub fn snapshot(&self, name: &str) -> Option<&Snapshot> {
        self.by_name.get(name).map(|i| &self.snapshots[*i])
    }

    /// The listed snapshot that shows `key`, if it is on the timeline.
    pub fn listed(&self, key: &SnapshotKey) -> Option<&Snapshot> {
        self.by_key.get(key).map(|i| &self.snapshots[*i])
    }

    /// Where a listed snapshot stands among [`Self::snapshots`].
    pub fn place(&self, key: &SnapshotKey) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    /// What the source says about a snapshot, listed or not.
    pub fn meta(&self, key: &SnapshotKey) -> Option<&Arc<SnapshotMeta>> {
        self.view(key.slot)?.snapshot(&key.id)
    }

    /// Every commit by full hash, with the snapshot that shows it.
    pub fn commits(&self) -> &BTreeMap<Arc<str>, SnapshotKey> {
        &self.commits
    }

    /// Whether a source is still searching for lost commits, so that [`Self::lost`] may not have all.
    pub fn is_lost_partial(&self) -> bool {
        self.is_lost_partial
    }

    /// The lost commits by full hash; `None` if no source can know any.
    pub fn lost(&self) -> Option<&BTreeMap<Arc<str>, SnapshotKey>> {
        self.lost.as_ref()
    }

    /// Branches by shown path (escaped, nested by `/`), with the snapshot at their head.
    pub fn branches(&self) -> impl Iterator<Item = (&str, &SnapshotKey)> {
        self.branches.iter().map(|(path, r)| (path.as_str(), &r.key))
    }

    /// Tags by shown path (escaped, nested by `/`), with the snapshot that they name.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &SnapshotKey)> {
        self.tags.iter().map(|(path, r)| (path.as_str(), &r.key))
    }

    /// The branch shown as `path`.
    pub fn branch(&self, path: &str) -> Option<&SnapshotKey> {
        self.branches.get(path).map(|r| &r.key)
    }

    /// The tag shown as `path`.
    pub fn tag(&self, path: &str) -> Option<&SnapshotKey> {
        self.tags.get(path).map(|r| &r.key)
    }

    /// The branch or tag of this unescaped name; a branch wins over a tag, as in Dolt.
    pub(super) fn named_ref(&self, name: &str) -> Option<&SnapshotKey> {
        self.branches.values().chain(self.tags.values()).find(|r| r.name == name).map(|r| &r.key)
    }

    /// The unescaped names of the branches (first) and tags (second) that point to each snapshot.
    pub fn refs_by_key(&self) -> HashMap<&SnapshotKey, (Vec<&str>, Vec<&str>)> {
        let mut by_key: HashMap<&SnapshotKey, (Vec<&str>, Vec<&str>)> = HashMap::new();
        for r in self.branches.values() {
            by_key.entry(self.shown(&r.key)).or_default().0.push(&r.name);
        }
        for r in self.tags.values() {
            by_key.entry(self.shown(&r.key)).or_default().1.push(&r.name);
        }
        by_key
    }

    /// The snapshot that the tree shows for `key`: another source's if that holds the same commit and comes first.
    fn shown<'a>(&'a self, key: &'a SnapshotKey) -> &'a SnapshotKey {
        let commit = || self.meta(key)?.commit.as_ref().and_then(|commit| self.commits.get(commit));
        self.listed(key).map(|s| &s.key).or_else(commit).unwrap_or(key)
    }

    /// Changes whenever anything that `log.jsonl` or `lost/log.jsonl` shows could have changed.
    pub fn fingerprint(&self) -> ContentId {
        *self.fingerprint.get_or_init(|| self.shown_in_log())
    }

    fn shown_in_log(&self) -> ContentId {
        let mut parts: Vec<&[u8]> = vec![b"log", self.name.as_bytes()];
        for s in &self.snapshots {
            parts.extend([s.name.as_bytes(), s.key.id.as_bytes()]);
            parts.push(self.view(s.key.slot).map_or(&[], |v| v.label.as_bytes()));
        }
        for (commit, key) in &self.commits {
            parts.extend([commit.as_bytes(), key.id.as_bytes()]);
        }
        parts.push(b"lost");
        for (commit, key) in self.lost.iter().flatten() {
            parts.push(commit.as_bytes());
            parts.push(self.view(key.slot).map_or(&[], |v| v.label.as_bytes()));
        }
        for (separator, refs) in [(b"branches", &self.branches), (b"tagsnext", &self.tags)] {
            parts.push(separator);
            refs.iter().for_each(|(path, r)| parts.extend([path.as_bytes(), r.key.id.as_bytes()]));
        }
        ContentId::of(&parts)
    }

    /// When this state was first seen. No snapshot's time says when a branch or tag was moved.
    pub fn seen(&self) -> jiff::Timestamp {
        self.seen
    }

    /// The time of the newest snapshot; the epoch if there is none.
    pub fn newest_time(&self) -> Timestamp {
        self.snapshots.last().map_or(Timestamp::UNIX_EPOCH, |s| s.meta.time)
    }
}

/// Branches or tags over all views, by shown path. The first view wins a name.
fn refs(
    views: &[Arc<DatabaseView>],
    of: fn(&DatabaseView) -> &BTreeMap<String, SnapshotId>,
) -> BTreeMap<String, RefTarget> {
    let mut merged: BTreeMap<&[u8], RefTarget> = BTreeMap::new();
    for view in views {
        let odd = &view.database.history().odd_names;
        for (name, id) in of(view) {
            let key = SnapshotKey { slot: view.slot, id: id.clone() };
            let bytes = odd.get(name).map_or(name.as_bytes(), Vec::as_slice);
            merged.entry(bytes).or_insert_with(|| RefTarget { name: name.to_owned(), key });
        }
    }
    let paths = names::nested_paths(merged.keys().copied());
    paths.into_iter().zip(merged.into_values()).collect()
}
