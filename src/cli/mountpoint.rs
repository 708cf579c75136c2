//! Mountpoints: checked before a mount, freed after it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::mount::UnmountFlags;

use super::Failure;
use crate::model::shell;
use crate::model::terminal::ShowPath;

/// The type under which the kernel lists our mounts.
pub(super) const TYPE: &str = "fuse.asof";

/// A line of `/proc/self/mountinfo` (proc(5)), as far as we need it.
pub(super) struct Mounted {
    /// `major:minor` of the mount's device.
    pub device: String,
    /// File system type.
    pub kind: String,
    /// The user who mounted it, where the file system says so (`user_id=` of FUSE).
    pub user: Option<u32>,
}

/// What is mounted at `path` on top, if anything.
pub(super) fn mounted_at(path: &Path) -> Option<Mounted> {
    all_mounted().into_iter().rev().find_map(|(place, mounted)| (place == path).then_some(mounted))
}

/// Everything that is mounted, and where; a later one hides an earlier one at the same place.
pub(super) fn all_mounted() -> Vec<(PathBuf, Mounted)> {
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
    let mounted = table.split(|b| *b == b'\n').filter_map(|line| {
        let fields: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
        // Optional fields stand between the sixth and the separator.
        let separator = fields.iter().position(|field| *field == b"-")?;
        let (device, place, kind) = (fields.get(2)?, fields.get(4)?, fields.get(separator + 1)?);
        let options = fields.get(separator + 3).map(|options| text(options)).unwrap_or_default();
        let user = options.split(',').find_map(|option| option.strip_prefix("user_id=")?.parse().ok());
        Some((unescape(place).into(), Mounted { device: text(device), kind: text(kind), user }))
    });
    mounted.collect()
}

/// mountinfo writes space, tab, newline and backslash as `\ooo`.
fn unescape(field: &[u8]) -> OsString {
    let mut out = Vec::new();
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|d| std::str::from_utf8(d).ok());
        match octal.and_then(|d| u8::from_str_radix(d, 8).ok()) {
            Some(code) if byte == b'\\' => {
                out.push(code);
                rest = &after[3..];
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    OsString::from_vec(out)
}

/// Checks that `path` is a folder that can be mounted on, and returns it with symlinks resolved.
pub(super) fn check(path: &Path, non_empty: bool) -> Result<PathBuf, Failure> {
    let shown = path.shown();
    let place = path.canonicalize().map_err(|error| match error.raw_os_error() {
        Some(libc::ENOTCONN) => dead(path),
        _ if error.kind() == io::ErrorKind::NotFound => {
            Failure::new(format!("the mountpoint {shown} does not exist"))
                .hint(shell::command("mkdir -p", path))
        }
        _ => Failure::new(format!("cannot use the mountpoint {shown}")).because(&error),
    })?;
    if let Some(mounted) = mounted_at(&place) {
        let is_dead = fs::metadata(&place).is_err_and(|error| error.raw_os_error() == Some(libc::ENOTCONN));
        if is_dead && mounted.kind == TYPE {
            return Err(dead(path));
        }
        let failure = Failure::new(format!("{shown} is busy: {} is mounted there already", mounted.kind));
        return Err(if mounted.kind == TYPE {
            failure.hint(shell::command("asof umount", path))
        } else {
            failure.hint("choose another mountpoint")
        });
    }
    if !place.is_dir() {
        return Err(
            Failure::new(format!("the mountpoint {shown} is not a folder")).hint("choose an empty folder")
        );
    }
    let occupied = fs::read_dir(&place)
        .map_err(|error| Failure::new(format!("cannot read the mountpoint {shown}")).because(&error))?
        .next()
        .is_some();
    if occupied && !non_empty {
        return Err(Failure::new(format!("the mountpoint {shown} is not empty"))
            .hint("choose an empty folder; -o nonempty hides what is in it while the mount lasts"));
    }
    Ok(place)
}

fn dead(path: &Path) -> Failure {
    let shown = path.shown();
    Failure::new(format!("{shown} is a dead mount: its program ended without unmounting"))
        .hint(format!("{}; its log may say why it ended", shell::command("asof umount", path)))
}

/// `path` with the symlinks on the way to its last component resolved: what the kernel lists it as, found without
/// touching a mount that may be dead.
pub(super) fn as_listed(path: &Path) -> io::Result<PathBuf> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            let place = parent.canonicalize()?.join(name);
            // A symlink to the mountpoint is followed; a dead mount cannot be.
            Ok(if mounted_at(&place).is_some() { place } else { path.canonicalize().unwrap_or(place) })
        }
        _ => path.canonicalize(),
    }
}

/// Takes the mount at `path` down. `lazy` detaches it at once and lets open files run out.
pub(super) fn unmount(path: &Path, lazy: bool) -> io::Result<()> {
    let flags = if lazy { UnmountFlags::DETACH } else { UnmountFlags::empty() };
    match rustix::mount::unmount(path, flags | UnmountFlags::NOFOLLOW) {
        Ok(()) => Ok(()),
        // Users but root go through the setuid helper.
        Err(rustix::io::Errno::PERM) => fusermount(path, lazy),
        Err(error) => Err(error.into()),
    }
}

fn fusermount(path: &Path, lazy: bool) -> io::Result<()> {
    let mut command = Command::new("fusermount3");
    command.arg(if lazy { "-uz" } else { "-u" }).arg("--").arg(path);
    let output = command.output().map_err(|error| {
        io::Error::new(error.kind(), format!("cannot run fusermount3, which is part of fuse3: {error}"))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let kind =
        if said.contains("busy") { io::ErrorKind::ResourceBusy } else { io::ErrorKind::PermissionDenied };
    Err(io::Error::new(kind, said.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mountinfo_escapes() {
        let cases: [(&[u8], &[u8]); 4] = [
            (br"/mnt/a\040b\134c", br"/mnt/a b\c"),
            (br"/mnt/\9", br"/mnt/\9"),
            (br"/mnt/\", br"/mnt/\"),
            (b"/mnt/\xff", b"/mnt/\xff"),
        ];
        for (field, path) in cases {
            assert_eq!(unescape(field).into_vec(), path);
        }
    }

    #[test]
    fn the_root_is_mounted_and_a_new_folder_is_not() {
        assert!(mounted_at(Path::new("/")).is_some());
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(mounted_at(folder.path()).is_none());
    }
}
