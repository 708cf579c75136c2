//! Measures and lists ahead of a walk.
//!
//! `ls -lR` and `rsync` ask for the size of one table in one snapshot after the other, and wait for each. While they
//! are busy with one snapshot, the next few are measured, but only if that reads no more than what is new in them, and
//! asks no server.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use lru::LruCache;
use tokio::runtime::Handle;

use super::error::VfsError;
use super::node::{NodeTree, TreeNode};
use crate::catalog::{Database, Listings, SnapshotOrLive};
use crate::engine::Engine;
use crate::util::locks::lock;
use crate::util::tasks;
use crate::views::paths::{self, PathKind};

/// At most this many snapshots are measured ahead. More are measured when fewer than half are left.
const AHEAD: usize = 32;

/// How many walks are remembered: one for each table of a database that is asked for in turn.
const WALKS: NonZeroUsize = NonZeroUsize::new(256).expect("it is not 0");

/// A walk: its database, and the path that is asked for in one snapshot after the other; an empty path for the
/// listing.
type Walker = (Arc<str>, Arc<str>);

pub(super) struct Walks {
    by_file: Mutex<LruCache<Walker, TimelineWalk>>,
}

/// The progress of a walk, in places of the timeline.
struct TimelineWalk {
    at: usize,
    /// The end of the places that are measured, or being measured.
    measured: usize,
}

impl Default for Walks {
    fn default() -> Self {
        Self { by_file: Mutex::new(LruCache::new(WALKS)) }
    }
}

impl Walks {
    /// Records that a file is asked for at place `at` of `all`. Returns the places to measure now, if any.
    fn step(&self, walker: Walker, at: usize, all: usize) -> Option<Range<usize>> {
        let mut walks = lock(&self.by_file);
        let Some(walk) = walks.get_mut(&walker) else {
            walks.put(walker, TimelineWalk { at, measured: at + 1 });
            return None;
        };
        let goes_on = at == walk.at + 1;
        if at != walk.at && !goes_on {
            *walk = TimelineWalk { at, measured: at + 1 };
        }
        walk.at = at;
        let measured = walk.measured.max(at + 1);
        let end = all.min(at + 1 + AHEAD);
        if !goes_on || measured > at + AHEAD / 2 || measured >= end {
            return None;
        }
        walk.measured = end;
        Some(measured..end)
    }

    /// Records that a listing gave the size of a file at place `at`: the walk will not ask for it.
    fn pass(&self, walker: &Walker, at: usize) {
        let mut walks = lock(&self.by_file);
        if let Some(walk) = walks.get_mut(walker)
            && at == walk.at + 1
        {
            walk.at = at;
        }
    }

    /// Records that a listing gave the size of `node` in the folder `parent`. This measures nothing: a listing must
    /// not render tables, and a program that only lists asks for no size.
    pub fn pass_by(&self, tree: &NodeTree, parent: &TreeNode, node: &TreeNode) {
        if let Some((_, walker, at)) = step_of_walk(tree, parent, node) {
            self.pass(&walker, at);
        }
    }

    /// Records that the size of `node` in the folder `parent` is asked for. Measures ahead if that is the next step
    /// of a walk.
    pub fn measure_ahead(&self, tree: &NodeTree, parent: &TreeNode, node: &TreeNode) {
        if let Some((database, walker, at)) = step_of_walk(tree, parent, node) {
            self.go_ahead(tree, database, walker, at);
        }
    }

    /// Records that the snapshot `node` was listed. Lists ahead if that is the next step of a walk: if lengths are
    /// known, a walk waits for little else. Only for stores that are read directly, so no server is asked.
    pub async fn list_ahead(&self, tree: &NodeTree, node: &TreeNode) -> Result<(), VfsError> {
        let TreeNode::Snapshot { db, of, path: folder } = node else { return Ok(()) };
        let SnapshotOrLive::Snapshot(key) = of else { return Ok(()) };
        if !folder.is_empty() || tree.files_of(db, of).await?.iter().all(|f| f.content.tree().is_none()) {
            return Ok(());
        }
        let database = tree.context.database(db)?;
        let Some(at) = database.place(key) else { return Ok(()) };
        self.go_ahead(tree, database, (Arc::clone(db), Arc::from("")), at);
        Ok(())
    }

