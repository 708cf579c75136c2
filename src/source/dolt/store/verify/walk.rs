//! The walk over all that the root of a store reaches.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::ops::Range;

use dolt_store::objects::references;
use dolt_store::{Address, InChunk, Store, StoreError};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use rayon::prelude::*;

use crate::source::dolt::store::chunk_store::ChunkStore;
use crate::source::verify::Progress;

/// How many chunks are looked at before what they refer to is added. They are in memory only while one is looked at.
const BATCH: usize = 512;
/// So few are not worth waking other threads.
const FEW: usize = 16;
/// How many problems are kept. Of more, only the number.
pub const KEPT: usize = 20;

/// Something that is wrong with a chunk.
#[derive(Debug)]
pub struct ChunkProblem {
    pub chunk: u32,
    pub what: ProblemKind,
}

/// What there may be about a chunk.
#[derive(Debug)]
pub enum ProblemKind {
    /// It cannot be read, or is not what it should be. One that has a whole copy in another file is not lost.
    Bad { error: StoreError, has_copy: bool },
    /// What it refers to is not followed; completes the sentence.
    Unknown(String),
}

/// The result of a walk.
#[derive(Default)]
pub struct StoreWalk {
    /// The chunks, in the order of their distance from the root.
    pub visited: Visited,
    /// The first problems: those closest to the root.
    pub problems: Vec<ChunkProblem>,
    /// Chunks with problems that are not kept.
    pub more: HashSet<u32>,
    /// Chunks that a shallow clone left behind.
    pub ghosts: usize,
}

impl StoreWalk {
    /// How many chunks were read and are right.
    pub fn sound(&self) -> usize {
        let bad: HashSet<u32> =
            self.problems.iter().filter(|problem| problem.is_loss()).map(|p| p.chunk).collect();
        self.visited.len() - self.ghosts - bad.len() - self.more.len()
    }
}

impl ChunkProblem {
    fn is_loss(&self) -> bool {
        matches!(self.what, ProblemKind::Bad { has_copy: false, .. })
    }
}

/// What is found at one chunk.
#[derive(Default)]
struct ChunkVisit {
    /// What it refers to and was not visited before.
    next: Vec<Address>,
    bytes: u64,
    is_ghost: bool,
    problems: Vec<ProblemKind>,
}

/// Visits every chunk that the root reaches, on all threads. The order of the visits, and so the findings, are always the
/// same. Memory: see [`Visited`], and what a batch of chunks refers to.
pub fn walk(store: &ChunkStore, view: &Store, progress: &Progress) -> Result<StoreWalk, TooMany> {
    let mut walk = StoreWalk::default();
    if view.root().is_empty() {
        return Ok(walk);
    }
    walk.visited.add(view.root(), 0)?;
    let mut done = 0;
    while done < walk.visited.len() {
        let batch = done..walk.visited.len().min(done + BATCH);
        done = batch.end;
        progress.advance(batch.len() as u64);
        for (number, seen) in look_at(&walk.visited, batch, store, view) {
            progress.read(seen.bytes);
            walk.ghosts += usize::from(seen.is_ghost);
            for address in seen.next {
                walk.visited.add(address, number)?;
            }
            for what in seen.problems {
                match walk.problems.len() < KEPT {
                    true => walk.problems.push(ChunkProblem { chunk: number, what }),
                    false => _ = walk.more.insert(number),
                }
            }
        }
    }
    Ok(walk)
}

fn look_at(
    visited: &Visited,
    batch: Range<usize>,
    store: &ChunkStore,
    view: &Store,
) -> Vec<(u32, ChunkVisit)> {
    let look = |number: usize| {
        let number = u32::try_from(number).expect("Visited gives out numbers of 32 bits");
        (number, look(visited, visited.address(number), store, view))
    };
    match batch.len() < FEW {
        true => batch.map(look).collect(),
        false => batch.into_par_iter().map(look).collect(),
    }
}

