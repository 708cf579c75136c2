//! SQLite databases: their tables, their schema, and their bytes.

use std::sync::Arc;

use super::{Means, Part, Piece};
use crate::content::{Content, FileKind, SourceError};
use crate::format::blob::{FileVersion, Stored, StoredFile, lacks_room, stored_error};
use crate::format::dump::packed::Packing;
use crate::format::dump::unpacked::Unpacked;
use crate::format::form::{Broken, SCHEMA, TableFile, head, tables};
use crate::format::sqlite::{Relation, RelationKind, SqliteFile, is_sqlite};
use crate::model::content_id::ContentId;
use crate::model::names::escape_with_suffix;
use crate::source::archive::format::Format;
use crate::source::archive::found::{Archive, Artefact};

/// The pieces of an artefact that is a database.
pub(super) fn whole(part: &Part) -> Result<Vec<Piece>, SourceError> {
    let stored = part.stored();
    let mut pieces = vec![part.raw(part.file_name())];
    let what = stored.describe();
    let fail = |error| stored_error(&part.means.label, format!("cannot read {what}"), &what, error);
    if !is_sqlite(&stored.read().and_then(head).map_err(fail)?, stored.len()) {
        // Its name only looks like one, or it is encrypted.
        return Ok(pieces);
    }
    pieces.extend(relations(part, &Arc::new(database_of(part.means, part.artefact)), &what)?);
    Ok(pieces)
}

/// The tables and the schema of a database that is packed, and its unpacked bytes.
pub(super) fn packed(part: &Part, packing: Packing) -> Result<Vec<Piece>, SourceError> {
    let what = part.stored().describe();
    let mut pieces = vec![part.unpacked_bytes(packing, &Format::Sqlite.suffix())];
    match packed_database(part.means, part.artefact, packing) {
        Ok(Some(file)) => pieces.extend(relations(part, &Arc::new(file), &what)?),
        Ok(None) => {}
        Err(error) if !error.kind.is_lasting() && !lacks_room(&error) => return Err(error),
        Err(error) => pieces.push(broken_schema(part, &what, &error)),
    }
    Ok(pieces)
}

/// The tables of a database and its schema, or an error in the place of that.
fn relations(part: &Part, file: &Arc<SqliteFile>, what: &str) -> Result<Vec<Piece>, SourceError> {
    match file.listing_and_schema() {
        Ok((listing, schema)) => {
            let mut pieces: Vec<Piece> =
                listing.shown.iter().map(|relation| table(part, file, relation)).collect();
            pieces.push(part.text(SCHEMA, schema, format!("schema of {what}")));
            Ok(pieces)
        }
        Err(error) if !error.kind.is_lasting() && !lacks_room(&error) => Err(error),
        Err(error) => Ok(vec![broken_schema(part, what, &error)]),
    }
}

fn broken_schema(part: &Part, what: &str, error: &SourceError) -> Piece {
    tracing::warn!("{}: its tables are not shown", error.chain());
    part.whole(SCHEMA.into(), Broken::content(format!("schema of {what}"), error))
}

/// A SQLite database that is packed; `None` for a file that only is called like one. Blocks.
///
/// # Errors
/// When the file cannot be read or unpacked.
pub(in crate::source::archive) fn packed_database(
    means: &Means,
    artefact: &Artefact,
    packing: Packing,
) -> Result<Option<SqliteFile>, SourceError> {
    let packed: Arc<dyn Stored> = Arc::new(StoredFile { file: Arc::clone(&artefact.file) });
    let what = packed.describe();
    let fail = |error| stored_error(&means.label, format!("cannot unpack {what}"), &what, error);
    let stored = Arc::new(Unpacked::new(packed, packing, &means.spools).map_err(fail)?);
    let is_database = is_sqlite(&stored.read().and_then(head).map_err(fail)?, stored.len());
    let (label, spools) = (Arc::clone(&means.label), Arc::clone(&means.spools));
    Ok(is_database.then(|| SqliteFile::new(label, stored, None, None, spools)))
}

fn table(part: &Part, file: &Arc<SqliteFile>, relation: &Relation) -> Piece {
    let content = Content::stream(file.rows(relation));
    let path: Arc<str> = escape_with_suffix(&relation.name, ".jsonl").into();
    if relation.kind != RelationKind::Table {
        // What is computed is not computed to compare it: it is the same as long as the whole file is.
        return part.whole(path, content);
    }
    let (file, relation) = (Arc::clone(file), relation.clone());
    Piece {
        path,
        artefact: part.number,
        // Nothing is known of its rows without reading them.
        likeness: ContentId::of(&[b"table"]),
        place: 0,
        digest: Arc::new(move || {
            file.digest(&relation).map(|digest| digest.sha256).map_err(|error| error.kind)
        }),
        content,
        kind: FileKind::Regular,
    }
}

/// The tables and the schema of a database that is a member of something, which `piece` shows as it is: in `folder`
/// beside it. They are the same as long as it is.
pub(super) fn within(
    means: &Means,
    piece: &Piece,
    folder: &str,
    stored: Arc<dyn Stored>,
) -> Result<Vec<Piece>, SourceError> {
    let what = stored.describe();
    let (label, spools) = (Arc::clone(&means.label), Arc::clone(&means.spools));
    let file = Arc::new(SqliteFile::new(label, stored, None, None, spools));
    Ok(tables(&file, &what)?.into_iter().map(|file| derived(piece, folder, file)).collect())
}

/// What stands for the tables of such a database where it cannot be unpacked for now.
pub(super) fn not_unpacked(piece: &Piece, folder: &str, what: &str, error: &SourceError) -> Piece {
    derived(piece, folder, TableFile::broken(what, error))
}

fn derived(piece: &Piece, folder: &str, file: TableFile) -> Piece {
    Piece {
        path: format!("{folder}/{}", file.name).into(),
        artefact: piece.artefact,
        likeness: piece.likeness,
        place: piece.place,
        digest: Arc::clone(&piece.digest),
        content: file.content,
        kind: FileKind::Regular,
    }
}

/// The database of an archive that is one SQLite file, and the path of its bytes in the snapshot. Blocks.
///
/// # Errors
/// When the file cannot be read.
pub(in crate::source::archive) fn sole_database(
    means: &Means,
    archive: &Archive,
) -> Result<Option<(Arc<str>, SqliteFile)>, SourceError> {
    let [artefact] = &*archive.artefacts else { return Ok(None) };
    if artefact.format != Format::Sqlite {
        return Ok(None);
    }
    let part = Part { means, archive, artefact, number: 0 };
    let stored = part.stored();
    let what = stored.describe();
    let fail = |error| stored_error(&means.label, format!("cannot read {what}"), &what, error);
    let is_database = is_sqlite(&stored.read().and_then(head).map_err(fail)?, stored.len());
    Ok(is_database.then(|| (part.file_name(), database_of(means, artefact))))
}

/// A SQLite database with what lies beside it.
pub(in crate::source::archive) fn database_of(means: &Means, artefact: &Artefact) -> SqliteFile {
    let stored = |file: &Arc<FileVersion>| Arc::new(StoredFile { file: Arc::clone(file) }) as Arc<dyn Stored>;
    let (wal, journal) = (artefact.wal.as_ref().map(stored), artefact.journal.as_ref().map(stored));
    let (label, spools) = (Arc::clone(&means.label), Arc::clone(&means.spools));
    SqliteFile::new(label, stored(&artefact.file), wal, journal, spools)
}
