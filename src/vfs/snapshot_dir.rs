//! The folders inside a snapshot, made from the flat, sorted list of its files.

use std::sync::Arc;

use super::Vfs;
use super::error::VfsError;
use crate::catalog::SnapKey;
use crate::content::{ErrorKind, FileEntry};

/// What a path below a snapshot's folder is.
pub(super) enum Entry<'a> {
    File(&'a FileEntry),
    Dir,
}

/// What `path` is among `files`, which are sorted by path.
pub(super) fn find<'a>(files: &'a [FileEntry], path: &str) -> Option<Entry<'a>> {
    if let Ok(index) = files.binary_search_by(|f| (*f.path).cmp(path)) {
        return Some(Entry::File(&files[index]));
    }
    below(files, path).next().map(|_| Entry::Dir)
}

/// The names directly below the folder `path`, each with its file, or `None` for a folder.
pub(super) fn children<'a>(files: &'a [FileEntry], path: &str) -> Vec<(&'a str, Option<&'a FileEntry>)> {
    let mut names: Vec<(&str, Option<&FileEntry>)> = Vec::new();
    for (rest, file) in below(files, path) {
        match rest.split_once('/') {
            None => names.push((rest, Some(file))),
            Some((folder, _)) if names.last().is_none_or(|(last, _)| *last != folder) => {
                names.push((folder, None));
            }
            Some(_) => {}
        }
    }
    names
}

/// The files below the folder `path`, each with the part of its path after that folder.
fn below<'a>(files: &'a [FileEntry], path: &str) -> impl Iterator<Item = (&'a str, &'a FileEntry)> {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let start = files.partition_point(|f| *f.path < *prefix);
    files[start..].iter().map_while(move |f| f.path.strip_prefix(&*prefix).map(|rest| (rest, f)))
}

impl Vfs {
    /// The files of a snapshot.
    pub(super) async fn snapshot_files(&self, db: &str, key: &SnapKey) -> Result<Arc<[FileEntry]>, VfsError> {
        // The snapshot's source may have left, or rewritten its history, while the kernel kept the inode.
        let database = self.database(db).map_err(|_| VfsError::Stale)?;
        let view = database.view(key.slot).ok_or(VfsError::Stale)?;
        // It may have been collected, and its source still know of it what it shares with others.
        view.snapshot(&key.id).ok_or(VfsError::Stale)?;
        self.listings.files(view, &key.id).await.map_err(|error| match error.kind {
            ErrorKind::Missing => VfsError::Stale,
            _ => VfsError::Source(error),
        })
    }
}
