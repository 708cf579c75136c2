//! Finds the lines in which two contents of one table differ, in the cheapest way that both allow.

use std::sync::Arc;

use super::found::FoundChanges;
use super::key::{Candidates, Pairing, is_table};
use super::lines::{LineBlocks, lines_of};
use super::order::write_place;
use super::ordered::OrderedChanges;
use super::pairs::{LineSide, Pairs};
use super::steps::{is_wanted, last_step, step};
use crate::content::versioned::ChangeSink;
use crate::content::{FileEntry, SourceError};
use crate::engine::{Engine, MergedRows, Reader, differing};
use crate::memory::{Cancel, Sorted, Sorter, Work};
use crate::model::row::{Row, trimmed};
use crate::views::error::DerivedError;

/// The lengths of a line's hash and of its number.
const HASH: usize = 16;
const NUMBER: usize = 8;

/// Cancellation is checked once per this many lines.
const LOOK: u64 = 1024;

pub struct Comparing<'c> {
    pub engine: &'c Engine,
    pub from: Option<&'c FileEntry>,
    pub to: Option<&'c FileEntry>,
    pub cancel: &'c Cancel,
}

/// The result of one way: what differs, or all memory if the way does not apply.
type WayResult = Result<FoundChanges, [Work; 2]>;

impl Comparing<'_> {
    pub async fn changes(&self, work: [Work; 2]) -> Result<FoundChanges, DerivedError> {
        let is_table = self.from.or(self.to).is_some_and(|file| is_table(&file.path));
        let candidates =
            if is_table { Candidates::of(self.from, self.to).await? } else { Candidates::none() };
        let work = match self.reported(&candidates, work).await? {
            Ok(found) => return Ok(found),
            Err(work) => work,
        };
        let work = match self.in_order(&candidates, work).await? {
            Ok(found) => return Ok(found),
            Err(work) => work,
        };
        let work = match self.by_key(&candidates, work).await? {
            Ok(found) => return Ok(found),
            Err(work) => work,
        };
        self.by_lines(candidates, is_table, work).await
    }

    /// The changes that a source reports between two versions of one table, without reading either.
    async fn reported(&self, candidates: &Candidates, work: [Work; 2]) -> Result<WayResult, DerivedError> {
        let sides = [self.from, self.to].map(|file| file.and_then(|file| file.content.versioned()));
        let [Some(from), Some(to)] = sides else { return Ok(Err(work)) };
        if from.family().await.map_err(Arc::new)?.id != to.family().await.map_err(Arc::new)?.id {
            return Ok(Err(work));
        }
        // All rows have the columns of one schema, so none has to be judged.
        let mut found = FoundChanges::new(candidates.pairing(), work, self.cancel);
        let (sink, mut batches) = ChangeSink::new();
        let collect = async {
            while let Some(batch) = batches.recv().await {
                let cancel = self.cancel.clone();
                found = last_step(found, move |found| found.with(&batch, &cancel)).await?;
            }
            Ok::<_, DerivedError>(found)
        };
        let push = async {
            let pushed = to.push_changes(from.version(), u64::MAX, sink).await;
            pushed.map_err(|error| DerivedError::from(Arc::new(error)))
        };
        let (are_known, found) = tokio::try_join!(push, collect)?;
        Ok(if are_known { Ok(found) } else { Err(found.into_work()) })
    }

    /// Finds the rows that differ if both sides have their rows in the order of a difference. Renders only these rows.
    async fn in_order(
        &self,
        candidates: &Candidates,
        [one, other]: [Work; 2],
    ) -> Result<WayResult, DerivedError> {
        let Pairing::Key(key) = candidates.pairing() else { return Ok(Err([one, other])) };
        let pair = [self.from, self.to].map(|file| file.map(|file| file.content.clone()));
        let columns = key.clone();
        let place = move |line: &[u8], out: &mut Vec<u8>| {
            if let Some(row) = Row::parse(line) {
                write_place(&row.values(&columns), out);
            }
        };
        let changes = OrderedChanges::new(key, one, self.cancel);
        let add = |changes: &mut OrderedChanges, rows: &MergedRows<'_>| {
            Ok(changes.add(rows.count(), |range| rows.lines(range))? == rows.count())
        };
        let (changes, is_whole) = self.engine.merged_rows(pair, place, changes, add).await?;
        Ok(match is_whole {
            true => Ok(FoundChanges::InOrder(changes, other)),
            false => Err([changes.into_work(), other]),
        })
    }

    /// Finds the rows that differ by their keys, in any order. Renders only these rows.
    async fn by_key(
        &self,
        candidates: &Candidates,
        [one, other]: [Work; 2],
    ) -> Result<WayResult, DerivedError> {
        let pair = [self.from, self.to].map(|file| file.map(|file| file.content.clone()));
        let pairs = Pairs::new(candidates.pairing(), one, self.cancel);
        let rows = self.engine.changed_rows(vec![pair], other, pairs, |pairs, _, row| {
            let side = if row.is_later { LineSide::Added } else { LineSide::Removed };
            pairs.add(side, &row.line()?).map_err(|error| Arc::new(SourceError::of_temporary_file(error)))
        });
        let (pairs, are_known, other) = rows.await?;
        Ok(match are_known == [true] {
            true => Ok(FoundChanges::Lines(pairs, other)),
            false => Err([pairs.into_work(), other]),
        })
    }

    /// Finds the lines that differ, wherever they are.
    async fn by_lines(
        &self,
        mut candidates: Candidates,
        is_table: bool,
        [one, other]: [Work; 2],
    ) -> Result<FoundChanges, DerivedError> {
        // What both share is not read.
        let (old, new) = (self.open(self.from).await?, self.open(self.to).await?);
        let runs = differing(old.as_ref(), new.as_ref()).await?;
        let mut lines = SortedLines { sorter: Sorter::new(one, self.cancel), is_table, count: 0 };
        for (side, reader, runs) in
            [(LineSide::Removed, old, runs.before), (LineSide::Added, new, runs.after)]
        {
            let Some(reader) = reader else { continue };
            let mut blocks = LineBlocks::of_runs(&reader, runs);
            while let Some(block) = blocks.next().await? {
                (lines, ()) = step(lines, move |lines| lines.add(side, &block)).await?;
            }
        }
        let cancel = self.cancel.clone();
        last_step((lines, other), move |(lines, other)| {
            let mut sorted = lines.sorter.finish(u64::MAX)?;
            if candidates.have_to_be_judged() {
                each_left(&mut sorted, &cancel, |_, _, line| {
                    if let Some(row) = Row::parse(line) {
                        candidates.judge(&row);
                    }
                    Ok(())
                })?;
                sorted.rewind()?;
            }
            let mut pairs = Pairs::new(candidates.pairing(), other, &cancel);
            let add = |side, number, line: &[u8]| Ok(pairs.add_numbered(side, number, line)?);
            each_left(&mut sorted, &cancel, add)?;
            Ok(FoundChanges::Lines(pairs, sorted.into_work()))
        })
        .await
    }

    async fn open(&self, file: Option<&FileEntry>) -> Result<Option<Reader>, DerivedError> {
        match file {
            Some(file) => Ok(Some(self.engine.open(file.id, &file.content).await?)),
            None => Ok(None),
        }
    }
}

