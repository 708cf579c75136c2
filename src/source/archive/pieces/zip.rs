//! The members of a zip.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use zip::ZipArchive;
use zip::result::ZipError;

use super::{Part, Piece, database, digest_of};
use crate::locks::lock;
use crate::model::content_id::ContentId;
use crate::model::terminal::ShowPath;
use crate::source::archive::zip_content::{ZipContent, ZipStored};
use crate::source::archive::zip_directory::{ZipDirectory, ZipMember};
use crate::source::archive::zip_problem::zip_error;
use crate::source::form::{LARGEST_DATABASE, folder_beside, head, is_free};
use crate::source::sqlite::{is_database_name, is_sqlite};
use crate::source::stored::{FileReader, Stored, io_kind, stored_error};
use crate::source::{ErrorKind, FileKind, SourceError};

/// The pieces of an artefact that is a zip.
pub(super) fn members(part: &Part) -> Result<Vec<Piece>, SourceError> {
    let path = &part.artefact.file.path;
    let fail = |error| zip_error(&part.means.label, format!("cannot list zip {}", path.shown()), path, error);
    let directory = Arc::new(ZipDirectory::read(&part.artefact.file).map_err(fail)?);
    let reader = directory.reader();
    let shared = Arc::new(SharedReader { directory: Arc::clone(&directory), open: Mutex::default() });
    let piece = |member: &ZipMember| -> Result<Piece, ZipError> {
        let index = member.index;
        let entry = reader.by_index_data(index)?;
        let (label, len) = (Arc::clone(&part.means.label), entry.size());
        let method = entry.compression().to_string();
        let numbers = [u64::from(entry.crc32()), len, entry.compressed_size()].map(u64::to_le_bytes);
        let likeness = ContentId::of(&[b"member", method.as_bytes(), &numbers.concat()]);
        let (packed, overlaps) = (Arc::clone(&shared), member.overlaps);
        Ok(Piece {
            path: Arc::clone(&member.path),
            artefact: part.number,
            likeness,
            place: entry.header_start(),
            digest: Arc::new(move || match overlaps {
                // Nobody may read it, and to compare many such would take as long as to unpack a bomb.
                true => Err(ErrorKind::Unsupported),
                false => packed.digest(index).map_err(|error| io_kind(&error)),
            }),
            content: Arc::new(ZipContent {
                label,
                directory: Arc::clone(&directory),
                index,
                len,
                overlaps: member.overlaps,
            }),
            kind: FileKind::Regular,
        })
    };
    let mut pieces: Vec<Piece> =
        directory.members.iter().map(piece).collect::<Result<_, _>>().map_err(fail)?;
    let taken: BTreeSet<&str> = pieces.iter().map(|piece| &*piece.path).collect();
    let tables: Result<Vec<Vec<Piece>>, SourceError> = directory
        .members
        .iter()
        .zip(&pieces)
        .filter_map(|(member, piece)| {
            let folder = folder_beside(&piece.path).filter(|folder| is_free(&taken, folder))?;
            Some(tables_of(part, &directory, member, (piece, &folder)))
        })
        .collect();
    let tables: Vec<Piece> = tables?.into_iter().flatten().collect();
    pieces.extend(tables);
    Ok(pieces)
}

/// The tables of a member that is a SQLite database, in the folder for them.
fn tables_of(
    part: &Part,
    directory: &Arc<ZipDirectory>,
    member: &ZipMember,
    (piece, folder): (&Piece, &str),
) -> Result<Vec<Piece>, SourceError> {
    let len = piece.content.stated_len().unwrap_or(u64::MAX);
    if !is_database_name(&member.path) || len > LARGEST_DATABASE || member.overlaps {
        return Ok(Vec::new());
    }
    let stored = Arc::new(ZipStored::new(directory, member.index, len, &part.means.spools));
    match stored.read().and_then(head) {
        Ok(head) if is_sqlite(&head, len) && len > 0 => database::within(part.means, piece, folder, stored),
        Err(error) if !io_kind(&error).is_lasting() => {
            let what = stored.describe();
            Err(stored_error(&part.means.label, format!("cannot read {what}"), &what, error))
        }
        // Whoever reads the member is told what is wrong with it.
        _ => Ok(Vec::new()),
    }
}

/// One open zip, for comparing one member after the other.
struct SharedReader {
    directory: Arc<ZipDirectory>,
    open: Mutex<Option<ZipArchive<FileReader>>>,
}

impl SharedReader {
    /// SHA-256 of a member's packed bytes.
    fn digest(&self, index: usize) -> io::Result<[u8; 32]> {
        let mut open = lock(&self.open);
        // What failed is opened anew.
        let mut zip = open.take().unwrap_or_else(|| self.directory.reader());
        let digest = digest_of(zip.by_index_raw(index)?)?;
        self.directory.file.open()?;
        *open = Some(zip);
        Ok(digest)
    }
}
