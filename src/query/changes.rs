//! Which files a snapshot has changed.

use std::sync::Arc;

use crate::catalog::{Database, SnapKey, Snapshot};
use crate::content::unlisted::complete;
use crate::content::{ErrorKind, FileEntry, SourceError};
use crate::engine::Listings;
use crate::views::{Ancestry, Base};

/// A file that is another one, is new, or is gone. At least one of both is there.
#[derive(Clone)]
pub struct ChangedFile {
    /// Its path below the snapshot's folder.
    pub path: Arc<str>,
    /// As it was.
    pub before: Option<FileEntry>,
    /// As it is.
    pub after: Option<FileEntry>,
}

/// The files that a snapshot changed.
pub struct Changes<F> {
    /// By path.
    pub files: Vec<F>,
    /// Whether its parent is not in the source: then it was compared with the snapshot before it.
    pub lacks_parent: bool,
}

/// What differs between a snapshot and the one it is compared with, by path, told without reading a row: contents that
/// have another identity may have the same bytes. `None` where there is none to compare it with.
///
/// # Errors
/// What the source says when it cannot list one of both.
pub async fn changed_files(
    database: &Database,
    ancestry: &Ancestry<'_>,
    snapshot: &Snapshot,
    listings: &Listings,
) -> Result<Option<Changes<ChangedFile>>, Arc<SourceError>> {
    let base = ancestry.base(&snapshot.key, &snapshot.meta);
    let lacks_parent = matches!(base, Base::InPlaceOfParent(_));
    let before = match base {
        Base::Nothing => Arc::default(),
        Base::Snapshot(base) | Base::InPlaceOfParent(base) => files(database, &base, listings).await?,
        Base::Unknown => return Ok(None),
    };
    let after = files(database, &snapshot.key, listings).await?;
    Ok(Some(Changes { files: compared(&before, &after), lacks_parent }))
}

async fn files(
    database: &Database,
    key: &SnapKey,
    listings: &Listings,
) -> Result<Arc<[FileEntry]>, Arc<SourceError>> {
    match database.view(key.slot) {
        Some(view) => listings.files(view, &key.id).await,
        None => Err(Arc::new(SourceError::new(ErrorKind::Missing, &*database.name, "the source has left"))),
    }
}

/// What differs between two listings, which are sorted by path, as [`changed_files`] tells it.
pub fn compared(before: &[FileEntry], after: &[FileEntry]) -> Vec<ChangedFile> {
    let (before, after) = (complete(before, after), complete(after, before));
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    let mut changed = Vec::new();
    loop {
        let path = match (old.peek(), new.peek()) {
            (None, None) => return changed,
            (Some(one), None) | (None, Some(one)) => Arc::clone(&one.path),
            (Some(old), Some(new)) => Arc::clone((&old.path).min(&new.path)),
        };
        let before = old.next_if(|file| file.path == path);
        let after = new.next_if(|file| file.path == path);
        if before.map(|file| file.id) != after.map(|file| file.id) {
            changed.push(ChangedFile { path, before: before.cloned(), after: after.cloned() });
        }
    }
}
