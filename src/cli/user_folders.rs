//! Folders of the user: home, cache, logs.

use std::path::{Path, PathBuf};

/// The folder `asof` in the XDG folder that `variable` names, by default `in_home` below the home; `None` if unknown.
pub(super) fn of_asof(variable: &str, in_home: &str) -> Option<PathBuf> {
    let chosen = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(chosen.or_else(|| Some(home()?.join(in_home)))?.join("asof"))
}

/// The user's home: `$HOME`, or the account's. mount(8) removes `$HOME` for its helpers when a user mounts a line of fstab
/// with `user`. Without `$HOME` (as at boot), root has none.
fn home() -> Option<PathBuf> {
    let is_root = || rustix::process::getuid().is_root();
    let of_account = || if is_root() { None } else { std::env::home_dir() };
    std::env::var_os("HOME").map(PathBuf::from).or_else(of_account).filter(|home| home.is_absolute())
}

/// `path` as an absolute one, because a mount in the background changes its working folder.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
