//! Resolves a path component by component where the kernel's confinement does not suffice: it refuses absolute links
//! that stay beneath the folder, and has no rule for following links out of it.

use std::os::unix::ffi::OsStrExt;

use super::*;
use crate::util::private::is_trusted;

/// The limit of links on one path; the kernel's is the same (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// A partly resolved path: open folders from `/` down, each with its name in its parent.
struct ComponentWalk<'r> {
    root: &'r Path,
    stack: Vec<(OsString, OwnedFd)>,
    /// Whether every link so far belongs to the user or to root.
    are_links_trusted: bool,
}

/// Opens the target of a path below the folder `root`.
pub(super) fn open(root: &Path, below: &Path, flags: OFlags, links: Links) -> io::Result<OwnedFd> {
    let mut walk = ComponentWalk { root, stack: vec![(OsString::new(), top()?)], are_links_trusted: true };
    for part in parts(root) {
        // The folder's own path had no links, so a link in it now is new.
        walk.enter(&part)?;
    }
    walk.on(parts(below), flags, links)
}

/// Opens the target of an absolute path outside `root`, if its links and the target belong to the user or to root.
pub(super) fn open_outside(root: &Path, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let walk = ComponentWalk { root, stack: vec![(OsString::new(), top()?)], are_links_trusted: true };
    walk.on(parts(path), flags, Links::Owned)
}

impl ComponentWalk<'_> {
    fn on(mut self, mut todo: Vec<OsString>, flags: OFlags, links: Links) -> io::Result<OwnedFd> {
        todo.reverse();
        let walk = &mut self;
        let mut left = MOST_LINKS;
        while let Some(part) = todo.pop() {
            if part == ".." {
                walk.stack.truncate(walk.stack.len().saturating_sub(1).max(1));
                continue;
            }
            let (_, folder) = walk.stack.last().expect("the root folder stays");
            let found = match rustix::fs::openat(folder, &*part, LOOK | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(found) => File::from(found),
                // Users of the mount must not learn what exists outside.
                Err(_) if links == Links::Beneath && !walk.is_beneath(None) => return Err(leads_outside()),
                Err(error) => return Err(error.into()),
            };
            let metadata = found.metadata()?;
            if metadata.is_symlink() {
                left = left.checked_sub(1).ok_or(Errno::LOOP)?;
                walk.are_links_trusted &= is_trusted(metadata.uid());
                // Reads the link that was examined, whatever has its name now.
                let target = rustix::fs::readlinkat(&found, "", Vec::new())?;
                let target = Path::new(OsStr::from_bytes(target.as_bytes()));
                if target.is_absolute() {
                    walk.stack.truncate(1);
                }
                todo.extend(parts(target).into_iter().rev());
            } else if todo.is_empty() {
                let is_owned = links == Links::Owned && walk.are_links_trusted && is_trusted(metadata.uid());
                if !(is_owned || walk.is_beneath(Some(&part))) {
                    return Err(leads_outside());
                }
                return walk.open_last(&part, flags, &metadata);
            } else {
                walk.stack.push((part, found.into()));
                // Outside, users must not even learn whether a folder exists, unless the path may lead back.
                if links == Links::Beneath && !walk.is_beneath(None) && !walk.is_above() {
                    return Err(leads_outside());
                }
            }
        }
        walk.open_here(flags, links)
    }

    /// Enters a folder that must not be a link.
    fn enter(&mut self, part: &OsStr) -> io::Result<()> {
        let (_, folder) = self.stack.last().expect("the root folder stays");
        let flags = LOOK | OFlags::NOFOLLOW | OFlags::DIRECTORY;
        let next = rustix::fs::openat(folder, part, flags, Mode::empty())?;
        self.stack.push((part.to_owned(), next));
        Ok(())
    }

    /// Whether the current folder, or `part` in it, is the source's folder or beneath it.
    fn is_beneath(&self, part: Option<&OsStr>) -> bool {
        self.path(part).starts_with(self.root)
    }

    fn is_above(&self) -> bool {
        self.root.starts_with(self.path(None))
    }

    fn path(&self, part: Option<&OsStr>) -> PathBuf {
        let names = self.stack.iter().skip(1).map(|(name, _)| name.as_os_str()).chain(part);
        std::iter::once(OsStr::new("/")).chain(names).collect()
    }

    /// Opens the examined file, which is not a link. The file that now has its name must be the same.
    fn open_last(&self, part: &OsStr, flags: OFlags, seen: &Metadata) -> io::Result<OwnedFd> {
        let (_, folder) = self.stack.last().expect("the root folder stays");
        let opened = File::from(rustix::fs::openat(folder, part, flags | OFlags::NOFOLLOW, Mode::empty())?);
        let now = opened.metadata()?;
        let is_same = (now.dev(), now.ino()) == (seen.dev(), seen.ino());
        if is_same { Ok(opened.into()) } else { Err(Errno::AGAIN.into()) }
    }

    /// Opens the folder reached by a path that ends in `..` or at the source's own folder.
    fn open_here(&self, flags: OFlags, links: Links) -> io::Result<OwnedFd> {
        let (_, folder) = self.stack.last().expect("the root folder stays");
        let opened = rustix::fs::openat(folder, ".", flags | OFlags::NOFOLLOW, Mode::empty())?;
        let opened = File::from(opened);
        let is_allowed = self.is_beneath(None)
            || links == Links::Owned && self.are_links_trusted && is_trusted(opened.metadata()?.uid());
        if is_allowed { Ok(opened.into()) } else { Err(leads_outside()) }
    }
}

fn top() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open("/", LOOK | OFlags::DIRECTORY, Mode::empty())?)
}

/// The components of a path, with `..` but without `.` and the first `/`.
fn parts(path: &Path) -> Vec<OsString> {
    let names = path.components().filter(|part| !matches!(part, Component::CurDir | Component::RootDir));
    names.map(|part| part.as_os_str().to_owned()).collect()
}
