//! Git's rule on repositories of other users (git-config(1), `safe.directory`): what a repository says is only believed
//! where it belongs to the user who reads it, or where that user says so.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use gix::bstr::ByteSlice;

use super::failure::Failure;
use super::folders::Folders;
use crate::content::ErrorKind;
use crate::files::root::Root;
use crate::model::shell;

/// Which user sudo(8) was called by.
const SUDO_UID: &str = "SUDO_UID";

/// Checks the owners of a repository's folders.
pub(super) fn check(source: &Root, folders: &Folders) -> Result<(), Failure> {
    let owner = |root: &Root, path: &Path| match root.metadata(path) {
        Ok(found) => Ok(found.uid()),
        Err(error) => Err(Failure::io("look at its owner", error)),
    };
    let mut owners = vec![owner(source, source.folder())?];
    for folder in [&folders.git, &folders.common] {
        owners.push(owner(folder.root(), folder.path())?);
    }
    if let Some(pointer) = &folders.pointer {
        owners.push(owner(source, pointer)?);
    }
    let Some(stranger) = owners.into_iter().find(|owner| !is_ours(*owner)) else { return Ok(()) };
    if is_said_to_be_safe(source.folder()) || is_said_to_be_safe(folders.git.path()) {
        return Ok(());
    }
    let problem = format!(
        "the repository belongs to user {stranger}, and not to you: git does not believe it either \
         (\"dubious ownership\")"
    );
    let command = shell::command("git config --global --add safe.directory", source.folder());
    Err(Failure::new(ErrorKind::Refused, problem)
        .with_hint(format!("if you trust who writes to it: `{command}`")))
}

/// Whether the calling user owns it; under sudo(8), the user who called sudo.
fn is_ours(owner: u32) -> bool {
    let me = rustix::process::geteuid().as_raw();
    let by_sudo = || std::env::var(SUDO_UID).ok().and_then(|uid| uid.parse().ok());
    owner == me || me == 0 && by_sudo() == Some(owner)
}

/// Whether the settings of the user or of the machine name a folder. Those of the repository do not count.
fn is_said_to_be_safe(folder: &Path) -> bool {
    let Ok(config) = gix::config::File::from_globals() else { return false };
    let mut is_safe = false;
    for value in config.strings("safe.directory").unwrap_or_default() {
        let value = value.as_bytes();
        is_safe = match value {
            b"" => false,
            b"*" => true,
            value => is_safe || names(value, folder),
        };
    }
    is_safe
}

/// Whether a value of `safe.directory` names a folder: it alone, or with `/*` all below it.
fn names(value: &[u8], folder: &Path) -> bool {
    let home = || std::env::var_os("HOME").map(std::path::PathBuf::from);
    let path = |text: &[u8]| match text.strip_prefix(b"~/") {
        Some(rest) => home().map(|home| home.join(std::ffi::OsStr::from_bytes(rest))),
        None => Some(std::ffi::OsStr::from_bytes(text).into()),
    };
    match value.strip_suffix(b"/*") {
        Some(above) => path(above).is_some_and(|above| folder != above && folder.starts_with(above)),
        None => path(value).is_some_and(|path| path == folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_names_one_folder_or_all_below_one() {
        let folder = Path::new("/srv/git/a");
        for value in ["/srv/git/a", "/srv/git/a/", "/srv/git/*", "/srv/*"] {
            assert!(names(value.as_bytes(), folder), "{value}");
        }
        for value in ["/srv/git", "/srv/git/a/*", "/srv/gi/*", "git/a", "/srv/git/ab", "/other"] {
            assert!(!names(value.as_bytes(), folder), "{value}");
        }
    }
}
