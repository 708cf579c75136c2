//! The commits of a store that were read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use dolt_store::objects::Commit;
use dolt_store::{Address, ErrorKind, StoreError};

use super::chunk_store::ChunkStore;
use crate::model::history::{History, SnapshotId, SnapshotMeta};
use crate::model::terminal::ShowPath;
use crate::model::time::Timestamp;

/// Commits more than those of the newest history that are kept before they are thrown out.
const SPARE: usize = 1000;

/// What is kept of a commit.
#[derive(Debug)]
pub struct CommitNode {
    /// The commit as a snapshot of a history.
    pub meta: Arc<SnapshotMeta>,
    pub root: Address,
    /// First parent first.
    pub parents: Vec<Address>,
    /// 1 more than the height of the highest parent.
    pub height: u64,
    /// The author's date in ms since 1970.
    pub author_millis: i64,
}

/// Commits by address; each is read once.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: HashMap<Address, Arc<CommitNode>>,
    /// Commits that are not there, or not readable: left behind by a shallow clone, collected, or damaged.
    absent: HashSet<Address>,
}

impl Graph {
    /// A commit; `None` where a shallow clone left it behind, or where it cannot be read, which is logged once: the rest of
    /// the history is worth showing.
    pub fn node(
        &mut self,
        store: &ChunkStore,
        address: &Address,
    ) -> Result<Option<Arc<CommitNode>>, StoreError> {
        if let Some(node) = self.nodes.get(address) {
            return Ok(Some(Arc::clone(node)));
        }
        if self.absent.contains(address) {
            return Ok(None);
        }
        match self.read(store, address) {
            Ok(node) => {
                self.nodes.insert(*address, Arc::clone(&node));
                Ok(Some(node))
            }
            Err(error) if matches!(error.kind(), ErrorKind::Missing | ErrorKind::Damaged) => {
                if !store.is_ghost(address) {
                    let story = crate::content::chain(&error);
                    tracing::warn!(store = %store.folder().shown(), "a commit cannot be shown: {story}");
                }
                self.absent.insert(*address);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a commit that could not be read before.
    pub fn read_again(
        &mut self,
        store: &ChunkStore,
        address: &Address,
    ) -> Result<Arc<CommitNode>, StoreError> {
        let node = self.read(store, address)?;
        self.absent.remove(address);
        self.nodes.insert(*address, Arc::clone(&node));
        Ok(node)
    }

    /// Takes a commit that was read elsewhere.
    pub fn insert(&mut self, address: Address, commit: Commit) {
        if !self.nodes.contains_key(&address) {
            let node = self.made_of(&address, commit);
            self.nodes.insert(address, node);
        }
    }

    fn read(&self, store: &ChunkStore, address: &Address) -> Result<Arc<CommitNode>, StoreError> {
        Ok(self.made_of(address, Commit::read(store, address)?))
    }

    fn made_of(&self, address: &Address, commit: Commit) -> Arc<CommitNode> {
        let id: SnapshotId = address.to_string().into();
        let name = |parent: &Address| match self.nodes.get(parent) {
            Some(node) => Arc::clone(&node.meta.id),
            None => parent.to_string().into(),
        };
        let meta = SnapshotMeta {
            known_as: None,
            id: Arc::clone(&id),
            time: Timestamp::from_millisecond(commit.committed_millis),
            commit: Some(id),
            parents: commit.parents.iter().map(name).collect(),
            author: commit.author,
            email: commit.email,
            message: commit.message,
            mark: None,
        };
        Arc::new(CommitNode {
            meta: Arc::new(meta),
            root: commit.root,
            parents: commit.parents,
            height: commit.height,
            author_millis: commit.author_millis,
        })
    }

    /// A commit that was read before.
    pub fn known(&self, address: &Address) -> Option<&Arc<CommitNode>> {
        self.nodes.get(address)
    }

    /// Forgets what is not among `shown` once there is much of it, and which commits were not there: a fetch may have
    /// brought them.
    pub fn tidy(&mut self, history: &History) {
        self.absent.clear();
        let count = history.snapshots().count();
        if self.nodes.len() > count + count / 2 + SPARE {
            let shown: HashSet<Address> =
                history.snapshots().filter_map(|meta| meta.id.parse().ok()).collect();
            self.nodes.retain(|address, _| shown.contains(address));
        }
    }
}
