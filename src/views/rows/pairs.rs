//! Pairs the lines of two contents: a modified row is on both sides.
//!
//! Sorts twice within the available memory: the lines by what pairs them, so that both sides of a row come together,
//! and then the resulting changes by their keys.

use std::collections::HashSet;
use std::io;

use regex::bytes::Regex;

use super::change::{RowChangeRef, RowCounts, changed_columns};
use super::key::{Pairing, id_of};
use super::lines::lines_of;
use super::names::{FEW, FEW_BYTES, texts};
use super::order::{write_place, write_text};
use super::record::write_record;
use super::steps::is_wanted;
use crate::memory::sort::LEAST;
use crate::memory::{Cancel, Sorted, Sorter, Work};
use crate::model::row::Row;
use crate::views::error::DerivedError;

/// The origin of a line. Lines of one key are sorted in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineSide {
    /// A row of the later content that has the id, changed or not.
    Census = 0,
    Removed = 1,
    Added = 2,
}

/// Lines with a key come before those without.
const KEYED: u8 = 0;
const UNKEYED: u8 = 1;

/// The length of what follows a key in its record: the side, and the number of the line.
const SUFFIX: usize = 9;

/// Cancellation is checked once per this many lines.
const LOOK: u64 = 1024;

pub struct Pairs {
    pairing: Pairing,
    columns: Vec<String>,
    lines: Sorter,
    count: u64,
    /// The ids of the lines, as long as they are few.
    ids: Option<HashSet<String>>,
    has_census: bool,
    cancel: Cancel,
    key: Vec<u8>,
}

pub struct Paired {
    /// The columns that name rows; none if no row has a name.
    pub key: Vec<String>,
    pub counts: RowCounts,
    /// Records of [`super::record`], in order.
    pub changes: Sorted,
}

impl Pairs {
    pub fn new(pairing: Pairing, work: Work, cancel: &Cancel) -> Self {
        let (columns, lines) = (pairing.columns(), Sorter::new(work, cancel));
        let (ids, cancel) = (Some(HashSet::new()), cancel.clone());
        Self { pairing, columns, lines, count: 0, ids, has_census: false, cancel, key: Vec::new() }
    }

    pub fn add(&mut self, side: LineSide, line: &[u8]) -> io::Result<()> {
        self.count += 1;
        self.add_numbered(side, self.count, line)
    }

    /// Adds both lines of a change.
    pub fn add_change(&mut self, change: RowChangeRef<'_>) -> io::Result<()> {
        for (side, line) in [(LineSide::Removed, change.from), (LineSide::Added, change.to)] {
            if let Some(line) = line {
                self.add(side, line)?;
            }
        }
        Ok(())
    }

    /// Adds a line. Lines with the same key on the same side are sorted by number.
    pub fn add_numbered(&mut self, side: LineSide, number: u64, line: &[u8]) -> io::Result<()> {
        let row = if self.columns.is_empty() { None } else { Row::parse(line) };
        let id = row.as_ref().filter(|_| self.pairing == Pairing::Id).and_then(id_of);
        self.key.clear();
        match (row, id) {
            (_, Some(id)) => {
                self.key.push(KEYED);
                write_text(&id, &mut self.key);
                self.note_id(id);
            }
            (Some(row), None) if self.pairing != Pairing::Id => {
                self.key.push(KEYED);
                write_place(&row.values(&self.columns), &mut self.key);
            }
            _ => self.key.push(UNKEYED),
        }
        self.key.push(side as u8);
        self.key.extend_from_slice(&number.to_be_bytes());
        self.lines.push(&self.key, line)
    }

    fn note_id(&mut self, id: String) {
        let Some(ids) = &mut self.ids else { return };
        ids.insert(id);
        if ids.len() > FEW || ids.iter().map(String::len).sum::<usize>() > FEW_BYTES {
            self.ids = None;
        }
    }

    /// Whether the ids in the whole later content have to be counted.
    pub fn needs_census(&self) -> bool {
        self.pairing == Pairing::Id && self.ids.as_ref().is_none_or(|ids| !ids.is_empty())
    }

    /// Matches lines that may have one of the ids; `None` if any line may.
    pub fn may_have(&self) -> Option<Regex> {
        self.ids.as_ref().and_then(|ids| texts(ids.iter()))
    }

    /// Counts rows of the later content by their ids.
    pub fn take_census(&mut self, rows: &[u8], may_have: Option<&Regex>) -> Result<(), DerivedError> {
        self.has_census = true;
        for line in lines_of(rows).filter(|line| may_have.is_none_or(|texts| texts.is_match(line))) {
            let Some(id) = Row::parse(line).as_ref().and_then(id_of) else { continue };
            if self.ids.as_ref().is_some_and(|ids| !ids.contains(&id)) {
                continue;
            }
            self.key.clear();
            self.key.push(KEYED);
            write_text(&id, &mut self.key);
            self.key.push(LineSide::Census as u8);
            self.key.extend_from_slice(&0_u64.to_be_bytes());
            self.lines.push(&self.key, &[])?;
        }
        Ok(())
    }

    /// Gives the memory back, for another way to find what differs.
    pub fn into_work(self) -> Work {
        self.lines.into_work()
    }

