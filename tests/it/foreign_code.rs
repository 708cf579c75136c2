//! Limits on views of SQLite files, because a view is code by the author of the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::command::{run, wait};
use crate::support::mount::{Mount, asof, mounted};
use crate::support::{eventually, temp_dir};

/// The name of the snapshot that [`made`] creates.
const SNAPSHOT: &str = "asof/2026-01-20T180000Z";

/// How long a test waits for something that must happen soon, even on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// A folder `files` in `dir` with a database `state` of one snapshot.
fn made(dir: &Path, script: &str) -> PathBuf {
    let folder = dir.join("files");
    fs::create_dir(&folder).expect("the folder is ours");
    run("sqlite3").arg("-bail").arg(folder.join("state-2026-01-20-180000.db")).input(script).ok();
    folder
}

/// A plain table with a primary key, so that its rows have an order.
const TABLE: &str = "CREATE TABLE plain(a TEXT PRIMARY KEY, b);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO plain SELECT i * 7919 % 20011 || 'k', i FROM n;";

/// One function call that takes hours: it compares each position of a long text with another long text.
const ONE_CALL: &str = "instr(printf('%.40000000c', 'a'), printf('%.20000000c', 'a') || 'b')";

/// Views that never end: by computing, by filling the disk, by one function call of hours, by endless rows.
fn endless(number: usize) -> String {
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    let query = match number % 4 {
        0 => format!("{numbers} SELECT count(i) AS c FROM n"),
        1 => format!("{numbers} SELECT i, printf('%.4000c', 'x') AS b FROM n ORDER BY b, i"),
        2 => format!("SELECT {ONE_CALL} AS c"),
        _ => format!("{numbers} SELECT i FROM n ORDER BY 1 DESC"),
    };
    format!("CREATE VIEW v{number} AS {query};")
}

/// The processes that answer queries for the mount.
fn workers(mount: &Mount) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("Linux has it").flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = format!("PPid:\t{}", mount.pid());
    numbers
        .filter(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.lines().any(|line| line == parent)
        })
        .collect()
}

fn cat(path: &Path) -> Child {
    let mut command = Command::new("cat");
    command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("coreutils")
}

