//! Who may read the files behind a source: the limit for a mount that other users may read.
//!
//! A user may read a file that its mode lets them read, in folders that all let them pass. A mode names three sets of
//! users: everyone, a group's members, and the owner. If an ACL does not admit everyone, only the owner counts.

use std::fs::Metadata;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::root::{Root, SourcePath};
use crate::model::access::Audience;

/// The extended attribute that holds an ACL (acl(5)).
const ACL: &str = "system.posix_acl_access";

/// A longer ACL is not read: it counts as one that admits only the owner.
const LONGEST_ACL: usize = 4096;

/// What a mode or an ACL must grant: permission bits of one class of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Read = 4,
    Search = 1,
}

/// The audience that a file's mode allows.
pub(crate) fn of_file(metadata: &Metadata) -> Audience {
    by_mode(metadata, Need::Read)
}

/// Like [`of_file`], but respects the file's ACL, and the folders that lead to a file behind a link. All checks use
/// one handle, so that a swapped path cannot mix two files. If the file is not `inode`, returns the owner.
pub(crate) fn of_file_at(root: &Root, path: &Path, inode: u64) -> Audience {
    let Ok(handle) = root.handle(path) else { return Audience::Owner };
    let Ok(metadata) = handle.metadata() else { return Audience::Owner };
    let by_handle = format!("/proc/self/fd/{}", handle.as_raw_fd());
    if metadata.ino() != inode {
        return Audience::Owner;
    }
    let audience = with_acl(Path::new(&by_handle), of_file(&metadata), Need::Read);
    let Ok(real) = std::fs::read_link(&by_handle) else { return Audience::Owner };
    if real == path {
        return audience;
    }
    real.parent().map_or(Audience::Owner, |folder| audience.and(of_way(folder)))
}

/// The audience that all folders from `/` down to this one let pass. A folder that cannot be examined lets only the
/// owner pass.
///
/// So does one in which anyone but root and the owner of the last folder could replace the next folder, because a
/// later open might meet another folder.
pub(crate) fn of_way(folder: &Path) -> Audience {
    let Ok(folder) = folder.canonicalize() else { return Audience::Owner };
    let Ok(owner) = folder.metadata().map(|found| found.uid()) else { return Audience::Owner };
    // Checks from the top, so that only these two can have swapped a folder further down.
    let mut ways: Vec<&Path> = folder.ancestors().collect();
    ways.reverse();
    let mut audience = Audience::Everyone;
    for way in ways {
        if way != folder && may_be_swapped_in(way, owner) {
            return Audience::Owner;
        }
        audience = audience.and(of_folder(way));
    }
    audience
}

/// Whether anyone but root and this user can rename entries of a folder (unlink(2), the sticky bit).
fn may_be_swapped_in(folder: &Path, user: u32) -> bool {
    const OTHERS_WRITE: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    folder.symlink_metadata().map_or(true, |found| {
        let is_open = found.mode() & OTHERS_WRITE != 0 && found.mode() & STICKY == 0;
        is_open || !found.is_dir() || found.uid() != 0 && found.uid() != user
    })
}

/// The audience that one folder lets pass.
pub(crate) fn of_folder(folder: &Path) -> Audience {
    let Ok(metadata) = folder.metadata() else { return Audience::Owner };
    with_acl(folder, by_mode(&metadata, Need::Search), Need::Search)
}

/// Those who may read all files in a folder that `counts` selects by name. Opens none of them.
pub(crate) fn of_files_in(folder: &SourcePath, counts: impl Fn(&str) -> bool) -> Audience {
    let entries = match folder.read_dir().and_then(|folder| folder.paths()) {
        Ok(entries) => entries,
        // There is nothing to read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Audience::Everyone,
        Err(_) => return Audience::Owner,
    };
    let is_counted = |path: &Path| path.file_name().and_then(|name| name.to_str()).is_some_and(&counts);
    let files = entries.into_iter().map(|(path, _)| path).filter(|path| is_counted(path));
    let audience = files.filter_map(|path| match folder.root().metadata(&path) {
        Ok(metadata) => Some(of_file_at(folder.root(), &path, metadata.ino())),
        // It was removed after it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(_) => Some(Audience::Owner),
    });
    audience.fold(of_way(folder.path()), Audience::and)
}

