//! The rows of an exported table, one JSON text per line.
//!
//! A JSONL file passes through byte for byte, and so does what only has its name: programs write a byte order mark, NaN,
//! UTF-16, JSON over several lines, and a merge leaves its marks. What of it is no row is for readers of rows to say. But
//! a last line that breaks off within a value was cut, and is an error in its place. The other form is what `dolt sql --result-format json` prints and dolt-archive stores under the
//! same name: one document `{"rows":[...]}`, keys sorted, NULLs left out, or `{}` for no rows. It is rendered
//! as one row per line. A file counts as of that form when it begins with `{"rows":[`, white space aside.
//!
//! Both forms are read and passed on row by row, so that reading takes memory for the longest row only; how
//! much of what was passed on is held is up to whoever receives it.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{head, len_by_head};
use crate::content::blocking::on_blocking_thread;
use crate::content::{ErrorKind, Sink, SourceError, Stream};
use crate::format::blob::{PIECE, Stored, stored_error};
use crate::format::dump::packed::Packing;
use crate::model::jsonl::compact_json_with_halves;

/// What an export's file is called: dolt-archive exports the table `issues`, whatever the database.
pub(crate) const EXPORTED_TABLE: &str = "issues.jsonl";

/// What the bytes of an export that is no JSONL are called, beside its rows.
pub(crate) const RAW_EXPORT: &str = "issues.json";

/// The longest row that is read, in bytes: four times what MySQL's default packet holds.
pub(crate) const LONGEST_ROW: u64 = 256 * 1024 * 1024;

/// The rows of one export.
pub(crate) struct Export {
    /// The label of its source.
    pub(crate) label: Arc<str>,
    /// The export.
    pub(crate) stored: Arc<dyn Stored>,
    /// Whether a hash proves its bytes: then its last line is what was stored, and was cut by nobody.
    pub(crate) is_proven: bool,
    /// How it is packed.
    pub(crate) packing: Packing,
}

#[async_trait]
impl Stream for Export {
    fn describe(&self) -> String {
        format!("rows of {}", self.stored.describe())
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let (label, stored) = (Arc::clone(&self.label), Arc::clone(&self.stored));
        let (packing, is_proven) = (self.packing, self.is_proven);
        on_blocking_thread(&self.label, move || read_export(&label, &*stored, packing, is_proven, sink)).await
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
    NotJson { line: u64, column: usize, what: String, is_cut: bool },
    #[error("line {line}: a row of more than {LONGEST_ROW} bytes")]
    TooLong { line: u64 },
}

/// Pushes the rows of an export, whose bytes a hash proves or not. Blocks.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read_export(
    label: &str,
    stored: &dyn Stored,
    packing: Packing,
    is_proven: bool,
    sink: Sink,
) -> Result<(), SourceError> {
    let what = stored.describe();
    let operation = || format!("cannot read the rows of {what}");
    let fail = |error| stored_error(label, operation(), &what, error);
    let reader = packing.unpack(stored).map_err(fail)?;
    let mut lines = Lines { sink, pending: Vec::new() };
    let outcome = copy_rows(reader, is_proven, &mut lines).and_then(|()| lines.flush());
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
    let cut = match problem {
        Problem::NotJson { is_cut: true, .. } => "the export was cut short or is still being written; ",
        _ => "",
    };
    Err(SourceError::new(kind, label, operation())
        .because(problem)
        .with_hint(format!("{cut}the raw file can be copied from {what}")))
}

fn copy_rows(mut reader: impl Read, is_proven: bool, lines: &mut Lines) -> Result<(), Problem> {
    // As many bytes as the listing decides on, however few come at a time.
    let head = head(&mut reader)?;
    let form = form_of(&head, len_by_head(&head));
    let reader = BufReader::with_capacity(PIECE, io::Cursor::new(head).chain(reader));
    match form {
        Form::NoRows => Ok(()),
        Form::Lines => copy_lines(reader, is_proven, lines),
        Form::Document => render_document(reader, lines),
    }
}

/// What an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `{}`: dolt's document for a result without rows.
    NoRows,
    /// One row per line.
    Lines,
    /// `{"rows":[...]}`.
    Document,
}

/// Tells the form of `len` bytes from how they begin.
pub(crate) fn form_of(head: &[u8], len: u64) -> Form {
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

/// Passes lines through.
fn copy_lines(mut reader: impl BufRead, is_proven: bool, lines: &mut Lines) -> Result<(), Problem> {
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
        let last = lines.pending[start..].strip_suffix(b"\n").is_none().then(|| &lines.pending[start..]);
        if let Some(cut) = last.filter(|_| !is_proven).and_then(cut_off) {
            return Err(Problem::NotJson { line: number, column: cut.column, what: cut.what, is_cut: true });
        }
        lines.flush_if_full()?;
    }
}

/// Where a line breaks off.
pub(crate) struct CutOff {
    column: usize,
    what: String,
}

/// Whether a last line without a line feed was cut: it breaks off within a value, or within a character. Skipping a value
/// recurses nowhere in serde_json, so nesting costs no stack.
fn cut_off(line: &[u8]) -> Option<CutOff> {
    let (text, is_within_character) = match std::str::from_utf8(line) {
        Ok(text) => (text, false),
        Err(error) if error.error_len().is_some() => return None,
        Err(error) => (std::str::from_utf8(&line[..error.valid_up_to()]).unwrap_or_default(), true),
    };
    let text = text.trim_start_matches('\u{feff}');
    match serde_json::from_str::<IgnoredAny>(text) {
        _ if text.trim_ascii().is_empty() => None,
        Err(error) if error.is_eof() => Some(CutOff { column: error.column(), what: reason(&error) }),
        Ok(_) if is_within_character => {
            Some(CutOff { column: line.len(), what: "it ends within a character".to_owned() })
        }
        _ => None,
    }
}

/// As much of the end is looked at to see whether a last line was cut. A longer line is read to find out.
const TAIL: u64 = 1 << 20;

/// Whether the lines of a piece end in one that was cut, as far as its end tells. What is packed is not looked at.
///
/// # Errors
/// Those of reading it.
pub(crate) fn is_cut(stored: &dyn Stored) -> io::Result<bool> {
    if stored.as_file().is_none() {
        return Ok(false);
    }
    let mut opened = stored.open()?;
    let mut tail = Vec::new();
    opened.seek(SeekFrom::Start(stored.len().saturating_sub(TAIL)))?;
    opened.by_ref().take(TAIL).read_to_end(&mut tail)?;
    let line = match memchr::memrchr(b'\n', &tail) {
        Some(end) => &tail[end + 1..],
        None if stored.len() <= TAIL => &tail[..],
        None => return Ok(false),
    };
    Ok(cut_off(line).is_some())
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
            let (line, is_cut) = (error.line() as u64, error.is_eof());
            Err(Problem::NotJson { line, column: error.column(), what: reason(&error), is_cut })
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
            compact_json_with_halves(row.get(), &mut lines.pending).map_err(A::Error::custom)?;
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
