//! Where a user's own files are.

use std::path::PathBuf;

/// The home of the user: `$HOME`, or what the account says. mount(8) takes `$HOME` from its helpers when a user calls it for a
/// line of fstab with `user`, as it has more rights than they have. Root has none where there is no `$HOME`: so it is
/// at boot.
pub(super) fn folder() -> Option<PathBuf> {
    let is_root = || rustix::process::getuid().is_root();
    let of_account = || if is_root() { None } else { std::env::home_dir() };
    std::env::var_os("HOME").map(PathBuf::from).or_else(of_account).filter(|home| home.is_absolute())
}
