//! A content in parts: measured and read by the parts that are new, from the memory of all that were seen.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rayon::prelude::*;

use super::branch::Branch;
use super::cache::{Cache, Cached, Key};
use super::part_flights::PartFlights;
use super::part_lengths::PartLengths;
use super::report::cannot_read;
use crate::content::parts::{ByKey, Part, Parts, Segment};
use crate::content::{Content, SourceError};
use crate::model::number::to_usize;

type Outcome<T> = Result<T, Arc<SourceError>>;

/// From how many missing parts on the other cores are asked to help: waking one takes about as long as a small part.
const WORTH_SHARING: usize = 4;

/// What is remembered of all parts of all contents.
pub(super) struct PartMemory {
    cache: Arc<Cache>,
    lengths: PartLengths,
    flights: PartFlights<Loaded>,
}

impl PartMemory {
    pub fn new(cache: Arc<Cache>) -> Self {
        let lengths = PartLengths::within(cache.budget());
        Self { cache, lengths, flights: PartFlights::default() }
    }

    fn held(&self, part: &Part) -> Option<Loaded> {
        match self.cache.get(&Key::Part(*part)) {
            Some(Cached::Bytes(lines)) => Some(Loaded::Lines(lines)),
            Some(Cached::Branch(branch)) => Some(Loaded::Branch(branch)),
            Some(Cached::Version(_)) | None => None,
        }
    }

    fn on_disk(&self, part: &Part) -> Option<Bytes> {
        self.cache.disk()?.get(&part.id())
    }

    fn keep(&self, part: &Part, loaded: &Loaded) {
        self.lengths.keep(*part, loaded.len());
        let cached = match loaded {
            Loaded::Lines(lines) => Cached::Bytes(lines.clone()),
            Loaded::Branch(branch) => Cached::Branch(Arc::clone(branch)),
        };
        self.cache.put(Key::Part(*part), cached);
    }
}

/// A part as it is kept.
#[derive(Clone)]
enum Loaded {
    Lines(Bytes),
    Branch(Arc<Branch>),
}

impl Loaded {
    fn len(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.len() as u64,
            Self::Branch(branch) => branch.len(),
        }
    }
}

/// Why bytes are not at hand.
enum NotHeld {
    /// Some part has to be rendered first.
    Missing,
    /// It cannot be.
    Failed(Arc<SourceError>),
}

/// An open content in parts.
pub struct Tree {
    content: Content,
    parts: Box<dyn Parts>,
    memory: Arc<PartMemory>,
}

impl Tree {
    /// Opens a content; `None` for one that is not in parts. Blocks.
    pub(super) fn open(content: &Content, memory: &Arc<PartMemory>) -> Option<Outcome<Self>> {
        let parts = content.tree()?.open();
        let parts = parts.inspect_err(|error| cannot_read(&**content, error)).map_err(Arc::new);
        let (content, memory) = (content.clone(), Arc::clone(memory));
        Some(parts.map(|parts| Self { content, parts, memory }))
    }

    /// What this is a tree of.
    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// The exact length in bytes. Renders what is in no content seen before. Blocks.
    pub(super) fn measure(&self) -> Outcome<u64> {
        let len = self.parts.whole().map_or(Ok(0), |whole| self.len_of(&whole));
        len.inspect_err(|error| cannot_read(&*self.content, error))
    }

    /// Up to `size` bytes from `offset`, if all the parts that hold them are in memory.
    pub(super) fn read_held(&self, offset: u64, size: usize) -> Option<Bytes> {
        self.read_by(offset, size, &|parts| {
            parts.iter().map(|part| self.memory.held(part).ok_or(NotHeld::Missing)).collect()
        })
        .ok()
    }

    /// Up to `size` bytes from `offset`: shorter only at the end of the content, empty past it. Blocks.
    pub(super) fn read(&self, offset: u64, size: usize) -> Outcome<Bytes> {
        let read = self.read_by(offset, size, &|parts| {
            self.for_all(parts, |part| self.load(part)).map_err(NotHeld::Failed)
        });
        read.map_err(|not_held| match not_held {
            NotHeld::Failed(error) => {
                cannot_read(&*self.content, &error);
                error
            }
            NotHeld::Missing => unreachable!("what is missing was loaded"),
        })
    }

    fn read_by(
        &self,
        offset: u64,
        size: usize,
        load: &impl Fn(&[Part]) -> Result<Vec<Loaded>, NotHeld>,
    ) -> Result<Bytes, NotHeld> {
        let mut pieces = Vec::new();
        if let Some(whole) = self.parts.whole() {
            let range = offset..offset.saturating_add(size as u64);
            self.collect(&[(whole, 0)], &range, load, &mut pieces)?;
        }
        Ok(joined(pieces))
    }

