//! Files that belong to an archive and are called after it: a database's write-ahead log, a list of checksums.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::blob::{FileStamp, FileVersion};

/// What SQLite adds to the name of a database for its write-ahead log.
pub(super) const WAL: &str = "-wal";
/// The same for its rollback journal.
pub(super) const JOURNAL: &str = "-journal";

/// The file beside `path` whose name has this end added.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Such a file beside another one where it is there, even one that may not be read: without it, rows would be missing in silence.
pub(super) fn settled_beside(file: &FileVersion, end: &str) -> Option<Arc<FileVersion>> {
    let (root, path) = (&file.root, beside(&file.path, end));
    match FileVersion::settled(root, &path).or_else(|_| FileVersion::current(root, &path)) {
        Ok(file) => Some(Arc::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        // Reading it fails, and with it the tables.
        Err(_) => Some(Arc::new(FileVersion { root: root.clone(), path, stamp: FileStamp::UNKNOWN })),
    }
}
