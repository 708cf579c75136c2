//! Through a mount with allow_other, other users may read what they may read at the source, and no more.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use crate::support::archives::write_zip;
use crate::support::command::run;
use crate::support::files::{names, read_text};
use crate::support::mount::{Mount, asof};
use crate::support::server::Server;
use crate::support::user::{Read, User, can_be_others, open_all, public_dir, set_group, set_mode};
use crate::support::work_tree;
use crate::support::{eventually, histories, temp_dir};

const GROUP: u32 = 54_321;
const STRANGER: User = User::new(54_001);
const MEMBER: User = User::new(54_002).in_group(GROUP);

/// How soon a mount notices a change of permissions: at its next poll of the source.
const SOON: Duration = Duration::from_secs(15);

fn for_others(source: &Path) -> Mount {
    Mount::with(&["-o", "allow_other"], &[format!("b={}", source.display())])
}

/// Creates one zip for each pair of a day in January 2026 and a mode.
fn zips(folder: &Path, zips: &[(u32, u32)]) {
    for (day, mode) in zips {
        let path = folder.join(format!("2026-01-{day:02}T000000.zip"));
        let row = format!("{{\"id\":1,\"day\":{day}}}\n");
        write_zip(&path, &[("t.jsonl", row.as_bytes()), ("same.txt", b"the same in all\n")]);
        set_mode(&path, *mode);
    }
}

