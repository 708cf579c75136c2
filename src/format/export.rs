//! The rows of an exported table, one JSON text per line.
//!
//! A JSONL file passes through byte for byte, whatever its lines are: programs write a byte order mark, NaN, UTF-16 or
//! JSON over several lines, and a merge leaves conflict markers. But a last line that breaks off within a value was
//! cut, and is an error.
//!
//! The other form is what `dolt sql --result-format json` prints, and dolt-archive stores under the same name: one
//! document `{"rows":[...]}` with sorted keys and without NULLs, or `{}` for no rows. It is rendered as one row per
//! line. A file has that form if it begins with `{"rows":[`, apart from white space.
//!
//! Both forms are read row by row: reading takes memory for the longest row.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use async_trait::async_trait;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::api::Format;
use super::head::{head, len_by_head};
use super::input::FormatInput;
use super::packed::Packing;
use super::pieces::Gathered;
use super::raw::Raw;
use super::shown::{FileGroup, ShownFile};
use crate::content::blocking::on_blocking_thread;
use crate::content::{Closed, Content, ErrorKind, Sink, SourceError, Stream};
use crate::format::blob::{Blob, PIECE, blob_error};
use crate::model::jsonl::compact_json_with_halves;

/// The file name of an export's rows: dolt-archive exports the table `issues`, whatever the database.
pub(crate) const EXPORTED_TABLE: &str = "issues.jsonl";

/// The file name of an export's own bytes, shown beside the rows where not all bytes are rows.
pub(crate) const RAW_EXPORT: &str = "issues.json";

/// The longest row that is read, in bytes: four times MySQL's default packet size.
pub(crate) const LONGEST_ROW: u64 = 256 * 1024 * 1024;

pub(crate) static EXPORT: &dyn Format = &ExportFormat;

struct ExportFormat;

impl Format for ExportFormat {
    fn endings(&self) -> &'static [&'static str] {
        &["jsonl", "ndjson"]
    }

    fn shows_unpacked(&self) -> bool {
        false
    }

    /// A plain export is shown as its bytes by `files`, and only where they are not the same as its rows.
    fn shows_bytes(&self, packing: Packing) -> bool {
        packing != Packing::Plain
    }

    fn files(&self, input: &FormatInput<'_>) -> Result<Vec<ShownFile>, SourceError> {
        let (context, blob) = (input.context, &input.blob);
        // Reading the rows of a packed export says what is wrong with it.
        let is_whole = match input.packing {
            Packing::Plain => is_whole(&**blob).map_err(|error| input.fail("read export", error))?,
            _ => true,
        };
        let mut files = vec![ShownFile::of_blob(FileGroup::Tables, EXPORTED_TABLE, Export::content(input))];
        if !is_whole {
            let raw = Raw { label: Arc::clone(&context.label), blob: Arc::clone(blob) };
            files.push(ShownFile::of_blob(FileGroup::Tables, RAW_EXPORT, Content::stream(raw)));
        }
        Ok(files)
    }
}

/// Whether all bytes of an export are its rows. Blocks.
pub(crate) fn is_whole(blob: &dyn Blob) -> io::Result<bool> {
    let form = form_of(&blob.read().and_then(head)?, blob.len());
    Ok(form == ExportForm::Lines && !is_cut(blob)?)
}

pub(crate) struct Export {
    label: Arc<str>,
    blob: Arc<dyn Blob>,
    /// Whether a hash proves its bytes. If so, the last line was stored as it is, and was not cut off.
    is_proven: bool,
    packing: Packing,
}

impl Export {
    pub(crate) fn content(input: &FormatInput<'_>) -> Content {
        let (context, packing) = (input.context, input.packing);
        let (label, blob) = (Arc::clone(&context.label), Arc::clone(&input.blob));
        Content::stream(Self { label, blob, is_proven: context.proves_bytes, packing })
    }
}

#[async_trait]
impl Stream for Export {
    fn describe(&self) -> String {
        format!("rows of {}", self.blob.describe())
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let (label, blob) = (Arc::clone(&self.label), Arc::clone(&self.blob));
        let (packing, is_proven) = (self.packing, self.is_proven);
        on_blocking_thread(&self.label, move || read_export(&label, &*blob, packing, is_proven, sink)).await
    }
}

