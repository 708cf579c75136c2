//! Temporary files: none outlives its use, and a full temporary folder affects only one database.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, getuid, kill_process};

use crate::support::command::{Outcome, run, wait};
use crate::support::files::names;
use crate::support::mount::{asof, mounted, quiet_environment, wait_unmounted};
use crate::support::{eventually, temp_dir};

/// Packs a database that `sqlite3` makes, and a text, into a zip.
fn zip_with_database(folder: &Path, name: &str, script: &str, text: &str) {
    let staging = temp_dir();
    run("sqlite3").arg("-bail").arg(staging.path().join("x.db")).arg(script).ok();
    fs::write(staging.path().join("plain.txt"), text).expect("the folder is ours");
    run("zip").args(["-q"]).arg(folder.join(name)).args(["x.db", "plain.txt"]).dir(staging.path()).ok();
}

/// A folder of zips that contain databases, one of them with a `-wal` next to the database.
fn backups(dir: &Path) -> [String; 2] {
    let (zips, copies) = (dir.join("zips"), dir.join("copies"));
    fs::create_dir(&zips).expect("the folder is ours");
    fs::create_dir(&copies).expect("the folder is ours");
    zip_with_database(&zips, "2026-01-02T000000.zip", "CREATE TABLE t(a); INSERT INTO t VALUES(1);", "old\n");
    zip_with_database(&zips, "2026-01-03T000000.zip", "CREATE TABLE t(a); INSERT INTO t VALUES(2);", "new\n");
    // A copy made while the database is open includes the `-wal`.
    let script = format!(
        "PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1);\n.shell cp {0}/w.db {1}/w-20260103.db; cp {0}/w.db-wal {1}/w-20260103.db-wal\n",
        dir.display(),
        copies.display()
    );
    run("sqlite3").arg(dir.join("w.db")).input(script).ok();
    assert!(copies.join("w-20260103.db-wal").exists(), "a log is beside it");
    [zips, copies].map(|path| path.to_str().expect("UTF-8").to_owned())
}

#[test]
fn no_temporary_file_outlives_a_command() {
    let dir = temp_dir();
    let sources = backups(dir.path());
    let temporary = dir.path().join("tmp");
    fs::create_dir(&temporary).expect("the folder is ours");
    let [zips, copies] = &sources;
    for args in [
        vec!["ls", "--from", zips, "latest/x.db.tables"],
        vec!["cat", "--from", zips, "latest/x.db.tables/t.jsonl"],
        vec!["cat", "--from", copies, "latest/t.jsonl"],
        vec!["cat", "--from", copies, "sql/latest.sql"],
        vec!["log", "--from", zips],
        vec!["diff", "--from", zips, "2026-01-02", "latest"],
        vec!["verify", zips, copies],
    ] {
        run(asof()).args(&args).env("TMPDIR", &temporary).env("HOME", dir.path()).ok();
        assert_eq!(names(&temporary), Vec::<String>::new(), "{args:?}");
    }
}

#[test]
fn no_temporary_file_outlives_a_mount_however_it_ends() {
    let dir = temp_dir();
    let sources = backups(dir.path());
    let (temporary, root) = (dir.path().join("tmp"), dir.path().join("mnt"));
    fs::create_dir(&temporary).expect("the folder is ours");
    fs::create_dir(&root).expect("the folder is ours");
    for signal in [None, Some(Signal::TERM), Some(Signal::KILL)] {
        let mut command = quiet_environment(Command::new(asof()), dir.path());
        command.env("TMPDIR", &temporary).args(["mount", "-f"]).args(&sources).arg(&root);
        let mut child = command.stderr(Stdio::null()).spawn().expect("asof starts");
        eventually("mounted", std::time::Duration::from_secs(30), || mounted(&root));
        let tables = [root.join("zips/latest/x.db.tables/t.jsonl"), root.join("w/latest/t.jsonl")];
        let read: Vec<Vec<u8>> =
            tables.iter().map(|table| fs::read(table).expect("it can be read")).collect();
        assert_eq!(read, [b"{\"a\":2}\n", b"{\"a\":1}\n"]);
        assert_eq!(names(&temporary), Vec::<String>::new(), "while it is mounted");
        match signal {
            Some(signal) => kill_process(Pid::from_child(&child), signal).expect("it runs"),
            None => drop(run(asof()).arg("umount").arg(&root).ok()),
        }
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        assert!(wait(&mut child, deadline).is_some(), "it ends");
        if signal == Some(Signal::KILL) {
            run(asof()).arg("umount").arg(&root).ok();
        }
        wait_unmounted(&root);
        assert_eq!(names(&temporary), Vec::<String>::new(), "{signal:?}");
    }
}

