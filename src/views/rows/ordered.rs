//! Changes that come in the order of a difference: nothing has to be sorted, nor paired.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::change::{RowChangeRef, RowCounts, changed_columns};
use super::order::write_place;
use super::pairs::{Paired, Pairs};
use super::record::{read_record, write_record};
use crate::content::SourceError;
use crate::memory::sort::LEAST;
use crate::memory::{Cancel, Sorter, Work};
use crate::model::row::Row;
use crate::views::error::DerivedError;

/// Changes are compared in this many parts, on all cores; fewer of them on one.
const PARTS: usize = 4;
const WORTH_SHARING: usize = 32;

/// Changes in the order of their keys.
pub struct OrderedChanges {
    key: Vec<String>,
    counts: RowCounts,
    /// Holds them in order, in a file beyond its memory.
    changes: Sorter,
    /// The place of the last one.
    last: Vec<u8>,
}

/// Some changes, each with its place in a difference.
#[derive(Default)]
pub struct PlacedChanges {
    counts: RowCounts,
    bytes: Vec<u8>,
    /// Where in `bytes` the place of each change is, and where its record ends.
    all: Vec<(Range<usize>, usize)>,
}

impl OrderedChanges {
    /// None yet. `key` are the columns that identify the rows.
    pub fn new(key: Vec<String>, work: Work, cancel: &Cancel) -> Self {
        Self { key, counts: RowCounts::default(), changes: Sorter::in_order(work, cancel), last: Vec::new() }
    }

    pub fn key(&self) -> &[String] {
        &self.key
    }

    /// Adds changes. False if one does not come after the one before it: then none is added.
    pub fn add(&mut self, changes: &[PlacedChanges]) -> io::Result<bool> {
        let mut last = &*self.last;
        for (place, _) in changes.iter().flat_map(PlacedChanges::all) {
            if place <= last {
                return Ok(false);
            }
            last = place;
        }
        for (place, record) in changes.iter().flat_map(PlacedChanges::all) {
            self.changes.push(place, record)?;
        }
        self.last = last.to_vec();
        changes.iter().for_each(|changes| self.counts.add_all(changes.counts));
        Ok(true)
    }

    /// All of them.
    pub fn finish(self) -> Result<Paired, DerivedError> {
        // Their reader may be slow.
        Ok(Paired { key: self.key, counts: self.counts, changes: self.changes.finish(LEAST)? })
    }

    /// Puts them into `pairs`, to be paired and sorted with those that come in another order. Returns the memory.
    pub fn move_into(self, pairs: &mut Pairs) -> Result<Work, DerivedError> {
        let mut changes = self.changes.finish(u64::MAX)?;
        while let Some((_, record)) = changes.next()? {
            pairs.add_change(read_record(record))?;
        }
        Ok(changes.into_work())
    }

    /// Drops them, and gives the memory back.
    pub fn into_work(self) -> Work {
        self.changes.into_work()
    }
}

impl PlacedChanges {
    /// The place and the record of each.
    fn all(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.all.iter().map(|(place, end)| (&self.bytes[place.clone()], &self.bytes[place.end..*end]))
    }

    /// How many bytes they take.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds the change from one line of a table to the other, if they differ. False if they are not two lines of one row:
    /// then nothing is added.
    fn add(&mut self, key: &[String], [from, to]: [Option<&[u8]>; 2]) -> io::Result<bool> {
        let [old, new] = [from, to].map(|line| line.and_then(Row::parse));
        let Some(row) = old.as_ref().or(new.as_ref()) else { return Ok(false) };
        if let (Some(old), Some(new)) = (&old, &new) {
            if key.iter().any(|column| old.get(column) != new.get(column)) {
                return Ok(false);
            }
            if changed_columns(old, new).is_empty() {
                return Ok(true);
            }
        }
        let start = self.bytes.len();
        write_place(&row.values(key), &mut self.bytes);
        let place = start..self.bytes.len();
        write_record(RowChangeRef { from, to, has_key: true }, &mut self.bytes)?;
        self.all.push((place, self.bytes.len()));
        self.counts.add(from.is_some(), to.is_some());
        Ok(true)
    }
}

/// Compares both lines of each of `range`, on all cores. `lines` are asked for part by part. `None` if some are not two lines of
/// one row.
pub fn placed<L: AsRef<[u8]>>(
    key: &[String],
    range: Range<usize>,
    lines: impl Fn(Range<usize>) -> Result<Vec<[Option<L>; 2]>, Arc<SourceError>> + Sync,
) -> Result<Option<Vec<PlacedChanges>>, Arc<SourceError>> {
    let part = |range: Range<usize>| -> Result<Option<PlacedChanges>, Arc<SourceError>> {
        let mut changes = PlacedChanges::default();
        for both in lines(range)? {
            let both = both.each_ref().map(|line| line.as_ref().map(AsRef::as_ref));
            if !changes.add(key, both).map_err(SourceError::of_temporary_file)? {
                return Ok(None);
            }
        }
        Ok(Some(changes))
    };
    if range.len() < WORTH_SHARING {
        return Ok(part(range)?.map(|changes| vec![changes]));
    }
    let len = range.len().div_ceil(PARTS);
    let start = |nth: usize| range.end.min(range.start + nth * len);
    (0..PARTS).into_par_iter().map(|nth| part(start(nth)..start(nth + 1))).collect()
}