fn by_mode(metadata: &Metadata, need: Need) -> Audience {
    let (group, other) = ((need as u32) << 3, need as u32);
    match metadata.mode() {
        // A group member never counts as "other": a mode such as 0604 excludes members.
        mode if mode & group != 0 && mode & other != 0 => Audience::Everyone,
        mode if mode & group != 0 => Audience::Group(metadata.gid()),
        _ => Audience::Owner,
    }
}

/// Respects the ACL, if any: then the mode's group bits are only a mask. Skipped if only the owner is left.
fn with_acl(path: &Path, by_mode: Audience, need: Need) -> Audience {
    if by_mode == Audience::Owner {
        return by_mode;
    }
    let mut buffer = [0; LONGEST_ACL];
    match rustix::fs::getxattr(path, ACL, &mut buffer) {
        Ok(len) if lets_everyone(&buffer[..len], need) => by_mode,
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => by_mode,
        _ => Audience::Owner,
    }
}

/// Whether every entry of an ACL except the owner's grants what is needed. The format is the kernel's
/// `posix_acl_xattr_entry`: a version, then a tag, permissions and an id per entry.
fn lets_everyone(acl: &[u8], need: Need) -> bool {
    /// The tags of the owner's entry and of the mask.
    const OWNER: u16 = 0x01;
    const MASK: u16 = 0x10;
    let Some((&[2, 0, 0, 0], entries)) = acl.split_first_chunk() else { return false };
    let (entries, rest) = entries.as_chunks::<8>();
    let grants = |entry: &[u8; 8]| {
        let (tag, granted) = (u16::from_le_bytes([entry[0], entry[1]]), entry[2]);
        tag == OWNER || tag == MASK || granted & need as u8 != 0
    };
    let mask = entries.iter().find(|entry| entry[..2] == MASK.to_le_bytes());
    rest.is_empty()
        && !entries.is_empty()
        && entries.iter().all(grants)
        && mask.is_none_or(|mask| mask[2] & need as u8 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown};

    use super::Audience::{Everyone, Group, Owner};
    use super::*;
    use crate::files::root::Links;

    #[test]
    fn a_folder_that_a_stranger_could_swap_lets_in_the_owner_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (shared, own) = (folder.path().join("shared"), folder.path().join("shared/own"));
        fs::create_dir_all(&own).expect("the folder is ours");
        let as_above = of_way(folder.path());
        set(folder.path(), 0o755);
        let above = of_way(folder.path());
        assert_eq!((above, of_way(&own)), (Audience::Everyone, Audience::Everyone), "it was {as_above:?}");
        for (mode, audience) in [(0o777, Owner), (0o775, Owner), (0o1777, Everyone)] {
            set(&shared, mode);
            assert_eq!(of_way(&own), audience, "{mode:o}");
        }
        set(&shared, 0o755);
        let is_root = rustix::process::geteuid().is_root();
        assert!(is_root, "these tests run as root, to make folders of other users");
        chown(&shared, Some(54_321), None).expect("we are root");
        assert_eq!(of_way(&own), Audience::Owner, "its owner can swap what is root's");
        chown(&own, Some(54_321), None).expect("we are root");
        assert_eq!(of_way(&own), Audience::Everyone, "all of it is one user's");
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
    }

    #[test]
    fn a_mode_says_whom_a_file_lets_read_and_a_folder_pass() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("f");
        fs::write(&file, "").expect("the folder is ours");
        let gid = file.metadata().expect("it is there").gid();
        for (mode, audience) in [
            (0o644, Everyone),
            (0o444, Everyone),
            (0o640, Group(gid)),
            (0o600, Owner),
            (0o604, Owner),
            (0o711, Owner),
        ] {
            set(&file, mode);
            assert_eq!(of_file(&file.metadata().expect("it is there")), audience, "{mode:o}");
        }
        for (mode, audience) in
            [(0o755, Everyone), (0o711, Everyone), (0o750, Group(gid)), (0o744, Owner), (0o700, Owner)]
        {
            set(folder.path(), mode);
            assert_eq!(of_folder(folder.path()), audience, "{mode:o}");
        }
        let inner = folder.path().join("a/b");
        set(folder.path(), 0o755);
        fs::create_dir_all(&inner).expect("the folder is ours");
        let above = of_way(folder.path());
        assert_eq!(of_way(&inner), above);
        set(&folder.path().join("a"), 0o700);
        assert_eq!(of_way(&inner), Audience::Owner, "one folder on the way is enough");
        assert_eq!(of_way(&folder.path().join("none")), Audience::Owner);
    }

    #[test]
    fn a_set_of_files_is_read_by_those_who_may_read_all() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        set(folder.path(), 0o755);
        for (name, mode) in [("manifest", 0o644), ("LOCK", 0o600)] {
            fs::write(folder.path().join(name), "").expect("the folder is ours");
            set(&folder.path().join(name), mode);
        }
        let above = of_way(folder.path());
        let path = SourcePath::of_folder(folder.path(), Links::Beneath).expect("it is there");
        assert_eq!(of_files_in(&path, |name| name == "manifest"), above);
        assert_eq!(of_files_in(&path, |_| true), Audience::Owner);
        assert_eq!(of_files_in(&path.join("none"), |_| true), Audience::Everyone);
        // For a file behind a link, the folder that it leads to counts.
        let (within, file) = (folder.path().join("within"), folder.path().join("within/f"));
        fs::create_dir(&within).expect("the folder is ours");
        fs::write(&file, "").expect("the folder is ours");
        std::os::unix::fs::symlink("within/f", folder.path().join("link")).expect("the folder is ours");
        assert_eq!(of_files_in(&path, |name| name == "link"), above);
        set(&within, 0o700);
        assert_eq!(of_files_in(&path, |name| name == "link"), Audience::Owner);
    }

    #[test]
    fn an_acl_that_leaves_somebody_out_leaves_the_owner_alone() {
        // The format that `getfattr -e hex -n system.posix_acl_access` prints, as bytes.
        let acl = |entries: &[(u16, u16, u32)]| {
            let mut bytes = vec![2, 0, 0, 0];
            for (tag, granted, id) in entries {
                bytes.extend(tag.to_le_bytes());
                bytes.extend(granted.to_le_bytes());
                bytes.extend(id.to_le_bytes());
            }
            bytes
        };
        let none = u32::MAX;
        let with_user = |granted, mask| {
            acl(&[(1, 6, none), (2, granted, 1001), (4, 4, none), (0x10, mask, none), (0x20, 4, none)])
        };
        assert!(lets_everyone(&with_user(6, 7), Need::Read));
        assert!(!lets_everyone(&with_user(0, 7), Need::Read), "one user is kept out");
        assert!(!lets_everyone(&with_user(4, 0), Need::Read), "the mask takes it from all but the owner");
        assert!(!lets_everyone(&acl(&[(1, 6, none), (4, 4, none), (0x20, 0, none)]), Need::Read));
        assert!(lets_everyone(&acl(&[(1, 0, none), (4, 5, none), (0x20, 1, none)]), Need::Search));
        for broken in [&b""[..], b"\x02\0\0\0", b"\x03\0\0\0\x01\0\x06\0\xff\xff\xff\xff", b"\x02\0\0\0\x01"]
        {
            assert!(!lets_everyone(broken, Need::Read), "{broken:?}");
        }
    }
}
