//! Detects changes to files without reading them.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::FileAccess;
use crate::error::StoreError;

/// How old a change must be before the next change is certain to have another time: file systems keep times in ticks of
/// some milliseconds.
const SETTLED: Duration = Duration::from_millis(100);

/// The state of the files of a store, to compare with a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilesState {
    /// The files in a folder that change: the manifest, the manifest of the old generation, the journal.
    Changing([Option<Stamp>; 3]),
    /// Files that never change, such as those of a commit, by their identity.
    Fixed(Vec<u8>),
}

impl FilesState {
    /// Whether the last change of every file is old enough to be the only one at its time.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Changing(files) => files.iter().flatten().all(Stamp::is_settled),
            Self::Fixed(_) => true,
        }
    }

    /// Whether the files are certainly as they were at `earlier`.
    pub fn is_unchanged_since(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Changing(now), Self::Changing(then)) => {
                now.iter().zip(then).all(|(now, then)| is_unchanged(*now, *then))
            }
            (Self::Fixed(now), Self::Fixed(then)) => now == then,
            _ => false,
        }
    }
}

/// The state of one file, to compare with a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    /// When anything of the file changed. A program that copies a file may set back the time above, but not this one.
    changed: (i64, i64),
    is_settled: bool,
}

impl Stamp {
    /// A stamp without the time of the look: the file does not count as settled.
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            is_settled: false,
        }
    }

    /// The stamp of a file that was looked at at time `now`.
    fn looked_at(self, metadata: &Metadata, now: SystemTime) -> Self {
        let age = metadata.modified().ok().and_then(|time| now.duration_since(time).ok());
        Self { is_settled: age.is_some_and(|age| age > SETTLED), ..self }
    }

    /// The stamp of a file by path; `None` where there is none.
    pub fn of_path(access: &dyn FileAccess, path: &Path) -> Result<Option<Self>, StoreError> {
        match access.metadata(path) {
            Ok(metadata) => Ok(Some(Self::of(&metadata).looked_at(&metadata, access.now()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io(path, "look at", error)),
        }
    }

    /// Length of the file in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file had no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both are of one file, which may have grown.
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Whether the file is as it was at `other`, by its length and the time of its content.
    pub(super) fn is_same_state(&self, other: &Self) -> bool {
        self.is_same_file(other) && (self.len, self.modified) == (other.len, other.modified)
    }

    /// Whether the file is certainly as it was at `earlier`.
    pub fn is_unchanged_since(&self, earlier: &Self) -> bool {
        earlier.is_settled && self.is_same_state(earlier) && self.changed == earlier.changed
    }

    /// Whether the file was left alone for a while.
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }
}

/// Whether a path certainly still has the same unchanged file, or still has none.
pub fn is_unchanged(now: Option<Stamp>, then: Option<Stamp>) -> bool {
    match (now, then) {
        (Some(now), Some(then)) => now.is_unchanged_since(&then),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NotedAccess;

    #[test]
    fn a_file_is_unchanged_only_if_it_was_left_alone_for_a_while_before_it_was_looked_at() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("manifest");
        std::fs::write(&path, "one").expect("the folder is ours");
        let stamp = |now| {
            Stamp::of_path(&NotedAccess::at(now), &path).expect("it can be looked at").expect("it is there")
        };
        let written = path.metadata().and_then(|found| found.modified()).expect("it is there");
        let (young, old) = (stamp(written + SETTLED / 2), stamp(written + SETTLED * 2));
        assert!(!young.is_settled() && old.is_settled());
        assert!(!old.is_unchanged_since(&young), "it may have been written to within the same tick");
        assert!(old.is_unchanged_since(&old));
        assert!(!stamp(written - SETTLED).is_settled(), "another machine's clock tells nothing");
    }
}
