//! The walk over all that the root of a store reaches.

use std::collections::HashSet;
use std::ops::Range;

use rayon::prelude::*;

use super::references::references;
use super::visited::{TooMany, Visited};
use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::chunks::{ChunkStore, View};
use crate::source::dolt::store::error::{InChunk, StoreError};
use crate::source::verify::Progress;

/// How many chunks are looked at before what they refer to is added. They are in memory only while one is looked at.
const BATCH: usize = 512;
/// So few are not worth waking other threads.
const FEW: usize = 16;
/// How many problems are kept. Of more, only the number.
pub const KEPT: usize = 20;

/// Something that is not as it should be with a chunk.
#[derive(Debug)]
pub struct Problem {
    /// The number of the chunk.
    pub chunk: u32,
    /// What it is.
    pub what: What,
}

/// What there may be about a chunk.
#[derive(Debug)]
pub enum What {
    /// It cannot be read, or is not what it should be. One that has a whole copy in another file is not lost.
    Bad { error: StoreError, has_copy: bool },
    /// What it refers to is not followed; completes the sentence.
    Unknown(String),
}

/// What a walk came to.
#[derive(Default)]
pub struct Walk {
    /// The chunks, in the order of their distance from the root.
    pub visited: Visited,
    /// The first problems: those closest to the root.
    pub problems: Vec<Problem>,
    /// Chunks with problems that are not kept.
    pub more: HashSet<u32>,
    /// Chunks that a shallow clone left behind.
    pub ghosts: usize,
}

impl Walk {
    /// How many chunks were read and are right.
    pub fn sound(&self) -> usize {
        let bad: HashSet<u32> =
            self.problems.iter().filter(|problem| problem.is_loss()).map(|p| p.chunk).collect();
        self.visited.len() - self.ghosts - bad.len() - self.more.len()
    }
}

impl Problem {
    /// Whether the chunk is lost.
    fn is_loss(&self) -> bool {
        matches!(self.what, What::Bad { has_copy: false, .. })
    }
}

/// What is found at one chunk.
#[derive(Default)]
struct Seen {
    /// What it refers to and was not come to before.
    next: Vec<Address>,
    bytes: u64,
    is_ghost: bool,
    problems: Vec<What>,
}

/// Walks all that the root of a view reaches, on all threads. The order in which chunks are come to, and so what is found,
/// is always the same. Memory: see [`Visited`], and what a batch of chunks refers to.
///
/// # Errors
/// [`TooMany`]
pub fn walk(store: &ChunkStore, view: &View, progress: &Progress) -> Result<Walk, TooMany> {
    let mut walk = Walk::default();
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
                    true => walk.problems.push(Problem { chunk: number, what }),
                    false => _ = walk.more.insert(number),
                }
            }
        }
    }
    Ok(walk)
}

/// Looks at the chunks of these numbers.
fn look_at(visited: &Visited, batch: Range<usize>, store: &ChunkStore, view: &View) -> Vec<(u32, Seen)> {
    let look = |number: usize| {
        let number = u32::try_from(number).expect("Visited gives out numbers of 32 bits");
        (number, look(visited, visited.address(number), store, view))
    };
    match batch.len() < FEW {
        true => batch.map(look).collect(),
        false => batch.into_par_iter().map(look).collect(),
    }
}

fn look(visited: &Visited, address: &Address, store: &ChunkStore, view: &View) -> Seen {
    let mut seen = Seen::default();
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
            false => errors.push(view.absent(address, store.folder())),
        }
    }
    let has_copy = chunk.is_some();
    seen.problems.extend(errors.into_iter().map(|error| What::Bad { error, has_copy }));
    let Some(chunk) = chunk else { return seen };
    match references(&chunk).in_chunk(address, "object") {
        Ok(found) => {
            let new = found.all.iter().map(|(_, address)| *address).filter(|address| !visited.has(address));
            seen.next.extend(new);
            seen.problems.extend(found.unknown.map(What::Unknown));
        }
        Err(error) => seen.problems.push(What::Bad { error, has_copy: false }),
    }
    seen
}

/// Whether a chunk that was found bad still is.
pub fn is_still_bad(store: &ChunkStore, view: &View, address: &Address) -> bool {
    look(&Visited::default(), address, store, view)
        .problems
        .iter()
        .any(|what| matches!(what, What::Bad { .. }))
}
