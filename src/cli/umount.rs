//! `asof umount`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::{mount_table, mountpoint};
use crate::model::shell;
use crate::model::terminal::ShowPath;

/// Unmount a tree
#[derive(Debug, clap::Args)]
pub(super) struct UmountArgs {
    /// Detach at once, even while files are open; the program ends when they are closed
    #[arg(short, long)]
    lazy: bool,
    /// The mountpoint
    mountpoint: PathBuf,
}

pub(super) fn run(args: &UmountArgs) -> Result<(), Failure> {
    let shown = args.mountpoint.shown();
    let cannot = || Failure::new(format!("cannot unmount {shown}"));
    let place = mountpoint::as_listed(&args.mountpoint).map_err(|error| cannot().because(&error))?;
    let user = match mount_table::at(&place) {
        Some(mount) if mount.kind == mount_table::OUR_KIND => mount.user,
        other => {
            let mounted = other.map_or("nothing".to_owned(), |mount| format!("{}, not asof,", mount.kind));
            let error = io::Error::other(format!("{mounted} is mounted there"));
            return Err(cannot().because(&error).hint("`findmnt -t fuse.asof` lists the mounts of asof"));
        }
    };
    let you = rustix::process::getuid().as_raw();
    let other = user.filter(|user| *user != you);
    unmount(&place, args.lazy).map_err(|error| match error.kind() {
        io::ErrorKind::ResourceBusy => cannot().because(&error).hint(busy_hint(&place)),
        io::ErrorKind::PermissionDenied => {
            let why = other.map_or(error, |user| {
                io::Error::other(format!("user {user} mounted it, and you are user {you}"))
            });
            cannot().because(&why).hint(format!(
                "only its owner and root may unmount it: {}",
                shell::command("sudo asof umount", &args.mountpoint)
            ))
        }
        _ => cannot().because(&error),
    })
}

/// How long a program that was stopped while it waited for an answer may take to exit (ADR 13).
const LEAVING: Duration = Duration::from_secs(2);

/// Unmounts. If the mount is busy but no process uses it, one is about to exit: tries again.
fn unmount(place: &Path, lazy: bool) -> io::Result<()> {
    let end = Instant::now() + LEAVING;
    loop {
        match mountpoint::unmount(place, lazy) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < end => {
                if !users_of(place).is_empty() {
                    return Err(error);
                }
                std::thread::sleep(LEAVING / 20);
            }
            outcome => return outcome,
        }
    }
}

fn busy_hint(place: &Path) -> String {
    let users = users_of(place);
    if users.is_empty() {
        return "a process has an open file or its working folder there; --lazy detaches at once".into();
    }
    format!("in use by {}; --lazy detaches at once", users.join(", "))
}

/// `name (pid)` of each process with its working folder or an open file below `place`, if /proc shows it.
fn users_of(place: &Path) -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut users: Vec<String> = processes
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
        .filter(|entry| uses(&entry.path(), place))
        .map(|entry| {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            format!("{} ({})", name.trim(), entry.file_name().to_string_lossy())
        })
        .collect();
    users.sort();
    users
}

fn uses(process: &Path, place: &Path) -> bool {
    let below = |link: PathBuf| fs::read_link(link).is_ok_and(|target| target.starts_with(place));
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    below(process.join("cwd")) || below(process.join("root")) || files.map(|f| f.path()).any(below)
}