    /// Pairs the lines and sorts the changes by key; those without a key come last.
    pub fn finish(self, work: Work) -> Result<Paired, DerivedError> {
        let Self { pairing, columns, lines, has_census, cancel, .. } = self;
        let mut lines = lines.finish(u64::MAX)?;
        let mut changes = ChangeSorter {
            goes_by_id: pairing == Pairing::Id,
            columns: &columns,
            sorter: Sorter::new(work, &cancel),
            counts: RowCounts::default(),
            has_names: pairing != Pairing::Id,
            place: Vec::new(),
            value: Vec::new(),
        };
        let mut group = KeyGroup { has_census, ..KeyGroup::default() };
        let mut count = 0_u64;
        while let Some((key, line)) = lines.next()? {
            count += 1;
            if count.is_multiple_of(LOOK) {
                is_wanted(&cancel)?;
            }
            let (key, suffix) = key.split_at(key.len() - SUFFIX);
            if key != group.key {
                group.end(&mut changes)?;
                let key = key.to_vec();
                group = KeyGroup { has_census, key, ..KeyGroup::default() };
            }
            group.take(suffix[0], line, &mut changes)?;
        }
        group.end(&mut changes)?;
        drop(lines);
        let ChangeSorter { sorter, counts, has_names, .. } = changes;
        // Keeps little memory, because the reader of the changes may be slow.
        let changes = sorter.finish(LEAST)?;
        Ok(Paired { key: if has_names { columns } else { Vec::new() }, counts, changes })
    }
}

/// The lines of one key: at most one of each side is held.
#[derive(Default)]
struct KeyGroup {
    /// The key. Lines without one form a single group, and none of them is paired.
    key: Vec<u8>,
    has_census: bool,
    /// How many rows of the later content have the id.
    census: u64,
    removed: Option<Vec<u8>>,
    added: Option<Vec<u8>>,
    /// Whether several rows of one side have the id, so that it identifies none of them.
    is_repeated: bool,
}

impl KeyGroup {
    fn take(&mut self, side: u8, line: &[u8], changes: &mut ChangeSorter<'_>) -> Result<(), DerivedError> {
        if side == LineSide::Census as u8 {
            self.census += 1;
            return Ok(());
        }
        let is_later = side == LineSide::Added as u8;
        if self.key.first() == Some(&UNKEYED) {
            return changes.add_alone(&self.key, is_later, line, false);
        }
        if changes.goes_by_id {
            return self.take_by_id(is_later, line, changes);
        }
        if !is_later {
            // If several lines have the key, the last one is paired.
            return match self.removed.replace(line.to_vec()) {
                Some(before) => changes.add_alone(&self.key, false, &before, true),
                None => Ok(()),
            };
        }
        match self.removed.take() {
            Some(removed) => changes.add(&self.key, Some(&removed), Some(line), true),
            None => changes.add_alone(&self.key, true, line, true),
        }
    }

    fn take_by_id(
        &mut self,
        is_later: bool,
        line: &[u8],
        changes: &mut ChangeSorter<'_>,
    ) -> Result<(), DerivedError> {
        let held = if is_later { &mut self.added } else { &mut self.removed };
        if !self.is_repeated && held.is_none() {
            *held = Some(line.to_vec());
            return Ok(());
        }
        self.is_repeated = true;
        self.let_go(changes)?;
        changes.add_alone(&self.key, is_later, line, false)
    }

    /// Passes on the lines that are held, unpaired.
    fn let_go(&mut self, changes: &mut ChangeSorter<'_>) -> Result<(), DerivedError> {
        for (is_later, line) in [(false, self.removed.take()), (true, self.added.take())] {
            if let Some(line) = line {
                changes.add_alone(&self.key, is_later, &line, false)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, changes: &mut ChangeSorter<'_>) -> Result<(), DerivedError> {
        let [removed, added] = [&self.removed, &self.added].map(|line| u64::from(line.is_some()));
        if removed + added == 0 {
            return Ok(());
        }
        if changes.goes_by_id {
            let after = if self.has_census { self.census } else { added };
            // Both sides have the same number of rows that do not differ.
            let before = (after + removed).saturating_sub(added);
            if after > 1 || before > 1 {
                return self.let_go(changes);
            }
        }
        changes.add(&self.key, self.removed.as_deref(), self.added.as_deref(), true)
    }
}

struct ChangeSorter<'c> {
    goes_by_id: bool,
    columns: &'c [String],
    sorter: Sorter,
    counts: RowCounts,
    has_names: bool,
    place: Vec<u8>,
    value: Vec<u8>,
}

impl ChangeSorter<'_> {
    fn add_alone(
        &mut self,
        key: &[u8],
        is_later: bool,
        line: &[u8],
        has_key: bool,
    ) -> Result<(), DerivedError> {
        let [from, to] = if is_later { [None, Some(line)] } else { [Some(line), None] };
        self.add(key, from, to, has_key)
    }

    fn add(
        &mut self,
        key: &[u8],
        from: Option<&[u8]>,
        to: Option<&[u8]>,
        has_key: bool,
    ) -> Result<(), DerivedError> {
        if let (Some(from), Some(to)) = (from, to)
            && !differs(from, to)
        {
            return Ok(());
        }
        let is_named = key.first() == Some(&KEYED);
        self.has_names |= is_named;
        self.place.clear();
        self.place.push(if has_key { KEYED } else { UNKEYED });
        let line = from.or(to).unwrap_or_default();
        if is_named && !self.goes_by_id {
            self.place.extend_from_slice(&key[1..]);
        } else {
            match Row::parse(line).filter(|_| is_named) {
                Some(row) => write_place(&row.values(self.columns), &mut self.place),
                None => super::order::write_line(line, &mut self.place),
            }
        }
        self.value.clear();
        write_record(RowChangeRef { from, to, has_key }, &mut self.value)?;
        self.counts.add(from.is_some(), to.is_some());
        Ok(self.sorter.push(&self.place, &self.value)?)
    }
}

/// Whether both sides differ in more than columns without a value.
fn differs(from: &[u8], to: &[u8]) -> bool {
    match (Row::parse(from), Row::parse(to)) {
        (Some(from), Some(to)) => !changed_columns(&from, &to).is_empty(),
        _ => true,
    }
}
