//! Where the files of a store lie: in a folder, or in a git repository, under the same names. What reads a file does
//! not know which it is.

use std::path::{Path, PathBuf};

use super::file::{Stamp, StoreFile, is_unchanged};
use super::git::{CommitId, StoreInGit, Tree};
use super::journal::JOURNAL;
use super::manifest::MANIFEST;
use crate::files::access;
use crate::files::root::{Links, SourcePath};
use crate::model::access::Audience;
use crate::source::dolt::store::error::StoreError;

/// The folder of the old generation within that of a store.
pub const OLD_GENERATION: &str = "oldgen";

/// The longest file that is read in one piece, in bytes: a list of what a shallow clone left behind.
const LONGEST_SMALL_FILE: u64 = 1 << 30;

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The folder that holds its manifest.
    Folder(SourcePath),
    /// A git repository that `dolt push` was made to: its folder, bare or with a `.git`, and the full name of the ref.
    Git(PathBuf, Links, String),
}

impl Place {
    /// The folder, which is that of the repository for a store in git.
    pub fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::Git(path, ..) => path,
        }
    }

    /// The store in a folder, whose files are opened beneath it.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn folder(folder: &Path) -> Result<Self, StoreError> {
        let opened = SourcePath::of_folder(folder, Links::Beneath);
        opened.map(Self::Folder).map_err(|error| StoreError::io(folder, "open", error))
    }
}

/// Whether a file in the folder of a store holds some of it: the manifest, the journal, a table file, an archive.
fn is_of_store(name: &str) -> bool {
    /// How long an address is as text, which names files.
    const ADDRESS: usize = 32;
    let stem = name.split('.').next().unwrap_or(name);
    name == MANIFEST || stem.len() == ADDRESS && stem.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The files of a store, at whatever instant they are looked at.
pub enum Files {
    /// Files in a folder, which Dolt may be writing to.
    Folder(SourcePath),
    /// Files in commits, which never change.
    Git(Box<StoreInGit>),
}

/// What tells that files changed, without reading them.
#[derive(Debug, Clone, Copy)]
pub enum State {
    /// Of the files in a folder that change.
    Folder {
        /// The manifest.
        manifest: Option<Stamp>,
        /// That of the old generation.
        old_manifest: Option<Stamp>,
        /// The journal.
        journal: Option<Stamp>,
    },
    /// Which commit it is.
    Git(CommitId),
}

impl State {
    /// Whether nobody is writing to the files that change, as far as their times tell.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Folder { manifest, old_manifest, journal } => {
                [manifest, old_manifest, journal].into_iter().flatten().all(Stamp::is_settled)
            }
            Self::Git(_) => true,
        }
    }

    /// Whether the files are certainly as they were at `earlier`.
    pub fn is_unchanged_since(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (
                Self::Folder { manifest, old_manifest, journal },
                Self::Folder {
                    manifest: manifest_then,
                    old_manifest: old_manifest_then,
                    journal: journal_then,
                },
            ) => {
                is_unchanged(*manifest, *manifest_then)
                    && is_unchanged(*old_manifest, *old_manifest_then)
                    && is_unchanged(*journal, *journal_then)
            }
            (Self::Git(now), Self::Git(then)) => now == then,
            _ => false,
        }
    }
}

impl Files {
    /// Opens a place for looking at its files.
    ///
    /// # Errors
    /// What is wrong with the git repository.
    pub fn open(place: &Place) -> Result<Self, StoreError> {
        Ok(match place {
            Place::Folder(folder) => Self::Folder(folder.clone()),
            Place::Git(path, links, name) => Self::Git(Box::new(StoreInGit::open(path, *links, name)?)),
        })
    }

    /// Looks whether there is something new: three `stat` of a folder, one ref of a repository.
    ///
    /// # Errors
    /// What the operating system said; [`StoreError::Git`].
    pub fn state(&self) -> Result<State, StoreError> {
        Ok(match self {
            Self::Folder(folder) => State::Folder {
                manifest: Stamp::of_path(&folder.join(MANIFEST))?,
                old_manifest: Stamp::of_path(&folder.join(OLD_GENERATION).join(MANIFEST))?,
                journal: Stamp::of_path(&folder.join(JOURNAL))?,
            },
            Self::Git(repository) => State::Git(repository.head()?),
        })
    }

