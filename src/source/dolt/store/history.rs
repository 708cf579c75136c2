//! From the refs of a store to its history, as a server over that store reports it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use dolt_store::files::StoreFolder;
use dolt_store::objects::{Refs, tagged_commit};
use dolt_store::{Address, ErrorKind, StoreError};

use super::chunk_store::ChunkStore;
use crate::model::history::{History, SnapshotId, SnapshotMeta};
use crate::model::terminal::ShowPath;
use crate::source::dolt::store::graph::Graph;
use crate::source::dolt::store::walk;

/// What branches of remotes are shown under.
const REMOTES: &str = "remotes/";
/// Heads per walk beside the main timeline: as many as the source over a server asks for at once, so that both give the
/// same order.
const HEADS_PER_WALK: usize = 200;

pub fn load(
    store: &ChunkStore,
    graph: &mut Graph,
    refs: &Refs,
    known: Option<&History>,
) -> Result<History, StoreError> {
    let heads = Heads::resolve(store, graph, refs)?;
    let mut history =
        History { is_primary: StoreFolder::is_of_database(store.folder()), ..History::default() };
    if let Some((branch, main)) = heads.main(store, graph, refs)? {
        let known = known.map_or(&[][..], |known| &known.timeline);
        history.timeline = walk::log(store, graph, &main, known)?;
        history.has_live = refs.working_sets.contains_key(&branch);
        history.off_timeline = off_timeline(store, graph, &main, &heads, &history.timeline)?;
    }
    let name = |(name, address): (String, Address)| -> (String, SnapshotId) {
        let id = graph.known(&address).map(|node| Arc::clone(&node.meta.id));
        (name, id.unwrap_or_else(|| address.to_string().into()))
    };
    history.tags = heads.tags.into_iter().map(name).collect();
    history.branches = heads.remotes.into_iter().map(name).collect();
    // Last, so that a branch that is called as a remote's one wins.
    history.branches.extend(heads.branches.into_iter().map(name));
    Ok(history)
}

/// Names and the commits that they lead to.
struct Heads {
    branches: BTreeMap<String, Address>,
    tags: BTreeMap<String, Address>,
    remotes: BTreeMap<String, Address>,
}

impl Heads {
    /// Follows the refs; one that leads nowhere is logged and left out.
    fn resolve(store: &ChunkStore, graph: &mut Graph, refs: &Refs) -> Result<Self, StoreError> {
        let mut there = |heads: BTreeMap<String, Address>| {
            let mut found = BTreeMap::new();
            for (name, address) in heads {
                if graph.node(store, &address)?.is_some() {
                    found.insert(name, address);
                }
            }
            Ok(found)
        };
        let branches = there(refs.branches.clone())?;
        let remotes = refs.remotes.iter().map(|(name, address)| (format!("{REMOTES}{name}"), *address));
        let remotes = there(remotes.collect())?;
        let tags = there(tagged(store, refs)?)?;
        Ok(Self { branches, tags, remotes })
    }

    /// The main branch and its head. One whose head cannot be read is not replaced by another branch: `asof/` would
    /// show another history without notice.
    fn main(
        &self,
        store: &ChunkStore,
        graph: &mut Graph,
        refs: &Refs,
    ) -> Result<Option<(String, Address)>, StoreError> {
        let checked_out = store.checked_out()?;
        let Some(branch) = refs.main_branch(checked_out.as_deref()) else { return Ok(None) };
        let Some(head) = refs.branches.get(branch) else { return Ok(None) };
        if !self.branches.contains_key(branch) {
            graph.read_again(store, head)?;
        }
        Ok(Some((branch.to_owned(), *head)))
    }
}

