//! What differs between two contents of one table, row by row.
//!
//! Lines that both have are equal rows, wherever they stand; blank lines, and white space around a row, are none of it.
//! What is left on both sides is paired by key ([`super::pairs`]). A column that one side does not have counts as null
//! there, so that a column added to a table changes no row that has no value in it. A line that is no object counts as a
//! row without a key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use super::DerivedError;
use super::key::name_in;
use super::lines::LineBlocks;
use super::pairs::read_change;
use super::sides::Comparing;
use super::steps::step;
use crate::content::FileEntry;
use crate::engine::Engine;
use crate::memory::cancel::CancelOnDrop;
use crate::memory::sort::LEAST;
use crate::memory::{Cancel, Sorted};
use crate::model::row::{NULL, Row, is_same_value, json_name, trimmed};
use crate::model::secrets::{MASK, TableSecrets};

/// What each line of a difference begins with.
const CHANGE: &str = "{\"change\":\"";

/// The memory that a difference waits for, in bytes: two things are sorted at a time.
const MEMORY: u64 = 2 * LEAST;

/// How much is handed out at once, in bytes.
const PIECE: usize = 256 << 10;

/// How a row differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange {
    /// The line before; none for a row that was added.
    pub from: Option<Vec<u8>>,
    /// The line after; none for a row that was removed.
    pub to: Option<Vec<u8>>,
    /// Whether it goes by its key: not a row whose id others have too, nor a line that is no object.
    pub has_key: bool,
}

/// The rows that differ between two contents.
#[derive(Default)]
pub struct TableDiff {
    /// The columns that name rows; empty where rows are told apart by all that they hold.
    pub key: Vec<String>,
    counts: Counts,
    /// The changes that were not taken yet, by key.
    changes: Option<Sorted>,
    _wanted: Option<CancelOnDrop>,
}

impl RowChange {
    /// The name of its row, where `key` are the columns that name the rows of its table: of one that goes by its key the
    /// key's, else the name that several rows have. `None` for rows without a name, and for what is no row.
    pub fn name(&self, key: &[String]) -> Option<String> {
        name_in(&Row::parse(self.line()?)?, key)
    }

    /// Its line as it is, or, of a row that was removed, as it was.
    pub fn line(&self) -> Option<&[u8]> {
        self.to.as_deref().or(self.from.as_deref())
    }
}

/// How many rows differ in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Only in the later one.
    pub added: u64,
    /// Only in the earlier one.
    pub removed: u64,
    /// In both, with other values.
    pub modified: u64,
}

impl TableDiff {
    /// How many rows differ in which way.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The next changes, by key: some hundred KiB; `None` after the last.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub async fn next(&mut self) -> Result<Option<Vec<RowChange>>, DerivedError> {
        let Some(changes) = self.changes.take() else { return Ok(None) };
        let (changes, some) = step(changes, |changes| {
            let (mut some, mut bytes) = (Vec::new(), 0);
            while bytes < PIECE
                && let Some((_, value)) = changes.next()?
            {
                bytes += value.len();
                some.push(read_change(value));
            }
            Ok(some)
        })
        .await?;
        self.changes = Some(changes);
        Ok(Some(some).filter(|some| !some.is_empty()))
    }

    /// The same as lines of [`write_change`]; nothing secret is masked.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub async fn next_lines(&mut self) -> Result<Option<Bytes>, DerivedError> {
        let Some(changes) = self.changes.take() else { return Ok(None) };
        let key = std::mem::take(&mut self.key);
        let ((changes, key), lines) = step((changes, key), |(changes, key)| {
            let mut lines = Vec::new();
            while lines.len() < PIECE
                && let Some((_, value)) = changes.next()?
            {
                write_change(key, &read_change(value), None, &mut lines);
            }
            Ok(lines)
        })
        .await?;
        (self.changes, self.key) = (Some(changes), key);
        Ok(Some(Bytes::from(lines)).filter(|lines| !lines.is_empty()))
    }
}

impl Counts {
    /// Counts a change by the sides that it is on.
    pub(super) fn add(&mut self, is_before: bool, is_after: bool) {
        match (is_before, is_after) {
            (false, _) => self.added += 1,
            (_, false) => self.removed += 1,
            _ => self.modified += 1,
        }
    }

    /// How these rows differ.
    pub fn of(changes: &[RowChange]) -> Self {
        let mut counts = Self::default();
        changes.iter().for_each(|change| counts.add(change.from.is_some(), change.to.is_some()));
        counts
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.added + self.removed + self.modified
    }

