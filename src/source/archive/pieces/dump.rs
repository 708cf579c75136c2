//! Dumps and tars: what is in them, beside their bytes.

use std::sync::Arc;

use super::{Part, Piece};
use crate::model::names::escape_with_suffix;
use crate::model::terminal::ShowPath;
use crate::source::SourceError;
use crate::source::dump::packed::{PackedFile, Packing};
use crate::source::dump::pg::{self, PgDump};
use crate::source::dump::tar::TarArchive;
use crate::source::dump::{DumpContent, DumpFile};
use crate::source::form::{Broken, head};
use crate::source::stored::{io_kind, stored_error};

/// The tables, the schema and the table of contents of `pg_dump -Fc`, and its bytes.
pub(super) fn tables(part: &Part) -> Result<Vec<Piece>, SourceError> {
    let stored = part.stored();
    let what = stored.describe();
    let fail = |error| stored_error(&part.means.label, format!("cannot read {what}"), &what, error);
    let mut pieces = vec![part.raw(part.file_name())];
    if !pg::is_archive(&stored.read().and_then(head).map_err(fail)?) {
        // A dump of another program.
        return Ok(pieces);
    }
    match PgDump::open(&part.means.label, stored) {
        Ok(dump) => pieces.extend(dump.files().into_iter().map(|file| piece(part, "", file))),
        Err(error) if !error.kind.is_lasting() => return Err(error),
        Err(error) => pieces.push(broken(part, "toc.jsonl".into(), &error)),
    }
    Ok(pieces)
}

/// The members of a tar, in a folder beside its bytes.
pub(super) fn members(part: &Part, packing: Packing) -> Result<Vec<Piece>, SourceError> {
    let mut pieces = vec![part.raw(part.file_name())];
    let folder = escape_with_suffix(part.name(), "");
    match TarArchive::open(&part.means.label, part.stored(), packing, &part.means.spools) {
        Ok(tar) => {
            for left_out in tar.left_out() {
                tracing::info!(
                    "{}: {} is left out: {}",
                    part.artefact.file.path.shown(),
                    String::from_utf8_lossy(&left_out.name).escape_debug(),
                    left_out.reason
                );
            }
            pieces.extend(tar.files().into_iter().map(|file| piece(part, &format!("{folder}/"), file)));
        }
        Err(error) if !error.kind.is_lasting() => return Err(error),
        Err(error) => pieces.push(broken(part, folder.into(), &error)),
    }
    Ok(pieces)
}

/// SQL as text: as it is, and unpacked beside that where it is packed.
pub(super) fn text(part: &Part, packing: Packing) -> Vec<Piece> {
    let mut pieces = vec![part.raw(part.file_name())];
    if packing != Packing::Plain {
        let (label, stored) = (Arc::clone(&part.means.label), part.stored());
        let content = Arc::new(PackedFile { label, stored, packing });
        let path = escape_with_suffix(part.name(), ".sql").into();
        pieces.push(part.whole(path, content));
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
        content,
        kind: file.kind,
    }
}

/// Stands for what is in an artefact that cannot be opened.
fn broken(part: &Part, path: Arc<str>, error: &SourceError) -> Piece {
    tracing::warn!("{}: only its bytes are shown", error.chain());
    let what = format!("what is in {}", part.artefact.file.path.shown());
    part.whole(path, Arc::new(Broken::new(what, error)))
}
