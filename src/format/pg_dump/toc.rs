//! The table of contents: what each entry is, what it depends on, where its data is.

use std::collections::HashSet;
use std::io::BufRead;
use std::sync::OnceLock;

use super::blocks::Blocks;
use super::encoding::DumpEncoding;
use super::header::DumpHeader;
use super::input::{DataPlace, Input};
use crate::format::error::FormatError;

/// What one entry takes in memory beside its strings.
const ENTRY_MEMORY: u64 = size_of::<TocEntry>() as u64 + 32;

/// The parts of a restore, as `--section` names them, by their numbers from 1 on.
const SECTIONS: [&str; 4] = ["none", "pre-data", "data", "post-data"];

fn section(number: i64) -> Result<&'static str, FormatError> {
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    at.and_then(|at| SECTIONS.get(at).copied())
        .ok_or_else(|| FormatError::Damaged(format!("an entry is in the unknown section {number}")))
}

#[derive(Debug)]
pub(super) struct TocEntry {
    pub(super) dump_id: i64,
    /// Whether it has data of its own.
    pub(super) has_dumper: bool,
    /// Its name.
    pub(super) tag: Box<[u8]>,
    /// What it is: `TABLE`, `TABLE DATA`, ...
    pub(super) kind: Box<[u8]>,
    /// The part of a restore that makes it.
    pub(super) section: &'static str,
    /// The statement that makes it; empty for none.
    pub(super) definition: Box<[u8]>,
    /// The COPY statement that its data belongs to; empty for none.
    pub(super) copy: Box<[u8]>,
    pub(super) schema: Option<Box<[u8]>>,
    pub(super) tablespace: Option<Box<[u8]>>,
    pub(super) access_method: Option<Box<[u8]>>,
    /// `pg_class.relkind`, since 1.16; 0 for what is no relation.
    pub(super) relkind: Option<u8>,
    pub(super) owner: Option<Box<[u8]>>,
    pub(super) dependencies: Box<[i64]>,
    pub(super) data: DataPlace,
}

impl TocEntry {
    pub(super) fn is(&self, kind: &str) -> bool {
        *self.kind == *kind.as_bytes()
    }

    /// The name of its schema; empty for none.
    pub(super) fn schema(&self) -> &[u8] {
        self.schema.as_deref().unwrap_or_default()
    }

    fn key(&self) -> (&[u8], &[u8]) {
        (self.schema(), &self.tag)
    }

    /// Where its data begins, if that was noted.
    pub(super) fn noted_offset(&self) -> Option<u64> {
        match self.data {
            DataPlace::At(offset) => Some(offset),
            DataPlace::NoData | DataPlace::NotNoted => None,
        }
    }

    fn read(input: &mut Input<impl BufRead>, minor: u8) -> Result<Self, FormatError> {
        input.charge(ENTRY_MEMORY)?;
        let dump_id = input.int()?;
        if dump_id <= 0 {
            return Err(FormatError::Damaged(format!("an entry has the id {dump_id}")));
        }
        let has_dumper = input.int()? != 0;
        // The object's own ids in the catalogs it came from.
        input.string()?;
        input.string()?;
        let tag = input.string()?.unwrap_or_default();
        let kind = input.string()?.unwrap_or_default();
        let section = section(input.int()?)?;
        let definition = input.string()?.unwrap_or_default();
        // The statement that drops it.
        input.string()?;
        let copy = input.string()?.unwrap_or_default();
        let schema = input.string()?;
        let tablespace = input.string()?;
        let access_method = if minor >= 14 { input.string()? } else { None };
        let relkind = if minor >= 16 { Some(relkind(input.int()?)?) } else { None };
        let owner = input.string()?;
        // Whether the table has OIDS; its COPY statement says so, too.
        input.string()?;
        let dependencies = dependencies(input)?;
        let data = input.data_place()?;
        Ok(Self {
            dump_id,
            has_dumper,
            tag,
            kind,
            section,
            definition,
            copy,
            schema,
            tablespace,
            access_method,
            relkind,
            owner,
            dependencies,
            data,
        })
    }
}

fn relkind(number: i64) -> Result<u8, FormatError> {
    u8::try_from(number)
        .ok()
        .filter(u8::is_ascii)
        .ok_or_else(|| FormatError::Damaged(format!("an entry has the relkind {number}")))
}

/// Numbers as text, up to an absent string.
fn dependencies(input: &mut Input<impl BufRead>) -> Result<Box<[i64]>, FormatError> {
    let mut ids = Vec::new();
    while let Some(text) = input.string()? {
        input.charge(size_of::<i64>() as u64)?;
        let id = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
        ids.push(id.ok_or_else(|| FormatError::damaged("a dependency is no number"))?);
    }
    Ok(ids.into_boxed_slice())
}

/// Why the text of a dump is not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotDecoded {
    /// The encoding is one that is not decoded.
    Encoding,
    /// The table of contents has bytes that are no characters in the encoding.
    Bytes,
}

