//! What can go wrong in a store's files, with the file and the chunk.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::address::Address;
use super::message::MessageError;
use crate::content::{ErrorKind, SourceError};
use crate::files::root::{LEADS_OUTSIDE_HINT, is_outside};
use crate::model::terminal::ShowPath;

/// A failure to read a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system would not read a file or folder.
    #[error("cannot {action} {}", file.shown())]
    Io {
        /// The file or folder.
        file: PathBuf,
        /// What was being done: `open`, `read`, `list`.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A file is not what its name or place promises.
    #[error("{} is damaged: {problem}", file.shown())]
    DamagedFile {
        /// The file.
        file: PathBuf,
        /// What is wrong, as a clause.
        problem: String,
    },
    /// A file has a form that this program does not read.
    #[error("{} {problem}", file.shown())]
    UnsupportedFile {
        /// The file.
        file: PathBuf,
        /// What is unknown about it; completes the sentence that the file's name begins.
        problem: String,
    },
    /// A git repository, or an object in it, cannot be read.
    #[error("git repository {}: cannot {action}", repository.shown())]
    Git {
        /// The repository.
        repository: PathBuf,
        /// What kind of failure it is.
        kind: ErrorKind,
        /// What was being done, with the object.
        action: String,
        /// Why it failed.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The bytes of a chunk are not those that were written.
    #[error("chunk {address} in {} is damaged: {problem}", file.shown())]
    DamagedChunk {
        /// The chunk.
        address: Address,
        /// The file that holds it.
        file: PathBuf,
        /// What is wrong, as a clause.
        problem: String,
    },
    /// No file of the store holds the chunk: garbage collection took it, or a file is missing.
    #[error("chunk {address} is not in the store {}", store.shown())]
    MissingChunk {
        /// The chunk.
        address: Address,
        /// The store's folder.
        store: PathBuf,
    },
    /// No readable file of the store holds the chunk, and one that may hold it cannot be read.
    #[error("chunk {address} is in no file that can be read")]
    HiddenChunk {
        /// The chunk.
        address: Address,
        /// What is wrong with which file.
        #[source]
        source: Arc<StoreError>,
    },
    /// A chunk is whole, but it is not the object that it should be.
    #[error("chunk {address} is no readable {object}")]
    Object {
        /// The chunk.
        address: Address,
        /// What it should be: `commit`, `table`.
        object: &'static str,
        /// What is wrong.
        #[source]
        source: MessageError,
    },
    /// An object makes use of something that this program does not know.
    #[error("{object} {address} {problem}")]
    UnsupportedObject {
        /// The chunk.
        address: Address,
        /// What it is: `commit`, `table`.
        object: &'static str,
        /// What is unknown about it; completes the sentence.
        problem: String,
    },
}

impl StoreError {
    /// A failure of the operating system at a file.
    pub fn io(file: &Path, action: &'static str, source: io::Error) -> Self {
        Self::Io { file: file.to_owned(), action, source }
    }

    /// A file that is not what it should be.
    pub fn damaged(file: &Path, problem: impl Into<String>) -> Self {
        Self::DamagedFile { file: file.to_owned(), problem: problem.into() }
    }

    /// What kind of failure it is for those above.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => ErrorKind::Missing,
                io::ErrorKind::PermissionDenied => ErrorKind::Refused,
                io::ErrorKind::UnexpectedEof => ErrorKind::Damaged,
                _ => ErrorKind::Unavailable,
            },
            Self::DamagedFile { .. } | Self::DamagedChunk { .. } | Self::Object { .. } => ErrorKind::Damaged,
            Self::UnsupportedFile { .. } | Self::UnsupportedObject { .. } => ErrorKind::Unsupported,
            Self::MissingChunk { .. } => ErrorKind::Missing,
            Self::Git { kind, .. } => *kind,
            Self::HiddenChunk { source, .. } => source.kind(),
        }
    }

    /// Says whose failure it was, while doing what.
    pub fn during(self, label: &str, operation: impl Into<String>) -> SourceError {
        let hint = self.hint();
        let error = SourceError::new(self.kind(), label, operation).because(self);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    /// What a person can do about it.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnsupportedFile { .. } | Self::UnsupportedObject { .. } => {
                Some("Serve it with `dolt sql-server` and mount dolt://HOST:PORT/DATABASE instead.")
            }
            Self::DamagedFile { .. } | Self::DamagedChunk { .. } | Self::Object { .. } => {
                Some("`dolt fsck` checks the store; a backup or a clone may still hold what is broken here.")
            }
            Self::MissingChunk { .. } => {
                Some("Garbage collection removes what no branch or tag reaches; a backup may still hold it.")
            }
            Self::Git { kind: ErrorKind::Missing | ErrorKind::Damaged, .. } => Some(
                "`git fsck` checks the repository; fetching from where it was cloned, or another `dolt push`, may bring \
                 back what is broken here.",
            ),
            Self::HiddenChunk { source, .. } => source.hint(),
            Self::Io { source, .. } if is_outside(source) => Some(LEADS_OUTSIDE_HINT),
            Self::Io { .. } | Self::Git { .. } => None,
        }
    }
}

/// Says which chunk a message was read from.
pub trait InChunk<T> {
    /// Adds the chunk's address and what it should be.
    ///
    /// # Errors
    /// [`StoreError::Object`] for the error that there was.
    fn in_chunk(self, address: &Address, object: &'static str) -> Result<T, StoreError>;
}

impl<T> InChunk<T> for Result<T, MessageError> {
    fn in_chunk(self, address: &Address, object: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Object { address: *address, object, source })
    }
}