#[test]
fn each_archive_limits_its_own_files() {
    if !can_be_others("each_archive_limits_its_own_files") {
        return;
    }
    let dir = public_dir();
    zips(dir.path(), &[(1, 0o644), (3, 0o640), (5, 0o600), (7, 0o644), (9, 0o644)]);
    set_group(&dir.path().join("2026-01-03T000000.zip"), GROUP);
    let mount = for_others(dir.path());
    let at = |day: u32, file: &str| format!("b/asof/2026-01-{day:02}T000000Z/{file}");
    for day in [1, 7, 9] {
        STRANGER.reads(&mount, &at(day, "t.jsonl"));
        STRANGER.reads(&mount, &format!("b/versions/t/2026-01-{day:02}T000000Z.jsonl"));
    }
    for day in [3, 5] {
        STRANGER.is_refused(&mount, &at(day, "t.jsonl"));
        STRANGER.is_refused(&mount, &format!("b/versions/t/2026-01-{day:02}T000000Z.jsonl"));
        STRANGER.is_refused(&mount, &format!("b/sums/2026-01-{day:02}T000000Z.sha256"));
        STRANGER.is_refused(&mount, &format!("b/diff/2026-01-01..2026-01-{day:02}/t.jsonl"));
        STRANGER.is_refused(&mount, &format!("b/diff/2026-01-01..2026-01-{day:02}/summary.json"));
        let listed = STRANGER.run(mount.root(), "ls", &[&at(day, "")]);
        assert!(listed.stderr.contains("Permission denied"), "{}", listed.stderr);
    }
    MEMBER.reads(&mount, &at(3, "t.jsonl"));
    MEMBER.is_refused(&mount, &at(5, "t.jsonl"));
    MEMBER.is_refused(&mount, "b/diff/2026-01-03..2026-01-05/t.jsonl");
    STRANGER.reads(&mount, "b/diff/2026-01-07..2026-01-09/t.jsonl");
    STRANGER.reads(&mount, "b/log.jsonl");
    // One inode has one mode: only users who may read all of these archives may read a content that they share.
    for day in [1, 3, 5, 7, 9] {
        STRANGER.is_refused(&mount, &at(day, "same.txt"));
    }
    let shown = |day: u32| {
        let metadata = mount.path(&at(day, "t.jsonl")).metadata().expect("it is there");
        (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
    };
    assert_eq!((shown(1), shown(3), shown(5)), ((0o444, 0, 0), (0o440, 0, GROUP), (0o400, 0, 0)));
    // A history is computed from all versions.
    STRANGER.is_refused(&mount, "b/history/t/1.jsonl");
    assert!(read_text(mount.path("b/history/t/1.jsonl")).lines().count() == 5);
}

#[test]
fn a_hard_link_to_a_file_of_root_is_read_by_root_alone() {
    if !can_be_others("a_hard_link_to_a_file_of_root_is_read_by_root_alone") {
        return;
    }
    let dir = public_dir();
    let (secret, source) = (dir.path().join("secret.jsonl"), dir.path().join("source"));
    fs::create_dir(&source).expect("the folder is ours");
    fs::write(&secret, "{\"id\":\"hush\"}\n").expect("the folder is ours");
    set_mode(&secret, 0o600);
    zips(&source, &[(1, 0o644)]);
    // As anyone who can write to the folder may do (with fs.protected_hardlinks=0).
    fs::hard_link(&secret, source.join("source-2026-02-01.jsonl")).expect("one file system");
    set_mode(&source, 0o777);
    let mount = Mount::with(&["-o", "allow_other"], &[source.display().to_string()]);
    assert_eq!(read_text(mount.path("source/asof/2026-02-01T000000Z/issues.jsonl")), "{\"id\":\"hush\"}\n");
    STRANGER.is_refused(&mount, "source/asof/2026-02-01T000000Z/issues.jsonl");
    STRANGER.is_refused(&mount, "source/versions/issues/2026-02-01T000000Z.jsonl");
    STRANGER.reads(&mount, "source/asof/2026-01-01T000000Z/t.jsonl");
}

#[test]
fn a_log_beside_a_database_counts_with_it() {
    if !can_be_others("a_log_beside_a_database_counts_with_it") {
        return;
    }
    let dir = public_dir();
    for day in [1, 2] {
        let path = dir.path().join(format!("b-2026-01-0{day}T000000.db"));
        let database = rusqlite::Connection::open(&path).expect("a new file");
        database
            .execute_batch(&format!("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES ({day})"))
            .expect("it is SQL");
        set_mode(&path, 0o644);
    }
    let wal = dir.path().join("b-2026-01-02T000000.db-wal");
    fs::write(&wal, "").expect("the folder is ours");
    set_mode(&wal, 0o600);
    let mount = for_others(dir.path());
    for file in ["t.jsonl", "b.db"] {
        STRANGER.reads(&mount, &format!("b/asof/2026-01-01T000000Z/{file}"));
        STRANGER.is_refused(&mount, &format!("b/asof/2026-01-02T000000Z/{file}"));
    }
    STRANGER.reads(&mount, "b/sql/2026-01-01T000000Z.sql");
    STRANGER.is_refused(&mount, "b/sql/2026-01-02T000000Z.sql");
}

#[test]
fn a_folder_that_is_closed_closes_what_is_shown_of_it() {
    if !can_be_others("a_folder_that_is_closed_closes_what_is_shown_of_it") {
        return;
    }
    let dir = public_dir();
    let source = dir.path().join("above/source");
    fs::create_dir_all(&source).expect("the folder is ours");
    zips(&source, &[(1, 0o644), (2, 0o644)]);
    let mount = for_others(&source);
    let path = "b/asof/2026-01-01T000000Z/t.jsonl";
    STRANGER.reads(&mount, path);
    set_mode(&dir.path().join("above"), 0o700);
    eventually("it is closed", SOON, || (STRANGER.read(&mount, path) == Read::Refused).then_some(()));
    for path in ["b/log.jsonl", "b/sums/2026-01-02T000000Z.sha256"] {
        STRANGER.is_refused(&mount, path);
    }
    let listed = STRANGER.run(mount.root(), "ls", &["b"]);
    assert!(listed.stderr.contains("Permission denied"), "{}", listed.stderr);
    assert_eq!(mount.path("b").metadata().expect("it is there").mode() & 0o777, 0o500);
    assert_eq!(names(mount.path("b/asof")).len(), 2, "root goes on");
}

#[test]
fn what_the_user_asks_for_holds() {
    if !can_be_others("what_the_user_asks_for_holds") {
        return;
    }
    let dir = public_dir();
    zips(dir.path(), &[(1, 0o600), (2, 0o644)]);
    let source = [format!("b={}", dir.path().display())];
    let path = |day: u32| format!("b/asof/2026-01-0{day}T000000Z/t.jsonl");
    let wide = Mount::with(&["-o", "allow_other,umask=022"], &source);
    STRANGER.reads(&wide, &path(1));
    assert!(!wide.log().contains("allow_other:"), "nothing is limited: {}", wide.log());
    let group = Mount::with(&["-o", &format!("allow_other,gid={GROUP}")], &source);
    MEMBER.reads(&group, &path(1));
    STRANGER.is_refused(&group, &path(1));
    STRANGER.reads(&group, &path(2));
    let narrow = Mount::with(&["-o", &format!("allow_other,mode=0440,gid={GROUP}")], &source);
    MEMBER.reads(&narrow, &path(2));
    STRANGER.is_refused(&narrow, &path(2));
    for (options, said) in [
        ("umask=9", "`9` is not a valid mode"),
        ("mode=1777", "`1777` is not a valid mode"),
        ("gid=staff", "`staff` is not a group number"),
        ("secret=[", "is not a valid pattern"),
    ] {
        let place = temp_dir();
        let mount = run(asof()).args(["mount", "-f", "-o", options]).args(&source).arg(place.path());
        let outcome = mount.outcome().expect_status(2);
        assert!(outcome.stderr.contains(said), "{options}: {}", outcome.stderr);
    }
}

#[test]
fn a_mount_says_once_that_some_is_not_for_all() {
    if !can_be_others("a_mount_says_once_that_some_is_not_for_all") {
        return;
    }
    let dir = public_dir();
    zips(dir.path(), &[(1, 0o600), (2, 0o644)]);
    let said = "allow_other: 1 of 1 databases have files that not every user may read at the source";
    let mount = for_others(dir.path());
    assert_eq!(mount.log().matches(said).count(), 1, "{}", mount.log());
    let alone = Mount::new(&[format!("b={}", dir.path().display())]);
    assert!(!alone.log().contains("allow_other"), "{}", alone.log());
    assert_eq!(
        alone.path("b/asof/2026-01-01T000000Z/t.jsonl").metadata().expect("it is there").mode() & 0o777,
        0o444
    );
    // In the background, on stderr and in the log.
    let (place, home) = (temp_dir(), temp_dir());
    let log = home.path().join("log");
    let mount =
        run(asof()).args(["mount", "-o", "allow_other", "--log-file"]).arg(&log).env("HOME", home.path());
    let outcome = mount.arg(format!("b={}", dir.path().display())).arg(place.path()).outcome();
    run(asof()).arg("umount").arg(place.path()).ok();
    assert_eq!(outcome.stderr.matches(said).count(), 1, "{}", outcome.stderr);
    let log = fs::read_to_string(&log).expect("it is the log");
    assert_eq!(log.matches(said).count(), 1);
}

#[test]
fn a_backup_of_thrum_limits_its_own_files() {
    if !can_be_others("a_backup_of_thrum_limits_its_own_files") {
        return;
    }
    let dir = public_dir();
    let current = dir.path().join("repo/current");
    fs::create_dir_all(current.join("closed")).expect("the folder is ours");
    fs::create_dir_all(dir.path().join("repo/archives")).expect("the folder is ours");
    let manifest =
        "{\"version\":1,\"timestamp\":\"2026-01-05T00:00:00Z\",\"repo_name\":\"repo\",\"counts\":{}}";
    for (name, text, mode) in
        [("open.jsonl", "{}\n", 0o644), ("mine.jsonl", "{}\n", 0o600), ("manifest.json", manifest, 0o644)]
    {
        fs::write(current.join(name), text).expect("the folder is ours");
        set_mode(&current.join(name), mode);
    }
    let mount = Mount::with(&["-o", "allow_other"], &[dir.path().join("repo").display().to_string()]);
    STRANGER.reads(&mount, "repo/latest/open.jsonl");
    STRANGER.is_refused(&mount, "repo/latest/mine.jsonl");
    set_mode(&current, 0o700);
    eventually("it is closed", SOON, || {
        (STRANGER.read(&mount, "repo/latest/open.jsonl") == Read::Refused).then_some(())
    });
}

#[test]
fn a_repository_is_read_by_those_who_may_enter_it() {
    if !can_be_others("a_repository_is_read_by_those_who_may_enter_it") {
        return;
    }
    let work = work_tree::tour();
    run("chmod")
        .args(["a+rx"])
        .args(work.path.ancestors().take_while(|path| *path != crate::support::top()))
        .ok();
    open_all(&work.path);
    let mount = for_others(&work.path);
    let paths = [
        "b/latest/src/main.rs",
        "b/versions/README.md/2026-01-01T120000Z.md",
        "b/log.jsonl",
        "b/sums/2026-01-03T120000Z.sha256",
    ];
    paths.iter().for_each(|path| STRANGER.reads(&mount, path));
    set_mode(&work.path.join(".git/objects"), 0o700);
    eventually("it is closed", SOON, || {
        (STRANGER.read(&mount, "b/latest/src/main.rs") == Read::Refused).then_some(())
    });
    paths.iter().for_each(|path| STRANGER.is_refused(&mount, path));
    assert_eq!(read_text(mount.path("b/latest/README.md")), "read me\n");
}

#[test]
fn a_store_is_read_by_those_who_may_read_its_files() {
    if !can_be_others("a_store_is_read_by_those_who_may_read_its_files") {
        return;
    }
    let mut server = Server::start();
    histories::tour(&mut server.client(), "tour");
    server.kill();
    let dir = public_dir();
    run("cp").args(["-r", "--"]).arg(server.data().join("tour")).arg(dir.path()).ok();
    open_all(dir.path());
    let noms = dir.path().join("tour/.dolt/noms");
    let mount = for_others(&dir.path().join("tour"));
    let paths = [
        "b/latest/issues.jsonl",
        "b/live/issues.jsonl",
        "b/commits",
        "b/versions/issues/2026-01-05T120000Z.jsonl",
        "b/history/issues/bd-1.jsonl",
        "b/diff/v1..main/issues.jsonl",
        "b/diff/v1..live/summary.json",
        "b/sums/2026-01-07T200000Z.sha256",
        "b/sql/2026-01-07T200000Z.sql",
        "b/log.jsonl",
    ];
    let files = || paths.iter().filter(|path| **path != "b/commits");
    files().for_each(|path| STRANGER.reads(&mount, path));
    set_mode(&noms.join("manifest"), 0o600);
    eventually("it is closed", SOON, || {
        (STRANGER.read(&mount, "b/latest/issues.jsonl") == Read::Refused).then_some(())
    });
    files().for_each(|path| STRANGER.is_refused(&mount, path));
    assert!(read_text(mount.path("b/latest/issues.jsonl")).contains("bd-1"), "root goes on");
    mount.unmount();
    // As Dolt creates it: if nobody else may read the store, nobody else may read the mount.
    set_mode(&noms.join("manifest"), 0o644);
    set_mode(&noms, 0o750);
    set_group(&noms, GROUP);
    let mount = for_others(&dir.path().join("tour"));
    MEMBER.reads(&mount, "b/latest/issues.jsonl");
    STRANGER.is_refused(&mount, "b/latest/issues.jsonl");
}

#[test]
fn a_server_is_read_by_all_whom_the_mount_lets_in_and_the_mount_says_so() {
    if !can_be_others("a_server_is_read_by_all_whom_the_mount_lets_in_and_the_mount_says_so") {
        return;
    }
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let mount = Mount::with(&["-o", "allow_other"], &[server.url("tour")]);
    STRANGER.reads(&mount, "tour/latest/issues.jsonl");
    let said = "every user of this machine may read what asof reads from the server";
    assert_eq!(mount.log().matches(said).count(), 1, "{}", mount.log());
    let narrow = Mount::with(&["-o", "allow_other,mode=0400"], &[server.url("tour")]);
    STRANGER.is_refused(&narrow, "tour/latest/issues.jsonl");
    assert!(!narrow.log().contains(said), "{}", narrow.log());
}

#[test]
fn one_content_of_two_sources_has_the_stricter_mode() {
    if !can_be_others("one_content_of_two_sources_has_the_stricter_mode") {
        return;
    }
    let work = work_tree::tour();
    run("chmod")
        .args(["a+rx"])
        .args(work.path.ancestors().take_while(|path| *path != crate::support::top()))
        .ok();
    open_all(&work.path);
    let dir = public_dir();
    let clone = dir.path().join("clone");
    run("git").args(["clone", "-q", "--no-local", "--bare"]).arg(&work.path).arg(&clone).ok();
    set_mode(&clone, 0o700);
    let sources = [format!("open={}", work.path.display()), format!("mine={}", clone.display())];
    let mount = Mount::with(&["-o", "allow_other"], &sources);
    // The kernel keeps the inode as long as it is in use.
    let mine = fs::File::open(mount.path("mine/latest/README.md")).expect("root may");
    let open = fs::File::open(mount.path("open/latest/README.md")).expect("root may");
    let inode = |file: &fs::File| file.metadata().expect("it is open").ino();
    assert_eq!(inode(&mine), inode(&open), "both clones have the same content");
    STRANGER.is_refused(&mount, "open/latest/README.md");
    STRANGER.is_refused(&mount, "mine/latest/README.md");
    STRANGER.reads(&mount, "open/latest/src/main.rs");
}
