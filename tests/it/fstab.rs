//! `mount -t asof` and a line of fstab, through the helper that `make install` puts into /sbin. Each test has a
//! mount namespace of its own with the helper in its /sbin: nothing of the machine is changed. Only root may.

use std::fs;
use std::path::Path;

use crate::support::command::{Outcome, Run, run, shell};
use crate::support::files::read_text;
use crate::support::histories;
use crate::support::mount::{Mount, asof};
use crate::support::server::Server;
use crate::support::{archives, temp_dir};

/// Lays the helper over /sbin, then runs the rest of the script.
const PREFACE: &str = r#"
set -euo pipefail
sbin=$(realpath /sbin)
mkdir "$DIR/sbin" "$DIR/sbin.was"
mount --bind "$sbin" "$DIR/sbin.was"
for program in "$DIR"/sbin.was/*; do ln -s "$program" "$DIR/sbin/"; done
ln -sf "$HELPER" "$DIR/sbin/mount.asof"
ln -sf "$ASOF" "$DIR/sbin/asof"
mount --bind "$DIR/sbin" "$sbin"
"#;

fn helper() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("mount-helpers/mount.asof")
}

/// Runs the script as root in a mount namespace; where the tests do not run as root, says that it did not.
fn in_namespace(test: &str, dir: &Path, script: &str) -> Option<Outcome> {
    if !rustix::process::getuid().is_root() {
        crate::support::tell(&format!("NOT RUN: {test}: mount -t asof needs root"));
        return None;
    }
    let script = format!("{PREFACE}\n{script}");
    let run: Run = run("unshare").args(["--mount", "bash", "-c", &script]);
    Some(run.env("DIR", dir).env("HELPER", helper()).env("ASOF", asof()).env("HOME", dir).outcome())
}

#[test]
fn mount_by_type() {
    let dir = temp_dir();
    fs::create_dir_all(dir.path().join("mnt")).expect("the folder is ours");
    fs::create_dir_all(dir.path().join("backup")).expect("the folder is ours");
    archives::write_zip(&dir.path().join("backup/2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    let script = r#"
        mount -t asof "$DIR/backup" "$DIR/mnt" -o ro,noatime,cache_size=16M
        findmnt -n -o FSTYPE "$DIR/mnt"
        cat "$DIR"/mnt/*/latest/t.jsonl
        umount "$DIR/mnt"
        ! findmnt -n "$DIR/mnt"
    "#;
    if let Some(outcome) = in_namespace("mount_by_type", dir.path(), script) {
        assert_eq!(outcome.expect_status(0).text(), "fuse.asof\n{}\n");
    }
}

#[test]
fn a_line_of_fstab_with_two_sources() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let dir = temp_dir();
    fs::create_dir_all(dir.path().join("mnt")).expect("the folder is ours");
    fs::create_dir_all(dir.path().join("backup")).expect("the folder is ours");
    archives::write_zip(&dir.path().join("backup/2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    let line = format!(
        "{};b={}/backup {}/mnt asof noauto,nofail,_netdev,user,x-systemd.automount,timezone=Europe/Berlin 0 0\n",
        server.url("tour"),
        dir.path().display(),
        dir.path().display()
    );
    fs::write(dir.path().join("fstab"), line).expect("the folder is ours");
    let script = r#"
        mount -T "$DIR/fstab" "$DIR/mnt"
        ls "$DIR/mnt"
        readlink "$DIR/mnt/tour/asof/2026-01-05T13:00"
        umount "$DIR/mnt"
    "#;
    if let Some(outcome) = in_namespace("a_line_of_fstab", dir.path(), script) {
        assert_eq!(outcome.expect_status(0).text(), "b\ntour\n2026-01-05T120000Z\n");
    }
}

#[test]
fn a_failure_reaches_the_caller_of_mount() {
    let dir = temp_dir();
    fs::create_dir_all(dir.path().join("mnt")).expect("the folder is ours");
    let script = r#"mount -t asof /no/such/folder "$DIR/mnt""#;
    if let Some(outcome) = in_namespace("a_failure", dir.path(), script) {
        assert!(!outcome.status.success());
        assert!(
            outcome.stderr.contains("/no/such/folder") && outcome.stderr.contains("hint: "),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn the_helper_passes_everything_on() {
    let dir = temp_dir();
    let fake = "#!/bin/sh\nfor word; do printf '<%s>' \"$word\"; done\n";
    fs::write(dir.path().join("asof"), fake).expect("the folder is ours");
    run("chmod").arg("+x").arg(dir.path().join("asof")).ok();
    // The helper as `make install` writes it for this folder.
    let installed = dir.path().join("mount.asof");
    let script = fs::read_to_string(helper()).expect("the helper is in the repository");
    let bin = format!("bin={}", dir.path().display());
    assert!(script.contains("\nbin=/usr/local/bin\n"), "`make install` looks for this line");
    fs::write(&installed, script.replace("bin=/usr/local/bin", &bin)).expect("the folder is ours");
    let call = |args: &str| shell(&format!("sh {} {args}", installed.display())).outcome();
    let said = |args: &str| call(args).expect_status(0).text();
    assert_eq!(said("src /mnt"), "<mount><--><src></mnt>");
    assert_eq!(said("src /mnt -o rw,a=b -n -s"), "<mount><-o><rw,a=b><--><src></mnt>");
    assert_eq!(said("'a b;n=c*' '/m n t' -v -o x -o y"), "<mount><-o><x,y><--><a b><n=c*></m n t>");
    assert_eq!(said("src /mnt -f"), "", "a fake mount does nothing");
    call("src").expect_status(1);
    call("src /mnt --no-such").expect_status(1);
}

#[test]
fn the_type_can_be_searched_for() {
    let dir = temp_dir();
    archives::write_zip(&dir.path().join("2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    let mount = Mount::new(&[format!("b={}", dir.path().display())]);
    let found = run("findmnt").args(["-n", "-o", "TARGET", "-t", "fuse.asof"]).ok();
    assert!(found.lines().any(|line| Path::new(line.trim()) == mount.root()), "{found}");
    assert_eq!(read_text(mount.path("b/latest/t.jsonl")), "{}\n");
}
