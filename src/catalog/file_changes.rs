//! What differs between two listings.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::content::FileEntry;
use crate::content::unlisted::complete;

/// A file that was added, removed or changed. At least one side is there.
#[derive(Clone)]
pub struct FileChange {
    /// Its path below the snapshot's folder.
    pub path: Arc<str>,
    /// The file before; `None` if it was added.
    pub before: Option<FileEntry>,
    /// The file after; `None` if it was removed.
    pub after: Option<FileEntry>,
}

impl FileChange {
    /// The file before and after.
    pub fn sides(&self) -> [Option<&FileEntry>; 2] {
        [self.before.as_ref(), self.after.as_ref()]
    }
}

/// The files that differ between two listings, both sorted by path. Reads no file, although contents with different ids
/// may have the same bytes. A file that one side could not list is not reported as removed; reading it fails.
pub fn file_changes(before: &[FileEntry], after: &[FileEntry]) -> Vec<FileChange> {
    listed_changes(&complete(before, after), &complete(after, before))
}

/// Like [`file_changes`], except that a file that one side could not list counts as missing there.
pub fn listed_changes(before: &[FileEntry], after: &[FileEntry]) -> Vec<FileChange> {
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    let mut changes = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return changes,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.path.cmp(&new.path),
        };
        let before = if order.is_le() { old.next() } else { None };
        let after = if order.is_ge() { new.next() } else { None };
        if let Some(file) = after.or(before)
            && before.map(|file| file.id) != after.map(|file| file.id)
        {
            let path = Arc::clone(&file.path);
            changes.push(FileChange { path, before: before.cloned(), after: after.cloned() });
        }
    }
}
