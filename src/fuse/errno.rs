//! Turns errors of the tree into errnos. Nothing else does.

use fuser::Errno;

use crate::vfs::VfsError;

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
        VfsError::Source(_) if error.is_stale() => Errno::ESTALE,
        VfsError::Source(_) => Errno::EIO,
    }
}