#[test]
fn forty_endless_views_end_with_their_readers_and_others_are_served_meanwhile() {
    let dir = temp_dir();
    let views: String = (0..40).map(endless).collect();
    let folder = made(dir.path(), &format!("{TABLE}{views}"));
    let temporary = dir.path().join("tmp");
    fs::create_dir(&temporary).expect("the folder is ours");
    let starter = ["env".to_owned(), format!("TMPDIR={}", temporary.display()), "SECRET=s3cr3t".to_owned()];
    let mount = Mount::under(&starter, &[], &[folder.display().to_string()]);
    let snapshot = mount.path("state").join(SNAPSHOT);

    let mut readers: Vec<Child> = (0..40).map(|n| cat(&snapshot.join(format!("v{n}.jsonl")))).collect();
    let answering = eventually("a view is computed", SOON, || {
        let workers = workers(&mount);
        (!workers.is_empty()).then_some(workers)
    });
    assert!(answering.len() <= 8, "{} run at once", answering.len());
    for worker in answering {
        // It may have ended meanwhile.
        let environment = fs::read(format!("/proc/{worker}/environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment);
        assert!(!environment.contains("s3cr3t") && !environment.contains("HOME="), "{environment}");
    }
    let plain = run("cat").arg(snapshot.join("plain.jsonl")).within(SOON).ok();
    assert_eq!(plain.lines().count(), 20_000);
    assert!(plain.lines().is_sorted(), "by its key");

    for (number, reader) in readers.iter().enumerate() {
        let signal = if number % 2 == 0 { Signal::TERM } else { Signal::KILL };
        kill_process(Pid::from_child(reader), signal).expect("it runs");
    }
    for reader in &mut readers {
        assert!(wait(reader, Instant::now() + SOON).is_some(), "a killed reader does not end");
    }
    eventually("no view is computed any more", SOON, || workers(&mount).is_empty().then_some(()));
    run(asof()).arg("umount").arg(mount.root()).within(SOON).ok();
    assert!(mounted(mount.root()).is_none());
    mount.unmount();
    let left: Vec<_> = fs::read_dir(&temporary).expect("the folder is ours").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// `ls -l` asks for sizes, which asof can only find by computing the view.
#[test]
fn a_size_that_nobody_waits_for_is_not_computed_on() {
    let dir = temp_dir();
    let folder = made(dir.path(), &format!("{TABLE}{}", endless(0)));
    let mount = Mount::new(&[folder.display().to_string()]);
    let mut list = Command::new("stat");
    list.arg(mount.path("state").join(SNAPSHOT).join("v0.jsonl")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut list = list.spawn().expect("coreutils");
    eventually("the view is computed", SOON, || (!workers(&mount).is_empty()).then_some(()));
    kill_process(Pid::from_child(&list), Signal::TERM).expect("it runs");
    assert!(wait(&mut list, Instant::now() + SOON).is_some(), "a killed reader does not end");
    eventually("it is not computed any more", SOON, || workers(&mount).is_empty().then_some(()));
    mount.unmount();
}

/// Each limit has its own message, which names the view, the limit and the remedy.
#[test]
fn what_takes_too_much_says_what_it_took() {
    let dir = temp_dir();
    let large = "printf('%.120000000c', 'x')";
    let columns: Vec<_> = (0..8).map(|number| format!("{large} || {number} AS c{number}")).collect();
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    let script = format!(
        "{TABLE}{}{} CREATE VIEW memory AS SELECT {};
         CREATE VIEW disk AS {numbers} SELECT i, printf('%.800000c', 'x') AS b FROM n ORDER BY b, i;
         CREATE TABLE generated(a); INSERT INTO generated VALUES(1);
         CREATE TABLE shared(a TEXT PRIMARY KEY);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO shared SELECT i FROM n;
         PRAGMA writable_schema=ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE shared(a TEXT PRIMARY KEY, b DEFAULT ''' ||
           replace(hex(zeroblob(200000)), '0', 'x') || ''')' WHERE name = 'shared';
         UPDATE sqlite_schema SET sql = 'CREATE TABLE generated(a, b AS (a + {}))' WHERE name = 'generated';",
        endless(0),
        endless(2),
        columns.join(","),
        ONE_CALL.replace('\'', "''"),
    );
    let folder = made(dir.path(), &script);
    for (name, seconds, says) in [
        ("v0", "2", "it ran for 2 s, the most that it may"),
        ("v2", "2", "it ran for 2 s, the most that it may"),
        ("generated", "2", "it ran for 2 s, the most that it may"),
        ("memory", "60", "it took more than 1024 MiB of memory"),
        ("disk", "60", "it took more than 1024 MiB of temporary storage"),
        ("shared", "60", "sorting them takes as many on disk: more than 1024 MiB"),
    ] {
        let path = format!("state/{SNAPSHOT}/{name}.jsonl");
        let from = folder.display().to_string();
        let cat = run(asof()).args(["cat", "--query-seconds", seconds, "--from", &from, &path]);
        let cat = cat.within(Duration::from_secs(120)).outcome().expect_status(1);
        assert!(cat.stderr.contains(says), "{name}: {}", cat.stderr);
        assert!(cat.stderr.contains(&format!(" {name} of ")), "{name}: {}", cat.stderr);
        assert!(cat.stderr.contains("`sqlite3` on a copy of "), "{name}: {}", cat.stderr);
        assert!(cat.stdout.is_empty(), "{name}");
    }
    let path = format!("state/{SNAPSHOT}/plain.jsonl");
    let cat = run(asof()).args(["cat", "--from", &folder.display().to_string(), &path]).ok();
    assert_eq!(cat.lines().count(), 20_000);
}

/// Views of views, twice each: SQLite expands the last one into 2^40 queries before it runs any.
#[test]
fn a_schema_that_explodes_costs_its_own_tables_alone() {
    let dir = temp_dir();
    let mut script = format!("{TABLE} CREATE VIEW w0 AS SELECT 1 AS x;");
    for number in 1..=40 {
        let last = number - 1;
        script.push_str(&format!(
            "CREATE VIEW w{number} AS SELECT (SELECT x FROM w{last}) + (SELECT x FROM w{last}) AS x;"
        ));
    }
    let folder = made(dir.path(), &script);
    run("sqlite3").arg(folder.join("state-2026-01-21-180000.db")).input(TABLE).ok();
    let mount = Mount::with(&["--query-seconds", "3"], &[folder.display().to_string()]);
    let later = mount.path("state/asof/2026-01-21T180000Z/plain.jsonl");
    assert_eq!(run("cat").arg(later).ok().lines().count(), 20_000);
    let schema = mount.path("state").join(SNAPSHOT).join("schema.sql");
    let cat = run("cat").arg(schema).outcome().expect_status(1);
    assert!(cat.stderr.contains("Input/output error"), "{}", cat.stderr);
    let log = mount.log();
    assert!(log.contains("the most that it may") || log.contains("MiB of memory"), "{log}");
    run("cat").arg(mount.path("state").join(SNAPSHOT).join("state.db")).ok();
    mount.unmount();
}

/// A repeated request for a view that hit a limit fails at once, so that a loop of requests does not keep the machine busy.
#[test]
fn what_ran_out_is_not_computed_again_at_once() {
    let dir = temp_dir();
    let folder = made(dir.path(), &endless(0));
    let mount = Mount::with(&["--query-seconds", "5"], &[folder.display().to_string()]);
    let view = mount.path("state").join(SNAPSHOT).join("v0.jsonl");
    run("cat").arg(&view).outcome().expect_status(1);
    let begun = Instant::now();
    for _ in 0..8 {
        run("cat").arg(&view).outcome().expect_status(1);
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "eight more would take 40 s of computing");
    assert!(mount.log().contains("view v0 of "), "{}", mount.log());
    mount.unmount();
}
