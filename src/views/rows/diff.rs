//! What differs between two contents of one table, row by row.
//!
//! Equal lines are equal rows, wherever they are; blank lines and white space around a row do not count. What is left
//! on both sides is paired by key ([`super::pairs`]). A missing column counts as null, so that adding a column to a
//! table changes only the rows that have a value in it. A line that is not an object counts as a row without a key.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use rayon::prelude::*;

use super::change::{RowChange, RowCounts, write_change};
use super::found::FoundChanges;
use super::lines::LineBlocks;
use super::ordered::OrderedChanges;
use super::pairs::Paired;
use super::record::read_record;
use super::sides::Comparing;
use super::steps::{last_step, step};
use crate::content::FileEntry;
use crate::engine::Engine;
use crate::memory::cancel::CancelOnDrop;
use crate::memory::sort::LEAST;
use crate::memory::{Cancel, Sorted};
use crate::util::cores::compute;
use crate::views::error::DerivedError;

/// The memory that a difference needs, in bytes: it sorts two things at a time.
const MEMORY: u64 = 2 * LEAST;

/// How many bytes are returned at once.
const PIECE: usize = 256 << 10;

/// Lines are written on all cores, in up to this many parts, each of at least this many changes.
const PARTS: usize = 4;
const LEAST_PART: usize = 16;

/// What a line usually takes besides the lines of its rows, in bytes.
const LINE: usize = 64;

/// The rows that differ between two contents.
#[derive(Default)]
pub struct TableDiff {
    /// The columns that name rows; empty if rows are identified by all of their values.
    pub key: Vec<String>,
    counts: RowCounts,
    /// The changes that were not returned yet, by key.
    changes: Option<Sorted>,
    _wanted: Option<CancelOnDrop>,
}

impl TableDiff {
    fn of(paired: Paired, wanted: Option<CancelOnDrop>) -> Self {
        let Paired { key, counts, changes } = paired;
        Self { key, counts, changes: Some(changes), _wanted: wanted }
    }

    /// How many rows were added, removed and modified.
    pub fn counts(&self) -> RowCounts {
        self.counts
    }

    /// The next changes, by key, some hundred KiB of them; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<RowChange>>, DerivedError> {
        let Some(changes) = self.changes.take() else { return Ok(None) };
        let (changes, some) = step(changes, |changes| {
            let (mut some, mut bytes) = (Vec::new(), 0);
            while bytes < PIECE
                && let Some((_, value)) = changes.next()?
            {
                bytes += value.len();
                some.push(read_record(value).to_owned());
            }
            Ok(some)
        })
        .await?;
        self.changes = Some(changes);
        Ok(Some(some).filter(|some| !some.is_empty()))
    }

    /// The next changes as lines of [`write_change`], with nothing masked; `None` after the last.
    pub async fn next_lines(&mut self) -> Result<Option<Vec<Bytes>>, DerivedError> {
        let Some(changes) = self.changes.take() else { return Ok(None) };
        let key = std::mem::take(&mut self.key);
        let ((changes, key), lines) = step((changes, key), |(changes, key)| {
            let (mut records, mut ends) = (Vec::new(), vec![0]);
            while records.len() < PIECE
                && let Some((_, record)) = changes.next()?
            {
                records.extend_from_slice(record);
                ends.push(records.len());
            }
            Ok(written(key, &records, &ends))
        })
        .await?;
        (self.changes, self.key) = (Some(changes), key);
        Ok(Some(lines).filter(|lines| !lines.is_empty()))
    }
}

/// The lines of the changes in `records`; `ends` says where each record ends. They are written on all cores.
fn written(key: &[String], records: &[u8], ends: &[usize]) -> Vec<Bytes> {
    let places: Vec<_> = ends.windows(2).map(|ends| ends[0]..ends[1]).collect();
    let write = |part: &[Range<usize>]| {
        let mut lines = Vec::with_capacity(part.iter().map(|place| place.len() + LINE).sum());
        for place in part {
            write_change(key, read_record(&records[place.clone()]), None, &mut lines);
        }
        lines.into()
    };
    compute(|| places.par_chunks(places.len().div_ceil(PARTS).max(LEAST_PART)).map(write).collect())
}

/// Compares two contents of one table; `None` is a table that does not exist.
pub async fn diff(
    engine: &Engine,
    from: Option<&FileEntry>,
    to: Option<&FileEntry>,
) -> Result<TableDiff, DerivedError> {
    if from.map(|file| file.id) == to.map(|file| file.id) {
        return Ok(TableDiff::default());
    }
    let mut work = engine.budget().work(MEMORY).await;
    let cancel = Cancel::default();
    let wanted = Some(cancel.on_drop());
    let work = [work.halve(), work];
    let comparing = Comparing { engine, from, to, cancel: &cancel };
    let (mut pairs, work) = match comparing.changes(work).await? {
        FoundChanges::Lines(pairs, work) => (pairs, work),
        FoundChanges::InOrder(changes, _) => {
            let paired = last_step(changes, OrderedChanges::finish).await?;
            return Ok(TableDiff::of(paired, wanted));
        }
    };
    if let (Some(_), Some(to), true) = (from, to, pairs.needs_census()) {
        let may_have = Arc::new(pairs.may_have());
        let reader = engine.open(to.id, &to.content).await?;
        let mut blocks = LineBlocks::from(&reader, 0);
        while let Some(rows) = blocks.next().await? {
            let may_have = Arc::clone(&may_have);
            (pairs, ()) =
                step(pairs, move |pairs| pairs.take_census(&rows, Option::as_ref(&may_have))).await?;
        }
    }
    let paired = last_step((pairs, work), |(pairs, work)| pairs.finish(work)).await?;
    Ok(TableDiff::of(paired, wanted))
}

#[cfg(test)]
mod tests;
