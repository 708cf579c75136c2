//! The files that an archive shows, with what tells equal ones apart from others.

use std::collections::BTreeSet;
use std::io;
use std::ops::Bound;
use std::sync::Arc;

use super::found::{Archive, Artefact};
use crate::content::{Content, ErrorKind, FileKind, SourceError};
use crate::format::blob::{Blob, FileBlob, FileVersion, io_kind};
use crate::format::hasher::sha256_of;
use crate::format::input::{FormatContext, FormatInput};
use crate::format::raw::Raw;
use crate::format::shown::{FileGroup, Fingerprint, ShownFile};
use crate::format::shown_as;
use crate::model::content_id::ContentId;
use crate::model::names::{escape, escape_with_suffix};

pub(super) struct Piece {
    /// Its path in the snapshot's folder.
    pub(super) path: Arc<str>,
    /// Which of the archive's artefacts it comes from.
    pub(super) artefact: usize,
    /// What tells it from its next version.
    pub(super) fingerprint: Arc<dyn Fingerprint>,
    pub(super) content: Content,
    pub(super) kind: FileKind,
}

/// The files of an archive, sorted by path. Blocks.
pub(super) fn pieces(context: &FormatContext, archive: &Archive) -> Result<Vec<Piece>, SourceError> {
    let mut taken: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut all: Vec<Piece> = Vec::new();
    for (number, artefact) in archive.artefacts.iter().enumerate() {
        let mut own = Part { context, archive, artefact, number }.pieces()?;
        if own.iter().any(|piece| is_in_the_way(&taken, &piece.path)) {
            // Two parts of a backup have one name: the later one gets a folder of its own.
            for piece in &mut own {
                piece.path = format!("{}/{}", escape(&artefact.name), piece.path).into();
            }
        }
        if archive.artefacts.len() > 1 {
            taken.extend(own.iter().map(|piece| Arc::clone(&piece.path)));
        }
        all.append(&mut own);
    }
    all.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

/// Whether a file is among those taken, or would have to be a folder, or is within what would be the file.
fn is_in_the_way(taken: &BTreeSet<Arc<str>>, path: &str) -> bool {
    let mut folders = path.match_indices('/').map(|(at, _)| &path[..at]);
    let below = format!("{path}/");
    let mut after = taken.range::<str, _>((Bound::Included(&*below), Bound::Unbounded));
    taken.contains(path)
        || folders.any(|folder| taken.contains(folder))
        || after.next().is_some_and(|next| next.starts_with(&below))
}

/// The file of an artefact, with what SQLite left beside it, for its format.
pub(super) fn input_of<'c>(context: &'c FormatContext, artefact: &Artefact) -> FormatInput<'c> {
    let blob = |file: &Arc<FileVersion>| Arc::new(FileBlob { file: Arc::clone(file) }) as Arc<dyn Blob>;
    let beside = [artefact.wal.as_ref().map(blob), artefact.journal.as_ref().map(blob)];
    FormatInput::new(context, blob(&artefact.file), artefact.format.packing()).with_beside(beside)
}

/// The path of the whole file of an artefact in its snapshot.
pub(super) fn path_of(archive: &Archive, artefact: &Artefact) -> Arc<str> {
    match artefact.format.format() {
        Some(_) => escape_with_suffix(archive.name_of(artefact), &artefact.format.suffix()).into(),
        None => Arc::clone(&artefact.name),
    }
}

struct Part<'a> {
    context: &'a FormatContext,
    archive: &'a Archive,
    artefact: &'a Artefact,
    number: usize,
}

impl Part<'_> {
    fn pieces(&self) -> Result<Vec<Piece>, SourceError> {
        let format = self.artefact.format;
        let input = input_of(self.context, self.artefact);
        let files = format.format().map_or(Ok(Vec::new()), |format| shown_as(format, &input))?;
        let mut pieces: Vec<Piece> = files.into_iter().map(|file| self.piece(file)).collect();
        if format.shows_bytes() {
            let raw = Raw { label: Arc::clone(&self.context.label), blob: input.blob };
            let path = path_of(self.archive, self.artefact);
            pieces.push(self.piece(ShownFile::of_blob(FileGroup::Tables, path, Content::stream(raw))));
        }
        Ok(pieces)
    }

    fn piece(&self, file: ShownFile) -> Piece {
        let name = self.archive.name_of(self.artefact);
        // The members of what is not shown itself take its place.
        let has_folder = file.group == FileGroup::Members && self.artefact.format.shows_bytes();
        let path = match (file.group, &*file.path) {
            (FileGroup::Unpacked, suffix) => escape_with_suffix(name, suffix).into(),
            (_, "") => escape(name).into(),
            (_, below) if has_folder => format!("{}/{below}", escape(name)).into(),
            _ => file.path,
        };
        let whole = || {
            let (file, suffix) = (Arc::clone(&self.artefact.file), self.artefact.format.suffix());
            Arc::new(FileFingerprint { file, suffix }) as Arc<dyn Fingerprint>
        };
        let fingerprint = file.fingerprint.unwrap_or_else(whole);
        Piece { path, artefact: self.number, fingerprint, content: file.content, kind: file.kind }
    }
}

/// All bytes of a file.
struct FileFingerprint {
    file: Arc<FileVersion>,
    suffix: String,
}

impl Fingerprint for FileFingerprint {
    fn likeness(&self) -> ContentId {
        ContentId::of(&[self.suffix.as_bytes(), &self.file.stamp.len.to_le_bytes()])
    }

    fn digest(&self) -> Result<[u8; 32], ErrorKind> {
        let digest = || -> io::Result<[u8; 32]> {
            let file = self.file.open()?;
            let digest = sha256_of(&file, &mut |_| {})?;
            self.file.check(&file)?;
            Ok(digest)
        };
        digest().map_err(|error| io_kind(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_in_the_way_of_itself_and_of_what_is_above_and_below() {
        let taken = ["a/b".into(), "c".into()].into();
        for path in ["a", "a/b", "a/b/c", "c", "c/d/e"] {
            assert!(is_in_the_way(&taken, path), "{path}");
        }
        for path in ["a/c", "a!", "ab", "b", "a/bc", "d/c"] {
            assert!(!is_in_the_way(&taken, path), "{path}");
        }
    }
}