/// The head and the table of contents of one archive.
#[derive(Debug)]
pub(super) struct Toc {
    pub(super) header: DumpHeader,
    pub(super) entries: Vec<TocEntry>,
    /// The encoding of all text in the file, as PostgreSQL calls it.
    pub(super) encoding: String,
    /// How text is decoded. If it is, the strings here are UTF-8; else they are as they are in the file.
    pub(super) text: Result<DumpEncoding, NotDecoded>,
    pub(super) data_start: u64,
    pub(super) len: u64,
    /// The noted offsets of blocks, sorted.
    blocks: Vec<u64>,
    /// Where blocks begin, once that had to be found out.
    pub(super) scanned: OnceLock<Blocks>,
    /// The entries that define tables and types, sorted by schema and name.
    definitions: Vec<usize>,
}

impl Toc {
    /// Reads the head and the table of contents of an archive of `len` bytes.
    pub(super) fn read(reader: impl BufRead, len: u64) -> Result<Self, FormatError> {
        let mut input = Input::new(reader, len);
        let mut header = DumpHeader::read(&mut input)?;
        let count = input.int()?;
        if count < 0 {
            return Err(FormatError::Damaged(format!("a table of contents of {count} entries")));
        }
        let mut entries = Vec::new();
        let mut ids = HashSet::new();
        for _ in 0..count {
            let entry = TocEntry::read(&mut input, header.minor)?;
            if !ids.insert(entry.dump_id) {
                return Err(FormatError::Damaged(format!("two entries have the id {}", entry.dump_id)));
            }
            entries.push(entry);
        }
        let encoding = encoding(&entries)?;
        let mut text = DumpEncoding::named(&encoding).ok_or(NotDecoded::Encoding);
        if let Ok(known) = text
            && !known.is_utf8()
        {
            match decoded(&header, &entries, known) {
                Some(decoded) => (header, entries) = decoded,
                None => text = Err(NotDecoded::Bytes),
            }
        }
        let mut blocks: Vec<u64> = entries.iter().filter_map(TocEntry::noted_offset).collect();
        blocks.sort_unstable();
        let definitions = definitions(&entries);
        let (data_start, scanned) = (len - input.left(), OnceLock::new());
        Ok(Self { header, entries, encoding, text, data_start, len, blocks, scanned, definitions })
    }

    /// The entry that defines a table or a type.
    pub(super) fn definition(&self, schema: &[u8], name: &[u8]) -> Option<&TocEntry> {
        let key = |place: &usize| self.entries.get(*place).map(TocEntry::key);
        let at = self.definitions.partition_point(|place| key(place) < Some((schema, name)));
        let entry = self.entries.get(*self.definitions.get(at)?)?;
        (entry.key() == (schema, name)).then_some(entry)
    }

    /// How long the block of an entry is, including what is between its chunks: blocks follow each other up to the end
    /// of the file. `None` if the table of contents does not say where it begins.
    pub(super) fn block_len(&self, entry: &TocEntry) -> Option<u64> {
        let start = entry.noted_offset()?;
        let next = self.blocks.partition_point(|&block| block <= start);
        let end = self.blocks.get(next).copied().unwrap_or(self.len);
        Some(end.saturating_sub(start))
    }

    /// The entry of a kind of which an archive has one.
    pub(super) fn only(&self, kind: &str) -> Option<&TocEntry> {
        self.entries.iter().find(|entry| entry.is(kind))
    }
}

/// The same with all strings in UTF-8; `None` if one of them has bytes that are no characters.
fn decoded(
    header: &DumpHeader,
    entries: &[TocEntry],
    encoding: DumpEncoding,
) -> Option<(DumpHeader, Vec<TocEntry>)> {
    let text = |bytes: &[u8]| -> Option<Box<[u8]>> {
        Some(encoding.decode(bytes)?.into_owned().into_bytes().into())
    };
    let optional = |bytes: &Option<Box<[u8]>>| match bytes {
        Some(bytes) => text(bytes).map(Some),
        None => Some(None),
    };
    let (database, server, pg_dump) =
        (text(&header.database)?, text(&header.server)?, text(&header.pg_dump)?);
    let header = DumpHeader { database, server, pg_dump, ..header.clone() };
    let entry = |entry: &TocEntry| {
        Some(TocEntry {
            tag: text(&entry.tag)?,
            kind: text(&entry.kind)?,
            definition: text(&entry.definition)?,
            copy: text(&entry.copy)?,
            schema: optional(&entry.schema)?,
            tablespace: optional(&entry.tablespace)?,
            access_method: optional(&entry.access_method)?,
            owner: optional(&entry.owner)?,
            dependencies: entry.dependencies.clone(),
            ..*entry
        })
    };
    Some((header, entries.iter().map(entry).collect::<Option<_>>()?))
}

fn definitions(entries: &[TocEntry]) -> Vec<usize> {
    let defines = |entry: &TocEntry| ["TABLE", "FOREIGN TABLE", "TYPE"].iter().any(|kind| entry.is(kind));
    let mut places: Vec<usize> = (0..entries.len()).filter(|&place| defines(&entries[place])).collect();
    places.sort_by_key(|&place| entries[place].key());
    places
}

/// What the ENCODING entry sets: `SET client_encoding = 'UTF8';`
fn encoding(entries: &[TocEntry]) -> Result<String, FormatError> {
    let Some(entry) = entries.iter().find(|entry| entry.is("ENCODING")) else {
        return Err(FormatError::damaged("no entry says which encoding its text is in"));
    };
    let quoted = std::str::from_utf8(&entry.definition).ok().and_then(|text| text.split('\'').nth(1));
    quoted.map(str::to_owned).ok_or_else(|| FormatError::damaged("its ENCODING entry names no encoding"))
}
