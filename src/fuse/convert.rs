//! Converts the tree's data to fuser's types.

use std::time::{Duration, SystemTime};

use fuser::{Errno, FileAttr, FileType, Generation, INodeNo, ReplyDirectory, ReplyXattr};

use super::modes::Modes;
use crate::model::access::Audience;
use crate::vfs::{Attr, Listing, NodeKind, Ttl, VfsError};

/// The long ttl, for what does not change: the attributes of an inode (it is one content), and names in a snapshot.
/// Long enough that a walk asks once, short enough that link counts and rewritten histories catch up.
pub(super) const LASTING: Duration = Duration::from_secs(60);

/// Inode numbers are never reused for another file.
pub(super) const GENERATION: Generation = Generation(0);

/// Longest name that the tree makes (NAME_MAX).
pub(super) const LONGEST_NAME: u32 = 255;

/// `st_blksize`: what programs read at once.
const READ_SIZE: u32 = 128 * 1024;

/// The owner of all files: the user who mounted them, or a chosen one. [`Modes`] decides who else may read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    uid: u32,
    gid: u32,
    modes: Modes,
}

impl Owner {
    pub fn of_this_process(modes: Modes) -> Self {
        let uid = modes.uid.unwrap_or_else(|| rustix::process::getuid().as_raw());
        Self { uid, gid: rustix::process::getgid().as_raw(), modes }
    }

    pub fn attr(&self, attr: &Attr) -> FileAttr {
        let mtime = SystemTime::from(attr.mtime);
        let (mode, gid) = self.modes.shown(attr.kind, attr.access);
        FileAttr {
            ino: INodeNo(attr.ino),
            size: attr.size,
            blocks: attr.blocks,
            atime: mtime,
            mtime,
            ctime: mtime,
            crtime: mtime,
            kind: file_type(attr.kind),
            perm: mode,
            nlink: attr.nlink,
            uid: self.uid,
            gid: gid.unwrap_or(self.gid),
            rdev: 0,
            blksize: READ_SIZE,
            flags: 0,
        }
    }

    /// Unknown attributes in a listing. Their size is more than the kernel accepts (2^63 - 1 bytes): it shows the
    /// name, number and kind, makes no inode, and returns the reference (`fuse_direntplus_link` and
    /// `fuse_invalid_attr` in Linux, fs/fuse). A program that needs the attributes then looks the name up.
    pub fn unknown(&self, ino: u64, kind: NodeKind) -> FileAttr {
        let (size, mtime) = (0, crate::model::time::Timestamp::UNIX_EPOCH);
        let access = Audience::Owner.into();
        let attr = Attr { ino, kind, size, blocks: 0, mtime, ttl: Ttl::None, nlink: 1, access };
        FileAttr { size: u64::MAX, ..self.attr(&attr) }
    }
}

pub(super) fn ttl(ttl: Ttl) -> Duration {
    match ttl {
        Ttl::Long => LASTING,
        // For folders on the way to a snapshot: every look-up of a path asks for their names and permissions.
        Ttl::Short => Duration::from_secs(1),
        // For names that move on: `latest`, `yesterday`, branches, everything in `live/`.
        Ttl::None => Duration::ZERO,
    }
}

fn file_type(kind: NodeKind) -> FileType {
    match kind {
        NodeKind::Directory => FileType::Directory,
        NodeKind::File | NodeKind::Executable => FileType::RegularFile,
        NodeKind::Symlink => FileType::Symlink,
    }
}

/// Puts as much of a listing into a reply as fits.
pub(super) fn fill(reply: &mut ReplyDirectory, ino: INodeNo, listing: &Listing) {
    // The kernel fills in the true number of `..` itself.
    let dots = listing.dots().map(|(next, name)| (next, ino, FileType::Directory, name));
    let rest = listing.rest().map(|(next, e)| (next, INodeNo(e.ino), file_type(e.kind), &*e.name));
    for (next, ino, kind, name) in dots.chain(rest) {
        if reply.add(ino, next, kind, name) {
            break;
        }
    }
}

/// Answers with `value` if it fits into `size` bytes, or with its length if `size` is 0.
pub(super) fn sized(reply: ReplyXattr, size: u32, value: &[u8]) {
    // The tree's own attributes are a few KiB at most.
    let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
    match size {
        0 => reply.size(len),
        _ if size < len => reply.error(Errno::ERANGE),
        _ => reply.data(value),
    }
}

/// The error number of `error`. Nothing else chooses one for an error of the tree.
pub(super) fn errno(error: &VfsError) -> Errno {
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
        VfsError::Source(_) if error.is_stale() => Errno::ESTALE,
        VfsError::Source(_) => Errno::EIO,
    }
}
