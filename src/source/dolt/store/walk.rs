//! The order of `dolt_log`.
//!
//! Commits come highest first, those of one height by the author's date, newest first; among equal ones the order is
//! that in which Dolt's queue happens to give them. It decides what `AS OF TIMESTAMP` means, so the queue here does the
//! very steps of the binary heap in Go's library. Commits that a shallow clone left behind come before all others and
//! are passed over.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::history::SnapshotMeta;
use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::chunks::ChunkStore;
use crate::source::dolt::store::error::StoreError;
use crate::source::dolt::store::graph::{Graph, Node};

/// All that `head` reaches, as `dolt_log(head)` gives it. `known` is an earlier answer, for another head: where the walk
/// comes to that head with nothing else left to visit, it goes on as that answer does.
///
/// # Errors
/// What is wrong with which chunk.
pub fn log(
    store: &ChunkStore,
    graph: &mut Graph,
    head: &Address,
    known: &[Arc<SnapshotMeta>],
) -> Result<Vec<Arc<SnapshotMeta>>, StoreError> {
    let known_head = known.first().and_then(|newest| newest.id.parse::<Address>().ok());
    let mut queue = Queue::default();
    queue.add(store, graph, head)?;
    let mut log = Vec::new();
    while let Some((next, _)) = queue.pop() {
        if Some(next.address) == known_head && queue.pending.is_empty() {
            log.extend_from_slice(known);
            return Ok(log);
        }
        let Some(node) = next.node else { continue };
        for parent in &node.parents {
            queue.add(store, graph, parent)?;
        }
        log.push(Arc::clone(&node.meta));
    }
    Ok(log)
}

/// What `heads` reach and `excluded` does not, as `dolt_log(heads..., ^excluded)` gives it.
///
/// # Errors
/// What is wrong with which chunk.
pub fn log_without(
    store: &ChunkStore,
    graph: &mut Graph,
    heads: &[Address],
    excluded: &Address,
) -> Result<Vec<Arc<SnapshotMeta>>, StoreError> {
    let mut queue = Queue::default();
    queue.hide(excluded);
    queue.add(store, graph, excluded)?;
    for head in heads {
        queue.add(store, graph, head)?;
    }
    let mut log = Vec::new();
    while queue.visible > 0 {
        let Some((next, is_hidden)) = queue.pop() else { break };
        let Some(node) = next.node else { continue };
        for parent in &node.parents {
            if is_hidden {
                queue.hide(parent);
            }
            queue.add(store, graph, parent)?;
        }
        if !is_hidden {
            log.push(Arc::clone(&node.meta));
        }
    }
    Ok(log)
}

/// A commit that waits for its turn; without a node, one that is not there.
struct Pending {
    address: Address,
    node: Option<Arc<Node>>,
}

impl Pending {
    fn comes_before(&self, other: &Self) -> bool {
        match (&self.node, &other.node) {
            (None, None) => self.address < other.address,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) if own.height == other.height => own.author_millis > other.author_millis,
            (Some(own), Some(other)) => own.height > other.height,
        }
    }
}

#[derive(Default)]
struct Seen {
    is_queued: bool,
    is_hidden: bool,
}

#[derive(Default)]
struct Queue {
    pending: Vec<Pending>,
    seen: HashMap<Address, Seen>,
    /// How many pending commits are not hidden.
    visible: usize,
}

impl Queue {
    /// Puts a commit in unless it ever was.
    fn add(&mut self, store: &ChunkStore, graph: &mut Graph, address: &Address) -> Result<(), StoreError> {
        let seen = self.seen.entry(*address).or_default();
        if std::mem::replace(&mut seen.is_queued, true) {
            return Ok(());
        }
        self.visible += usize::from(!seen.is_hidden);
        self.pending.push(Pending { address: *address, node: graph.node(store, address)? });
        self.sift_up(self.pending.len() - 1);
        Ok(())
    }

    fn hide(&mut self, address: &Address) {
        let seen = self.seen.entry(*address).or_default();
        let was_visible = !std::mem::replace(&mut seen.is_hidden, true);
        if was_visible && seen.is_queued {
            self.visible = self.visible.saturating_sub(1);
        }
    }

    /// The next commit, and whether it is hidden.
    fn pop(&mut self) -> Option<(Pending, bool)> {
        let last = self.pending.len().checked_sub(1)?;
        self.pending.swap(0, last);
        self.sift_down(last);
        let next = self.pending.pop()?;
        let is_hidden = self.seen.get(&next.address).is_some_and(|seen| seen.is_hidden);
        if !is_hidden {
            self.visible = self.visible.saturating_sub(1);
        }
        Some((next, is_hidden))
    }

