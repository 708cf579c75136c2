//! Where the files of a store are: in a folder, opened beneath the folder of the source, or in a git repository.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use dolt_store::StoreError;
use dolt_store::files::{FileAccess, JOURNAL, MANIFEST, StoreFiles, StoreFolder};

use crate::files::access;
use crate::files::root::{Links, Root, SourcePath};
use crate::model::access::Audience;

mod git;
mod spool;

pub use git::StoreInGit;

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePlace {
    /// The folder that holds its manifest.
    Folder(SourcePath),
    /// A git repository that `dolt push` was made to: its folder, bare or with a `.git`, and the full name of the ref.
    Git(PathBuf, Links, String),
}

/// The files of a store, open for looking at them.
pub enum OpenedFiles {
    Folder(SourcePath),
    Git(Arc<StoreInGit>),
}

impl StorePlace {
    /// The folder, which is that of the repository for a store in git.
    pub fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::Git(path, ..) => path,
        }
    }

    /// The store that a folder is or holds.
    pub fn locate(folder: &SourcePath) -> Option<SourcePath> {
        let path = StoreFolder::locate(folder.path(), folder.root())?;
        Some(SourcePath::new(folder.root(), path))
    }
}

impl OpenedFiles {
    pub fn open(place: &StorePlace) -> Result<Self, StoreError> {
        Ok(match place {
            StorePlace::Folder(folder) => Self::Folder(folder.clone()),
            StorePlace::Git(path, links, name) => Self::Git(Arc::new(StoreInGit::open(path, *links, name)?)),
        })
    }

    /// The files as the crate reads them.
    pub fn files(&self) -> Arc<dyn StoreFiles> {
        match self {
            Self::Folder(folder) => {
                Arc::new(StoreFolder::with_access(folder.path(), Arc::new(folder.root().clone())))
            }
            Self::Git(store) => Arc::clone(store) as Arc<dyn StoreFiles>,
        }
    }

    /// Who may read the files of the store, by them and the folders on the way; in a git repository, as of the last look at
    /// it, its folders.
    pub fn audience(&self) -> Audience {
        match self {
            Self::Folder(folder) => {
                let old = StoreFolder::old_generation(folder.path());
                let both = [folder.clone(), SourcePath::new(folder.root(), old)];
                let each = both.iter().map(|folder| access::of_files_in(folder, is_of_store));
                each.fold(Audience::Everyone, Audience::and)
            }
            Self::Git(store) => store.audience(),
        }
    }
}

/// Whether a file in the folder of a store holds some of it: the manifest, the journal, a table file, an archive.
fn is_of_store(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    let is_address_like =
        stem.len() == JOURNAL.len() && stem.bytes().all(|byte| byte.is_ascii_alphanumeric());
    name == MANIFEST || is_address_like
}

/// Opens what is beneath the folder of a source.
impl FileAccess for Root {
    fn open(&self, path: &Path) -> io::Result<File> {
        Self::open(self, path)
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        Self::metadata(self, path)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.read_dir(folder)?.entries()?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn now(&self) -> SystemTime {
        Self::now(self)
    }
}
