//! Since which commit a path has had its content: this gives a file its content id and its time.
//!
//! Each snapshot has one first parent among the snapshots, so that they are a forest. A content begins at the nearest
//! commit on the way to the root that changed its path, and is shown by all commits below that one, but for those below
//! another change of the path. With the forest numbered depth first, what is below a commit is one run of numbers, and
//! both are found by halving.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::model::time::Timestamp;
use gix::ObjectId;
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;

use super::objects::Objects;
use super::tree::{self, Finder};
use crate::content::{SourceError, chain};

/// How many changes of paths are remembered, in some hundred MB. Real histories have three to ten per commit.
const MOST_CHANGES: usize = 20_000_000;

/// A commit that changed more paths than this counts as a change of every path.
const MOST_OF_ONE: usize = 500_000;

/// Commits compared before what was found is filed.
const BATCH: usize = 8192;

/// Commits compared by one thread in a row.
const RUN: usize = 512;

/// A snapshot, by its place in the list of all, in which parents come before children.
pub(super) type SnapshotIndex = u32;

/// A snapshot, for comparing it with its parent.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) commit: ObjectId,
    pub(super) tree: ObjectId,
    pub(super) time: Timestamp,
    /// Its first parent among the snapshots.
    pub(super) parent: Option<SnapshotIndex>,
}

/// Where in a commit's tree a database is.
#[derive(Debug, Clone)]
pub(super) struct Location {
    pub(super) path: Vec<Vec<u8>>,
    /// The name of the file, where it is only one.
    pub(super) alone: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Change {
    Paths(Box<[u32]>),
    /// More than are remembered.
    Anything,
}

/// A commit and the one that it is compared with.
type Pair = (ObjectId, Option<ObjectId>);

/// What each commit changed, by the commits read so far; views of one database share it.
#[derive(Default)]
pub(super) struct ChangeMemory {
    numbers: HashMap<Vec<u8>, u32>,
    by_commit: HashMap<Pair, Change>,
    count: usize,
}

/// A change of a path, in a list of all changes of it by number.
#[derive(Debug, Clone, Copy)]
struct PathChange {
    number: u32,
    /// The place in the list of the nearest change above it.
    above: Option<u32>,
}

/// Since when each path of each snapshot has had its content.
pub(super) struct Changes {
    /// By index: its number, depth first.
    number: Vec<u32>,
    /// By number: the one after the last number below it.
    end: Vec<u32>,
    /// By number.
    index: Vec<SnapshotIndex>,
    paths: HashMap<Vec<u8>, u32>,
    /// By path: its changes by number.
    steps: Vec<Vec<PathChange>>,
    /// The commits that may have changed anything.
    anything: Vec<PathChange>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) index: SnapshotIndex,
    pub(super) links: u32,
}

impl Changes {
    /// Looks at the snapshots that `memory` does not know yet. `None` if there are more changes than fit. Blocks.
    pub(super) fn new(
        objects: &Objects,
        location: &Location,
        nodes: &[Node],
        memory: &mut ChangeMemory,
    ) -> Option<Self> {
        let unreadable = memory.look(objects, location, nodes)?;
        let (number, end, index) = numbered(nodes);
        let mut steps: Vec<Vec<u32>> = vec![Vec::new(); memory.numbers.len()];
        let mut anything: Vec<u32> = unreadable.into_iter().map(|index| number[index as usize]).collect();
        for (number, node) in number.iter().zip(nodes) {
            match memory.by_commit.get(&pair(nodes, node)) {
                Some(Change::Paths(paths)) => {
                    paths.iter().for_each(|path| steps[*path as usize].push(*number));
                }
                Some(Change::Anything) => anything.push(*number),
                None => {}
            }
        }
        let anything = nested(anything, &end);
        let steps = steps.into_iter().map(|numbers| nested(numbers, &end)).collect();
        Some(Self { number, end, index, paths: memory.numbers.clone(), steps, anything })
    }

    /// Where what a snapshot has at `paths` begins: where one of them changed last. The first one is there.
    pub(super) fn origin(&self, paths: &[&[u8]], snapshot: SnapshotIndex) -> Origin {
        let at = self.number[snapshot as usize];
        let alone = Origin { index: snapshot, links: 1 };
        if !paths.first().is_some_and(|path| self.paths.contains_key(*path)) {
            return alone;
        }
        let known = paths.iter().filter_map(|path| self.paths.get(*path));
        let steps: Vec<&[PathChange]> = known
            .map(|path| self.steps[*path as usize].as_slice())
            .chain(std::iter::once(self.anything.as_slice()))
            .collect();
        let Some(begin) = steps.iter().filter_map(|steps| self.at_or_above(steps, at)).max() else {
            return alone;
        };
        let end = self.end[begin as usize];
        let below = self.covered(&steps, begin + 1, end);
        Origin { index: self.index[begin as usize], links: (end - begin - below).max(1) }
    }

