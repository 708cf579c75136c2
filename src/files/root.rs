//! The folder of a source, through which all of its files are opened.
//!
//! A user who can write to a source can replace a file by a link at any time, and asof often runs as root for users
//! who may not read the link's target. So no path goes to the operating system as a whole. It is resolved beneath the
//! folder at every open: by the kernel (openat2(2), `RESOLVE_BENEATH`) or, if the kernel refuses, component by
//! component in `walk`. A check of a path and a later open may meet different files; each is confined separately.

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::hash::{Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::util::clock::WallClock;

mod walk;

/// How to treat links that lead out of a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Links {
    /// Does not follow them.
    #[default]
    Beneath,
    /// Follows them if every link on the way and the target belong to root or to the user who runs asof.
    Owned,
}

/// The error for a link that leads out of its source.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a link on the way to it leads out of the source, and is not followed")]
pub(crate) struct LeadsOutside;

pub(crate) const LEADS_OUTSIDE_HINT: &str = "name the link's target as a source, or mount with --follow-links, which follows links where \
     the link and its target belong to you or to root";

/// The folder beneath which all files of a source are opened; a path that leads out fails with [`LeadsOutside`] inside
/// the I/O error. Two roots of one folder that follow the same links are equal.
#[derive(Debug, Clone)]
pub struct Root {
    inner: Arc<RootInner>,
    /// The clock to compare with file times.
    clock: WallClock,
}

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct RootInner {
    /// The path, which had no links when the source was opened.
    folder: PathBuf,
    links: Links,
}

impl PartialEq for Root {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Root {}

impl PartialOrd for Root {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Root {
    fn cmp(&self, other: &Self) -> Ordering {
        self.inner.cmp(&other.inner)
    }
}

impl Hash for Root {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

/// Flags of every open: a pipe in place of a file must not block, and a terminal must not become the process's own.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Flags for a handle that can be examined or resolved further, but not read.
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

impl Root {
    /// Opens the folder that a user named. Follows links in this path once, because the user chose them.
    pub fn new(folder: &Path, links: Links) -> io::Result<Self> {
        let inner = Arc::new(RootInner { folder: folder.canonicalize()?, links });
        Ok(Self { inner, clock: WallClock::system() })
    }

    /// Replaces the machine's clock.
    #[must_use]
    pub fn with_clock(self, clock: WallClock) -> Self {
        Self { clock, ..self }
    }

    /// The present, to compare with file times.
    pub fn now(&self) -> SystemTime {
        self.clock.system_time()
    }

    /// The folder's path, absolute and without links.
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Which links are followed.
    pub fn links(&self) -> Links {
        self.inner.links
    }

    /// Opens anything at an absolute path beneath the folder for reading.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        self.open_as(path, READ).map(File::from)
    }

    /// Opens a handle to examine what is at a path, following links. Nothing can be read from it.
    pub fn handle(&self, path: &Path) -> io::Result<File> {
        self.open_as(path, LOOK).map(File::from)
    }

    /// Returns the metadata of what is at a path, following links.
    pub fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.handle(path)?.metadata()
    }

    /// Whether a folder is at a path.
    pub fn is_dir(&self, path: &Path) -> bool {
        self.metadata(path).is_ok_and(|found| found.is_dir())
    }

    /// Whether a regular file is at a path.
    pub fn is_file(&self, path: &Path) -> bool {
        self.metadata(path).is_ok_and(|found| found.is_file())
    }

    /// Opens the folder at a path for listing.
    pub fn read_dir(&self, path: &Path) -> io::Result<OpenFolder> {
        let fd = self.open_as(path, READ | OFlags::DIRECTORY)?;
        Ok(OpenFolder { path: path.to_owned(), fd })
    }

