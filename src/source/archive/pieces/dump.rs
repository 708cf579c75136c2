//! Dumps and tars: what is in them, beside their bytes.

use std::sync::Arc;

use super::{Part, Piece};
use crate::content::{Content, SourceError};
use crate::format::blob::{Stored, io_kind, lacks_room, stored_error};
use crate::format::dump::packed::Packing;
use crate::format::dump::pg::{self, PgDump};
use crate::format::dump::tar::TarArchive;
use crate::format::dump::{DumpContent, DumpFile};
use crate::format::form::{Broken, head};
use crate::model::names::escape_with_suffix;
use crate::model::terminal::ShowPath;
use crate::source::archive::format::Format;

/// Stands for the members of a tar behind the place where it is damaged. No name of a member is shown like this: a `%` in
/// one is escaped.
const DAMAGED: &str = "%damaged";

/// The tables, the schema and the table of contents of `pg_dump -Fc`, and its bytes.
pub(super) fn tables(part: &Part) -> Result<Vec<Piece>, SourceError> {
    let mut pieces = tables_of(part, part.stored())?;
    pieces.push(part.raw(part.file_name()));
    Ok(pieces)
}

/// The same of one that is packed, and its unpacked bytes.
pub(super) fn packed_tables(part: &Part, packing: Packing) -> Result<Vec<Piece>, SourceError> {
    let tables = part.unpacked(packing).and_then(|stored| tables_of(part, stored));
    let mut pieces = match tables {
        Ok(pieces) => pieces,
        Err(error) if !error.kind.is_lasting() && !lacks_room(&error) => return Err(error),
        Err(error) => vec![broken(part, "toc.jsonl".into(), &error)],
    };
    pieces.push(part.unpacked_bytes(packing, &Format::PgDump.suffix()));
    Ok(pieces)
}

fn tables_of(part: &Part, stored: Arc<dyn Stored>) -> Result<Vec<Piece>, SourceError> {
    let what = stored.describe();
    let fail = |error| stored_error(&part.means.label, format!("cannot read {what}"), &what, error);
    if !pg::is_archive(&stored.read().and_then(head).map_err(fail)?) {
        // A dump of another program.
        return Ok(Vec::new());
    }
    match PgDump::open(&part.means.label, stored) {
        Ok(dump) => Ok(dump.files().into_iter().map(|file| piece(part, "", file)).collect()),
        Err(error) if !error.kind.is_lasting() && !lacks_room(&error) => Err(error),
        Err(error) => Ok(vec![broken(part, "toc.jsonl".into(), &error)]),
    }
}

/// The members of a tar, in a folder beside its bytes; or the tables of `pg_dump -Fc`, which some call a tar, too.
pub(super) fn members(part: &Part, packing: Packing) -> Result<Vec<Piece>, SourceError> {
    // What cannot be read is said of the tar.
    let stored = part.stored();
    let begins = match packing.unpack(&*stored).and_then(head) {
        // It may be read the next time.
        Err(error) if !io_kind(&error).is_lasting() => {
            let what = stored.describe();
            return Err(stored_error(&part.means.label, format!("cannot read {what}"), &what, error));
        }
        begins => begins,
    };
    match packing {
        _ if !begins.is_ok_and(|head| pg::is_archive(&head)) => {}
        Packing::Plain => return tables(part),
        packing => return packed_tables(part, packing),
    }
    let mut pieces = vec![part.raw(part.file_name())];
    let folder = escape_with_suffix(part.name(), "");
    match TarArchive::open(&part.means.label, part.stored(), packing, &part.means.spools) {
        Ok(tar) => {
            for left_out in tar.left_out() {
                let name = String::from_utf8_lossy(&left_out.name).escape_debug().to_string();
                let path = part.artefact.file.path.shown();
                tracing::info!("{path}: {name} is left out: {}", left_out.reason);
            }
            let files = tar.files();
            let is_empty = files.is_empty();
            pieces.extend(files.into_iter().map(|file| piece(part, &format!("{folder}/"), file)));
            if let Some(error) = tar.damage() {
                let path = if is_empty { folder } else { format!("{folder}/{DAMAGED}") };
                pieces.push(broken(part, path.into(), &error));
            }
        }
        Err(error) if !error.kind.is_lasting() && !lacks_room(&error) => return Err(error),
        Err(error) => pieces.push(broken(part, folder.into(), &error)),
    }
    Ok(pieces)
}

/// SQL as text: as it is, and unpacked beside that where it is packed.
pub(super) fn text(part: &Part, packing: Packing) -> Vec<Piece> {
    let mut pieces = vec![part.raw(part.file_name())];
    if packing != Packing::Plain {
        pieces.push(part.unpacked_bytes(packing, ".sql"));
    }
    pieces
}

fn piece(part: &Part, folder: &str, file: DumpFile) -> Piece {
    let content: Arc<dyn DumpContent> = file.content;
    let decides = Arc::clone(&content);
    Piece {
        path: format!("{folder}{}", file.path).into(),
        artefact: part.number,
        likeness: content.likeness(),
        place: content.place(),
        digest: Arc::new(move || decides.digest().map_err(|error| io_kind(&error))),
        content: Content::Stream(content),
        kind: file.kind,
    }
}

/// Stands for what is in an artefact that cannot be opened.
fn broken(part: &Part, path: Arc<str>, error: &SourceError) -> Piece {
    tracing::warn!("{}: only its bytes are shown", error.chain());
    let what = format!("what is in {}", part.artefact.file.path.shown());
    part.whole(path, Broken::content(what, error))
}
