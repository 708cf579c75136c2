//! The rows of an exported table, one JSON text per line.
//!
//! A true JSONL file passes through byte for byte once each line is found to be JSON (lines of white space
//! pass too). The other form is what `dolt sql --result-format json` prints and dolt-archive stores under the
//! same name: one document `{"rows":[...]}`, keys sorted, NULLs left out, or `{}` for no rows. It is rendered
//! as one row per line. A file counts as of that form when it begins with `{"rows":[`, white space aside.
//!
//! Both forms are read and passed on row by row, so that reading takes memory for the longest row only; how
//! much of what was passed on is held is up to whoever receives it.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::head;
use crate::model::jsonl::compact_json;
use crate::source::blocking::on_blocking_thread;
use crate::source::stored::{PIECE, Stored, stored_error};
use crate::source::{Content, ErrorKind, Sink, SourceError};

/// What an export's file is called: dolt-archive exports the table `issues`, whatever the database.
pub(in crate::source) const EXPORTED_TABLE: &str = "issues.jsonl";

/// What the bytes of an export that is no JSONL are called, beside its rows.
pub(in crate::source) const RAW_EXPORT: &str = "issues.json";

/// The longest row that is read, in bytes: four times what MySQL's default packet holds.
pub(in crate::source) const LONGEST_ROW: u64 = 256 * 1024 * 1024;

/// The rows of one export.
pub(in crate::source) struct Export {
    /// The label of its source.
    pub(in crate::source) label: Arc<str>,
    /// The export.
    pub(in crate::source) stored: Arc<dyn Stored>,
}

#[async_trait]
impl Content for Export {
    fn describe(&self) -> String {
        format!("rows of {}", self.stored.describe())
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let (label, stored) = (Arc::clone(&self.label), Arc::clone(&self.stored));
        on_blocking_thread(&self.label, move || read_export(&label, &*stored, sink)).await
    }
}

/// Why an export could not be read to its end.
#[derive(Debug, thiserror::Error)]
enum Problem {
    /// Nobody wants the rest: no failure.
    #[error("the reader went away")]
    Closed,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("line {line}, column {column}: {what}")]
    NotJson { line: u64, column: usize, what: String },
    #[error("line {line}: a row of more than {LONGEST_ROW} bytes")]
    TooLong { line: u64 },
}

/// Pushes the rows of an export. Blocks.
///
/// # Errors
/// What is wrong with it.
pub(in crate::source) fn read_export(
    label: &str,
    stored: &dyn Stored,
    sink: Sink,
) -> Result<(), SourceError> {
    let what = stored.describe();
    let operation = || format!("cannot read the rows of {what}");
    let fail = |error| stored_error(label, operation(), &what, error);
    let reader = stored.read().map_err(fail)?;
    let mut lines = Lines { sink, pending: Vec::new() };
    let outcome = copy_rows(reader, stored.len(), &mut lines).and_then(|()| lines.flush());
    // What is being written looks damaged: that it changed is the better answer.
    if outcome.is_err() && !matches!(outcome, Err(Problem::Closed)) {
        stored.check().map_err(fail)?;
    }
    let (kind, problem) = match outcome {
        Ok(()) | Err(Problem::Closed) => return Ok(()),
        Err(Problem::Io(error)) => return Err(fail(error)),
        Err(problem @ Problem::NotJson { .. }) => (ErrorKind::Damaged, problem),
        Err(problem @ Problem::TooLong { .. }) => (ErrorKind::Unsupported, problem),
    };
    let cut =
        if kind == ErrorKind::Damaged { "the export was cut short or is still being written; " } else { "" };
    Err(SourceError::new(kind, label, operation())
        .because(problem)
        .with_hint(format!("{cut}the raw file can be copied from {what}")))
}

fn copy_rows(mut reader: impl Read, len: u64, lines: &mut Lines) -> Result<(), Problem> {
    // As many bytes as the listing decides on, however few come at a time.
    let head = head(&mut reader)?;
    let form = form_of(&head, len);
    let reader = BufReader::with_capacity(PIECE, io::Cursor::new(head).chain(reader));
    match form {
        Form::NoRows => Ok(()),
        Form::Lines => copy_lines(reader, lines),
        Form::Document => render_document(reader, lines),
    }
}

/// What an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Form {
    /// `{}`: dolt's document for a result without rows.
    NoRows,
    /// One row per line.
    Lines,
    /// `{"rows":[...]}`.
    Document,
}

/// Tells the form of `len` bytes from how they begin.
pub(in crate::source) fn form_of(head: &[u8], len: u64) -> Form {
    let mut rest = head;
    for token in [&b"{"[..], b"\"rows\"", b":", b"["] {
        rest = rest.trim_ascii_start();
        match rest.strip_prefix(token) {
            Some(after) => rest = after,
            None if head.len() as u64 == len && head.trim_ascii() == b"{}" => return Form::NoRows,
            None => return Form::Lines,
        }
    }
    Form::Document
}

