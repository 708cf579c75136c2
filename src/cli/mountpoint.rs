//! Mountpoints: checked before a mount, unmounted after it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::mount::UnmountFlags;

use super::failure::Failure;
use super::mount_table;
use crate::model::shell;
use crate::model::terminal::ShowPath;

/// Checks that `path` can be a mountpoint, and returns it with symlinks resolved.
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
    if let Some(mounted) = mount_table::at(&place) {
        let is_dead = fs::metadata(&place).is_err_and(|error| error.raw_os_error() == Some(libc::ENOTCONN));
        if is_dead && mounted.kind == mount_table::OUR_KIND {
            return Err(dead(path));
        }
        let failure = Failure::new(format!("{shown} is busy: {} is mounted there already", mounted.kind));
        return Err(if mounted.kind == mount_table::OUR_KIND {
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
            .hint("choose an empty folder, or use -o nonempty to hide its files while it is mounted"));
    }
    Ok(place)
}

fn dead(path: &Path) -> Failure {
    let shown = path.shown();
    Failure::new(format!("{shown} is a dead mount: its program ended without unmounting"))
        .hint(format!("{}; its log may say why it ended", shell::command("asof umount", path)))
}

/// The mountpoint as the kernel lists it: `path` with the symlinks above its last component resolved, without touching a
/// mount that may be dead.
pub(super) fn as_listed(path: &Path) -> io::Result<PathBuf> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            let place = parent.canonicalize()?.join(name);
            // Follows a symlink to the mountpoint, but never touches a mount.
            Ok(if mount_table::at(&place).is_some() { place } else { path.canonicalize().unwrap_or(place) })
        }
        _ => path.canonicalize(),
    }
}

/// Unmounts `path`. `lazy` detaches it at once, and open files stay readable.
pub(super) fn unmount(path: &Path, lazy: bool) -> io::Result<()> {
    let flags = if lazy { UnmountFlags::DETACH } else { UnmountFlags::empty() };
    match rustix::mount::unmount(path, flags | UnmountFlags::NOFOLLOW) {
        Ok(()) => Ok(()),
        // Users other than root need the setuid helper.
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
    let message = String::from_utf8_lossy(&output.stderr);
    let kind =
        if message.contains("busy") { io::ErrorKind::ResourceBusy } else { io::ErrorKind::PermissionDenied };
    Err(io::Error::new(kind, message.trim().to_owned()))
}
