//! The one place that turns an error of the tree into an errno.

use fuser::Errno;

use crate::content::ErrorKind;
use crate::vfs::VfsError;

/// The errno for `error`.
pub(super) fn of(error: &VfsError) -> Errno {
    match error {
        VfsError::NotFound => Errno::ENOENT,
        VfsError::NotADirectory => Errno::ENOTDIR,
        VfsError::IsADirectory => Errno::EISDIR,
        VfsError::ReadOnly => Errno::EROFS,
        VfsError::Stale => Errno::ESTALE,
        VfsError::NoAttribute => Errno::ENODATA,
        VfsError::NotSupported => Errno::EOPNOTSUPP,
        VfsError::NotYet => Errno::EAGAIN,
        VfsError::NotALink => Errno::EIO,
        VfsError::InvalidArgument => Errno::EINVAL,
        VfsError::BadHandle => Errno::EBADF,
        VfsError::Source(error) => match error.kind {
            // The snapshot was there when its folder was listed.
            ErrorKind::Missing | ErrorKind::Changed => Errno::ESTALE,
            ErrorKind::Unavailable
            | ErrorKind::TimedOut
            | ErrorKind::Refused
            | ErrorKind::Damaged
            | ErrorKind::Unsupported
            | ErrorKind::Invalid => Errno::EIO,
        },
    }
}
