//! The commits that were found in a store, and which of them are lost.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, Weak};

use crate::model::history::{History, SnapshotMeta};
use crate::model::terminal::ShowPath;
use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::chunks::{ChunkStore, View};
use crate::source::dolt::store::graph::{Graph, Node};
use crate::source::dolt::store::objects::commit::Commit;
use crate::util::locks::lock;

/// The commits of a store, as the scans so far found them. Locked after the graph where both are.
#[derive(Default)]
pub struct Found {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Every commit whose root value is there, to that root value: 40 bytes each.
    commits: HashMap<Address, Address>,
    /// Those that a name reached when that was last asked.
    reached: HashSet<Address>,
    /// Commits read on the way that the graph does not hold yet.
    read: Vec<(Address, Commit)>,
    /// What was gone through last. Its files stay open, and so on disk, until the next scan, which follows as
    /// soon as the store changes.
    scanned: Option<Arc<View>>,
    /// What was the newest view when that was last asked.
    newest: Weak<View>,
    /// Whether a scan waits for its turn.
    is_queued: bool,
    version: u64,
}

/// What one scan found.
#[derive(Default)]
pub struct News {
    /// Commits and their root values.
    pub commits: Vec<(Address, Address)>,
    /// Those that were not known to anybody.
    pub read: Vec<(Address, Commit)>,
}

/// How many commits are known after a scan.
pub struct Totals {
    /// All of them.
    pub commits: usize,
    /// Those that no name reaches.
    pub lost: usize,
    /// Whether others may be lost than before it.
    pub is_news: bool,
}

impl Found {
    /// Differs from an earlier answer if other commits may be lost than then.
    pub fn version(&self) -> u64 {
        lock(&self.state).version
    }

    /// Whether no scan has come to its end yet.
    pub fn is_partial(&self) -> bool {
        lock(&self.state).scanned.is_none()
    }

    /// Whether a scan has to be queued: this view is another one than last time, and no scan that is yet to
    /// begin will see it anyway.
    pub(super) fn queue(&self, newest: &Arc<View>) -> bool {
        let mut state = lock(&self.state);
        let newest = Arc::downgrade(newest);
        let is_known = state.newest.ptr_eq(&newest);
        state.newest = newest;
        !is_known && !std::mem::replace(&mut state.is_queued, true)
    }

    /// What was gone through last, for a scan that begins now: look for the newest view after this.
    pub(super) fn begin(&self) -> Option<Arc<View>> {
        let mut state = lock(&self.state);
        state.is_queued = false;
        state.scanned.clone()
    }

    /// Takes in what a scan of `view` found, and forgets what is not in it any more.
    pub(super) fn end(&self, view: Arc<View>, news: News) -> Totals {
        let mut state = lock(&self.state);
        let State { commits, reached, scanned, .. } = &mut *state;
        // The end of the first scan is news even if it found nothing: until then there is no telling what is lost.
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
        let totals = Totals { commits: commits.len(), lost, is_news: is_changed };
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
fn order(node: &Node) -> (crate::model::time::Timestamp, u64, &str) {
    (node.meta.time, node.height, &node.meta.id)
}
