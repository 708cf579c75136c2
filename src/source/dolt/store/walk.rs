//! Logs of commits, in the order of `dolt_log`: see [`CommitQueue`].

use std::sync::Arc;

use dolt_store::objects::{CommitQueue, CommitRank};
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
    queue.add(head, || ranked(store, graph, head))?;
    let mut log = Vec::new();
    while let Some(next) = queue.pop() {
        if Some(next.address) == known_head && queue.is_empty() {
            log.extend_from_slice(known);
            return Ok(log);
        }
        let Some(node) = next.commit else { continue };
        for parent in &node.parents {
            queue.add(parent, || ranked(store, graph, parent))?;
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
        queue.add(head, || ranked(store, graph, head))?;
    }
    let mut log = Vec::new();
    while queue.has_visible() {
        let Some(next) = queue.pop() else { break };
        let Some(node) = next.commit else { continue };
        for parent in &node.parents {
            if next.is_hidden {
                queue.hide(parent);
            }
            queue.add(parent, || ranked(store, graph, parent))?;
        }
        if !next.is_hidden {
            log.push(Arc::clone(&node.meta));
        }
    }
    Ok(log)
}

/// A commit with its place in a log.
fn ranked(
    store: &ChunkStore,
    graph: &mut Graph,
    address: &Address,
) -> Result<Option<(CommitRank, Arc<CommitNode>)>, StoreError> {
    Ok(graph.node(store, address)?.map(|node| ((node.height, node.author_millis), node)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bytes::Bytes;
    use dolt_store::testing::{address_of, commit, write_store};

    use super::*;

    fn store_of(folder: &Path, commits: &[Bytes]) -> ChunkStore {
        write_store(folder, commits, &address_of(&commits[0]));
        ChunkStore::of_folder(folder)
    }

    fn make(height: u64, parents: &[&Bytes], millis: u64, text: &str) -> Bytes {
        let parents: Vec<_> = parents.iter().map(|parent| address_of(parent)).collect();
        commit(Address::new([5; 20]), height, &parents, millis, text)
    }

    /// root - a - b - m - n, and root - x - m: `a` and `x` have one height.
    #[test]
    fn a_known_log_is_gone_on_with() {
        let root = make(1, &[], 100, "root");
        let (a, x) = (make(2, &[&root], 300, "a"), make(2, &[&root], 200, "x"));
        let b = make(3, &[&a], 1, "b");
        let m = make(4, &[&b, &x], 400, "m");
        let n = make(5, &[&m], 500, "n");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store_of(folder.path(), &[n.clone(), m.clone(), b.clone(), x, a, root]);
        let mut graph = Graph::default();
        let whole = log(&store, &mut graph, &address_of(&n), &[]).expect("a log");
        assert_eq!(whole.len(), 6);
        for known in [m, b] {
            let known = log(&store, &mut graph, &address_of(&known), &[]).expect("a log");
            assert_eq!(log(&store, &mut graph, &address_of(&n), &known).expect("a log"), whole);
        }
    }

    #[test]
    fn a_history_ends_where_commits_are_missing() {
        let gone = Address::new([6; 20]);
        let old = commit(Address::new([5; 20]), 7, &[gone], 100, "old");
        let new = make(8, &[&old], 200, "new");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store_of(folder.path(), &[new.clone(), old]);
        let log = log(&store, &mut Graph::default(), &address_of(&new), &[]).expect("a log");
        let texts: Vec<_> = log.iter().map(|commit| commit.message.as_str()).collect();
        assert_eq!(texts, ["new", "old"]);
        assert_eq!(log[1].parents, [gone.to_string().into()]);
    }
}
