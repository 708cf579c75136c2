//! The members of a zip.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use super::{Part, Piece, database, digest_of};
use crate::content::{Content, ErrorKind, FileKind, SourceError};
use crate::format::blob::{FileReader, Stored, io_kind, lacks_room, stored_error};
use crate::format::form::{LARGEST_DATABASE, folder_beside, head, is_free};
use crate::format::sqlite::{is_database_name, is_sqlite};
use crate::format::zip::packed;
use crate::model::content_id::ContentId;
use crate::model::terminal::ShowPath;
use crate::source::archive::zip_content::{ZipContent, ZipStored};
use crate::source::archive::zip_directory::ZipFile;
use crate::source::archive::zip_problem::zip_error;
use crate::util::locks::lock;

/// The pieces of an artefact that is a zip.
pub(super) fn members(part: &Part) -> Result<Vec<Piece>, SourceError> {
    let path = &part.artefact.file.path;
    let fail = |error| zip_error(&part.means.label, format!("cannot list zip {}", path.shown()), path, error);
    let zip = Arc::new(ZipFile::read(&part.artefact.file).map_err(fail)?);
    let shared = Arc::new(SharedReader { zip: Arc::clone(&zip), open: Mutex::default() });
    let places = 0..zip.directory.members.len();
    let mut pieces: Vec<Piece> = places.map(|at| piece(part, &shared, at)).collect();
    let taken: BTreeSet<&str> = pieces.iter().map(|piece| &*piece.path).collect();
    let tables: Result<Vec<Vec<Piece>>, SourceError> = pieces
        .iter()
        .enumerate()
        .filter_map(|(at, piece)| {
            let folder = folder_beside(&piece.path).filter(|folder| is_free(&taken, folder))?;
            Some(tables_of(part, &zip, at, (piece, &folder)))
        })
        .collect();
    let tables: Vec<Piece> = tables?.into_iter().flatten().collect();
    pieces.extend(tables);
    Ok(pieces)
}

fn piece(part: &Part, shared: &Arc<SharedReader>, at: usize) -> Piece {
    let member = &shared.zip.directory.members[at];
    let kind: &[u8] = match member.kind {
        FileKind::Regular => b"file",
        FileKind::Executable => b"program",
        FileKind::Symlink => b"link",
    };
    let numbers = [u64::from(member.method), u64::from(member.crc), member.len, member.packed];
    let likeness = ContentId::of(&[b"member", kind, &numbers.map(u64::to_le_bytes).concat()]);
    let (packed, is_unread) = (Arc::clone(shared), member.overlaps || member.lacks_bits);
    Piece {
        path: Arc::clone(&member.path),
        artefact: part.number,
        likeness,
        place: member.header.unwrap_or(0),
        digest: Arc::new(move || match is_unread {
            // Nobody may read it, and to compare many such would take as long as to unpack a bomb.
            true => Err(ErrorKind::Unsupported),
            false => packed.digest(at).map_err(|error| io_kind(&error)),
        }),
        content: Content::stream(ZipContent {
            label: Arc::clone(&part.means.label),
            zip: Arc::clone(&shared.zip),
            at,
        }),
        kind: member.kind,
    }
}

/// The tables of a member that is a SQLite database, in the folder for them.
fn tables_of(
    part: &Part,
    zip: &Arc<ZipFile>,
    at: usize,
    (piece, folder): (&Piece, &str),
) -> Result<Vec<Piece>, SourceError> {
    let member = &zip.directory.members[at];
    if !is_database_name(&member.path) || member.len > LARGEST_DATABASE || member.overlaps {
        return Ok(Vec::new());
    }
    let stored = Arc::new(ZipStored::new(zip, at, &part.means.spools));
    match stored.read().and_then(head) {
        Ok(head) if is_sqlite(&head, member.len) && member.len > 0 => {
            database::within(part.means, piece, folder, stored)
        }
        Err(error) if !io_kind(&error).is_lasting() => {
            let what = stored.describe();
            let error = stored_error(&part.means.label, format!("cannot read {what}"), &what, error);
            match lacks_room(&error) {
                true => Ok(vec![database::not_unpacked(piece, folder, &what, &error)]),
                false => Err(error),
            }
        }
        // Whoever reads the member is told what is wrong with it.
        _ => Ok(Vec::new()),
    }
}

/// One open zip, for comparing one member after the other.
struct SharedReader {
    zip: Arc<ZipFile>,
    open: Mutex<Option<FileReader>>,
}

impl SharedReader {
    /// SHA-256 of a member's packed bytes.
    fn digest(&self, at: usize) -> io::Result<[u8; 32]> {
        let ZipFile { file, directory } = &*self.zip;
        let mut open = lock(&self.open);
        // After a failure a new one is opened.
        let mut reader = open.take().unwrap_or_else(|| self.zip.reader());
        let digest = digest_of(packed(directory, &directory.members[at], &mut reader)?)?;
        file.open()?;
        *open = Some(reader);
        Ok(digest)
    }
}
