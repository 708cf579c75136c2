//! Options of fstab and of other file systems: each is honoured, harmless, or refused with a message.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::getuid;

use crate::support::command::{Outcome, run};
use crate::support::git::git;
use crate::support::mount::{Mount, asof};
use crate::support::user::{User, can_be_others, open_all, public_dir, set_mode};
use crate::support::{archives, temp_dir};

fn source(dir: &Path) -> String {
    let folder = dir.join("backup");
    fs::create_dir(&folder).expect("the folder is ours");
    archives::write_zip(&folder.join("2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    folder.to_str().expect("UTF-8").to_owned()
}

fn try_to_mount(dir: &Path, source: &str, options: &str) -> Outcome {
    let mountpoint = dir.join("refused");
    fs::create_dir_all(&mountpoint).expect("the folder is ours");
    run(asof()).args(["mount", "-o", options, source]).arg(mountpoint).env("HOME", dir).outcome()
}

#[test]
fn what_fstab_and_other_programs_have_is_accepted() {
    let dir = temp_dir();
    let source = source(dir.path());
    for options in [
        "default_permissions",
        "fsname=backups,subtype=asof",
        "max_read=131072",
        "nosuid,nodev,noexec",
        "x-systemd.automount,x-systemd.idle-timeout=60,x-gvfs-hide,comment=foo",
        "noauto,user,_netdev,nofail",
        "kernel_cache,attr_timeout=1,entry_timeout=1",
        "umask=022,uid=1000,gid=1000",
    ] {
        let mount = Mount::with(&["-o", options], &[&source]);
        assert_eq!(fs::read(mount.path("backup/latest/t.jsonl")).expect("it is there"), b"{}\n", "{options}");
    }
}

/// Lines of fstab for versions that kept rendered content on disk.
#[test]
fn disk_cache_size_has_no_effect_but_a_warning() {
    let dir = temp_dir();
    let source = source(dir.path());
    let cache = dir.path().join("cache");
    fs::create_dir_all(cache.join("segments")).expect("the folder is ours");
    fs::write(cache.join("segments/0.1.0-1.bytes"), "left").expect("the folder is ours");
    let folder = cache.to_str().expect("UTF-8");
    for args in [["--disk-cache-size", "1G"], ["-o", "disk_cache_size=1G"]] {
        let mount = Mount::with(&[&args[..], &["--cache-dir", folder]].concat(), &[&source]);
        assert_eq!(fs::read(mount.path("backup/latest/t.jsonl")).expect("it is there"), b"{}\n", "{args:?}");
        let log = mount.log();
        assert_eq!(log.matches("--disk-cache-size does nothing any more").count(), 1, "{args:?}: {log}");
        mount.unmount();
        let left: Vec<_> = fs::read_dir(cache.join("segments")).expect("it is there").flatten().collect();
        assert_eq!(left.len(), 1, "nothing is added, and what an earlier version left stays");
    }
    let help = run(asof()).args(["mount", "--help"]).ok();
    assert!(!help.contains("disk-cache-size") && help.contains("--cache-size"), "{help}");
}

#[test]
fn programs_do_not_run_from_a_mount_with_noexec() {
    let dir = temp_dir();
    let repository = dir.path().join("code");
    fs::create_dir(&repository).expect("the folder is ours");
    git(&repository).args(["init", "-q"]).ok();
    fs::write(repository.join("run"), "#!/bin/sh\necho ran\n").expect("the folder is ours");
    run("chmod").arg("+x").arg(repository.join("run")).ok();
    git(&repository).args(["add", "run"]).ok();
    git(&repository).args(["commit", "-q", "-m", "run"]).ok();
    let source = repository.to_str().expect("UTF-8");
    let run_from = |options: &str| {
        let mount = Mount::with(&["-o", options], &[source]);
        let flags = run("findmnt").args(["-n", "-o", "OPTIONS"]).arg(mount.root()).ok();
        let flags: Vec<&str> = flags.trim().split(',').collect();
        assert!(["ro", "nosuid", "nodev"].iter().all(|flag| flags.contains(flag)), "{flags:?}");
        (std::process::Command::new(mount.path("code/latest/run")).output(), flags.contains(&"noexec"))
    };
    let (ran, has_flag) = run_from("ro");
    assert_eq!((ran.expect("it may run").stdout.as_slice(), has_flag), (&b"ran\n"[..], false));
    let (ran, has_flag) = run_from("nosuid,nodev,noexec");
    assert_eq!(ran.expect_err("it may not").kind(), std::io::ErrorKind::PermissionDenied);
    assert!(has_flag);
    assert!(run_from("noexec,exec").0.is_ok(), "the last one holds");
}

#[test]
fn the_owner_and_the_name_of_the_source_are_those_that_are_asked_for() {
    let dir = temp_dir();
    let source = source(dir.path());
    let mount = Mount::with(&["-o", "uid=12345,gid=54321,fsname=my backups"], &[&source]);
    let file = fs::metadata(mount.path("backup/latest/t.jsonl")).expect("it is there");
    assert_eq!((file.uid(), file.gid()), (12345, 54321));
    let table = run("findmnt").args(["-n", "-o", "SOURCE"]).arg(mount.root()).ok();
    assert_eq!(table.trim(), "my_backups");
    let plain = Mount::new(&[&source]);
    let file = fs::metadata(plain.path("backup/latest/t.jsonl")).expect("it is there");
    assert_eq!(file.uid(), getuid().as_raw());
}

#[test]
fn allow_root_shows_everything_to_its_owner_alone() {
    if !getuid().is_root() {
        crate::support::tell(
            "NOT RUN: allow_root: letting others in needs root, or user_allow_other in /etc/fuse.conf",
        );
        return;
    }
    let dir = temp_dir();
    let source = source(dir.path());
    let mount = Mount::with(&["-o", "allow_root"], &[&source]);
    let mode = |path: &str| fs::metadata(mount.path(path)).expect("it is there").mode() & 0o777;
    assert_eq!((mode("backup/latest/t.jsonl"), mode("backup")), (0o400, 0o500));
    try_to_mount(dir.path(), &source, "allow_root,allow_other").expect_status(2);
}

#[test]
fn what_cannot_be_honoured_is_refused_with_a_word() {
    let dir = temp_dir();
    let source = source(dir.path());
    let has_selinux = Path::new("/sys/fs/selinux").exists();
    for (options, word) in [
        ("suid", "never"),
        ("dev", "never"),
        ("subtype=y", "fuse.asof"),
        ("auto_unmount", "SIGKILL"),
        ("remount", "cannot change a mount"),
        ("uid=somebody", "getent passwd"),
        ("gid=-1", "getent group"),
        ("max_read=1", "4096"),
        ("undated=now", "mtime"),
        ("nonsense", "unknown mount option"),
        ("context=system_u:object_r:fusefs_t:s0", if has_selinux { "" } else { "without SELinux" }),
    ] {
        if has_selinux && options.starts_with("context") {
            continue;
        }
        let outcome = try_to_mount(dir.path(), &source, options).expect_status(2);
        assert!(outcome.stderr.contains(word), "{options}: {}", outcome.stderr);
    }
}

#[test]
fn any_folder_may_be_a_mountpoint() {
    let dir = temp_dir();
    let source = source(dir.path());
    for name in [
        &b"m with space"[..],
        b"m\nnl",
        b"m\xff",
        b"m,comma",
        b"m%25",
        b"-m",
        "m\u{f6}".as_bytes(),
        b"a:b",
        b"m\"q",
        b"m'q",
        b"m\\040",
    ] {
        let name = std::ffi::OsStr::from_bytes(name);
        let mountpoint = dir.path().join(name);
        fs::create_dir(&mountpoint).expect("the folder is ours");
        let asof = || run(asof()).dir(dir.path()).env("HOME", dir.path());
        let name = Path::new(".").join(name);
        asof().args(["mount", &source]).arg(&name).ok();
        let listed = fs::read_dir(&mountpoint).expect("it is mounted").count();
        asof().arg("umount").arg(&name).ok();
        assert_eq!(listed, 1, "{name:?}");
        assert_eq!(fs::read_dir(&mountpoint).expect("it is empty again").count(), 0, "{name:?}");
    }
}

/// A user with a limit of three threads gets an error that says so, and nothing is mounted.
#[test]
fn without_threads_there_is_an_error_and_no_mount() {
    if !can_be_others("a limit on threads") {
        return;
    }
    let dir = public_dir();
    let source = source(dir.path());
    open_all(dir.path());
    let program = dir.path().join("asof");
    fs::copy(asof(), &program).expect("the folder is ours");
    set_mode(&program, 0o755);
    let program = program.to_str().expect("UTF-8");
    let user = User::new(54_017);
    let limited = |args: &[&str]| {
        let all = [&["--nproc=3", program], args].concat();
        user.run(dir.path(), "prlimit", &all)
    };
    for (args, status) in [(vec!["ls", "--from", &source], 1), (vec!["verify", &source], 2)] {
        let outcome = limited(&args).expect_status(status);
        assert!(outcome.stderr.contains("cannot start the worker threads"), "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("ulimit -u"), "{args:?}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("panicked"), "{args:?}: {}", outcome.stderr);
    }
}