#[derive(Debug, thiserror::Error)]
enum ExportProblem {
    /// The reader wants no more: no failure.
    #[error("the reader went away")]
    Closed(Closed),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("line {line}, column {column}: {what}")]
    NotJson { line: u64, column: usize, what: String, is_cut: bool },
    #[error("line {line}: a row of more than {LONGEST_ROW} bytes")]
    TooLong { line: u64 },
}

impl From<Closed> for ExportProblem {
    fn from(closed: Closed) -> Self {
        Self::Closed(closed)
    }
}

/// Pushes the rows of an export, whose bytes a hash proves or not. Blocks.
pub(crate) fn read_export(
    label: &str,
    blob: &dyn Blob,
    packing: Packing,
    is_proven: bool,
    sink: Sink,
) -> Result<(), SourceError> {
    let what = blob.describe();
    let operation = || format!("cannot read the rows of {what}");
    let fail = |error| blob_error(label, operation(), &what, error);
    let reader = packing.unpack(blob).map_err(fail)?;
    let mut lines = Gathered::new(sink);
    let outcome = copy_rows(reader, is_proven, &mut lines).and_then(|()| Ok(lines.flush()?));
    // A file that is being written looks damaged: report that it changed instead.
    if outcome.is_err() && !matches!(outcome, Err(ExportProblem::Closed(_))) {
        blob.check().map_err(fail)?;
    }
    let (kind, problem) = match outcome {
        Ok(()) | Err(ExportProblem::Closed(_)) => return Ok(()),
        Err(ExportProblem::Io(error)) => return Err(fail(error)),
        Err(problem @ ExportProblem::NotJson { .. }) => (ErrorKind::Damaged, problem),
        Err(problem @ ExportProblem::TooLong { .. }) => (ErrorKind::Unsupported, problem),
    };
    let cut = match problem {
        ExportProblem::NotJson { is_cut: true, .. } => "the export was cut short or is still being written; ",
        _ => "",
    };
    Err(SourceError::new(kind, label, operation())
        .because(problem)
        .with_hint(format!("{cut}the raw file can be copied from {what}")))
}

