//! Temporary files without a name: they vanish with the process that made them, however it ends.
//!
//! SQLite finds a log only by its name beside the database, so such files are in a folder, which is locked while it is
//! used. The next process removes the folders that are not locked: those of processes that were killed.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock};

use crate::content::SourceError;
use crate::model::terminal::ShowPath;

/// The prefix of the names of such folders.
const FOLDER: &str = "asof-sqlite-";

/// The prefix before a folder is locked.
const UNLOCKED: &str = ".asof-new-";

/// There is no room for temporary files.
#[derive(Debug, thiserror::Error)]
#[error("no room for temporary files in {}: {needed} bytes are needed, and a part of the file system is left to others", .folder.shown())]
pub(crate) struct NoRoom {
    folder: PathBuf,
    needed: u64,
}

/// What to do about [`NoRoom`].
pub(crate) const NO_ROOM_HINT: &str =
    "free some of it, or set TMPDIR to a folder on a file system that has more";

/// Bytes written between two looks at how much room is left.
const LOOK: u64 = 16 << 20;

/// How much of a file system is left to others: one part in [`LEFT_PART`] of it, but at most [`MOST_LEFT`] bytes.
const LEFT_PART: u64 = 20;
const MOST_LEFT: u64 = 1 << 30;

/// The free bytes of a file's file system, and all its bytes.
type Room = fn(&File) -> io::Result<(u64, u64)>;

/// Fills a temporary file, which may get longer than expected, and stops where it would leave others no room. The first
/// [`LOOK`] bytes are written in any case.
pub(crate) struct Filling<'f> {
    file: &'f mut File,
    unlooked: u64,
    room: Room,
}

impl<'f> Filling<'f> {
    pub(super) fn new(file: &'f mut File) -> Self {
        Self { file, unlooked: 0, room }
    }
}

fn room(file: &File) -> io::Result<(u64, u64)> {
    let found = rustix::fs::fstatvfs(file)?;
    Ok((found.f_bavail.saturating_mul(found.f_frsize), found.f_blocks.saturating_mul(found.f_frsize)))
}

impl Write for Filling<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.unlooked >= LOOK {
            let (free, all) = (self.room)(self.file)?;
            if free < (all / LEFT_PART).min(MOST_LEFT) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.unlooked = 0;
        }
        let count = self.file.write(bytes)?;
        self.unlooked += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Turns a failure to write `needed` bytes of temporary files for lack of room into [`NoRoom`], which says what to do.
pub(crate) fn explained(error: io::Error, needed: u64) -> io::Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            io::Error::new(error.kind(), NoRoom { folder: std::env::temp_dir(), needed })
        }
        _ => error,
    }
}

/// Whether there was no room for temporary files.
pub(crate) fn has_no_room(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<NoRoom>())
}

/// Whether something cannot be read because there is no room for temporary files.
pub(crate) fn lacks_room(error: &SourceError) -> bool {
    let cause = error.cause.as_ref().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(has_no_room)
}

/// A folder for temporary files that need names. Dropping this removes it.
pub(crate) struct TemporaryFolder {
    path: PathBuf,
    _lock: File,
}

impl TemporaryFolder {
    /// Makes a folder that only this user may enter.
    pub(crate) fn new() -> io::Result<Self> {
        Self::within(&std::env::temp_dir())
    }

    fn within(folder: &Path) -> io::Result<Self> {
        let made = tempfile::Builder::new()
            .prefix(UNLOCKED)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(folder)?;
        let lock = opened(made.path())?;
        // Where locks do not work, `sweep` removes nothing.
        let _ = flock(&lock, FlockOperation::NonBlockingLockExclusive);
        let unique = made.path().file_name().unwrap_or_default().to_string_lossy().replacen(UNLOCKED, "", 1);
        let path = folder.join(format!("{FOLDER}{unique}"));
        // From here on its name says that it is locked while it is used.
        std::fs::rename(made.path(), &path)?;
        let _renamed = made.keep();
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::debug!(folder = %self.path.shown(), %error, "a temporary folder stays behind");
        }
    }
}

/// Removes the folders of processes that were killed before they could.
pub(crate) fn sweep() {
    sweep_in(&std::env::temp_dir());
}

fn sweep_in(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let you = rustix::process::geteuid().as_raw();
    for entry in entries.flatten() {
        let path = entry.path();
        if !entry.file_name().as_encoded_bytes().starts_with(FOLDER.as_bytes()) {
            continue;
        }
        let Ok(open) = opened(&path) else { continue };
        let is_yours = open.metadata().is_ok_and(|metadata| metadata.uid() == you);
        // A process that still uses it holds the lock.
        if is_yours && flock(&open, FlockOperation::NonBlockingLockExclusive).is_ok() {
            tracing::debug!(folder = %path.shown(), "removing what a killed process left behind");
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

/// Opens a folder, but no link to one.
fn opened(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("it is there")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_is_filled_leaves_room_to_others() {
        let mut file = tempfile::tempfile().expect("there is room");
        let piece = vec![0; LOOK as usize];
        let enough: Room = |_| Ok((MOST_LEFT, MOST_LEFT * LEFT_PART));
        let mut filling = Filling { room: enough, ..Filling::new(&mut file) };
        filling.write_all(&piece).expect("enough is left");
        filling.room = |_| Ok((MOST_LEFT - 1, MOST_LEFT * LEFT_PART));
        let error = filling.write_all(b"x").expect_err("too little is left");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        // A small file system may be filled further.
        filling.room = |_| Ok((1 << 20, 10 << 20));
        filling.write_all(b"x").expect("a twentieth is left");
    }

    #[test]
    fn a_folder_goes_with_its_owner() {
        let base = tempfile::tempdir().expect("a temporary folder");
        let folder = TemporaryFolder::within(base.path()).expect("there is room");
        std::fs::write(folder.path().join("db"), "x").expect("it is ours");
        assert_eq!(names(base.path()).len(), 1);
        drop(folder);
        assert_eq!(names(base.path()), Vec::<String>::new());
    }

    #[test]
    fn only_what_nobody_uses_any_more_is_swept() {
        let base = tempfile::tempdir().expect("a temporary folder");
        let used = TemporaryFolder::within(base.path()).expect("there is room");
        let dead = base.path().join("asof-sqlite-dead");
        std::fs::create_dir(&dead).expect("ours");
        std::fs::write(dead.join("db"), "x").expect("ours");
        let others = ["asof-sqlite.txt", "other", ".asof-new-begun"];
        others.iter().for_each(|name| std::fs::create_dir(base.path().join(name)).expect("ours"));
        std::os::unix::fs::symlink(base.path().join("other"), base.path().join("asof-sqlite-link"))
            .expect("ours");
        sweep_in(base.path());
        let left = names(base.path());
        assert!(!left.contains(&"asof-sqlite-dead".to_owned()), "{left:?}");
        assert_eq!(left.len(), 5, "{left:?}");
        assert!(used.path().exists());
    }
}
