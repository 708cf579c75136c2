//! The rows of one table as JSON lines.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use async_trait::async_trait;

use super::column_types::{ColumnType, column_types};
use super::copy_statement::copied_columns;
use super::copy_text::{END_OF_DATA, decode, values};
use super::encoding::DumpEncoding;
use super::toc::{NotDecoded, Toc, TocEntry};
use super::value::{Scratch, value};
use super::{blocks, unpack::unpack};
use crate::content::blocking::on_blocking_thread;
use crate::content::{Closed, ErrorKind, Sink, SourceError, Stream};
use crate::format::blob::{Blob, PIECE, io_kind};
use crate::format::error::FormatError;
use crate::format::export::LONGEST_ROW;
use crate::format::hasher::{Hasher, sha256_of};
use crate::format::pieces::Gathered;
use crate::format::shown::Fingerprint;
use crate::model::content_id::ContentId;
use crate::model::jsonl::{LineLayout, RenderError};

/// What to do about text that is not decoded.
const RESTORE: &str = "restore it with pg_restore and dump it with `pg_dump --encoding=UTF8`";

/// One table of one archive. Its rows come in the order of the dump, which is that of the table's storage when the dump
/// was made: an archive names no keys that could be relied on, and a stream cannot be sorted.
#[derive(Clone)]
pub(super) struct PgTable {
    pub(super) label: Arc<str>,
    pub(super) blob: Arc<dyn Blob>,
    pub(super) toc: Arc<Toc>,
    /// Its entries, by their places in the table of contents: one, unless a program other than `pg_dump` divided it.
    pub(super) entries: Vec<usize>,
}

impl PgTable {
    fn name(&self) -> String {
        let entry = self.entries.first().and_then(|&place| self.toc.entries.get(place));
        entry.map_or_else(String::new, |entry| {
            let (schema, tag) = (entry.schema().escape_ascii(), entry.tag.escape_ascii());
            format!("{schema}.{tag}")
        })
    }

    fn parts(&self) -> impl Iterator<Item = (&TocEntry, DumpColumns)> {
        let entries = self.entries.iter().filter_map(|&place| self.toc.entries.get(place));
        entries.filter_map(|entry| Some((entry, columns_of(&self.toc, entry)?)))
    }

    pub(super) fn render(&self, sink: Sink) -> Result<(), FormatError> {
        let encoding = self.toc.text.map_err(|why| self.not_decoded(why))?;
        let mut output = Gathered::new(sink);
        for (entry, columns) in self.parts() {
            let chunks = blocks::open(&*self.blob, &self.toc, entry)?;
            let data = unpack(chunks, self.toc.header.compression, self.toc.len)?;
            match render(data, &columns, encoding, &mut output) {
                Ok(()) => {}
                Err(RowsError::Closed) => return Ok(()),
                Err(RowsError::Dump(error)) => return Err(error),
                Err(RowsError::Row(line, problem)) => return Err(self.row_error(line, problem)),
            }
        }
        // A reader that does not want the last piece is no failure.
        let _ = output.flush();
        Ok(())
    }

    fn not_decoded(&self, why: NotDecoded) -> FormatError {
        let what = match why {
            NotDecoded::Encoding => "which is not decoded",
            NotDecoded::Bytes => "and its table of contents has bytes that are no characters in that",
        };
        FormatError::Unsupported(format!("its text is in {}, {what}; {RESTORE}", self.toc.encoding))
    }

    fn row_error(&self, line: u64, problem: RowError) -> FormatError {
        match problem {
            RowError::Damaged(what) => FormatError::Damaged(format!("line {line} of its data: {what}")),
            RowError::NotText(what) => FormatError::Unsupported(format!(
                "line {line} of its data: {what} has bytes that are no characters in {}; {RESTORE}",
                self.toc.encoding
            )),
        }
    }

    fn hash(&self) -> Result<[u8; 32], FormatError> {
        let mut hash = Hasher::new("pg_dump table");
        self.add_form(&mut hash);
        for (entry, _) in self.parts() {
            hash.part(&sha256_of(blocks::open(&*self.blob, &self.toc, entry)?, &mut |_| {})?);
        }
        Ok(hash.digest())
    }

    /// What decides how its data is shown.
    fn add_form(&self, hash: &mut Hasher) {
        hash.part(self.toc.encoding.as_bytes());
        hash.part(&[self.toc.header.compression as u8]);
        hash.part(&(self.entries.len() as u64).to_le_bytes());
        for (_, columns) in self.parts() {
            hash.part(&(columns.len() as u64).to_le_bytes());
            for (name, column_type) in columns {
                hash.part(name.as_bytes());
                hash.part(&[column_type as u8]);
            }
        }
    }

    fn fail(&self, error: FormatError) -> SourceError {
        let stored = self.blob.describe();
        // A file that is being written looks damaged: report that it changed instead.
        let error = match self.blob.check() {
            Err(changed) => changed.into(),
            Ok(()) => error,
        };
        error.at(&self.label, format!("cannot read table {} of {stored}", self.name()), &stored)
    }
}

#[async_trait]
impl Stream for PgTable {
    fn is_immutable_by_id(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("table {} of {}", self.name(), self.blob.describe())
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let table = self.clone();
        on_blocking_thread(&self.label, move || table.render(sink).map_err(|error| table.fail(error))).await
    }
}

impl Fingerprint for PgTable {
    fn likeness(&self) -> ContentId {
        let mut hash = Hasher::new("pg_dump table");
        self.add_form(&mut hash);
        for (entry, _) in self.parts() {
            hash.part(&self.toc.block_len(entry).unwrap_or(0).to_le_bytes());
        }
        ContentId::of(&[b"pg_dump table", &hash.digest()])
    }

