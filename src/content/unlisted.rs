//! Listings with stand-ins for files that cannot be listed for now.
//!
//! Such a listing is not kept, as the next one may have the files. A comparison does not take these files as deleted.

use std::borrow::Cow;

use super::FileEntry;
use crate::model::content_id::ContentId;

/// Whether a listing has stand-ins for files that may be listed later.
pub fn is_passing(files: &[FileEntry]) -> bool {
    files.iter().any(|file| file.content.is_stand_in())
}

/// The stand-in in `files` that stands for a path.
fn stand_in<'f>(files: &'f [FileEntry], path: &str) -> Option<&'f FileEntry> {
    let covers = |file: &&FileEntry| {
        let folder = file.path.rfind('/').map_or("", |at| &file.path[..=at]);
        file.content.is_stand_in() && path.starts_with(folder)
    };
    files.iter().find(covers)
}

/// The files to compare with `other`, both sorted by path. Files that could not be listed are in it, with a content
/// that cannot be read.
pub fn complete<'f>(files: &'f [FileEntry], other: &[FileEntry]) -> Cow<'f, [FileEntry]> {
    with_unlisted(files, other, |stand_in, missing| {
        let id = ContentId::of(&[b"unlisted", stand_in.id.as_bytes(), missing.path.as_bytes()]);
        FileEntry { path: missing.path.clone(), id, ..stand_in.clone() }
    })
}

/// The files of a listing, in which those that could not be listed are replaced by those of `before`, as if unchanged.
/// Both are sorted by path.
pub fn carried_on<'f>(files: &'f [FileEntry], before: &[FileEntry]) -> Cow<'f, [FileEntry]> {
    with_unlisted(files, before, |_, missing| missing.clone())
}

fn with_unlisted<'f>(
    files: &'f [FileEntry],
    other: &[FileEntry],
    make: impl Fn(&FileEntry, &FileEntry) -> FileEntry,
) -> Cow<'f, [FileEntry]> {
    if !is_passing(files) {
        return Cow::Borrowed(files);
    }
    let is_missing = |file: &&FileEntry| files.binary_search_by(|own| own.path.cmp(&file.path)).is_err();
    let unlisted = other
        .iter()
        .filter(is_missing)
        .filter_map(|missing| Some(make(stand_in(files, &missing.path)?, missing)));
    let mut all: Vec<FileEntry> = files.iter().cloned().chain(unlisted).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Cow::Owned(all)
}