/// Output, gathered into pieces.
struct Lines {
    sink: Sink,
    pending: Vec<u8>,
}

impl Lines {
    fn flush_if_full(&mut self) -> Result<(), Problem> {
        if self.pending.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Problem> {
        if self.pending.is_empty() {
            return Ok(());
        }
        // Copied, so that a piece takes the memory that its length says: the cache counts lengths.
        let piece = Bytes::copy_from_slice(&self.pending);
        self.pending.clear();
        self.sink.push_blocking(piece).map_err(|_| Problem::Closed)
    }
}

/// Passes true JSONL through.
fn copy_lines(mut reader: impl BufRead, lines: &mut Lines) -> Result<(), Problem> {
    let mut number = 0;
    loop {
        number += 1;
        let start = lines.pending.len();
        let count = reader.by_ref().take(LONGEST_ROW + 1).read_until(b'\n', &mut lines.pending)?;
        if count == 0 {
            return Ok(());
        }
        if count as u64 > LONGEST_ROW {
            return Err(Problem::TooLong { line: number });
        }
        check_line(&lines.pending[start..], number)?;
        lines.flush_if_full()?;
    }
}

/// Checks one line. Skipping a value recurses nowhere in serde_json, so nesting costs no stack; it does not
/// look at the bytes of strings either, so UTF-8 is checked first.
fn check_line(line: &[u8], number: u64) -> Result<(), Problem> {
    let not_json = |column, what| Err(Problem::NotJson { line: number, column, what });
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(error) => return not_json(error.valid_up_to() + 1, "not UTF-8".to_owned()),
    };
    if text.trim_ascii().is_empty() {
        return Ok(());
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => not_json(error.column(), reason(&error)),
    }
}

/// What serde_json found, without the position that it appends.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

/// Renders a `{"rows":[...]}` document.
fn render_document(document: impl Read, lines: &mut Lines) -> Result<(), Problem> {
    let row_len = Cell::new(0);
    let limited = RowLimit { inner: document, row_len: &row_len };
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(PIECE, limited));
    let mut interruption = None;
    let document = Document { lines, row_len: &row_len, interruption: &mut interruption };
    let outcome = document.deserialize(&mut json).and_then(|()| json.end());
    match (outcome, interruption) {
        (_, Some(problem)) => Err(problem),
        (Ok(()), None) => Ok(()),
        (Err(error), None) if error.is_io() && row_len.get() > LONGEST_ROW => {
            Err(Problem::TooLong { line: error.line() as u64 })
        }
        (Err(error), None) if error.is_io() => Err(io::Error::from(error).into()),
        (Err(error), None) => {
            Err(Problem::NotJson { line: error.line() as u64, column: error.column(), what: reason(&error) })
        }
    }
}

/// Ends a document whose current row grows past [`LONGEST_ROW`], which serde_json would hold whole. It sits
/// below the buffer, so it counts up to one buffer too little.
struct RowLimit<'a, R> {
    inner: R,
    row_len: &'a Cell<u64>,
}

impl<R: Read> Read for RowLimit<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.row_len.set(self.row_len.get() + count as u64);
        if self.row_len.get() > LONGEST_ROW {
            return Err(io::Error::other("the row is too long"));
        }
        Ok(count)
    }
}

/// Deserializes the document, writing each row out as it comes.
struct Document<'a> {
    lines: &'a mut Lines,
    row_len: &'a Cell<u64>,
    /// Why the caller should stop, where that is no fault of the document.
    interruption: &'a mut Option<Problem>,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with the rows of a table")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut has_rows = false;
        while let Some(key) = map.next_key::<String>()? {
            if key != "rows" {
                map.next_value::<IgnoredAny>()?;
            } else if std::mem::replace(&mut has_rows, true) {
                return Err(A::Error::custom("a second list of rows"));
            } else {
                map.next_value_seed(Rows(&mut self))?;
            }
        }
        Ok(())
    }
}

struct Rows<'a, 'b>(&'a mut Document<'b>);

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        let Document { lines, row_len, interruption } = self.0;
        row_len.set(0);
        while let Some(row) = rows.next_element::<Box<RawValue>>()? {
            compact_json(row.get(), &mut lines.pending).map_err(A::Error::custom)?;
            lines.pending.push(b'\n');
            if let Err(problem) = lines.flush_if_full() {
                **interruption = Some(problem);
                return Err(A::Error::custom("interrupted"));
            }
            row_len.set(0);
        }
        Ok(())
    }
}
