//! The files that an archive shows, with what tells equal ones apart from others.

mod database;
mod dump;
mod zip;

pub(super) use database::{database_of, packed_database, sole_database};

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::format::{Content as FormatContent, Format};
use super::found::{Archive, Artefact};
use crate::content::text::TextContent;
use crate::content::{Content, ErrorKind, FileKind, SourceError};
use crate::format::blob::{FileVersion, PIECE, Spools, Stored, StoredFile, io_kind, read_full, stored_error};
use crate::format::dump::packed::{PackedFile, Packing};
use crate::format::dump::unpacked::Unpacked;
use crate::format::form::{EXPORTED_TABLE, Export, Form, RAW_EXPORT, Raw, form_of, head, is_cut};
use crate::model::content_id::ContentId;
use crate::model::names::{escape, escape_with_suffix};

/// Bytes read at first to hash something.
const FIRST_PIECE: usize = 8 * 1024;

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
    pub(super) content: Content,
    pub(super) kind: FileKind,
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
            Format::Zip => zip::members(self),
            Format::Jsonl => self.export(Packing::Plain),
            Format::Packed(content, packing) => self.packed(content, packing),
            Format::Plain => Ok(vec![self.raw(Arc::clone(&self.artefact.name))]),
            Format::Sqlite => database::whole(self),
            Format::PgDump => dump::tables(self),
            Format::Sql(packing) => Ok(dump::text(self, packing)),
            Format::Tar(packing) => dump::members(self, packing),
        }
    }

    fn stored(&self) -> Arc<dyn Stored> {
        Arc::new(StoredFile { file: Arc::clone(&self.artefact.file) })
    }

    /// What the part of the backup is called: the same in each snapshot.
    fn name(&self) -> &str {
        if self.artefact.part.is_empty() { &self.archive.database } else { &self.artefact.part }
    }

    /// What the whole file is called in a snapshot.
    fn file_name(&self) -> Arc<str> {
        escape_with_suffix(self.name(), &self.artefact.format.suffix()).into()
    }

    /// The file as it is.
    fn raw(&self, path: Arc<str>) -> Piece {
        let content = Content::stream(Raw { label: Arc::clone(&self.means.label), stored: self.stored() });
        self.whole(path, content)
    }

    /// A piece that the bytes of the whole file decide.
    fn whole(&self, path: Arc<str>, content: Content) -> Piece {
        let file = Arc::clone(&self.artefact.file);
        let likeness =
            ContentId::of(&[self.artefact.format.suffix().as_bytes(), &file.stamp.len.to_le_bytes()]);
        let digest = Arc::new(move || whole_digest(&file).map_err(|error| io_kind(&error)));
        Piece { path, artefact: self.number, likeness, place: 0, digest, content, kind: FileKind::Regular }
    }

    /// What is in a packed file, its bytes unpacked, and its bytes.
    fn packed(&self, content: FormatContent, packing: Packing) -> Result<Vec<Piece>, SourceError> {
        let mut pieces = match content {
            FormatContent::Jsonl => return self.export(packing),
            FormatContent::Sqlite => database::packed(self, packing)?,
            FormatContent::PgDump => dump::packed_tables(self, packing)?,
        };
        pieces.push(self.raw(self.file_name()));
        Ok(pieces)
    }

    /// What is in a packed file, of one that is read in any order. Blocks.
    fn unpacked(&self, packing: Packing) -> Result<Arc<dyn Stored>, SourceError> {
        let stored = self.stored();
        let what = stored.describe();
        let fail = |error| stored_error(&self.means.label, format!("cannot unpack {what}"), &what, error);
        Ok(Arc::new(Unpacked::new(Arc::clone(&stored), packing, &self.means.spools).map_err(fail)?))
    }

    /// The bytes of a packed file, unpacked.
    fn unpacked_bytes(&self, packing: Packing, suffix: &str) -> Piece {
        let (label, stored) = (Arc::clone(&self.means.label), self.stored());
        let content = Content::stream(PackedFile { label, stored, packing });
        self.whole(escape_with_suffix(self.name(), suffix).into(), content)
    }

    /// The rows of an export, and its bytes too where they are others, or cannot all be shown as rows.
    fn export(&self, packing: Packing) -> Result<Vec<Piece>, SourceError> {
        let stored = self.stored();
        let what = stored.describe();
        let fail =
            |error| stored_error(&self.means.label, format!("cannot read export {what}"), &what, error);
        // Reading the rows of a packed one says what is wrong with it.
        let is_whole = match packing {
            Packing::Plain => {
                let form = form_of(&stored.read().and_then(head).map_err(fail)?, stored.len());
                form == Form::Lines && !is_cut(&*stored).map_err(fail)?
            }
            _ => true,
        };
        let label = Arc::clone(&self.means.label);
        let rows = Content::stream(Export { label, stored, packing, is_proven: false });
        let mut pieces = vec![self.whole(EXPORTED_TABLE.into(), rows)];
        if packing != Packing::Plain {
            pieces.push(self.raw(self.file_name()));
        }
        if !is_whole {
            pieces.push(self.raw(RAW_EXPORT.into()));
        }
        Ok(pieces)
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
            content: Content::stream(TextContent { text, what }),
            kind: FileKind::Regular,
        }
    }
}

fn whole_digest(version: &FileVersion) -> io::Result<[u8; 32]> {
    let file = version.open()?;
    let digest = digest_of(&file)?;
    version.check(&file)?;
    Ok(digest)
}

fn digest_of(mut data: impl Read) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    // Most members are small, and there may be many.
    let mut piece = vec![0; FIRST_PIECE];
    loop {
        match read_full(&mut data, &mut piece)? {
            0 => return Ok(hash.finalize().into()),
            count => {
                hash.update(&piece[..count]);
                piece.resize(PIECE, 0);
            }
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