    /// Reads a small file whole, at most `limit` bytes. Fails if it is not a regular file, or is longer.
    pub fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let refused = |why: String| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        let file = self.open(path)?;
        if !file.metadata()?.is_file() {
            return refused("it is not a regular file".to_owned());
        }
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            refused(format!("it is longer than {limit} bytes"))
        } else {
            Ok(bytes)
        }
    }

    /// Returns the target of a link as written. The link itself is beneath the folder. Fails if it is not a link.
    pub fn link_target(&self, path: &Path) -> io::Result<PathBuf> {
        let parent = self.open_as(path.parent().unwrap_or(path), LOOK | OFlags::DIRECTORY)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let target = rustix::fs::readlinkat(&parent, name, Vec::new())?;
        Ok(PathBuf::from(<OsString as std::os::unix::ffi::OsStringExt>::from_vec(target.into_bytes())))
    }

    /// Returns an outside folder's path without links. The folder and all links must belong to the user or to root.
    pub fn owned_folder(&self, path: &Path) -> io::Result<PathBuf> {
        let opened = walk::open_outside(self.folder(), path, LOOK | OFlags::DIRECTORY)?;
        std::fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd()))
    }

    fn open_as(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let below = self.below(path)?;
        match self.by_the_kernel(below, flags) {
            // The kernel refuses absolute links that stay beneath the folder and links out of it, or lacks openat2.
            Err(Errno::XDEV | Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::LOOP) => {
                walk::open(self.folder(), below, flags, self.links())
            }
            opened => Ok(opened?),
        }
    }

    fn by_the_kernel(&self, below: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let no_links = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let folder =
            rustix::fs::openat2(CWD, self.folder(), LOOK | OFlags::DIRECTORY, Mode::empty(), no_links)?;
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(folder, below, flags, Mode::empty(), beneath)
    }

    /// The part of a path below the folder.
    fn below<'p>(&self, path: &'p Path) -> io::Result<&'p Path> {
        let is_plain = |below: &&Path| below.components().all(|part| matches!(part, Component::Normal(_)));
        path.strip_prefix(self.folder()).ok().filter(is_plain).ok_or_else(leads_outside)
    }
}

/// Returns [`LeadsOutside`] as "permission denied", because asof may not read the target on behalf of its users.
fn leads_outside() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, LeadsOutside)
}

pub(crate) fn is_outside(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<LeadsOutside>())
}

/// A path of a source, with its root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePath {
    path: PathBuf,
    root: Root,
}

impl SourcePath {
    /// Opens a folder as a source of its own. Follows links in this path once.
    pub fn of_folder(folder: &Path, links: Links) -> io::Result<Self> {
        let root = Root::new(folder, links)?;
        Ok(Self { path: root.folder().to_owned(), root })
    }

    /// An absolute path beneath a folder.
    pub fn new(root: &Root, path: PathBuf) -> Self {
        Self { path, root: root.clone() }
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The root beneath which it is opened.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Appends a relative path.
    #[must_use]
    pub fn join(&self, below: impl AsRef<Path>) -> Self {
        Self { path: self.path.join(below), root: self.root.clone() }
    }

    /// Opens anything at the path for reading.
    pub fn open(&self) -> io::Result<File> {
        self.root.open(&self.path)
    }

    /// Returns the metadata, following links.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.root.metadata(&self.path)
    }

    /// Opens the folder for listing.
    pub fn read_dir(&self) -> io::Result<OpenFolder> {
        self.root.read_dir(&self.path)
    }

    /// Reads a small file whole; see [`Root::read`].
    pub fn read(&self, limit: u64) -> io::Result<Vec<u8>> {
        self.root.read(&self.path, limit)
    }

    /// Whether it is a folder.
    pub fn is_dir(&self) -> bool {
        self.root.is_dir(&self.path)
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.root.is_file(&self.path)
    }

    /// Whether it exists.
    pub fn exists(&self) -> bool {
        self.metadata().is_ok()
    }
}

/// An open folder of a source.
pub struct OpenFolder {
    path: PathBuf,
    fd: OwnedFd,
}

impl OpenFolder {
    /// Lists the entries. Use only their names, kinds and metadata, which are read relative to the open folder: the
    /// path of an entry starts with that of the open file descriptor, not with the path of the folder.
    pub fn entries(&self) -> io::Result<std::fs::ReadDir> {
        std::fs::read_dir(format!("/proc/self/fd/{}", self.fd.as_raw_fd()))
    }

    /// Lists the entries by path, sorted, with their kinds. Does not follow links.
    pub fn paths(&self) -> io::Result<Vec<(PathBuf, std::fs::FileType)>> {
        let mut found = Vec::new();
        for entry in self.entries()? {
            let entry = entry?;
            found.push((self.path.join(entry.file_name()), entry.file_type()?));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// Returns the folder's own metadata.
    pub fn metadata(&self) -> io::Result<Metadata> {
        File::from(self.fd.try_clone()?).metadata()
    }
}

#[cfg(test)]
mod tests;