    fn offset(&self) -> u64 {
        self.parts().find_map(|(entry, _)| entry.noted_offset()).unwrap_or(0)
    }

    fn digest(&self) -> Result<[u8; 32], ErrorKind> {
        self.hash().map_err(|error| io_kind(&error.into()))
    }
}

/// Names and types of columns, in the order of the data.
pub(super) type DumpColumns = Vec<(String, ColumnType)>;

/// The columns that the data of an entry has; `None` if it is not the text of COPY.
fn columns_of(toc: &Toc, entry: &TocEntry) -> Option<DumpColumns> {
    let columns = copied_columns(&entry.copy)?;
    let types = column_types(toc, entry.schema(), &entry.tag);
    let typed = |name: String| {
        let column_type = types.get(&name).copied().unwrap_or(ColumnType::Text);
        (name, column_type)
    };
    Some(columns.into_iter().map(typed).collect())
}

/// Why not all rows were rendered.
enum RowsError {
    /// The reader wants no more: no failure.
    Closed,
    /// Not about a single row.
    Dump(FormatError),
    /// What is wrong with the row in the line of this number.
    Row(u64, RowError),
}

impl<E: Into<FormatError>> From<E> for RowsError {
    fn from(error: E) -> Self {
        Self::Dump(error.into())
    }
}

/// Renders the rows that COPY wrote.
fn render(
    data: impl Read,
    columns: &[(String, ColumnType)],
    encoding: DumpEncoding,
    output: &mut Gathered,
) -> Result<(), RowsError> {
    let mut data = BufReader::with_capacity(PIECE, data);
    let mut rows = RowRenderer::new(columns, encoding);
    let mut line = Vec::new();
    for number in 1.. {
        let at = |problem| RowsError::Row(number, problem);
        line.clear();
        data.by_ref().take(LONGEST_ROW + 1).read_until(b'\n', &mut line)?;
        if line.len() as u64 > LONGEST_ROW {
            let what = format!("line {number} of its data: a row of more than {LONGEST_ROW} bytes");
            return Err(FormatError::Unsupported(what).into());
        }
        if line.pop() != Some(b'\n') {
            return Err(at(RowError::Damaged("the data ends here, without its end mark".into())));
        }
        if line == END_OF_DATA {
            break;
        }
        rows.append(&line, &mut output.pending).map_err(at)?;
        output.flush_if_full().map_err(|Closed| RowsError::Closed)?;
    }
    Ok(ends_here(&mut data)?)
}

/// Reads up to the end, where the checksums are. After the end mark `pg_dump` leaves empty lines.
fn ends_here(data: &mut impl BufRead) -> Result<(), FormatError> {
    loop {
        let rest = data.fill_buf()?;
        if rest.is_empty() {
            return Ok(());
        }
        if rest.iter().any(|&byte| byte != b'\n') {
            return Err(FormatError::damaged("something follows the end mark of its data"));
        }
        let count = rest.len();
        data.consume(count);
    }
}

/// What is wrong with one row.
#[derive(Debug)]
pub(super) enum RowError {
    Damaged(String),
    /// Something has bytes that are no characters in the encoding of the dump.
    NotText(String),
}

/// Turns lines of COPY into lines of JSON.
pub(super) struct RowRenderer<'c> {
    columns: &'c [(String, ColumnType)],
    encoding: DumpEncoding,
    layout: LineLayout,
    scratch: Scratch,
}

impl<'c> RowRenderer<'c> {
    pub(super) fn new(columns: &'c [(String, ColumnType)], encoding: DumpEncoding) -> Self {
        let layout = LineLayout::new(columns.iter().map(|(name, _)| name));
        Self { columns, encoding, layout, scratch: Scratch::new() }
    }

    /// Appends the line of one row. On an error nothing is appended.
    pub(super) fn append(&mut self, row: &[u8], out: &mut Vec<u8>) -> Result<(), RowError> {
        if self.encoding.is_utf8() {
            return self.append_utf8(row, out);
        }
        // In some encodings characters contain bytes of ASCII, which mean nothing to COPY there.
        let text = self.encoding.decode(row).ok_or_else(|| RowError::NotText("it".to_owned()))?;
        self.append_utf8(text.as_bytes(), out)
    }

    fn append_utf8(&mut self, row: &[u8], out: &mut Vec<u8>) -> Result<(), RowError> {
        let damaged = |what: String| RowError::Damaged(what);
        let mut line = self.layout.line(out);
        let columns = self.columns;
        // A row without columns is an empty line, not a line with one empty value.
        let mut given = values(row).take(if columns.is_empty() && row.is_empty() { 0 } else { usize::MAX });
        for (index, (name, column_type)) in columns.iter().enumerate() {
            let text = given
                .next()
                .ok_or_else(|| damaged(format!("{index} values for {} columns", columns.len())))?;
            let in_column = |what: &dyn std::fmt::Display| damaged(format!("column {name:?}: {what}"));
            match decode(text).map_err(|what| in_column(&what))? {
                None => line.value(&crate::model::jsonl::Value::Null),
                Some(text) => {
                    let text = std::str::from_utf8(&text).map_err(|_| match self.encoding {
                        DumpEncoding::Utf8 => in_column(&"it is not UTF-8"),
                        _ => RowError::NotText(format!("column {name:?}")),
                    })?;
                    let value = value(text, *column_type, &mut self.scratch)
                        .map_err(|expected| in_column(&format!("{expected} should be here")))?;
                    line.value(&value)
                }
            }
            .map_err(|error: RenderError| damaged(error.to_string()))?;
        }
        if given.next().is_some() {
            return Err(damaged(format!("more values than {} columns", columns.len())));
        }
        line.end().map_err(|error| damaged(error.to_string()))
    }
}