fn look(visited: &Visited, address: &Address, store: &ChunkStore, view: &Store) -> ChunkVisit {
    let mut seen = ChunkVisit::default();
    let mut chunk = None;
    let mut errors = Vec::new();
    for copy in view.copies(address) {
        match copy {
            Ok(bytes) => {
                seen.bytes += bytes.len() as u64;
                chunk = Some(bytes);
            }
            Err(error) => errors.push(error),
        }
    }
    if chunk.is_none() && errors.is_empty() {
        match store.is_ghost(address) {
            true => seen.is_ghost = true,
            false => errors.push(view.absent(address)),
        }
    }
    let has_copy = chunk.is_some();
    seen.problems.extend(errors.into_iter().map(|error| ProblemKind::Bad { error, has_copy }));
    let Some(chunk) = chunk else { return seen };
    match references(&chunk).in_chunk(address, "object") {
        Ok(found) => {
            let new = found.all.iter().map(|(_, address)| *address).filter(|address| !visited.has(address));
            seen.next.extend(new);
            seen.problems.extend(found.unknown.map(ProblemKind::Unknown));
        }
        Err(error) => seen.problems.push(ProblemKind::Bad { error, has_copy: false }),
    }
    seen
}

/// Whether a chunk that was found bad still is.
pub fn is_still_bad(store: &ChunkStore, view: &Store, address: &Address) -> bool {
    look(&Visited::default(), address, store, view)
        .problems
        .iter()
        .any(|what| matches!(what, ProblemKind::Bad { .. }))
}

/// Addresses in the order of the visits, numbered from 0. A chunk takes 24 bytes for itself and 5 to 10 for
/// being found.
#[derive(Default)]
pub struct Visited {
    entries: Vec<VisitedChunk>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

struct VisitedChunk {
    address: Address,
    /// The number of the chunk that led here; its own for the first.
    from: u32,
}

/// There are more chunks than can be numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

impl Visited {
    /// Adds a chunk that the one of number `from` refers to, unless it is there.
    pub fn add(&mut self, address: Address, from: u32) -> Result<(), TooMany> {
        let Self { entries, numbers, hasher } = self;
        let number = u32::try_from(entries.len()).map_err(|_| TooMany)?;
        let slot = numbers.entry(
            hasher.hash_one(address),
            |number| entries[*number as usize].address == address,
            |number| hasher.hash_one(entries[*number as usize].address),
        );
        if let hashbrown::hash_table::Entry::Vacant(slot) = slot {
            slot.insert(number);
            entries.push(VisitedChunk { address, from });
        }
        Ok(())
    }

    pub fn has(&self, address: &Address) -> bool {
        let is_same = |number: &u32| self.entries[*number as usize].address == *address;
        self.numbers.find(self.hasher.hash_one(address), is_same).is_some()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The chunk of a number that was given out.
    pub fn address(&self, number: u32) -> &Address {
        &self.entries[number as usize].address
    }

    /// The chunks that led to that of a number, from the first one on, and itself.
    pub fn way_to(&self, number: u32) -> Vec<Address> {
        let mut way = vec![*self.address(number)];
        let mut at = number;
        while self.entries[at as usize].from != at {
            at = self.entries[at as usize].from;
            way.push(*self.address(at));
        }
        way.reverse();
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chunk_is_there_once_with_the_first_way_to_it() {
        let address = |number: u32| {
            let mut bytes = [0; 20];
            bytes[..4].copy_from_slice(&number.to_le_bytes());
            Address::new(bytes)
        };
        let mut visited = Visited::default();
        for number in 0..5000_u32 {
            assert!(!visited.has(&address(number)));
            visited.add(address(number), number.saturating_sub(1) / 2).expect("they are few");
            visited.add(address(number / 3), number).expect("they are few");
        }
        assert_eq!(visited.len(), 5000);
        assert!(
            (0..5000)
                .all(|number| visited.has(&address(number)) && *visited.address(number) == address(number))
        );
        assert_eq!(visited.way_to(12), [0, 2, 5, 12].map(address));
        assert_eq!(visited.way_to(0), [address(0)]);
    }
}
