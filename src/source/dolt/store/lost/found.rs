//! The commits that were found in a store, and which of them are lost.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, Weak};

use dolt_store::objects::Commit;
use dolt_store::{Address, Store};

use crate::model::history::{History, SnapshotMeta};
use crate::model::terminal::ShowPath;
use crate::source::dolt::store::chunk_store::ChunkStore;
use crate::source::dolt::store::graph::{CommitNode, Graph};
use crate::util::locks::lock;

/// The commits of a store, as the scans so far found them. Locked after the graph where both are.
#[derive(Default)]
pub struct FoundCommits {
    state: Mutex<CommitSets>,
}

#[derive(Default)]
struct CommitSets {
    /// Every commit whose root value is there, to that root value: 40 bytes each.
    commits: HashMap<Address, Address>,
    /// Those that a name reached when that was last asked.
    reached: HashSet<Address>,
    /// Commits read on the way that the graph does not hold yet.
    read: Vec<(Address, Commit)>,
    /// The store as the last scan read it. Its files stay open, and so on disk, until the next scan, which follows as
    /// soon as the store changes.
    scanned: Option<Arc<Store>>,
    /// What was the newest view when that was last asked.
    newest: Weak<Store>,
    /// Whether a scan waits for its turn.
    is_queued: bool,
    version: u64,
}

/// What one scan found.
#[derive(Default)]
pub struct ScanNews {
    /// Commits and their root values.
    pub commits: Vec<(Address, Address)>,
    /// Those that the graph does not hold.
    pub read: Vec<(Address, Commit)>,
}

/// How many commits are known after a scan.
pub struct ScanTotals {
    /// All of them.
    pub commits: usize,
    /// Those that no name reaches.
    pub lost: usize,
    /// Whether others may be lost than before it.
    pub is_news: bool,
}

impl FoundCommits {
    /// Differs from an earlier answer if other commits may be lost than then.
    pub fn version(&self) -> u64 {
        lock(&self.state).version
    }

    /// Whether no scan has ended yet.
    pub fn is_partial(&self) -> bool {
        lock(&self.state).scanned.is_none()
    }

    /// Whether a scan has to be queued: this view is another one than last time, and no scan that is yet to
    /// begin will see it anyway.
    pub(super) fn queue(&self, newest: &Arc<Store>) -> bool {
        let mut state = lock(&self.state);
        let newest = Arc::downgrade(newest);
        let is_known = state.newest.ptr_eq(&newest);
        state.newest = newest;
        !is_known && !std::mem::replace(&mut state.is_queued, true)
    }

    /// The store as the last scan read it, for a scan that begins now; the scan asks for the newest store after this call.
    pub(super) fn begin(&self) -> Option<Arc<Store>> {
        let mut state = lock(&self.state);
        state.is_queued = false;
        state.scanned.clone()
    }

    /// Takes in what a scan of `view` found, and forgets what is not in it any more.
    pub(super) fn end(&self, view: Arc<Store>, news: ScanNews) -> ScanTotals {
        let mut state = lock(&self.state);
        let CommitSets { commits, reached, scanned, .. } = &mut *state;
        // The end of the first scan is news even if it found nothing: until then it is unknown what is lost.
        let mut is_changed =
            scanned.is_none() || news.commits.iter().any(|(commit, _)| !reached.contains(commit));
        let may_lack = scanned.as_ref().is_some_and(|scanned| !view.keeps_all_of(scanned));
        if may_lack {
            commits.retain(|commit, root| {
                let is_there = view.has(commit) && view.has(root);
                is_changed |= !is_there && !reached.contains(commit);
                is_there
            });
        }
        commits.extend(news.commits);
        let lost = commits.keys().filter(|commit| !reached.contains(commit)).count();
        let totals = ScanTotals { commits: commits.len(), lost, is_news: is_changed };
        state.read.extend(news.read);
        state.scanned = Some(view);
        state.version += u64::from(is_changed);
        totals
    }

    /// The lost commits of a store with this history, newest first. One that cannot be read is logged and
    /// left out.
    pub fn lost(&self, store: &ChunkStore, graph: &mut Graph, history: &History) -> Vec<Arc<SnapshotMeta>> {
        let mut state = lock(&self.state);
        for (address, commit) in state.read.drain(..) {
            graph.insert(address, commit);
        }
        let named = history.timeline.iter().chain(&history.off_timeline);
        state.reached = named.filter_map(|commit| commit.id.parse().ok()).collect();
        let mut lost = Vec::new();
        for commit in state.commits.keys().filter(|commit| !state.reached.contains(commit)) {
            match graph.node(store, commit) {
                Ok(node) => lost.extend(node),
                Err(error) => {
                    let story = crate::content::chain(&error);
                    tracing::warn!(store = %store.folder().shown(), "a lost commit is not shown: {story}");
                }
            }
        }
        lost.sort_by(|a, b| order(b).cmp(&order(a)));
        lost.iter().map(|node| Arc::clone(&node.meta)).collect()
    }
}

/// By time; within one instant parents come before their children.
fn order(node: &CommitNode) -> (crate::model::time::Timestamp, u64, &str) {
    (node.meta.time, node.height, &node.meta.id)
}