    fn sift_up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.pending[at].comes_before(&self.pending[parent]) {
                break;
            }
            self.pending.swap(at, parent);
            at = parent;
        }
    }

    /// Moves the first one down to its place among the first `len`.
    fn sift_down(&mut self, len: usize) {
        let mut at = 0;
        loop {
            let left = 2 * at + 1;
            if left >= len {
                break;
            }
            let right = left + 1;
            let is_right = right < len && self.pending[right].comes_before(&self.pending[left]);
            let child = if is_right { right } else { left };
            if !self.pending[child].comes_before(&self.pending[at]) {
                break;
            }
            self.pending.swap(at, child);
            at = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::source::dolt::store::chunks::Place;
    use crate::source::dolt::store::testing::{MemoryChunks, address_of, commit, write_store};

    struct Repo {
        _folder: tempfile::TempDir,
        store: ChunkStore,
    }

    impl Repo {
        fn with(commits: &[Bytes]) -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let mut chunks = MemoryChunks::default();
            for commit in commits {
                chunks.put(commit.clone());
            }
            write_store(folder.path(), &chunks.all(), &address_of(&commits[0]));
            let store = ChunkStore::open(&Place::folder(folder.path()).expect("the folder is ours"))
                .expect("a store");
            Self { _folder: folder, store }
        }
    }

    fn texts(log: &[Arc<SnapshotMeta>]) -> Vec<&str> {
        log.iter().map(|commit| commit.message.as_str()).collect()
    }

    /// root - a - b - m - n, and root - x - m: `a` and `x` have one height.
    struct Merged {
        repo: Repo,
        m: Address,
        n: Address,
        b: Address,
        x: Address,
    }

    fn merged(a_millis: u64, x_millis: u64) -> Merged {
        let content = Address::new([5; 20]);
        let make = |height, parents: &[&Bytes], millis, text: &str| {
            let parents: Vec<_> = parents.iter().map(|parent| address_of(parent)).collect();
            commit(content, height, &parents, millis, text)
        };
        let root = make(1, &[], 100, "root");
        let a = make(2, &[&root], a_millis, "a");
        let x = make(2, &[&root], x_millis, "x");
        let b = make(3, &[&a], 1, "b");
        let m = make(4, &[&b, &x], 400, "m");
        let n = make(5, &[&m], 500, "n");
        let repo = Repo::with(&[n.clone(), m.clone(), b.clone(), x.clone(), a, root]);
        Merged { repo, m: address_of(&m), n: address_of(&n), b: address_of(&b), x: address_of(&x) }
    }

    #[test]
    fn the_highest_comes_first_then_the_newest() {
        let Merged { repo, n, .. } = merged(300, 200);
        let log_of = |repo: &Repo, head| log(&repo.store, &mut Graph::default(), head, &[]).expect("a log");
        assert_eq!(texts(&log_of(&repo, &n)), ["n", "m", "b", "a", "x", "root"]);
        let Merged { repo, n, .. } = merged(200, 300);
        assert_eq!(texts(&log_of(&repo, &n)), ["n", "m", "b", "x", "a", "root"], "b is older, and higher");
    }

    #[test]
    fn a_known_log_is_gone_on_with() {
        let Merged { repo, m, n, b, .. } = merged(300, 200);
        let mut graph = Graph::default();
        let whole = log(&repo.store, &mut graph, &n, &[]).expect("a log");
        for known in [m, b] {
            let known = log(&repo.store, &mut graph, &known, &[]).expect("a log");
            assert_eq!(log(&repo.store, &mut graph, &n, &known).expect("a log"), whole);
        }
    }

    #[test]
    fn what_the_excluded_head_reaches_is_left_out() {
        let Merged { repo, n, b, x, m } = merged(300, 200);
        let mut graph = Graph::default();
        let mut without = |heads: &[Address], excluded| {
            let log = log_without(&repo.store, &mut graph, heads, &excluded).expect("a log");
            texts(&log).join(" ")
        };
        assert_eq!(without(&[x], b), "x");
        assert_eq!(without(&[n, x], b), "n m x");
        assert_eq!(without(&[b, x], m), "");
    }

    #[test]
    fn a_history_ends_where_commits_are_missing() {
        let content = Address::new([5; 20]);
        let gone = Address::new([6; 20]);
        let old = commit(content, 7, &[gone], 100, "old");
        let new = commit(content, 8, &[address_of(&old)], 200, "new");
        let repo = Repo::with(&[new.clone(), old]);
        let log = log(&repo.store, &mut Graph::default(), &address_of(&new), &[]).expect("a log");
        assert_eq!(texts(&log), ["new", "old"]);
        assert_eq!(log[1].parents, [gone.to_string().into()]);
    }
}
