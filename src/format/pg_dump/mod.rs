//! Dumps in PostgreSQL's custom format: `pg_dump -Fc`.
//!
//! ```text
//! PGDMP  version  sizes  compression  when, what, by whom
//! table of contents: entry, entry, ...      what it is, its SQL, what it depends on, where its data is
//! block of data, block of data, ...         type, entry, chunk, chunk, ..., end
//! ```
//!
//! Each table whose data is the text of COPY is shown as `<schema>/<table>.jsonl`, beside `schema.sql` and
//! `toc.jsonl`. Large objects and rows dumped as INSERT statements are in the raw file only, and `toc.jsonl` says so.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::sync::Arc;

use super::api::Format;
use super::blob::Blob;
use super::error::FormatError;
use super::input::FormatInput;
use super::shown::{FileGroup, ShownFile};
use crate::content::SourceError;
use crate::model::names::{escape_bytes, escape_bytes_with_suffix};

mod blocks;
mod column_types;
mod copy_statement;
mod copy_text;
mod encoding;
mod header;
mod input;
pub(super) mod probe;
mod schema_sql;
mod table;
mod text;
mod toc;
mod toc_jsonl;
mod unpack;
mod value;

#[cfg(test)]
pub(crate) use encoding::DumpEncoding;
#[cfg(test)]
pub(crate) use header::{Compression, DumpHeader};

use copy_statement::copied_columns;
use input::DataPlace;
use table::PgTable;
use text::{Text, Which};
use toc::{Toc, TocEntry};

/// Bytes of the head and the table of contents fetched at once.
const BUFFER: usize = 64 * 1024;

/// The files beside the folders of the schemas.
const SCHEMA_SQL: &str = "schema.sql";
const TOC_JSONL: &str = "toc.jsonl";

pub(crate) static PG_DUMP: &dyn Format = &CustomFormat;

struct CustomFormat;

impl Format for CustomFormat {
    fn endings(&self) -> &'static [&'static str] {
        &["dump"]
    }

    fn head_test(&self) -> Option<fn(&[u8]) -> bool> {
        Some(is_archive)
    }

    fn files(&self, input: &FormatInput<'_>) -> Result<Vec<ShownFile>, SourceError> {
        if !is_archive(input.head().map_err(|error| input.fail("read", error))?) {
            // A dump of another program.
            return Ok(Vec::new());
        }
        Ok(PgDump::open(&input.context.label, input.unpacked()?)?.files())
    }

    fn stand_in(&self) -> Option<(FileGroup, &'static str)> {
        Some((FileGroup::Tables, TOC_JSONL))
    }
}

/// Whether bytes begin as an archive does.
pub(crate) fn is_archive(head: &[u8]) -> bool {
    head.starts_with(&header::MAGIC)
}

/// One archive, whose table of contents was read.
pub(crate) struct PgDump {
    label: Arc<str>,
    blob: Arc<dyn Blob>,
    toc: Arc<Toc>,
}

impl PgDump {
    /// Reads the table of contents and nothing else. A version that is not supported is an error. Blocks.
    pub(crate) fn open(label: &Arc<str>, blob: Arc<dyn Blob>) -> Result<Self, SourceError> {
        let read = || -> Result<Toc, FormatError> {
            let toc = Toc::read(BufReader::with_capacity(BUFFER, blob.read()?), blob.len());
            // A file that is being written looks damaged: report that it changed instead.
            blob.check()?;
            toc
        };
        let what = blob.describe();
        let toc = read().map_err(|error| error.at(label, format!("cannot read the dump {what}"), &what))?;
        Ok(Self { label: Arc::clone(label), blob, toc: Arc::new(toc) })
    }

    #[cfg(test)]
    pub(crate) fn header(&self) -> &DumpHeader {
        &self.toc.header
    }

    /// The files it is shown as, sorted by path. Reads nothing.
    pub(crate) fn files(&self) -> Vec<ShownFile> {
        let mut tables: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, entry) in self.toc.entries.iter().enumerate() {
            if is_readable(entry) && copied_columns(&entry.copy).is_some() {
                tables.entry(path(entry)).or_default().push(place);
            }
        }
        let paths =
            tables.iter().flat_map(|(path, places)| places.iter().map(|&place| (place, path.clone())));
        let toc_jsonl = Which::TocJsonl(Arc::new(paths.collect()));
        let texts = [(SCHEMA_SQL, Which::SchemaSql), (TOC_JSONL, toc_jsonl)].map(|(path, which)| {
            let text = Text::new(&self.label, &self.blob, &self.toc, which);
            ShownFile::of_part(FileGroup::Tables, path, Arc::new(text))
        });
        let mut files = Vec::from(texts);
        files.extend(tables.into_iter().map(|(path, entries)| {
            let (label, blob) = (Arc::clone(&self.label), Arc::clone(&self.blob));
            let table = PgTable { label, blob, toc: Arc::clone(&self.toc), entries };
            ShownFile::of_part(FileGroup::Tables, path, Arc::new(table))
        }));
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        files
    }
}

/// Whether an entry has the rows of a table.
fn is_readable(entry: &TocEntry) -> bool {
    entry.is("TABLE DATA") && entry.data != DataPlace::NoData
}

/// Where a table is shown.
fn path(entry: &TocEntry) -> String {
    let mut folder = escape_bytes(entry.schema());
    if [SCHEMA_SQL, TOC_JSONL].contains(&folder.as_str()) {
        // A schema with the name of one of the files gets an escape that no other name has.
        folder = format!("%{:02X}{}", folder.as_bytes()[0], &folder[1..]);
    }
    format!("{folder}/{}", escape_bytes_with_suffix(&entry.tag, ".jsonl"))
}
