//! What differs between two contents of one table, row by row.
//!
//! Lines that both have are equal rows, wherever they stand. What is left on both sides is paired by key: a row that was
//! modified is on both. A column that one side does not have counts as null there, so that a column added to a table
//! changes no row that has no value in it.

use std::collections::HashMap;

use super::lines::each_line_in;
use super::{DerivedError, key_of};
use crate::engine::{Engine, Reader, differing};
use crate::model::row::{NULL, Row, compare_keys};
use crate::source::FileEntry;

/// Lines that differ are held in memory, up to so many bytes.
const MOST_BYTES: usize = 1 << 30;

/// How a row differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange {
    /// The line before; none for a row that was added.
    pub from: Option<Vec<u8>>,
    /// The line after; none for a row that was removed.
    pub to: Option<Vec<u8>>,
}

/// The rows that differ between two contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableDiff {
    /// The columns of the key; empty where rows are told apart by all that they hold.
    pub key: Vec<String>,
    /// The changes, by key.
    pub changes: Vec<RowChange>,
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
        let mut counts = Counts::default();
        for change in &self.changes {
            match (&change.from, &change.to) {
                (None, _) => counts.added += 1,
                (_, None) => counts.removed += 1,
                _ => counts.modified += 1,
            }
        }
        counts
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
    // What both share is not read.
    let (old, new) = (open(engine, from).await?, open(engine, to).await?);
    let runs = differing(old.as_ref(), new.as_ref()).await?;
    let mut counts: HashMap<[u8; 16], i64> = HashMap::new();
    if let Some(old) = &old {
        each_line_in(old, &runs.before, |line| {
            *counts.entry(hash(line)).or_default() += 1;
            Ok(())
        })
        .await?;
    }
    let mut added = Held::default();
    if let Some(new) = &new {
        each_line_in(new, &runs.after, |line| match counts.get_mut(&hash(line)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                Ok(())
            }
            _ => added.push(line),
        })
        .await?;
    }
    counts.retain(|_, count| *count > 0);
    let mut removed = Held::default();
    if let Some(old) = old.as_ref().filter(|_| !counts.is_empty()) {
        each_line_in(old, &runs.before, |line| match counts.get_mut(&hash(line)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                removed.push(line)
            }
            _ => Ok(()),
        })
        .await?;
    }
    let key = key_of(from, to, removed.lines.iter().chain(&added.lines)).await?;
    Ok(TableDiff { changes: paired(&key, removed.lines, added.lines), key })
}

async fn open(engine: &Engine, file: Option<&FileEntry>) -> Result<Option<Reader>, DerivedError> {
    match file {
        Some(file) => Ok(Some(engine.open(file.id, &file.content).await?)),
        None => Ok(None),
    }
}

/// 128 bits of BLAKE3: lines that differ have other ones.
fn hash(line: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(line).as_bytes()[..16]);
    short
}

#[derive(Default)]
struct Held {
    lines: Vec<Vec<u8>>,
    bytes: usize,
}

impl Held {
    fn push(&mut self, line: &[u8]) -> Result<(), DerivedError> {
        self.bytes += line.len();
        if self.bytes > MOST_BYTES {
            return Err(DerivedError::TooMuch(format!("more than {MOST_BYTES} bytes of rows differ")));
        }
        self.lines.push(line.to_vec());
        Ok(())
    }
}

