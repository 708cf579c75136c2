//! Measuring and listing what a walk will ask for next.
//!
//! `ls -lR` and `rsync` ask for the size of one table in one snapshot after the other, and wait for each.
//! While they are busy with one, the next few can be measured: only where that costs what is new in them, and
//! asks no server.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use lru::LruCache;
use tokio::runtime::Handle;

use super::Vfs;
use super::error::VfsError;
use super::node::Node;
use super::snapshot_dir::Entry;
use crate::catalog::Database;
use crate::engine::{Engine, Listings};
use crate::util::locks::lock;
use crate::util::tasks;
use crate::vfs::snapshot_dir;

/// How many snapshots are measured ahead at most. Half as many are the least that is left when it goes on.
const AHEAD: usize = 32;

/// Walks remembered: one for each table that is asked for by turns.
const WALKS: NonZeroUsize = NonZeroUsize::new(256).expect("it is not 0");

/// Which file is asked for in one snapshot after the other: its database and its path, which is empty for the listing.
type Walker = (Arc<str>, Arc<str>);

/// The walks under way.
pub(super) struct Walks {
    by_file: Mutex<LruCache<Walker, Walk>>,
}

/// How far a walk is, in places of the timeline.
struct Walk {
    /// Where it was asked last.
    at: usize,
    /// Up to where it is measured, or being measured.
    measured: usize,
}

impl Default for Walks {
    fn default() -> Self {
        Self { by_file: Mutex::new(LruCache::new(WALKS)) }
    }
}

impl Walks {
    /// Notes that a file is asked for at place `at` of `all`; gives which places to measure now, if any.
    fn step(&self, walker: Walker, at: usize, all: usize) -> Option<Range<usize>> {
        let mut walks = lock(&self.by_file);
        let Some(walk) = walks.get_mut(&walker) else {
            walks.put(walker, Walk { at, measured: at + 1 });
            return None;
        };
        let goes_on = at == walk.at + 1;
        if at != walk.at && !goes_on {
            *walk = Walk { at, measured: at + 1 };
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
    /// Notes that a listing told the size of a file at place `at`: who walks will not ask for it.
    fn pass(&self, walker: &Walker, at: usize) {
        let mut walks = lock(&self.by_file);
        if let Some(walk) = walks.get_mut(walker)
            && at == walk.at + 1
        {
            walk.at = at;
        }
    }
}

impl Vfs {
    /// Takes note that a listing told the size of `node` in the folder `parent`. That alone measures nothing: a listing
    /// must not render tables, and whoever only lists asks for no size.
    pub(super) fn walks_past(&self, parent: &Node, node: &Node) {
        if let Some((_, walker, at)) = self.step_of_walk(parent, node) {
            self.walks.pass(&walker, at);
        }
    }

    /// Takes note that the size of `node` in the folder `parent` is asked for, and measures ahead if that is
    /// one more step of a walk.
    pub(super) fn measure_ahead(&self, parent: &Node, node: &Node) {
        let Some((database, walker, at)) = self.step_of_walk(parent, node) else { return };
        let path = Arc::clone(&walker.1);
        let Some(places) = self.walks.step(walker, at, database.snapshots().len()) else { return };
        let (engine, listings) = (Arc::clone(&self.engine), Arc::clone(&self.listings));
        let measure = async move { measure(&engine, &listings, &database, places, &path).await };
        // Nobody waits for it.
        tasks::spawn(&Handle::current(), measure).detach();
    }

    /// Takes note that the snapshot `node` was listed, and lists ahead if that is one more step of a walk: where the lengths
    /// are known, a walk waits for little else. Only for stores that are read directly: no server is asked.
    pub(super) async fn list_ahead(&self, node: &Node) -> Result<(), VfsError> {
        let Node::Snapshot { db, key, path: folder } = node else { return Ok(()) };
        if !folder.is_empty()
            || self.snapshot_files(db, key).await?.iter().all(|f| f.content.tree().is_none())
        {
            return Ok(());
        }
        let database = self.database(db)?;
        let Some(at) = database.place(key) else { return Ok(()) };
        let walker = (Arc::clone(db), Arc::from(""));
        let Some(places) = self.walks.step(walker, at, database.snapshots().len()) else { return Ok(()) };
        let listings = Arc::clone(&self.listings);
        // Nobody waits for it.
        tasks::spawn(&Handle::current(), async move { list(&listings, &database, places).await }).detach();
        Ok(())
    }

    /// Which walk `node` in the folder `parent` may be a step of, and at which place of the timeline.
    fn step_of_walk(&self, parent: &Node, node: &Node) -> Option<(Arc<Database>, Walker, usize)> {
        let (Node::Snapshot { db, key, path: folder }, Node::File(file)) = (parent, node) else {
            return None;
        };
        if !folder.is_empty() || file.content.tree().is_none() {
            return None;
        }
        let database = self.database(db).ok()?;
        let at = database.place(key)?;
        Some((database, (Arc::clone(db), Arc::clone(&file.path)), at))
    }
}

/// Lists the snapshots at `places`. Whoever asks for what cannot be listed learns why then.
async fn list(listings: &Listings, database: &Database, places: Range<usize>) {
    for snapshot in &database.snapshots()[places] {
        let Some(view) = database.view(snapshot.key.slot) else { return };
        if listings.files(view, &snapshot.key.id).await.is_err() {
            return;
        }
    }
}

/// Measures a file in the snapshots at `places`. Whoever asks for what cannot be read learns why then.
async fn measure(
    engine: &Engine,
    listings: &Listings,
    database: &Database,
    places: Range<usize>,
    path: &str,
) {
    for snapshot in &database.snapshots()[places] {
        let Some(view) = database.view(snapshot.key.slot) else { return };
        let Ok(files) = listings.files(view, &snapshot.key.id).await else { return };
        let Some(Entry::File(file)) = snapshot_dir::find(&files, path) else { continue };
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
