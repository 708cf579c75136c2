//! Files of other versions of the program that nobody uses any more.

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

/// For how long a file must not have been used. Two versions of the program that are used in turn keep their files: a
/// mount notes the use of its own twice a day.
const UNUSED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Removes the files of records in a folder that another version wrote, an earlier or a later one, and that were not used for
/// a week; and what a process left that was killed while it wrote one. Nothing else in the folder is touched, and no link is
/// followed. What cannot be removed stays.
pub(crate) fn remove_stale(folder: &Path, clock: &WallClock) {
    if private::make_folder(folder).is_err() {
        // It is another user's.
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
    // A process that adds to it has it locked; one that waits for the lock makes the file again.
    file.try_lock()?;
    if !is_stale(&file, clock)? || !is_at(&file, path)? {
        return Ok(false);
    }
    std::fs::remove_file(path).map(|()| true)
}

fn is_stale(file: &File, clock: &WallClock) -> io::Result<bool> {
    let used = file.metadata()?.modified()?;
    // One that was used in the future was used on a clock that is not ours.
    Ok(clock.system_time().duration_since(used).is_ok_and(|unused| unused > UNUSED))
}
