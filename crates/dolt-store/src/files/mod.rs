//! Where the files of a store are, and how they are opened.
//!
//! [`StoreFolder`] is a store in a folder, whose files are opened through a [`FileAccess`]: [`StdAccess`], or your own
//! that confines paths. A store elsewhere, such as in the commits of a git repository, implements [`StoreFiles`] and
//! [`Generation`].

use std::path::{Path, PathBuf};

use crate::error::StoreError;

mod access;
mod file;
mod folder;
mod stamp;

pub use access::{FileAccess, StdAccess};
pub use file::StoreFile;
pub use folder::StoreFolder;
pub use stamp::{FilesState, Stamp};

pub(crate) use stamp::is_unchanged;

/// Name of the manifest within the folder of a generation.
pub const MANIFEST: &str = "manifest";
/// Name of the file of the journal.
pub const JOURNAL: &str = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";

/// The files of a store, which may change.
pub trait StoreFiles: Send + Sync {
    /// The folder of the store, or what contains it, for messages.
    fn folder(&self) -> &Path;

    /// The state of the files, to compare with a later one. Reads none of them.
    fn state(&self) -> Result<FilesState, StoreError>;

    /// The files of the new generation as of a state that [`Self::state`] gave.
    fn at(&self, state: &FilesState) -> Result<Box<dyn Generation + '_>, StoreError>;

    /// Whether a file that a manifest names may vanish before it is opened, as in a folder during garbage collection.
    fn may_vanish(&self) -> bool;

    /// The branch that is checked out, where that is known.
    fn checked_out(&self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
}

/// Looks at one place on disk again; `None` where nothing is there.
pub type LookAgain = Box<dyn Fn() -> Result<Option<Stamp>, StoreError> + Send + Sync>;

/// The files of one generation: the manifest and what it names.
pub trait Generation {
    /// Where a file is, for messages.
    fn path(&self, name: &str) -> PathBuf;

    /// The names of all files; none where there is no folder.
    fn names(&self) -> Result<Vec<String>, StoreError>;

    /// Whether there is a file of that name.
    fn has(&self, name: &str) -> bool;

    /// A small file; `None` where there is none of that name.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Opens a file that stays as it is now, even if it is replaced or removed.
    fn open(&self, name: &str) -> Result<StoreFile, StoreError>;

    /// The state of a file, to compare with a later one; `None` if there is no such file, or if files never change.
    fn stamp(&self, name: &str) -> Result<Option<Stamp>, StoreError>;

    /// The places on disk of a file that cannot be read: something changes at one of them when the file is mended.
    fn places(&self, name: &str) -> Vec<LookAgain>;

    /// The old generation beside this one. Only the store of a database has one.
    fn old(&self) -> Option<Box<dyn Generation + '_>>;
}