    /// The nearest change at or above a commit.
    fn at_or_above(&self, steps: &[PathChange], at: u32) -> Option<u32> {
        let mut place = steps.partition_point(|step| step.number <= at).checked_sub(1)?;
        loop {
            let step = steps[place];
            if at < self.end[step.number as usize] {
                return Some(step.number);
            }
            place = step.above? as usize;
        }
    }

    /// How many commits numbered from `from` on, up to before `to`, are at or below a change in one of the lists.
    fn covered(&self, lists: &[&[PathChange]], from: u32, to: u32) -> u32 {
        let first_of = |steps: &[PathChange], from: u32| {
            let place = steps.partition_point(|step| step.number < from);
            steps.get(place).map_or(u32::MAX, |step| step.number)
        };
        let (mut at, mut covered) = (from, 0);
        loop {
            let next = lists.iter().map(|steps| first_of(steps, at)).min().unwrap_or(u32::MAX);
            if next >= to {
                return covered;
            }
            at = self.end[next as usize];
            covered += at - next;
        }
    }
}

fn pair(nodes: &[Node], node: &Node) -> Pair {
    (node.commit, node.parent.map(|parent| nodes[parent as usize].commit))
}

/// The changes by number, each with the nearest one above it.
fn nested(mut numbers: Vec<u32>, end: &[u32]) -> Vec<PathChange> {
    numbers.sort_unstable();
    numbers.dedup();
    let mut steps: Vec<PathChange> = Vec::with_capacity(numbers.len());
    let mut open: Vec<u32> = Vec::new();
    for (place, number) in (0..).zip(numbers) {
        while open.last().is_some_and(|above| end[steps[*above as usize].number as usize] <= number) {
            open.pop();
        }
        steps.push(PathChange { number, above: open.last().copied() });
        open.push(place);
    }
    steps
}

/// Numbers a forest depth first: numbers by index, ends by number, indexes by number.
fn numbered(nodes: &[Node]) -> (Vec<u32>, Vec<u32>, Vec<SnapshotIndex>) {
    // Parents come first: sizes are summed from the end, and places given from the beginning.
    let mut size: Vec<u32> = vec![1; nodes.len()];
    for (index, node) in nodes.iter().enumerate().rev() {
        if let Some(parent) = node.parent {
            size[parent as usize] += size[index];
        }
    }
    let (mut number, mut free_below, mut free) = (vec![0; nodes.len()], vec![0; nodes.len()], 0);
    let (mut end, mut by_number) = (vec![0; nodes.len()], vec![0; nodes.len()]);
    for (index, node) in nodes.iter().enumerate() {
        let next: &mut u32 = match node.parent {
            Some(parent) => &mut free_below[parent as usize],
            None => &mut free,
        };
        let own = *next;
        *next += size[index];
        number[index] = own;
        free_below[index] = own + 1;
        end[own as usize] = own + size[index];
        by_number[own as usize] =
            SnapshotIndex::try_from(index).expect("memory holds fewer than 2^32 commits");
    }
    (number, end, by_number)
}

impl ChangeMemory {
    /// Compares the snapshots that are new with their parents; gives those that could not be read. `None` if there
    /// are more changes than fit.
    fn look(&mut self, objects: &Objects, location: &Location, nodes: &[Node]) -> Option<Vec<SnapshotIndex>> {
        let new: Vec<(SnapshotIndex, &Node)> =
            (0..).zip(nodes).filter(|(_, node)| !self.by_commit.contains_key(&pair(nodes, node))).collect();
        let mut unreadable = Vec::new();
        for batch in new.chunks(BATCH) {
            let room = AtomicUsize::new(MOST_CHANGES.saturating_sub(self.count));
            // What one commit holds is mostly what the next one is compared with.
            let found: Vec<_> = batch
                .par_chunks(RUN)
                .flat_map_iter(|run| compare(objects, location, nodes, run, &room))
                .collect();
            for (index, pair, changed) in found {
                match changed {
                    Ok(Some(paths)) => self.file(pair, paths),
                    Ok(None) => drop(self.by_commit.insert(pair, Change::Anything)),
                    // Listing the commit reports it as well.
                    Err(error) => {
                        tracing::debug!("a commit cannot be compared with its parent: {}", chain(&error));
                        unreadable.push(index);
                    }
                }
            }
            if self.count >= MOST_CHANGES {
                return None;
            }
        }
        Some(unreadable)
    }

