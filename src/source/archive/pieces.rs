//! The files that an archive shows, with what tells equal ones apart from others.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use zip::result::ZipError;

use super::format::Format;
use super::found::{Archive, Artefact};
use super::zip_content::ZipContent;
use super::zip_directory::{ZipDirectory, ZipMember};
use super::zip_problem::zip_error;
use crate::model::content_id::ContentId;
use crate::model::names::{escape, escape_with_suffix};
use crate::source::form::{Broken, Export, Form, Raw, form_of};
use crate::source::sqlite::{Relation, SqliteFile, is_sqlite};
use crate::source::stored::{
    FileVersion, Opened, PIECE, Spools, Stored, StoredFile, io_kind, read_full, stored_error,
};
use crate::source::text::TextContent;
use crate::source::{Content, ErrorKind, SourceError};

/// What an export's file is called: dolt-archive exports the table `issues`, whatever the database.
const EXPORTED_TABLE: &str = "issues";

/// What the schema of a database is called.
const SCHEMA: &str = "schema.sql";

/// As many bytes as tell the form of an export, and a SQLite file from others.
const HEAD: usize = 4096;

/// One file that an archive shows.
pub(super) struct Piece {
    /// Its path in the snapshot's folder.
    pub(super) path: Arc<str>,
    /// Which of the archive's artefacts it comes from.
    pub(super) artefact: usize,
    /// Differs for most contents that differ, and is known without reading them.
    pub(super) likeness: ContentId,
    /// Where in the artefact its data lies: pieces are read in this order.
    pub(super) place: u64,
    /// SHA-256 of bytes that decide the content; what keeps them from being read. Blocks.
    pub(super) digest: Digest,
    pub(super) content: Arc<dyn Content>,
}

/// Computes a SHA-256.
type Digest = Arc<dyn Fn() -> Result<[u8; 32], ErrorKind> + Send + Sync>;

/// What reading archives takes.
#[derive(Clone)]
pub(super) struct Means {
    /// The source's label.
    pub(super) label: Arc<str>,
    /// Where packed databases are unpacked.
    pub(super) spools: Arc<Spools>,
}

/// The files of an archive, sorted by path. Blocks.
///
/// # Errors
/// When one of its artefacts cannot be read.
pub(super) fn pieces(means: &Means, archive: &Archive) -> Result<Vec<Piece>, SourceError> {
    let mut taken = Taken::default();
    let mut all: Vec<Piece> = Vec::new();
    for (number, artefact) in archive.artefacts.iter().enumerate() {
        let mut own = Part { means, archive, artefact, number }.pieces()?;
        if own.iter().any(|piece| taken.is_in_the_way(&piece.path)) {
            // Two parts of a backup that go by one name: the later one gets a folder of its own.
            for piece in &mut own {
                piece.path = format!("{}/{}", escape(&artefact.name), piece.path).into();
            }
        }
        if archive.artefacts.len() > 1 {
            own.iter().for_each(|piece| taken.add(&piece.path));
        }
        all.append(&mut own);
    }
    all.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

/// The paths of files given out.
#[derive(Default)]
struct Taken(BTreeSet<Arc<str>>);

impl Taken {
    fn add(&mut self, path: &Arc<str>) {
        self.0.insert(Arc::clone(path));
    }

    /// Whether a file is there, or would have to be a folder, or is within what would be the file.
    fn is_in_the_way(&self, path: &str) -> bool {
        let mut folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        let below = format!("{path}/");
        let mut after = self.0.range::<str, _>((Bound::Included(&*below), Bound::Unbounded));
        self.0.contains(path)
            || folders.any(|folder| self.0.contains(folder))
            || after.next().is_some_and(|next| next.starts_with(&below))
    }
}

/// One artefact of an archive, to be taken apart.
struct Part<'a> {
    means: &'a Means,
    archive: &'a Archive,
    artefact: &'a Artefact,
    number: usize,
}