/// Runs asof with a temporary folder that has room for one MiB.
fn with_little_room(dir: &Path, args: &str) -> Outcome {
    let script =
        format!("mount -t tmpfs -o size=1m none \"$DIR/tmp\"; export TMPDIR=$DIR/tmp; exec \"$ASOF\" {args}");
    let run = run("unshare").args(["--mount", "bash", "-c", &script]).env("DIR", dir).env("ASOF", asof());
    run.env("HOME", dir).outcome()
}

#[test]
fn a_full_folder_for_temporary_files_costs_the_tables_of_one_database() {
    if !getuid().is_root() {
        crate::support::tell("NOT RUN: a full TMPDIR: mounting a small file system needs root");
        return;
    }
    let dir = temp_dir();
    let [zips, _] = backups(dir.path());
    fs::create_dir(dir.path().join("tmp")).expect("the folder is ours");
    let large = "CREATE TABLE t(a); INSERT INTO t VALUES(3); CREATE TABLE large(b); INSERT INTO large VALUES(zeroblob(3000000));";
    zip_with_database(Path::new(&zips), "2026-01-04T000000.zip", large, "newest\n");
    let asof = |args: &str| with_little_room(dir.path(), &args.replace("ZIPS", &format!("--from {zips}")));
    let text = |args: &str| asof(args).expect_status(0).text();
    assert_eq!(text("cat ZIPS latest/plain.txt"), "newest\n");
    assert_eq!(text("ls ZIPS latest/"), "plain.txt\nx.db\nx.db.tables\n");
    assert_eq!(text("ls ZIPS latest/x.db.tables/"), "schema.sql\n");
    let refused = asof("cat ZIPS latest/x.db.tables/schema.sql").expect_status(1).stderr;
    assert!(
        refused.contains("no room for temporary files in ") && refused.contains(" bytes are needed"),
        "{refused}"
    );
    assert!(refused.contains("TMPDIR"), "{refused}");
    // Other snapshots, and views computed from several.
    assert_eq!(text("cat ZIPS asof/2026-01-03/x.db.tables/t.jsonl"), "{\"a\":2}\n");
    assert!(text("ls ZIPS versions/").contains("plain.txt"));
    let versions = text("ls ZIPS versions/x.db.tables/t/");
    assert_eq!(versions, "2026-01-02T000000Z.jsonl\n2026-01-03T000000Z.jsonl\n", "it is not said to be gone");
    assert!(text("diff ZIPS 2026-01-02 2026-01-03").contains("table x.db.tables/t"));
    // An unreadable table counts neither as removed nor as unchanged.
    let failed = asof("diff ZIPS 2026-01-03 latest x.db.tables/t");
    assert_ne!(failed.status.code(), Some(0));
    assert!(failed.stderr.contains("no room for temporary files"), "{}", failed.stderr);
    // With more room, everything is readable.
    let all = run(crate::support::mount::asof()).args(["cat", "--from", &zips, "latest/x.db.tables/t.jsonl"]);
    assert_eq!(all.env("HOME", dir.path()).ok(), "{\"a\":3}\n");
}