fn copy_rows(mut reader: impl Read, is_proven: bool, lines: &mut Gathered) -> Result<(), ExportProblem> {
    // As many bytes as the listing decides by, even if each read returns few.
    let head = head(&mut reader)?;
    let form = form_of(&head, len_by_head(&head));
    let reader = BufReader::with_capacity(PIECE, io::Cursor::new(head).chain(reader));
    match form {
        ExportForm::NoRows => Ok(()),
        ExportForm::Lines => copy_lines(reader, is_proven, lines),
        ExportForm::Document => render_document(reader, lines),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExportForm {
    /// `{}`: dolt's document for a result without rows.
    NoRows,
    Lines,
    /// `{"rows":[...]}`.
    Document,
}

/// Tells the form of `len` bytes from how they begin.
fn form_of(head: &[u8], len: u64) -> ExportForm {
    let mut rest = head;
    for token in [&b"{"[..], b"\"rows\"", b":", b"["] {
        rest = rest.trim_ascii_start();
        match rest.strip_prefix(token) {
            Some(after) => rest = after,
            None if head.len() as u64 == len && head.trim_ascii() == b"{}" => return ExportForm::NoRows,
            None => return ExportForm::Lines,
        }
    }
    ExportForm::Document
}

fn copy_lines(mut reader: impl BufRead, is_proven: bool, lines: &mut Gathered) -> Result<(), ExportProblem> {
    let mut number = 0;
    loop {
        number += 1;
        let start = lines.pending.len();
        let count = reader.by_ref().take(LONGEST_ROW + 1).read_until(b'\n', &mut lines.pending)?;
        if count == 0 {
            return Ok(());
        }
        if count as u64 > LONGEST_ROW {
            return Err(ExportProblem::TooLong { line: number });
        }
        let last = lines.pending[start..].strip_suffix(b"\n").is_none().then(|| &lines.pending[start..]);
        if let Some((column, what)) = last.filter(|_| !is_proven).and_then(cut_off) {
            return Err(ExportProblem::NotJson { line: number, column, what, is_cut: true });
        }
        lines.flush_if_full()?;
    }
}

/// Where and how a last line without a line feed was cut: it breaks off within a value, or within a character.
/// serde_json skips a value without recursion, so nesting costs no stack.
fn cut_off(line: &[u8]) -> Option<(usize, String)> {
    let (text, is_within_character) = match std::str::from_utf8(line) {
        Ok(text) => (text, false),
        Err(error) if error.error_len().is_some() => return None,
        Err(error) => (std::str::from_utf8(&line[..error.valid_up_to()]).unwrap_or_default(), true),
    };
    let text = text.trim_start_matches('\u{feff}');
    match serde_json::from_str::<IgnoredAny>(text) {
        _ if text.trim_ascii().is_empty() => None,
        Err(error) if error.is_eof() => Some((error.column(), reason(&error))),
        Ok(_) if is_within_character => Some((line.len(), "it ends within a character".to_owned())),
        _ => None,
    }
}

/// How many bytes at the end are searched for a last line that was cut. A cut in a longer line shows only when the rows
/// are read.
const TAIL: u64 = 1 << 20;

/// Whether the last line of a file was cut, by its last megabyte. A blob that is no file is not checked.
fn is_cut(blob: &dyn Blob) -> io::Result<bool> {
    if blob.as_file().is_none() {
        return Ok(false);
    }
    let mut opened = blob.open()?;
    let mut tail = Vec::new();
    opened.seek(SeekFrom::Start(blob.len().saturating_sub(TAIL)))?;
    opened.by_ref().take(TAIL).read_to_end(&mut tail)?;
    let line = match memchr::memrchr(b'\n', &tail) {
        Some(end) => &tail[end + 1..],
        None if blob.len() <= TAIL => &tail[..],
        None => return Ok(false),
    };
    Ok(cut_off(line).is_some())
}

/// What serde_json found, without the position that it appends.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

fn render_document(document: impl Read, lines: &mut Gathered) -> Result<(), ExportProblem> {
    let row_len = Cell::new(0);
    let limited = RowLimit { inner: document, row_len: &row_len };
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(PIECE, limited));
    let mut interruption = None;
    let document = RowDocument { lines, row_len: &row_len, interruption: &mut interruption };
    let outcome = document.deserialize(&mut json).and_then(|()| json.end());
    match (outcome, interruption) {
        (_, Some(problem)) => Err(problem),
        (Ok(()), None) => Ok(()),
        (Err(error), None) if error.is_io() && row_len.get() > LONGEST_ROW => {
            Err(ExportProblem::TooLong { line: error.line() as u64 })
        }
        (Err(error), None) if error.is_io() => Err(io::Error::from(error).into()),
        (Err(error), None) => {
            let (line, is_cut) = (error.line() as u64, error.is_eof());
            Err(ExportProblem::NotJson { line, column: error.column(), what: reason(&error), is_cut })
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
struct RowDocument<'a> {
    lines: &'a mut Gathered,
    row_len: &'a Cell<u64>,
    /// Why the caller should stop, if that is no fault of the document.
    interruption: &'a mut Option<ExportProblem>,
}

impl<'de> DeserializeSeed<'de> for RowDocument<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowDocument<'_> {
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
                map.next_value_seed(RowList(&mut self))?;
            }
        }
        Ok(())
    }
}

struct RowList<'a, 'b>(&'a mut RowDocument<'b>);

impl<'de> DeserializeSeed<'de> for RowList<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowList<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        let RowDocument { lines, row_len, interruption } = self.0;
        row_len.set(0);
        while let Some(row) = rows.next_element::<Box<RawValue>>()? {
            compact_json_with_halves(row.get(), &mut lines.pending).map_err(A::Error::custom)?;
            lines.pending.push(b'\n');
            if let Err(problem) = lines.flush_if_full() {
                **interruption = Some(problem.into());
                return Err(A::Error::custom("interrupted"));
            }
            row_len.set(0);
        }
        Ok(())
    }
}