impl Part<'_> {
    fn pieces(&self) -> Result<Vec<Piece>, SourceError> {
        match self.artefact.format {
            Format::Zip => self.members(),
            Format::Jsonl => self.export(),
            Format::Plain => Ok(vec![self.raw(Arc::clone(&self.artefact.name))]),
            Format::Sqlite => self.database(),
            Format::PgDump | Format::Sql(_) | Format::Tar(_) => Ok(vec![self.raw(self.file_name())]),
        }
    }

    fn stored(&self) -> Arc<dyn Stored> {
        Arc::new(StoredFile { file: Arc::clone(&self.artefact.file) })
    }

    /// What the whole file is called in a snapshot: the same in each.
    fn file_name(&self) -> Arc<str> {
        let part = &self.artefact.part;
        let name = if part.is_empty() { &self.archive.database } else { part };
        escape_with_suffix(name, &self.artefact.format.suffix()).into()
    }

    /// The file as it is.
    fn raw(&self, path: Arc<str>) -> Piece {
        let content = Arc::new(Raw { label: Arc::clone(&self.means.label), stored: self.stored() });
        self.whole(path, content)
    }

    /// A piece that the bytes of the whole file decide.
    fn whole(&self, path: Arc<str>, content: Arc<dyn Content>) -> Piece {
        let file = Arc::clone(&self.artefact.file);
        let likeness =
            ContentId::of(&[self.artefact.format.suffix().as_bytes(), &file.stamp.len.to_le_bytes()]);
        let digest = Arc::new(move || whole_digest(&file).map_err(|error| io_kind(&error)));
        Piece { path, artefact: self.number, likeness, place: 0, digest, content }
    }

    /// The rows of an export, and its bytes too where it is no JSONL.
    fn export(&self) -> Result<Vec<Piece>, SourceError> {
        let stored = self.stored();
        let what = stored.describe();
        let fail =
            |error| stored_error(&self.means.label, format!("cannot read export {what}"), &what, error);
        let form = form_of(&head(&*stored).map_err(fail)?, stored.len());
        let rows = Arc::new(Export { label: Arc::clone(&self.means.label), stored });
        let mut pieces = vec![self.whole(format!("{EXPORTED_TABLE}.jsonl").into(), rows)];
        if form != Form::Lines {
            pieces.push(self.raw(format!("{EXPORTED_TABLE}.json").into()));
        }
        Ok(pieces)
    }

    /// The tables of a SQLite file, its schema, and its bytes.
    fn database(&self) -> Result<Vec<Piece>, SourceError> {
        let stored = self.stored();
        let mut pieces = vec![self.raw(self.file_name())];
        let what = stored.describe();
        let fail = |error| stored_error(&self.means.label, format!("cannot read {what}"), &what, error);
        if !is_sqlite(&head(&*stored).map_err(fail)?, stored.len()) {
            // Its name only looks like one, or it is encrypted.
            return Ok(pieces);
        }
        let file = Arc::new(database_of(self.means, self.artefact));
        match file.listing().and_then(|listing| Ok((listing, file.schema_sql()?))) {
            Ok((listing, schema)) => {
                pieces.extend(listing.shown.iter().map(|relation| self.table(&file, relation)));
                pieces.push(self.text(SCHEMA, schema, format!("schema of {what}")));
            }
            Err(error) => {
                tracing::warn!("{}: its tables are not shown", error.chain());
                let broken = Arc::new(Broken::new(format!("schema of {what}"), &error));
                pieces.push(self.whole(SCHEMA.into(), broken));
            }
        }
        Ok(pieces)
    }

    fn table(&self, file: &Arc<SqliteFile>, relation: &Relation) -> Piece {
        let content = Arc::new(file.rows(relation));
        let (file, relation) = (Arc::clone(file), relation.clone());
        Piece {
            path: escape_with_suffix(&relation.name, ".jsonl").into(),
            artefact: self.number,
            // Nothing is known of its rows without reading them.
            likeness: ContentId::of(&[b"table"]),
            place: 0,
            digest: Arc::new(move || {
                file.digest(&relation).map(|digest| digest.sha256).map_err(|error| error.kind)
            }),
            content,
        }
    }

    /// A text that was read already.
    fn text(&self, path: &str, text: Bytes, what: String) -> Piece {
        let digest: [u8; 32] = Sha256::digest(&text).into();
        Piece {
            path: path.into(),
            artefact: self.number,
            likeness: ContentId::of(&[b"text", &digest]),
            place: 0,
            digest: Arc::new(move || Ok(digest)),
            content: Arc::new(TextContent { text, what }),
        }
    }

    fn members(&self) -> Result<Vec<Piece>, SourceError> {
        let path = &self.artefact.file.path;
        let fail =
            |error| zip_error(&self.means.label, format!("cannot list zip {}", path.display()), path, error);
        let directory = Arc::new(ZipDirectory::read(&self.artefact.file).map_err(fail)?);
        let reader = directory.reader();
        let piece = |member: &ZipMember| -> Result<Piece, ZipError> {
            let index = member.index;
            let entry = reader.by_index_data(index)?;
            let (label, len) = (Arc::clone(&self.means.label), entry.size());
            let method = entry.compression().to_string();
            let numbers = [u64::from(entry.crc32()), len, entry.compressed_size()].map(u64::to_le_bytes);
            let likeness = ContentId::of(&[b"member", method.as_bytes(), &numbers.concat()]);
            let packed = Arc::clone(&directory);
            Ok(Piece {
                path: Arc::clone(&member.path),
                artefact: self.number,
                likeness,
                place: entry.header_start(),
                digest: Arc::new(move || packed_digest(&packed, index).map_err(|error| io_kind(&error))),
                content: Arc::new(ZipContent {
                    label,
                    directory: Arc::clone(&directory),
                    index,
                    len,
                    overlaps: member.overlaps,
                }),
            })
        };
        directory.members.iter().map(piece).collect::<Result<_, _>>().map_err(fail)
    }
}

