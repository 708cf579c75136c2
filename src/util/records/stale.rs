//! Removes record files of other program versions that nobody uses any more.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use super::{is_at, name};
use crate::model::terminal::ShowPath;
use crate::util::clock::WallClock;
use crate::util::private;

/// How long a file must be unused. Versions used in turn keep their files: a mount notes its use twice a day.
const UNUSED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Removes the record files of other versions, earlier or later, that were unused for a week, and files that a killed
/// process left half-written. Touches nothing else, follows no link, and skips what it cannot remove.
pub(crate) fn remove_stale(folder: &Path, clock: &WallClock) {
    if private::make_folder(folder).is_err() {
        // The folder is another user's.
        return;
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| name::is_of_another_version(entry.file_name().as_bytes())) {
        let path = entry.path();
        let outcome = remove_if_stale(&path, clock);
        let path = path.shown();
        match outcome {
            Ok(false) => {}
            Ok(true) => tracing::debug!(%path, "removed a file of facts that was not used for a week"),
            Err(error) => tracing::debug!(%path, %error, "an old file of facts stays"),
        }
    }
}

fn remove_if_stale(path: &Path, clock: &WallClock) -> io::Result<bool> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() || !is_stale(&file, clock)? {
        return Ok(false);
    }
    // A process that adds to the file has it locked; one that waits for the lock creates the file again.
    file.try_lock()?;
    if !is_stale(&file, clock)? || !is_at(&file, path)? {
        return Ok(false);
    }
    std::fs::remove_file(path).map(|()| true)
}

fn is_stale(file: &File, clock: &WallClock) -> io::Result<bool> {
    let used = file.metadata()?.modified()?;
    // A file used in the future belongs to another clock.
    Ok(clock.system_time().duration_since(used).is_ok_and(|unused| unused > UNUSED))
}
