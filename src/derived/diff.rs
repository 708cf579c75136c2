//! What differs between two contents of one table, row by row.
//!
//! Lines that both have are equal rows, wherever they stand. What is left on both sides is paired by key: a row that was
//! modified is on both. A column that one side does not have counts as null there, so that a column added to a table
//! changes no row that has no value in it.

use std::collections::HashMap;

use super::sides::differing_lines;
use super::{DerivedError, key_of};
use crate::engine::Engine;
use crate::model::row::{NULL, Row, compare_keys};
use crate::model::secrets::{MASK, TableSecrets};
use crate::source::FileEntry;

/// What each line of a difference begins with.
const CHANGE: &str = "{\"change\":\"";

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

impl Counts {
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
    let sides = differing_lines(engine, from, to).await?;
    let key = key_of(from, to, sides.removed.iter().chain(&sides.added)).await?;
    Ok(TableDiff { changes: paired(&key, sides.removed, sides.added), key })
}

/// Pairs the lines of both sides by key, in the order of the keys. Lines without a key stay alone.
fn paired(key: &[String], removed: Vec<Vec<u8>>, added: Vec<Vec<u8>>) -> Vec<RowChange> {
    let mut changes: Vec<(SortKey, RowChange)> = Vec::with_capacity(removed.len().max(added.len()));
    let mut by_key: HashMap<Vec<String>, usize> = HashMap::new();
    for line in removed {
        let place = SortKey::of(key, &line);
        if !key.is_empty() {
            by_key.insert(place.0.clone(), changes.len());
        }
        changes.push((place, RowChange { from: Some(line), to: None }));
    }
    for line in added {
        let place = SortKey::of(key, &line);
        match by_key.remove(&place.0) {
            Some(at) => changes[at].1.to = Some(line),
            None => changes.push((place, RowChange { from: None, to: Some(line) })),
        }
    }
    changes.retain(|(_, change)| differs(change));
    changes.sort_by(|(a, _), (b, _)| a.cmp(b));
    changes.into_iter().map(|(_, change)| change).collect()
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

/// The values of a row's key; the whole line of one without a key.
#[derive(PartialEq, Eq)]
struct SortKey(Vec<String>);

impl SortKey {
    fn of(key: &[String], line: &[u8]) -> Self {
        let row = if key.is_empty() { None } else { Row::parse(line) };
        Self(match row {
            Some(row) => row.values(key).into_iter().map(str::to_owned).collect(),
            None => vec![String::from_utf8_lossy(line).into_owned()],
        })
    }
}

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
/// there, on both sides. What is secret by `secrets` is masked.
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
    match from.as_ref().or(to.as_ref()).filter(|_| !key.is_empty()) {
        Some(row) => write_object(key.iter().map(|name| (name.as_str(), value(row, name))), out),
        None => out.extend_from_slice(NULL.as_bytes()),
    }
    let changed: Option<Vec<&str>> =
        from.as_ref().zip(to.as_ref()).map(|(from, to)| changed_columns(from, to));
    for (name, line, row) in [("from", &change.from, &from), ("to", &change.to, &to)] {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        match (line, row, &changed) {
            (_, Some(row), Some(changed)) => {
                write_object(changed.iter().map(|name| (*name, value(row, name))), out);
            }
            (Some(line), _, _) => match secrets {
                Some(secrets) => out.extend_from_slice(&secrets.mask(line)),
                None => out.extend_from_slice(line),
            },
            (None, ..) => out.extend_from_slice(NULL.as_bytes()),
        }
    }
    out.extend_from_slice(b"}\n");
}

/// Writes an object of columns, whose values are JSON texts.
pub(super) fn write_object<'c>(columns: impl Iterator<Item = (&'c str, impl AsRef<str>)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, value)) in columns.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        serde_json::to_writer(&mut *out, name).expect("a string always serialises into memory");
        out.push(b':');
        out.extend_from_slice(value.as_ref().as_bytes());
    }
    out.push(b'}');
}