/// A SQLite database with what lies beside it.
pub(super) fn database_of(means: &Means, artefact: &Artefact) -> SqliteFile {
    let stored = |file: &Arc<FileVersion>| Arc::new(StoredFile { file: Arc::clone(file) }) as Arc<dyn Stored>;
    let (wal, journal) = (artefact.wal.as_ref().map(stored), artefact.journal.as_ref().map(stored));
    let (label, spools) = (Arc::clone(&means.label), Arc::clone(&means.spools));
    SqliteFile::new(label, stored(&artefact.file), wal, journal, spools)
}

/// How a piece of bytes begins.
fn head(stored: &dyn Stored) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let count = read_full(&mut stored.read()?, &mut head)?;
    head.truncate(count);
    Ok(head)
}

fn packed_digest(directory: &ZipDirectory, index: usize) -> io::Result<[u8; 32]> {
    let mut zip = directory.reader();
    let digest = digest_of(zip.by_index_raw(index)?)?;
    zip.into_inner().check()?;
    Ok(digest)
}

fn whole_digest(version: &FileVersion) -> io::Result<[u8; 32]> {
    let file = version.open()?;
    let digest = digest_of(&file)?;
    version.check(&file)?;
    Ok(digest)
}

fn digest_of(mut data: impl Read) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match read_full(&mut data, &mut piece)? {
            0 => return Ok(hash.finalize().into()),
            count => hash.update(&piece[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_in_the_way_of_itself_and_of_what_is_above_and_below() {
        let mut taken = Taken::default();
        taken.add(&"a/b".into());
        taken.add(&"c".into());
        for path in ["a", "a/b", "a/b/c", "c", "c/d/e"] {
            assert!(taken.is_in_the_way(path), "{path}");
        }
        for path in ["a/c", "a!", "ab", "b", "a/bc", "d/c"] {
            assert!(!taken.is_in_the_way(path), "{path}");
        }
    }
}
