//! The log file of a mount in the background.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::{mount_table, user_folders};
use crate::model::names;
use crate::model::terminal::ShowPath;
use crate::util::private;

const LOG: &str = "log";

/// The extension of a log that was rotated.
const OLD: &str = "log-old";

/// A longer log is rotated when its mountpoint is used again, in bytes.
const LONGEST: u64 = 1 << 20;

/// How many logs of former mounts are kept.
const MOST_FORMER: usize = 20;

/// The log file of a mount: one per mountpoint, below `$XDG_STATE_HOME`.
pub(super) fn default(mountpoint: &Path) -> PathBuf {
    let name = mountpoint.to_string_lossy();
    default_folder().join(names::escape_with_suffix(name.trim_matches('/'), &format!(".{LOG}")))
}

fn default_folder() -> PathBuf {
    let folder = user_folders::of_asof("XDG_STATE_HOME", ".local/state");
    folder.unwrap_or_else(|| PathBuf::from("/var/log/asof"))
}

/// Opens a log file to append to it. Other users cannot read it, because logs contain paths and errors.
pub(super) fn open(path: &Path) -> Result<File, Failure> {
    let cannot = |error: io::Error| {
        Failure::new(format!("cannot open the log file {}", path.shown()))
            .because(&error)
            .hint("choose another file with --log-file PATH")
    };
    let file = match path.parent() {
        Some(folder) if folder == default_folder() => {
            private::make_own_folder(folder).map_err(cannot)?;
            tidy(folder, path);
            private::append_to_own(path)
        }
        // A folder that the user chose keeps its permissions and its files.
        Some(folder) => std::fs::create_dir_all(folder).and_then(|()| private::append_to(path)),
        None => private::append_to(path),
    };
    file.map_err(cannot)
}

/// Rotates a long log of `own`, and removes the oldest logs of former mounts. A mount does not depend on it.
fn tidy(folder: &Path, own: &Path) {
    if std::fs::metadata(own).is_ok_and(|log| log.len() > LONGEST) {
        let _ = std::fs::rename(own, own.with_extension(OLD));
    }
    let mounts = mount_table::read().into_iter().filter(|mount| mount.kind == mount_table::OUR_KIND);
    let in_use: Vec<PathBuf> = mounts.map(|mount| default(&mount.place)).chain([own.to_owned()]).collect();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut former: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == LOG || ending == OLD))
        .filter(|path| !in_use.contains(path) && !in_use.contains(&path.with_extension(LOG)))
        .filter_map(|path| Some((std::fs::metadata(&path).ok()?.modified().ok()?, path)))
        .collect();
    former.sort_unstable();
    let too_many = former.len().saturating_sub(MOST_FORMER);
    for (_, path) in &former[..too_many] {
        let _ = std::fs::remove_file(path);
    }
}
