//! Rows that differ, and how they are written as lines of JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::key::name_in;
use crate::model::row::{NULL, Row, is_same_value, trimmed, write_json_name};
use crate::model::secrets::{MASK, TableSecrets};

const CHANGE: &str = "{\"change\":\"";

/// How a row differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange {
    /// The line before; none for a row that was added.
    pub from: Option<Vec<u8>>,
    /// The line after; none for a row that was removed.
    pub to: Option<Vec<u8>>,
    /// Whether its key identifies it. False for a row whose `id` other rows have too, and for a line that is not an
    /// object.
    pub has_key: bool,
}

/// A [`RowChange`] with borrowed lines.
#[derive(Debug, Clone, Copy)]
pub struct RowChangeRef<'c> {
    /// The line before; none for a row that was added.
    pub from: Option<&'c [u8]>,
    /// The line after; none for a row that was removed.
    pub to: Option<&'c [u8]>,
    /// Whether its key identifies it.
    pub has_key: bool,
}

impl RowChange {
    /// The same, borrowed.
    pub fn borrowed(&self) -> RowChangeRef<'_> {
        RowChangeRef { from: self.from.as_deref(), to: self.to.as_deref(), has_key: self.has_key }
    }

    /// The name of its row, where `key` are the columns that name the rows of its table. `None` for a row without a
    /// name, and for a line that is not a row.
    pub fn name(&self, key: &[String]) -> Option<String> {
        name_in(&Row::parse(self.line()?)?, key)
    }

    /// Its line after the change; for a removed row, the line before.
    pub fn line(&self) -> Option<&[u8]> {
        self.to.as_deref().or(self.from.as_deref())
    }
}

impl RowChangeRef<'_> {
    /// A copy.
    pub fn to_owned(self) -> RowChange {
        let Self { from, to, has_key } = self;
        RowChange { from: from.map(<[u8]>::to_vec), to: to.map(<[u8]>::to_vec), has_key }
    }
}

/// How many rows were added, removed and modified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct RowCounts {
    /// Only in the later one.
    pub added: u64,
    /// Only in the earlier one.
    pub removed: u64,
    /// In both, with other values.
    pub modified: u64,
}

impl RowCounts {
    /// Counts a change by the sides it is on.
    pub fn add(&mut self, is_before: bool, is_after: bool) {
        match (is_before, is_after) {
            (false, _) => self.added += 1,
            (_, false) => self.removed += 1,
            _ => self.modified += 1,
        }
    }

    /// Adds the counts of `others`.
    pub fn add_all(&mut self, others: Self) {
        self.added += others.added;
        self.removed += others.removed;
        self.modified += others.modified;
    }

    /// The counts of some changes.
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
    pub fn add_line(&mut self, line: &[u8]) {
        let kind = line.strip_prefix(CHANGE.as_bytes()).unwrap_or_default();
        self.add(!kind.starts_with(b"added"), !kind.starts_with(b"removed"));
    }
}

/// The columns that differ, those of the later row first.
pub fn changed_columns<'r>(from: &'r Row<'_>, to: &'r Row<'_>) -> Vec<&'r str> {
    let is_other = |(at, (name, value)): &(usize, (&str, &str))| {
        !is_same_value(from.get_near(*at, name).unwrap_or(NULL), value)
    };
    let is_gone =
        |(at, (name, value)): &(usize, (&str, &str))| to.get_near(*at, name).is_none() && *value != NULL;
    let of_to = to.columns().enumerate().filter(is_other);
    let gone = from.columns().enumerate().filter(is_gone);
    of_to.chain(gone).map(|(_, (name, _))| name).collect()
}

/// Writes a change as a line: `{"change","key","from","to"}`. For a modified row, both sides hold only the columns
/// that changed. A line that is not an object becomes a string, and `"line"` says how it is encoded. What is secret
/// by `secrets` is masked.
pub fn write_change(
    key: &[String],
    change: RowChangeRef<'_>,
    secrets: Option<&TableSecrets<'_>>,
    out: &mut Vec<u8>,
) {
    let (from, to) = (change.from.and_then(Row::parse), change.to.and_then(Row::parse));
    let kind = match (change.from, change.to) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "modified",
    };
    [CHANGE, kind, "\",\"key\":"].iter().for_each(|text| out.extend_from_slice(text.as_bytes()));
    match from.as_ref().or(to.as_ref()).filter(|_| change.has_key && !key.is_empty()) {
        Some(row) => {
            write_object(key.iter().map(|name| (name.as_str(), shown(row, name, secrets))), out);
        }
        None => out.extend_from_slice(NULL.as_bytes()),
    }
    let changed: Option<Vec<&str>> =
        from.as_ref().zip(to.as_ref()).map(|(from, to)| changed_columns(from, to));
    let mut written = None;
    for (name, line, row) in [(",\"from\":", change.from, &from), (",\"to\":", change.to, &to)] {
        out.extend_from_slice(name.as_bytes());
        match (line, row, &changed) {
            (_, Some(row), Some(changed)) => {
                write_object(changed.iter().map(|name| (*name, shown(row, name, secrets))), out);
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

/// The value of a column, or what stands for it if it is secret.
fn shown<'r>(row: &Row<'r>, column: &str, secrets: Option<&TableSecrets<'_>>) -> &'r str {
    let is_hidden = secrets.is_some_and(|secrets| secrets.hides(row, column));
    if is_hidden { MASK } else { row.get(column).unwrap_or(NULL) }
}

/// Writes a line that is not an object as a string, and returns the encoding: text, or Base64 if it is not UTF-8.
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
pub fn write_object<'c>(columns: impl Iterator<Item = (&'c str, impl AsRef<str>)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, value)) in columns.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json_name(name, out);
        out.push(b':');
        out.extend_from_slice(value.as_ref().as_bytes());
    }
    out.push(b'}');
}
