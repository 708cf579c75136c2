//! Nothing can be written: every attempt is EROFS, for root too.

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::SystemTime;

use crate::support::command::run;
use crate::support::files::errno;
use crate::support::histories;
use crate::support::mount::Mount;
use crate::support::server::Server;

#[test]
fn every_write_is_erofs() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let mount = Mount::new(&[server.url("tour")]);
    let snapshot = mount.path("tour/asof/2026-01-05T120000Z");
    for dir in [mount.root().to_path_buf(), mount.path("tour"), mount.path("tour/asof"), snapshot.clone()] {
        folder_refuses(&dir);
    }
    file_refuses(&snapshot.join("issues.jsonl"), &snapshot);
    file_refuses(&mount.path("tour/log.jsonl"), &mount.path("tour"));
    let latest = mount.path("tour/latest");
    assert_eq!(errno(fs::remove_file(&latest)), libc::EROFS);
    assert_eq!(errno(fs::rename(&latest, mount.path("tour/newest"))), libc::EROFS);
    // None of it left a trace.
    let names = crate::support::files::names(&snapshot);
    assert_eq!(names, ["issues.jsonl", "labels.jsonl", "schema.sql"]);
}

fn folder_refuses(dir: &Path) {
    let new = dir.join("new");
    let refused = |what: &str, code: i32| assert_eq!(code, libc::EROFS, "{what} in {}", dir.display());
    refused("create", errno(File::create(&new)));
    refused("mkdir", errno(fs::create_dir(&new)));
    refused("symlink", errno(symlink("target", &new)));
    refused("chmod", errno(fs::set_permissions(dir, Permissions::from_mode(0o777))));
    refused("chown", errno(chown(dir, Some(0), Some(0))));
    refused("mknod", errno(make_fifo(&new)));
    refused("utimes", errno(touch(dir)));
}

fn file_refuses(file: &Path, dir: &Path) {
    let refused = |what: &str, code: i32| assert_eq!(code, libc::EROFS, "{what} on {}", file.display());
    refused("open for writing", errno(OpenOptions::new().write(true).open(file)));
    refused("open for appending", errno(OpenOptions::new().append(true).open(file)));
    refused("open and truncate", errno(OpenOptions::new().write(true).truncate(true).open(file)));
    refused("truncate", errno(rustix_truncate(file)));
    refused("unlink", errno(fs::remove_file(file)));
    refused("rename", errno(fs::rename(file, dir.join("renamed"))));
    refused("hard link", errno(fs::hard_link(file, dir.join("linked"))));
    refused("chmod", errno(fs::set_permissions(file, Permissions::from_mode(0o600))));
    refused("chown", errno(chown(file, Some(0), Some(0))));
    refused("utimes", errno(touch(file)));
}

fn rustix_truncate(file: &Path) -> std::io::Result<()> {
    let said = run("truncate").args(["-s", "0"]).arg(file).outcome();
    told_by(&said.stderr)
}

fn make_fifo(path: &Path) -> std::io::Result<()> {
    Ok(rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from(0o600),
        0,
    )?)
}

fn touch(path: &Path) -> std::io::Result<()> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970");
    let time = rustix::fs::Timespec { tv_sec: now.as_secs() as i64, tv_nsec: 0 };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    Ok(rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::empty())?)
}

/// The errno text that a program printed.
fn told_by(stderr: &str) -> std::io::Result<()> {
    let code = if stderr.contains("Read-only file system") { libc::EROFS } else { libc::EIO };
    if stderr.is_empty() { Ok(()) } else { Err(std::io::Error::from_raw_os_error(code)) }
}

#[test]
fn the_mount_table_says_read_only() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let mount = Mount::new(&[server.url("tour")]);
    let line = run("findmnt").args(["-n", "-o", "FSTYPE,OPTIONS"]).arg(mount.root()).ok();
    assert!(line.starts_with("fuse.asof"), "{line}");
    assert!(
        line.split_whitespace().nth(1).is_some_and(|options| options.split(',').any(|o| o == "ro")),
        "{line}"
    );
}
