//! What an operation on the tree can answer instead of success.

use std::sync::Arc;

use crate::content::{ErrorKind, SourceError};
use crate::views::DerivedError;

/// Why an operation failed; `fuse` turns it into an errno.
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
    /// The operation makes no sense for this kind of file.
    #[error("invalid argument")]
    InvalidArgument,
    /// A symlink that is empty, too long or holds a NUL.
    #[error("no symlink can lead there")]
    NotALink,
    /// No extended attribute of that name.
    #[error("no such attribute")]
    NoAttribute,
    /// Nothing of the kind is kept here.
    #[error("not supported")]
    NotSupported,
    /// It is being found out; later there will be an answer.
    #[error("it is not known yet: try again in a while")]
    NotYet,
    /// No such open file.
    #[error("bad file handle")]
    BadHandle,
    /// The source failed; it was logged when it did.
    #[error(transparent)]
    Source(#[from] Arc<SourceError>),
}

impl From<DerivedError> for VfsError {
    fn from(error: DerivedError) -> Self {
        match error {
            DerivedError::Source(error) => Self::Source(error),
            DerivedError::TooMuch(why) | DerivedError::Unfit(why) => {
                Self::Source(Arc::new(SourceError::new(ErrorKind::Unsupported, "asof", why)))
            }
        }
    }
}