fn tagged(store: &ChunkStore, refs: &Refs) -> Result<BTreeMap<String, Address>, StoreError> {
    let mut tags = BTreeMap::new();
    for (name, tag) in &refs.tags {
        match tagged_commit(store, tag) {
            Ok(commit) => {
                tags.insert(name.clone(), commit);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Missing | ErrorKind::Damaged) => {
                let story = crate::content::chain(&error);
                tracing::warn!(store = %store.folder().shown(), "tag {name:?} cannot be shown: {story}");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(tags)
}

/// Commits that only other names reach: first those of branches and tags, as over a server, then those of remotes.
fn off_timeline(
    store: &ChunkStore,
    graph: &mut Graph,
    main: &Address,
    heads: &Heads,
    timeline: &[Arc<SnapshotMeta>],
) -> Result<Vec<Arc<SnapshotMeta>>, StoreError> {
    let mut own: BTreeSet<_> = heads.branches.values().chain(heads.tags.values()).collect();
    let mut remote: BTreeSet<_> = heads.remotes.values().collect();
    for beside in [&mut own, &mut remote] {
        beside.remove(main);
        take_away(beside, timeline);
    }
    let own: Vec<_> = own.into_iter().copied().collect();
    let remote: Vec<_> = remote.into_iter().copied().collect();
    let mut seen = HashSet::new();
    let mut commits = Vec::new();
    for heads in own.chunks(HEADS_PER_WALK).chain(remote.chunks(HEADS_PER_WALK)) {
        let found = walk::log_without(store, graph, heads, main)?;
        commits.extend(found.into_iter().filter(|commit| seen.insert(Arc::clone(&commit.id))));
    }
    Ok(commits)
}

/// Takes those away that are on the timeline.
fn take_away(heads: &mut BTreeSet<&Address>, timeline: &[Arc<SnapshotMeta>]) {
    if heads.is_empty() {
        return;
    }
    // The other way round, a hundred thousand hashes would have to be read.
    let by_hash: HashMap<String, &Address> = heads.iter().map(|head| (head.to_string(), *head)).collect();
    for head in timeline.iter().filter_map(|commit| by_hash.get(&*commit.id)) {
        heads.remove(head);
    }
}

#[cfg(test)]
mod tests {
    use dolt_store::testing::{Field, MemoryChunks, commit, message, store_root, write_store};

    use super::*;

    #[test]
    fn an_unreadable_head_of_the_main_branch_is_not_replaced_by_another_branch() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut chunks = MemoryChunks::default();
        let other = chunks.put(commit(Address::new([5; 20]), 1, &[], 1000, "other"));
        write_store(folder.path(), &chunks.all(), &other);
        let store = ChunkStore::of_folder(folder.path());
        let refs = |names: &[(&str, Address)]| Refs {
            branches: names.iter().map(|(name, head)| ((*name).to_owned(), *head)).collect(),
            ..Refs::default()
        };
        let gone = Address::new([9; 20]);
        let load = |refs: &Refs| load(&store, &mut Graph::default(), refs, None);
        let error = load(&refs(&[("main", gone), ("other", other)])).expect_err("its head is not there");
        assert!(error.to_string().contains(&gone.to_string()), "{error}");
        let history = load(&refs(&[("main", other), ("other", gone)])).expect("main is whole");
        assert_eq!((history.timeline.len(), history.branches.len()), (1, 1));
    }

    #[test]
    fn all_names_lead_to_commits() {
        let mut chunks = MemoryChunks::default();
        let mut add = |height, parents: &[Address], text: &str| {
            chunks.put(commit(Address::new([5; 20]), height, parents, height * 1000, text))
        };
        let one = add(1, &[], "one");
        let (two, beside) = (add(2, &[one], "two"), add(2, &[one], "beside"));
        let remote = add(3, &[two], "remote");
        let tag = chunks.put(message(b"DTAG", &[(0, Field::Bytes(one.as_bytes().to_vec()))]));
        let root = chunks.put(store_root(&[
            ("refs/heads/feat/x", beside),
            ("refs/heads/lost", Address::new([6; 20])),
            ("refs/heads/main", two),
            ("refs/internal/create", one),
            ("refs/remotes/origin/main", remote),
            ("refs/tags/v1", tag),
            ("workingSets/heads/main", one),
        ]));
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_store(folder.path(), &chunks.all(), &root);
        let store = ChunkStore::of_folder(folder.path());
        let refs = Refs::read(&store, &root).expect("refs");
        let history = load(&store, &mut Graph::default(), &refs, None).expect("a history");
        let texts = |commits: &[Arc<SnapshotMeta>]| {
            commits.iter().map(|commit| commit.message.clone()).collect::<Vec<_>>()
        };
        assert_eq!(texts(&history.timeline), ["two", "one"]);
        assert_eq!(texts(&history.off_timeline), ["beside", "remote"]);
        let branches: Vec<_> = history.branches.iter().map(|(name, id)| (name.as_str(), &**id)).collect();
        let (two, beside, remote) = (two.to_string(), beside.to_string(), remote.to_string());
        let expected = [("feat/x", &*beside), ("main", &*two), ("remotes/origin/main", &*remote)];
        assert_eq!(branches, expected, "a branch that leads nowhere is left out");
        assert_eq!(history.tags.get("v1").map(|id| &**id), Some(&*one.to_string()));
        assert!(history.has_live && !history.is_primary);
    }
}
