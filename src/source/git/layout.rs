//! Which databases are at the chosen path: dolt-archive keeps several in one repository.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::objects::CachedReader;
use super::tree::{self, TreeEntries, TreeEntry};
use crate::content::{FileKind, SourceError};
use crate::format::export::EXPORTED_TABLE;
use crate::model::terminal::ShowPath;

const JSONL: &[u8] = b".jsonl";

/// How a database's files are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// All that is at its path, as it is.
    Files,
    /// One file, as the rows of one table.
    Export,
}

/// One database: a place in the commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its name without `NAME=`.
    pub(super) name: String,
    /// Its name in the chosen folder; none if it is all of it.
    pub(super) child: Option<Vec<u8>>,
    pub(super) shape: Shape,
}

/// Which databases are at the chosen path.
#[derive(Debug, Clone)]
pub(super) enum Layout {
    One(Part),
    /// One per name in it that holds exports, now or ever.
    Several,
}

impl Layout {
    /// What the newest commit tells. `name` is the path's own.
    pub(super) fn of(
        reader: &mut CachedReader<'_>,
        name: String,
        newest: Option<TreeEntry>,
    ) -> Result<Self, SourceError> {
        Ok(if holds_several(reader, newest)? { Self::Several } else { Self::One(whole(name, newest)) })
    }
}

/// The one database that the chosen path is. `name` is the path's own.
fn whole(name: String, newest: Option<TreeEntry>) -> Part {
    let is_export = newest.is_some_and(|entry| is_export(name.as_bytes(), entry));
    match name.strip_suffix(".jsonl").filter(|stem| is_export && !stem.is_empty()) {
        Some(stem) => Part { name: stem.to_owned(), child: None, shape: Shape::Export },
        None => Part { name, child: None, shape: Shape::Files },
    }
}

/// Whether the chosen folder is one of dolt-archive's: files `<db>.jsonl`, or folders `<db>` of nothing but such files.
/// A folder with an `issues.jsonl` of its own is one database of the latter kind.
fn holds_several(reader: &mut CachedReader<'_>, newest: Option<TreeEntry>) -> Result<bool, SourceError> {
    let Some(folder) = newest.filter(TreeEntry::is_tree) else { return Ok(false) };
    let entries = tree::entries(reader, folder.id)?;
    for (name, entry) in told(&entries) {
        if name == EXPORTED_TABLE.as_bytes() || shape_of(reader, name, entry)?.is_none() {
            return Ok(false);
        }
    }
    Ok(told(&entries).next().is_some())
}

/// What a name in a folder of dolt-archive holds a database as, if it does.
pub(super) fn shape_of(
    reader: &mut CachedReader<'_>,
    name: &[u8],
    entry: TreeEntry,
) -> Result<Option<Shape>, SourceError> {
    if is_export(name, entry) {
        return Ok(Some(Shape::Export));
    }
    if !entry.is_tree() {
        return Ok(None);
    }
    let entries = tree::entries(reader, entry.id)?;
    let has_any = told(&entries).next().is_some();
    let has_only_exports = has_any && told(&entries).all(|(name, entry)| is_export(name, entry));
    Ok(has_only_exports.then_some(Shape::Files))
}

/// The databases of such a folder, by their names in it. A file is called `<db>.jsonl` in full where there is a folder
/// `<db>` as well.
pub(super) fn parts(shapes: &BTreeMap<Vec<u8>, Shape>) -> Vec<Part> {
    let text = |name: &[u8]| OsStr::from_bytes(name).shown().to_string();
    let part = |(name, shape): (&Vec<u8>, &Shape)| {
        let stem = name.strip_suffix(JSONL).filter(|_| *shape == Shape::Export);
        let shown = stem.filter(|stem| !shapes.contains_key(*stem)).unwrap_or(name);
        Part { name: text(shown), child: Some(name.clone()), shape: *shape }
    };
    shapes.iter().map(part).collect()
}

fn told(entries: &TreeEntries) -> impl Iterator<Item = (&[u8], TreeEntry)> {
    entries.iter().filter(|(name, _)| is_told(name))
}

/// Whether a name tells what its folder is for: not those of hidden files and of texts for people.
pub(super) fn is_told(name: &[u8]) -> bool {
    let is_title = name.starts_with(b"README") || name.starts_with(b"LICENSE");
    let is_text = name.ends_with(b".md") || name.ends_with(b".txt");
    !name.starts_with(b".") && !is_text && (!is_title || name.ends_with(JSONL))
}

fn is_export(name: &[u8], entry: TreeEntry) -> bool {
    let is_file = matches!(entry.file_kind(), Some(FileKind::Regular | FileKind::Executable));
    is_file && name.len() > JSONL.len() && name.ends_with(JSONL)
}
