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

/// How many rows are compared at once, in parts on all cores. Few rows, and large ones, are compared in one part,
/// because each core holds the changes of its part. The first rows show how large rows are.
const ROUND: usize = 512;
const PARTS: usize = 4;
const WORTH_SHARING: usize = 32;

/// A part ends early when its changes take this many bytes.
const PART_BYTES: usize = 256 << 10;

/// Changes in the order of their keys.
pub struct OrderedChanges {
    key: Vec<String>,
    counts: RowCounts,
    /// Holds the changes in order; those that exceed its memory are in a file.
    changes: Sorter,
    /// The place of the last one.
    last: Vec<u8>,
}

/// Some changes, each with its place in a difference.
#[derive(Default)]
struct PlacedChanges {
    counts: RowCounts,
    bytes: Vec<u8>,
    /// Where in `bytes` the place of each change is, and where its record ends.
    all: Vec<(Range<usize>, usize)>,
}

/// The lines of rows on both sides.
pub type RowLines<L> = Vec<[Option<L>; 2]>;

impl OrderedChanges {
    /// No changes yet. `key` are the columns that identify the rows.
    pub fn new(key: Vec<String>, work: Work, cancel: &Cancel) -> Self {
        Self { key, counts: RowCounts::default(), changes: Sorter::in_order(work, cancel), last: Vec::new() }
    }

    pub fn key(&self) -> &[String] {
        &self.key
    }

    /// Compares both sides of `count` rows and adds the changes. `lines` returns both sides of the first rows of a
    /// range, at least of one. Returns how many rows were added: fewer if a row does not come after the one before it,
    /// or has different keys on both sides.
    pub fn add<L: AsRef<[u8]>>(
        &mut self,
        count: usize,
        lines: impl Fn(Range<usize>) -> Result<RowLines<L>, Arc<SourceError>> + Sync,
    ) -> Result<usize, Arc<SourceError>> {
        let (mut done, mut are_large) = (0, true);
        while done < count {
            let end = count.min(done + if are_large { WORTH_SHARING } else { ROUND });
            let parts = if are_large || end - done < WORTH_SHARING { 1 } else { PARTS };
            let len = (end - done).div_ceil(parts);
            let ranges: Vec<_> = (done..end).step_by(len).map(|start| start..end.min(start + len)).collect();
            let compare = |range: &Range<usize>| PlacedChanges::of(&self.key, range.clone(), &lines);
            let compared: Vec<_> = match &ranges[..] {
                [range] => vec![compare(range)],
                ranges => ranges.par_iter().map(compare).collect(),
            };
            are_large = false;
            for (range, compared) in ranges.into_iter().zip(compared) {
                let mut compared = compared?;
                while let Some((changes, next)) = compared {
                    if !self.add_placed(&changes).map_err(SourceError::of_temporary_file)? {
                        return Ok(done);
                    }
                    done = next;
                    if done == range.end {
                        break;
                    }
                    are_large = true;
                    compared = PlacedChanges::of(&self.key, done..range.end, &lines)?;
                }
                if done < range.end {
                    return Ok(done);
                }
            }
        }
        Ok(done)
    }

    /// Adds all changes, or none if one does not come after the one before it.
    fn add_placed(&mut self, changes: &PlacedChanges) -> io::Result<bool> {
        let mut last = &*self.last;
        for (place, _) in changes.all() {
            if place <= last {
                return Ok(false);
            }
            last = place;
        }
        for (place, record) in changes.all() {
            self.changes.push(place, record)?;
        }
        self.last = last.to_vec();
        self.counts.add_all(changes.counts);
        Ok(true)
    }

    /// Returns all changes.
    pub fn finish(self) -> Result<Paired, DerivedError> {
        // Keeps little memory, because the reader of the changes may be slow.
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

    /// The changes of the first rows of a range, and the number of the next row. `None` if a row has different keys on
    /// both sides.
    fn of<L: AsRef<[u8]>>(
        key: &[String],
        range: Range<usize>,
        lines: impl Fn(Range<usize>) -> Result<RowLines<L>, Arc<SourceError>>,
    ) -> Result<Option<(Self, usize)>, Arc<SourceError>> {
        let (mut changes, mut at) = (Self::default(), range.start);
        while at < range.end && changes.bytes.len() < PART_BYTES {
            for both in lines(at..range.end)? {
                let both = both.each_ref().map(|line| line.as_ref().map(AsRef::as_ref));
                if !changes.add(key, both).map_err(SourceError::of_temporary_file)? {
                    return Ok(None);
                }
                at += 1;
            }
        }
        Ok(Some((changes, at)))
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
