//! Logs of commits, in the order of `dolt_log`: see [`CommitQueue`].

use std::sync::Arc;

use dolt_store::objects::{CommitOrder, CommitQueue};
use dolt_store::{Address, StoreError};

use super::chunk_store::ChunkStore;
use super::graph::{CommitNode, Graph};
use crate::model::history::SnapshotMeta;

/// All that `head` reaches, in the order of `dolt_log(head)`. `known` is an earlier log, of another head: where only that
/// head is left to visit, the rest of the log is `known`.
pub fn log(
    store: &ChunkStore,
    graph: &mut Graph,
    head: &Address,
    known: &[Arc<SnapshotMeta>],
) -> Result<Vec<Arc<SnapshotMeta>>, StoreError> {
    let known_head = known.first().and_then(|newest| newest.id.parse::<Address>().ok());
    let mut queue = CommitQueue::default();
    queue.add(head, || graph.node(store, head))?;
    let mut log = Vec::new();
    while let Some(next) = queue.pop() {
        if Some(next.address) == known_head && queue.is_empty() {
            log.extend_from_slice(known);
            return Ok(log);
        }
        let Some(node) = next.commit else { continue };
        for parent in &node.parents {
            queue.add(parent, || graph.node(store, parent))?;
        }
        log.push(Arc::clone(&node.meta));
    }
    Ok(log)
}

/// What `heads` reach and `excluded` does not, in the order of `dolt_log(heads..., ^excluded)`.
pub fn log_without(
    store: &ChunkStore,
    graph: &mut Graph,
    heads: &[Address],
    excluded: &Address,
) -> Result<Vec<Arc<SnapshotMeta>>, StoreError> {
    let mut queue = CommitQueue::default();
    queue.hide(excluded);
    for head in [excluded].into_iter().chain(heads) {
        queue.add(head, || graph.node(store, head))?;
    }
    let mut log = Vec::new();
    while queue.has_visible() {
        let Some(next) = queue.pop() else { break };
        let Some(node) = next.commit else { continue };
        for parent in &node.parents {
            if next.is_hidden {
                queue.hide(parent);
            }
            queue.add(parent, || graph.node(store, parent))?;
        }
        if !next.is_hidden {
            log.push(Arc::clone(&node.meta));
        }
    }
    Ok(log)
}

impl CommitOrder for CommitNode {
    fn height(&self) -> u64 {
        self.height
    }

    fn author_millis(&self) -> i64 {
        self.author_millis
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use dolt_store::testing::{MemoryChunks, address_of, commit, write_store};

    use super::*;

    struct LogRepo {
        _folder: tempfile::TempDir,
        store: ChunkStore,
    }

    impl LogRepo {
        fn with(commits: &[Bytes]) -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let mut chunks = MemoryChunks::default();
            for commit in commits {
                chunks.put(commit.clone());
            }
            write_store(folder.path(), &chunks.all(), &address_of(&commits[0]));
            let store = ChunkStore::of_folder(folder.path());
            Self { _folder: folder, store }
        }
    }

    fn texts(log: &[Arc<SnapshotMeta>]) -> Vec<&str> {
        log.iter().map(|commit| commit.message.as_str()).collect()
    }

    /// root - a - b - m - n, and root - x - m: `a` and `x` have one height.
    struct Merged {
        repo: LogRepo,
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
        let repo = LogRepo::with(&[n.clone(), m.clone(), b.clone(), x.clone(), a, root]);
        Merged { repo, m: address_of(&m), n: address_of(&n), b: address_of(&b), x: address_of(&x) }
    }

    #[test]
    fn the_highest_comes_first_then_the_newest() {
        let Merged { repo, n, .. } = merged(300, 200);
        let log_of =
            |repo: &LogRepo, head| log(&repo.store, &mut Graph::default(), head, &[]).expect("a log");
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
        let repo = LogRepo::with(&[new.clone(), old]);
        let log = log(&repo.store, &mut Graph::default(), &address_of(&new), &[]).expect("a log");
        assert_eq!(texts(&log), ["new", "old"]);
        assert_eq!(log[1].parents, [gone.to_string().into()]);
    }
}