    /// Whom the files of the store let read them, and the folders on the way; in a git repository, as of the last look at
    /// it, its folders.
    pub fn audience(&self) -> Audience {
        match self {
            Self::Folder(folder) => {
                let both = [folder.clone(), folder.join(OLD_GENERATION)];
                let each = both.iter().map(|folder| access::of_files_in(folder, is_of_store));
                each.fold(Audience::Everyone, Audience::and)
            }
            Self::Git(store) => store.audience(),
        }
    }

    /// Whether files that a manifest names may be gone before they are opened: in a folder, garbage collection takes them.
    pub fn may_vanish(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// The files as of a state that was found.
    ///
    /// # Errors
    /// [`StoreError::Git`] for a commit that cannot be read.
    pub fn at(&self, state: &State) -> Result<Generation<'_>, StoreError> {
        Ok(match (self, state) {
            (Self::Git(repository), State::Git(commit)) => {
                Generation::Git(Box::new(repository.tree(*commit)?))
            }
            (Self::Git(repository), _) => Generation::Git(Box::new(repository.tree(repository.head()?)?)),
            (Self::Folder(folder), _) => Generation::Folder(folder.clone()),
        })
    }
}

/// The files of one generation.
pub enum Generation<'f> {
    /// In a folder.
    Folder(SourcePath),
    /// In a commit.
    Git(Box<Tree<'f>>),
}

impl Generation<'_> {
    /// Where a file is, for people to find it.
    pub fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.path().join(name),
            Self::Git(tree) => tree.path(name),
        }
    }

    /// The folder of the whole store, or of the git repository.
    pub fn store(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::Git(tree) => tree.folder(),
        }
    }

    /// What on disk changes when a file that could not be read is mended.
    pub fn places(&self, name: &str) -> Vec<SourcePath> {
        match self {
            Self::Folder(folder) => vec![folder.join(name)],
            Self::Git(tree) => tree.places(name),
        }
    }

    /// Whether there is a file of that name.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::Folder(folder) => folder.join(name).exists(),
            Self::Git(tree) => tree.has(name),
        }
    }

    /// The names of all files; none where there is no folder.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Folder(folder) => match folder.read_dir().and_then(|open| open.paths()) {
                Ok(paths) => {
                    let name = |path: PathBuf| Some(path.file_name()?.to_str()?.to_owned());
                    Ok(paths.into_iter().filter_map(|(path, _)| name(path)).collect())
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => Err(StoreError::io(folder.path(), "list", error)),
            },
            Self::Git(tree) => Ok(tree.names()),
        }
    }

    /// What tells whether a file of that name is still the same; `None` where there is none, and in a commit, whose files
    /// never change.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn stamp(&self, name: &str) -> Result<Option<Stamp>, StoreError> {
        match self {
            Self::Folder(folder) => Stamp::of_path(&folder.join(name)),
            Self::Git(_) => Ok(None),
        }
    }

    /// A small file; `None` where there is none of that name.
    ///
    /// # Errors
    /// What the operating system said; [`StoreError::Git`].
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Folder(folder) => {
                let file = folder.join(name);
                match file.read(LONGEST_SMALL_FILE) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(StoreError::io(file.path(), "read", error)),
                }
            }
            Self::Git(tree) => tree.read(name),
        }
    }

    /// Opens a file that stays as it is now, whatever becomes of its place.
    ///
    /// # Errors
    /// What the operating system said; [`StoreError::Git`].
    pub fn open(&self, name: &str) -> Result<StoreFile, StoreError> {
        match self {
            Self::Folder(folder) => StoreFile::open(&folder.join(name)),
            Self::Git(tree) => tree.open(name),
        }
    }

    /// The old generation beside this one. Only the store of a database has one.
    pub fn old(&self) -> Option<Self> {
        match self {
            Self::Folder(folder) => Some(Self::Folder(folder.join(OLD_GENERATION))),
            Self::Git(_) => None,
        }
    }

    /// The path of the journal, where there may be one: only a folder is written to by a running Dolt.
    pub fn journal(&self) -> Option<SourcePath> {
        match self {
            Self::Folder(folder) => Some(folder.join(JOURNAL)),
            Self::Git(_) => None,
        }
    }
}