    fn file(&mut self, pair: Pair, paths: Vec<Vec<u8>>) {
        self.count += paths.len();
        let numbers = &mut self.numbers;
        let number = |path: Vec<u8>| {
            let next = u32::try_from(numbers.len()).expect("there are MOST_CHANGES and one commit's at most");
            *numbers.entry(path).or_insert(next)
        };
        self.by_commit.insert(pair, Change::Paths(paths.into_iter().map(number).collect()));
    }
}

/// A snapshot with the paths that it changed, where these can be told.
type Compared = (SnapshotIndex, Pair, Result<Option<Vec<Vec<u8>>>, SourceError>);

/// Compares snapshots that follow each other with their parents, while there is `room` for changes.
fn compare(
    objects: &Objects,
    location: &Location,
    nodes: &[Node],
    run: &[(SnapshotIndex, &Node)],
    room: &AtomicUsize,
) -> Vec<Compared> {
    let (mut reader, mut finder) = (objects.reader().for_many(), Finder::default());
    let mut changed = |node: &Node| {
        let before = node.parent.map(|parent| nodes[parent as usize].tree);
        let old = before.map_or(Ok(None), |tree| finder.find(&mut reader, tree, &location.path))?;
        let new = finder.find(&mut reader, node.tree, &location.path)?;
        let limit = room.load(Ordering::Relaxed).min(MOST_OF_ONE);
        let changed = tree::differences(&mut reader, old, new, &location.alone, limit)?;
        let left = |room: usize| Some(room.saturating_sub(changed.as_ref().map_or(0, Vec::len)));
        let _ = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        Ok(changed)
    };
    // The newest first: git packs older objects as differences to newer ones, which are in memory then.
    run.iter().rev().map(|(index, node)| (*index, pair(nodes, node), changed(node))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Forests in which each node changes some of three paths; the first of a tree changes all.
    fn forests() -> impl Strategy<Value = Vec<(Option<SnapshotIndex>, [bool; 3], bool)>> {
        let node = (any::<prop::sample::Index>(), any::<[bool; 3]>(), prop::bool::weighted(0.1));
        prop::collection::vec(node, 1..40).prop_map(|nodes| {
            let parent = |at: usize, pick: &prop::sample::Index| {
                // Mostly the one before it, as in histories.
                let picked = pick.index(2 * at + 1);
                (at > 0 && picked != 0).then(|| if picked <= at { picked as u32 - 1 } else { at as u32 - 1 })
            };
            let made = nodes.iter().enumerate().map(|(at, (pick, changed, anything))| {
                let parent = parent(at, pick);
                (parent, if parent.is_none() { [true; 3] } else { *changed }, *anything)
            });
            made.collect()
        })
    }

    proptest! {
        /// By walking up from each node, and counting which others arrive at the same one.
        #[test]
        fn origins_are_those_that_walking_up_finds(forest in forests()) {
            let id = |at: usize| {
                let mut bytes = [0; 20];
                bytes[..8].copy_from_slice(&(at as u64).to_le_bytes());
                ObjectId::from_bytes_or_panic(&bytes)
            };
            let nodes: Vec<Node> = forest.iter().enumerate().map(|(at, (parent, ..))| Node {
                commit: id(at), tree: id(at), time: Timestamp::UNIX_EPOCH, parent: *parent,
            }).collect();
            let (number, end, index) = numbered(&nodes);
            let all = |keep: &dyn Fn(usize) -> bool| {
                nested((0..forest.len()).filter(|at| keep(*at)).map(|at| number[at]).collect(), &end)
            };
            let changes = Changes {
                paths: (0..3).map(|path| (vec![path], u32::from(path))).collect(),
                steps: (0..3).map(|path| all(&|at| forest[at].1[path] && !forest[at].2)).collect(),
                anything: all(&|at| forest[at].2),
                number, end, index,
            };
            // One path, or several at once.
            for chosen in [&[0_u8][..], &[1], &[2], &[0, 1], &[2, 0], &[2, 1, 0]] {
                let walked: Vec<usize> = (0..forest.len()).map(|at| {
                    let mut at = at;
                    while !(chosen.iter().any(|path| forest[at].1[usize::from(*path)]) || forest[at].2) {
                        at = forest[at].0.expect("roots change all") as usize;
                    }
                    at
                }).collect();
                for at in 0..forest.len() {
                    let links = walked.iter().filter(|other| **other == walked[at]).count() as u32;
                    let expected = Origin { index: walked[at] as u32, links };
                    let paths: Vec<&[u8]> = chosen.iter().map(std::slice::from_ref).collect();
                    prop_assert_eq!(changes.origin(&paths, at as u32), expected);
                }
            }
        }
    }
}