/// Pairs the lines of both sides by key, in the order of the keys. Lines without a key stay alone.
fn paired(key: &[String], removed: Vec<Vec<u8>>, added: Vec<Vec<u8>>) -> Vec<RowChange> {
    let mut changes: Vec<RowChange> = Vec::with_capacity(removed.len().max(added.len()));
    let mut by_key: HashMap<Vec<String>, usize> = HashMap::new();
    for line in removed {
        if let Some(values) = owned_key(key, &line) {
            by_key.insert(values, changes.len());
        }
        changes.push(RowChange { from: Some(line), to: None });
    }
    for line in added {
        let before = owned_key(key, &line).and_then(|values| by_key.remove(&values));
        match before {
            Some(at) => changes[at].to = Some(line),
            None => changes.push(RowChange { from: None, to: Some(line) }),
        }
    }
    changes.retain(differs);
    changes.sort_by_cached_key(|change| {
        let line = change.from.as_ref().or(change.to.as_ref()).map_or(&[][..], Vec::as_slice);
        SortKey(owned_key(key, line).unwrap_or_else(|| vec![String::from_utf8_lossy(line).into_owned()]))
    });
    changes
}

/// Whether both sides differ in more than columns without a value.
fn differs(change: &RowChange) -> bool {
    let (Some(from), Some(to)) = (&change.from, &change.to) else { return true };
    match (Row::parse(from), Row::parse(to)) {
        (Some(from), Some(to)) => !changed_columns(&from, &to).is_empty(),
        _ => true,
    }
}

/// The columns that differ, those of the later row first.
pub fn changed_columns<'r>(from: &'r Row<'_>, to: &'r Row<'_>) -> Vec<&'r str> {
    let of_to = to.columns().filter(|(name, value)| from.get(name).unwrap_or(NULL) != *value);
    let gone = from.columns().filter(|(name, value)| to.get(name).is_none() && *value != NULL);
    of_to.chain(gone).map(|(name, _)| name).collect()
}

fn owned_key(key: &[String], line: &[u8]) -> Option<Vec<String>> {
    if key.is_empty() {
        return None;
    }
    let values = Row::parse(line)?.values(key).into_iter().map(str::to_owned).collect();
    Some(values)
}

#[derive(PartialEq, Eq)]
struct SortKey(Vec<String>);

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let texts = |key: &Self| key.0.iter().map(String::as_str).collect::<Vec<_>>().join("\0");
        let (a, b): (Vec<&str>, Vec<&str>) =
            (self.0.iter().map(String::as_str).collect(), other.0.iter().map(String::as_str).collect());
        compare_keys(&a, &b).then_with(|| texts(self).cmp(&texts(other)))
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Writes a change as a line: `{"change","key","from","to"}`. Of a modified row only the columns that changed are
/// there, on both sides.
pub(super) fn write_change(key: &[String], change: &RowChange, out: &mut Vec<u8>) {
    let (from, to) = (change.from.as_deref().and_then(Row::parse), change.to.as_deref().and_then(Row::parse));
    let kind = match (&change.from, &change.to) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "modified",
    };
    out.extend_from_slice(format!("{{\"change\":\"{kind}\",\"key\":").as_bytes());
    match from.as_ref().or(to.as_ref()).filter(|_| !key.is_empty()) {
        Some(row) => write_object(key.iter().map(|name| (name.as_str(), row.get(name).unwrap_or(NULL))), out),
        None => out.extend_from_slice(NULL.as_bytes()),
    }
    let changed: Option<Vec<&str>> =
        from.as_ref().zip(to.as_ref()).map(|(from, to)| changed_columns(from, to));
    for (name, line, row) in [("from", &change.from, &from), ("to", &change.to, &to)] {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        match (line, row, &changed) {
            (_, Some(row), Some(changed)) => {
                write_object(changed.iter().map(|name| (*name, row.get(name).unwrap_or(NULL))), out);
            }
            (Some(line), _, _) => out.extend_from_slice(line),
            (None, ..) => out.extend_from_slice(NULL.as_bytes()),
        }
    }
    out.extend_from_slice(b"}\n");
}

/// Writes an object of columns, whose values are JSON texts.
pub(super) fn write_object<'c>(columns: impl Iterator<Item = (&'c str, &'c str)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, value)) in columns.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        serde_json::to_writer(&mut *out, name).expect("a string always serialises into memory");
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b'}');
}
