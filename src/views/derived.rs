//! Files that are made from others.

use std::sync::Arc;

use crate::content::{Content, FileEntry, FileKind};
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::time::Timestamp;

/// What the names of tables' files end in.
pub(super) const TABLE: &str = ".jsonl";

/// A regular file that is made from others. Its `path` is unused if a single file is looked up.
pub(super) fn entry(
    path: Arc<str>,
    id: ContentId,
    changed: Timestamp,
    access: Access,
    content: Content,
) -> FileEntry {
    FileEntry { path, kind: FileKind::Regular, id, changed, links: 1, access, content }
}

pub(super) fn access_of_all<'f>(files: impl IntoIterator<Item = &'f FileEntry>) -> Access {
    files.into_iter().map(|file| file.access).fold(Access::default(), Access::and)
}

pub(super) fn last_change<'f>(files: impl IntoIterator<Item = &'f FileEntry>) -> Timestamp {
    files.into_iter().map(|file| file.changed).max().unwrap_or(Timestamp::UNIX_EPOCH)
}