    /// Counts a line that [`write_change`] wrote.
    pub(super) fn add_line(&mut self, line: &[u8]) {
        let kind = line.strip_prefix(CHANGE.as_bytes()).unwrap_or_default();
        if kind.starts_with(b"added") {
            self.added += 1;
        } else if kind.starts_with(b"removed") {
            self.removed += 1;
        } else {
            self.modified += 1;
        }
    }
}

/// What differs between two contents of one table; `None` stands for a table that is not there.
///
/// # Errors
/// Why one of them cannot be read, or is no table.
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
    let (mut pairs, work) = comparing.lines(work).await?;
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
    let (_, paired) = step(Some((pairs, work)), |pairs| match pairs.take() {
        Some((pairs, work)) => pairs.finish(work),
        None => unreachable!("nothing took them before"),
    })
    .await?;
    Ok(TableDiff { key: paired.key, counts: paired.counts, changes: Some(paired.changes), _wanted: wanted })
}

/// Whether a file holds one row per line, as its name says. Of any other, each line counts as it is.
pub(super) fn is_table(path: &str) -> bool {
    path.ends_with(".jsonl")
}

/// The columns that differ, those of the later row first.
pub fn changed_columns<'r>(from: &'r Row<'_>, to: &'r Row<'_>) -> Vec<&'r str> {
    let is_other = |(name, value): &(&str, &str)| !is_same_value(from.get(name).unwrap_or(NULL), value);
    let of_to = to.columns().filter(is_other);
    let gone = from.columns().filter(|(name, value)| to.get(name).is_none() && *value != NULL);
    of_to.chain(gone).map(|(name, _)| name).collect()
}

/// Writes a change as a line: `{"change","key","from","to"}`. Of a modified row only the columns that changed are
/// there, on both sides. A line that is no object is a string, and `"line"` says how it is written. What is secret by
/// `secrets` is masked.
pub fn write_change(
    key: &[String],
    change: &RowChange,
    secrets: Option<&TableSecrets<'_>>,
    out: &mut Vec<u8>,
) {
    let value = |row: &Row<'_>, column: &str| {
        let is_hidden = secrets.is_some_and(|secrets| secrets.hides(row, column));
        if is_hidden { MASK.to_owned() } else { row.get(column).unwrap_or(NULL).to_owned() }
    };
    let (from, to) = (change.from.as_deref().and_then(Row::parse), change.to.as_deref().and_then(Row::parse));
    let kind = match (&change.from, &change.to) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "modified",
    };
    out.extend_from_slice(format!("{CHANGE}{kind}\",\"key\":").as_bytes());
    match from.as_ref().or(to.as_ref()).filter(|_| change.has_key && !key.is_empty()) {
        Some(row) => write_object(key.iter().map(|name| (name.as_str(), value(row, name))), out),
        None => out.extend_from_slice(NULL.as_bytes()),
    }
    let changed: Option<Vec<&str>> =
        from.as_ref().zip(to.as_ref()).map(|(from, to)| changed_columns(from, to));
    let mut written = None;
    for (name, line, row) in [("from", &change.from, &from), ("to", &change.to, &to)] {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        match (line, row, &changed) {
            (_, Some(row), Some(changed)) => {
                write_object(changed.iter().map(|name| (*name, value(row, name))), out);
            }
            (Some(line), Some(_), None) => match secrets {
                Some(secrets) => out.extend_from_slice(&secrets.mask(line)),
                None => out.extend_from_slice(trimmed(line)),
            },
            (Some(line), None, _) => written = Some(write_line(line, secrets, out)),
            (None, ..) => out.extend_from_slice(NULL.as_bytes()),
        }
    }
    if let Some(written) = written {
        out.extend_from_slice(format!(",\"line\":\"{written}\"").as_bytes());
    }
    out.extend_from_slice(b"}\n");
}

/// Writes a line that is no object as a string, and says how: as its text, or in Base64 where it is not UTF-8.
fn write_line(line: &[u8], secrets: Option<&TableSecrets<'_>>, out: &mut Vec<u8>) -> &'static str {
    let (text, written) = match std::str::from_utf8(line) {
        _ if secrets.is_some() => (MASK.to_owned(), "text"),
        Ok(text) => (Value::from(text).to_string(), "text"),
        Err(_) => (Value::from(STANDARD.encode(line)).to_string(), "base64"),
    };
    out.extend_from_slice(text.as_bytes());
    written
}

/// Writes an object of columns, whose values are JSON texts.
pub(super) fn write_object<'c>(columns: impl Iterator<Item = (&'c str, impl AsRef<str>)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, value)) in columns.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(json_name(name).as_bytes());
        out.push(b':');
        out.extend_from_slice(value.as_ref().as_bytes());
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests;
