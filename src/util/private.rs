//! asof's own folders and files, which no other user may read or write: caches and logs.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The mode of folders: only for their owner.
const FOLDER: u32 = 0o700;

const FILE: u32 = 0o600;

/// The bits that let a group or everyone write.
const OTHERS_WRITE: u32 = 0o022;

/// A folder that asof does not trust.
#[derive(Debug, thiserror::Error)]
enum Unsafe {
    #[error("it belongs to user {0}, who could change what is in it")]
    Owner(u32),
    #[error("other users may write to it (mode {0:o})")]
    Mode(u32),
}

/// Creates a folder if it is missing, and checks that only this user and root can change its contents.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(folder)?;
    let found = folder.metadata()?;
    let why = match found.mode() & OTHERS_WRITE {
        _ if !is_trusted(found.uid()) => Unsafe::Owner(found.uid()),
        0 => return Ok(()),
        _ => Unsafe::Mode(found.mode() & 0o7777),
    };
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Like [`make_folder`], for a folder that only asof uses: removes the access that earlier versions gave others.
pub(crate) fn make_own_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(folder)?;
    // Uses the handle, so that the checked folder is the one that changes.
    let open = File::open(folder)?;
    let found = open.metadata()?;
    if found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o777 != FOLDER {
        open.set_permissions(Permissions::from_mode(FOLDER))?;
    }
    make_folder(folder)
}

/// Opens a file for appending. Creates it for its owner only if it is missing.
pub(crate) fn append_to(file: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(FILE).open(file)
}

/// Like [`append_to`], for a file in a folder of [`make_own_folder`]: refuses a link, removes everyone else's access.
pub(crate) fn append_to_own(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new().append(true).create(true).mode(FILE).custom_flags(flags).open(path)?;
    if file.metadata()?.mode() & 0o777 != FILE {
        file.set_permissions(Permissions::from_mode(FILE))?;
    }
    Ok(file)
}

/// Whether a file belongs to the user who runs asof, or to root.
pub(crate) fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("it is there").mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
    }

    #[test]
    fn what_is_made_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (own, file) = (folder.path().join("a/b"), folder.path().join("a/b/file"));
        make_own_folder(&own).expect("it is made");
        drop(append_to_own(&file).expect("it is made"));
        assert_eq!((mode(&own), mode(&file)), (0o700, 0o600));
        // As earlier versions left them.
        set_mode(&own, 0o775);
        set_mode(&file, 0o644);
        make_own_folder(&own).expect("it is ours");
        drop(append_to_own(&file).expect("it is ours"));
        assert_eq!((mode(&own), mode(&file)), (0o700, 0o600));
        std::os::unix::fs::symlink("/etc/passwd", own.join("link")).expect("it is ours");
        assert!(append_to_own(&own.join("link")).is_err());
    }

    #[test]
    fn a_folder_that_others_can_change_is_not_believed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let chosen = folder.path().join("chosen");
        make_folder(&chosen).expect("it is made");
        assert_eq!(mode(&chosen), 0o700);
        for (bits, is_fine) in [(0o755, true), (0o770, false), (0o707, false), (0o1777, false)] {
            set_mode(&chosen, bits);
            assert_eq!(make_folder(&chosen).is_ok(), is_fine, "{bits:o}");
            assert_eq!(chosen.metadata().expect("it is there").mode() & 0o7777, bits, "it is left as it is");
        }
        set_mode(&chosen, 0o700);
        let is_root = rustix::process::geteuid().is_root();
        assert!(is_root, "these tests run as root, to make folders of other users");
        std::os::unix::fs::chown(&chosen, Some(54_321), None).expect("we are root");
        assert!(make_folder(&chosen).is_err_and(|error| error.to_string().contains("user 54321")));
        assert!(make_own_folder(&chosen).is_err());
    }
}