    /// Appends the bytes of `range` that lie in `parts`, each of which starts where it says.
    fn collect(
        &self,
        parts: &[(Part, u64)],
        range: &Range<u64>,
        load: &impl Fn(&[Part]) -> Result<Vec<Loaded>, NotHeld>,
        pieces: &mut Vec<Bytes>,
    ) -> Result<(), NotHeld> {
        let wanted: Vec<_> = parts.iter().map(|(part, _)| *part).collect();
        for (loaded, (_, start)) in load(&wanted)?.into_iter().zip(parts) {
            let within = range.start.saturating_sub(*start)..range.end.saturating_sub(*start);
            match loaded {
                Loaded::Lines(lines) => {
                    let [from, to] = [within.start, within.end].map(|at| to_usize(at).min(lines.len()));
                    pieces.push(lines.slice(from..to));
                }
                Loaded::Branch(branch) => {
                    let below: Vec<_> =
                        branch.within(&within).map(|(part, at)| (*part, start + at)).collect();
                    self.collect(&below, range, load, pieces)?;
                }
            }
        }
        Ok(())
    }

    /// The part that is the whole content; `None` for an empty one.
    pub(super) fn whole(&self) -> Option<Part> {
        self.parts.whole()
    }

    /// The parts below one of a level above 0 that starts at `start`, each with where it starts. Blocks.
    pub(super) fn placed_below(&self, part: &Part, start: u64) -> Outcome<Vec<(Part, u64)>> {
        let below = self.below(part)?;
        let lens = self.lens_of(&below)?;
        Ok(Branch::new(below.into_iter().zip(lens)).placed(start))
    }

    /// What a segment that starts at `start` is cut into: itself alone where it is not. Blocks.
    pub(super) fn placed_within(&self, part: &Part, start: u64) -> Outcome<Vec<(Part, u64)>> {
        match self.load(part)? {
            Loaded::Lines(_) => Ok(vec![(*part, start)]),
            Loaded::Branch(branch) => Ok(branch.placed(start)),
        }
    }

    pub(super) fn len_of(&self, part: &Part) -> Outcome<u64> {
        if let Some(len) = self.memory.lengths.get(part) {
            return Ok(len);
        }
        if part.level == 0 {
            return Ok(self.segment(part)?.len());
        }
        // The branch itself is not kept: to measure all of history takes the lengths of its parts only.
        let below = self.below(part)?;
        let len = self.lens_of(&below)?.into_iter().fold(0_u64, u64::saturating_add);
        self.memory.lengths.keep(*part, len);
        Ok(len)
    }

    fn lens_of(&self, parts: &[Part]) -> Outcome<Vec<u64>> {
        let known = self.memory.lengths.of_all(parts);
        let missing: Vec<_> =
            parts.iter().zip(&known).filter(|(_, len)| len.is_none()).map(|(part, _)| *part).collect();
        let mut found = self.for_all(&missing, |part| self.len_of(part))?.into_iter();
        Ok(known.into_iter().map(|len| len.or_else(|| found.next()).unwrap_or_default()).collect())
    }

    /// Does something for each of `parts`: on several cores where they are many and all of them segments.
    fn for_all<T: Send>(
        &self,
        parts: &[Part],
        work: impl Fn(&Part) -> Outcome<T> + Send + Sync,
    ) -> Outcome<Vec<T>> {
        // Branches stay on this thread, so that what is unfolded at a time stays bounded.
        let are_segments = parts.first().is_some_and(|part| part.level == 0);
        match are_segments && parts.len() >= WORTH_SHARING {
            true => parts.par_iter().map(work).collect(),
            false => parts.iter().map(work).collect(),
        }
    }

    fn load(&self, part: &Part) -> Outcome<Loaded> {
        if part.level == 0 {
            return self.segment(part);
        }
        if let Some(held) = self.memory.held(part) {
            return Ok(held);
        }
        let below = self.below(part)?;
        let lens = self.lens_of(&below)?;
        let loaded = Loaded::Branch(Arc::new(Branch::new(below.into_iter().zip(lens))));
        self.memory.keep(part, &loaded);
        Ok(loaded)
    }

    fn segment(&self, part: &Part) -> Outcome<Loaded> {
        if let Some(held) = self.memory.held(part) {
            return Ok(held);
        }
        self.memory.flights.join(part, || {
            // A flight that ended between the look above and this one has left its result in the cache.
            if let Some(held) = self.memory.held(part) {
                return Ok(held);
            }
            let loaded = match self.memory.on_disk(part) {
                Some(lines) => Loaded::Lines(lines),
                None => self.render(part)?,
            };
            self.memory.keep(part, &loaded);
            Ok(loaded)
        })
    }

    fn render(&self, part: &Part) -> Outcome<Loaded> {
        match self.parts.segment(part).map_err(Arc::new)? {
            Segment::Held(lines) => {
                if let Some(disk) = self.memory.cache.disk() {
                    disk.put(&part.id(), &lines);
                }
                Ok(Loaded::Lines(lines))
            }
            Segment::Cut(cut) => Ok(Loaded::Branch(Arc::new(Branch::new(cut)))),
        }
    }

    /// The rows by their keys, where they have any.
    pub(super) fn by_key(&self) -> Option<&dyn ByKey> {
        self.parts.by_key()
    }

    /// The parts below one of a level above 0. Blocks.
    pub(super) fn below(&self, part: &Part) -> Outcome<Vec<Part>> {
        self.parts.below(part).map_err(Arc::new)
    }
}

/// One piece for all; without copying where it is one already.
fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() <= 1 {
        return pieces.pop().unwrap_or_default();
    }
    let mut joined = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    for piece in &pieces {
        joined.extend_from_slice(piece);
    }
    joined.freeze()
}

#[cfg(test)]
mod tests;