    fn go_ahead(&self, tree: &NodeTree, database: Arc<Database>, walker: Walker, at: usize) {
        let path = Arc::clone(&walker.1);
        let Some(places) = self.step(walker, at, database.snapshots().len()) else { return };
        let (engine, listings) = (Arc::clone(&tree.context.engine), Arc::clone(&tree.context.listings));
        let look = async move { look_ahead(&engine, &listings, &database, places, &path).await };
        // Nobody waits for it.
        tasks::spawn(&Handle::current(), look).detach();
    }
}

/// The walk that `node` in the folder `parent` may be a step of, and its place on the timeline.
fn step_of_walk(
    tree: &NodeTree,
    parent: &TreeNode,
    node: &TreeNode,
) -> Option<(Arc<Database>, Walker, usize)> {
    let TreeNode::Snapshot { db, of: SnapshotOrLive::Snapshot(key), path: folder } = parent else {
        return None;
    };
    let TreeNode::File(file) = node else { return None };
    if !folder.is_empty() || file.content.tree().is_none() {
        return None;
    }
    let database = tree.context.database(db).ok()?;
    let at = database.place(key)?;
    Some((database, (Arc::clone(db), Arc::clone(&file.path)), at))
}

/// Lists the snapshots at `places`, and measures the file at `path` in them if there is one (no file has the empty
/// path). A failure is reported when the walk gets there.
async fn look_ahead(
    engine: &Engine,
    listings: &Listings,
    database: &Database,
    places: Range<usize>,
    path: &str,
) {
    for snapshot in &database.snapshots()[places] {
        let Some(view) = database.view(snapshot.key.slot) else { return };
        let Ok(files) = listings.files(view, &snapshot.key.id).await else { return };
        let Some(PathKind::File(file)) = paths::find(&files, path) else { continue };
        if file.content.tree().is_some() && engine.len(file.id, &file.content).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walker() -> Walker {
        ("db".into(), "t.jsonl".into())
    }

    #[test]
    fn a_walk_is_measured_ahead_in_runs_that_follow_each_other() {
        let walks = Walks::default();
        let mut measured = 1;
        for at in 0..1000 {
            if let Some(places) = walks.step(walker(), at, 500) {
                assert_eq!(places.start, measured.max(at + 1), "at {at}");
                assert!(places.end <= 500 && places.end <= at + 1 + AHEAD, "at {at}: {places:?}");
                measured = places.end;
            }
            assert!(at == 0 || measured > at || at >= 500, "{at} was asked for before it was measured");
        }
        assert_eq!(measured, 500);
    }

    #[test]
    fn a_walk_that_listings_answer_in_part_goes_on() {
        let walks = Walks::default();
        walks.pass(&walker(), 3);
        assert_eq!(walks.step(walker(), 4, 500), None, "a listing begins no walk");
        assert_eq!(walks.step(walker(), 5, 500), Some(6..38));
        for at in 6..38 {
            walks.pass(&walker(), at);
        }
        assert_eq!(walks.step(walker(), 38, 500), Some(39..71));
        walks.pass(&walker(), 60);
        assert_eq!(walks.step(walker(), 39, 500), None, "what is measured is far enough ahead");
    }

    #[test]
    fn single_questions_measure_nothing() {
        let walks = Walks::default();
        for at in [7, 7, 3, 400, 100, 100, 98] {
            assert_eq!(walks.step(walker(), at, 500), None, "{at}");
        }
        assert_eq!(walks.step(walker(), 99, 500), Some(100..132), "a step from one to the next");
        assert_eq!(walks.step(("db".into(), "u.jsonl".into()), 100, 500), None, "another table");
    }
}
