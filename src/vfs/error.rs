//! Why an operation on the tree fails.

use std::sync::Arc;

use crate::content::{ErrorKind, SourceError};
use crate::views::{DerivedError, ViewError};

/// Why an operation failed. A front end turns it into an error code.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VfsError {
    /// No such name.
    #[error("no such file or directory")]
    NotFound,
    /// A folder was needed.
    #[error("not a directory")]
    NotADirectory,
    /// A file was needed.
    #[error("is a directory")]
    IsADirectory,
    /// The tree is read-only.
    #[error("the tree is read-only")]
    ReadOnly,
    /// What the inode stood for is gone.
    #[error("the file is no longer there")]
    Stale,
    /// The operation does not apply to this kind of file.
    #[error("invalid argument")]
    InvalidArgument,
    /// A symlink that is empty, too long or holds a NUL.
    #[error("no symlink can lead there")]
    NotALink,
    /// No extended attribute of that name.
    #[error("no such attribute")]
    NoAttribute,
    /// The tree has no such thing.
    #[error("not supported")]
    NotSupported,
    /// It is still being found out: try again later.
    #[error("it is not known yet: try again in a while")]
    NotYet,
    /// The source failed; this was logged.
    #[error(transparent)]
    Source(#[from] Arc<SourceError>),
}

impl VfsError {
    /// Whether what the inode stood for is gone, according to the tree or to a source.
    pub fn is_stale(&self) -> bool {
        match self {
            Self::Stale => true,
            // The snapshot was there when its folder was listed.
            Self::Source(error) => matches!(error.kind, ErrorKind::Missing | ErrorKind::Changed),
            _ => false,
        }
    }
}

impl From<ViewError> for VfsError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::NotFound => Self::NotFound,
            ViewError::Stale => Self::Stale,
            ViewError::NotYet => Self::NotYet,
            ViewError::Source(error) => Self::Source(error),
        }
    }
}

impl From<DerivedError> for VfsError {
    fn from(error: DerivedError) -> Self {
        ViewError::from(error).into()
    }
}