/// Lines of both sides, sorted by hash, so that equal lines come together.
struct SortedLines {
    sorter: Sorter,
    is_table: bool,
    count: u64,
}

impl SortedLines {
    fn add(&mut self, side: LineSide, block: &[u8]) -> Result<(), DerivedError> {
        let mut value = Vec::new();
        for line in lines_of(block) {
            let Some(line) = counted(line, self.is_table) else { continue };
            value.clear();
            value.push(side as u8);
            value.extend_from_slice(&self.count.to_le_bytes());
            value.extend_from_slice(line);
            self.count += 1;
            // 128 bits of BLAKE3: different lines have different hashes.
            self.sorter.push(&blake3::hash(line).as_bytes()[..HASH], &value)?;
        }
        Ok(())
    }
}

/// The part of a line that counts: in a table the row without surrounding white space, and no blank line; in another
/// file all of it.
fn counted(line: &[u8], is_table: bool) -> Option<&[u8]> {
    match is_table {
        true => Some(trimmed(line)).filter(|row| !row.is_empty()),
        false => Some(line),
    }
}

#[derive(Default)]
struct EqualLines {
    hash: Vec<u8>,
    line: Vec<u8>,
    /// For the earlier and the later side: the number of lines, and the number of the first one.
    sides: [(u64, u64); 2],
}

impl EqualLines {
    /// Calls `take` with the line, as often as one side has it more than the other.
    fn end(
        &self,
        take: &mut impl FnMut(LineSide, u64, &[u8]) -> Result<(), DerivedError>,
    ) -> Result<(), DerivedError> {
        let [(removed, first), (added, first_added)] = self.sides;
        (added..removed).try_for_each(|_| take(LineSide::Removed, first, &self.line))?;
        (removed..added).try_for_each(|_| take(LineSide::Added, first_added, &self.line))
    }
}

/// Calls `take` with the side, the number and the text of each line that has no equal on the other side.
fn each_left(
    sorted: &mut Sorted,
    cancel: &Cancel,
    mut take: impl FnMut(LineSide, u64, &[u8]) -> Result<(), DerivedError>,
) -> Result<(), DerivedError> {
    let (mut equal, mut count) = (EqualLines::default(), 0_u64);
    while let Some((hash, value)) = sorted.next()? {
        count += 1;
        if count.is_multiple_of(LOOK) {
            is_wanted(cancel)?;
        }
        let (side, rest) = value.split_at(1);
        let (number, line) = rest.split_at(NUMBER);
        if equal.hash != hash {
            equal.end(&mut take)?;
            equal.hash.clear();
            equal.hash.extend_from_slice(hash);
            equal.line.clear();
            equal.line.extend_from_slice(line);
            equal.sides = [(0, 0); 2];
        }
        let side = &mut equal.sides[usize::from(side[0] == LineSide::Added as u8)];
        if side.0 == 0 {
            side.1 = u64::from_le_bytes(number.try_into().expect("it is as long"));
        }
        side.0 += 1;
    }
    equal.end(&mut take)
}
