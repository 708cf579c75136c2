//! The files beside a database.

use super::*;

/// A database with the files beside it, copied while `sqlite3` has it open.
fn live_copy(folder: &SqliteFolder, script: &str) -> PathBuf {
    use std::io::{BufRead, BufReader, Write};
    let live = folder.path("live.db");
    let mut child = Command::new("sqlite3")
        .args(["-batch", "-bail"])
        .arg(&live)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sqlite3 is installed");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(format!("{script}\nSELECT 'done';\n").as_bytes()).expect("it reads");
    stdin.flush().expect("it reads");
    let stdout = child.stdout.take().expect("it is piped");
    let is_done = BufReader::new(stdout).lines().map_while(Result::ok).any(|line| line == "done");
    assert!(is_done, "sqlite3 gave up: {script}");
    let copy = folder.path("copy.db");
    for suffix in ["", "-wal", "-journal"] {
        let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if with(&live).exists() {
            std::fs::copy(with(&live), with(&copy)).expect("the folder is ours");
        }
    }
    drop(stdin);
    child.wait().expect("it ends with its input");
    copy
}

/// Tells whether anything was made, written to, renamed or removed in a folder.
struct Watch(std::os::fd::OwnedFd);

impl Watch {
    fn new(folder: &Path) -> Self {
        use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
        let watch = init(CreateFlags::NONBLOCK).expect("inotify is there");
        let changes = WatchFlags::CREATE
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::MOVE
            | WatchFlags::DELETE;
        add_watch(&watch, folder, changes).expect("the folder is there");
        Self(watch)
    }

    fn has_seen_something(&self) -> bool {
        rustix::io::read(&self.0, &mut [0_u8; 4096]).is_ok_and(|count| count > 0)
    }
}

#[test]
fn the_watch_sees_what_it_is_to_see() {
    let folder = SqliteFolder::new();
    let watch = Watch::new(folder.0.path());
    assert!(!watch.has_seen_something());
    std::fs::write(folder.path("x"), "").expect("the folder is ours");
    assert!(watch.has_seen_something());
}

#[test]
fn rows_that_only_the_log_has_are_shown() {
    let folder = SqliteFolder::new();
    let path = live_copy(
        &folder,
        "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(a); INSERT INTO t VALUES(1);
         PRAGMA wal_checkpoint; INSERT INTO t VALUES(2); CREATE TABLE u(b); INSERT INTO u VALUES('new');
         BEGIN; INSERT INTO t VALUES(3);",
    );
    assert!(folder.path("copy.db-wal").metadata().is_ok_and(|metadata| metadata.len() > 0));
    let watch = Watch::new(folder.0.path());
    let file = open(&path);
    assert_eq!(names(&file), ["t", "u"]);
    assert_eq!(rows(&file, "t"), "{\"a\":1}\n{\"a\":2}\n", "what was committed");
    assert_eq!(rows(&file, "u"), "{\"b\":\"new\"}\n");
    assert_eq!(file.quick_check().expect("it can be read"), Check::default());
    let alone = alone(&path);
    assert_eq!(names(&alone), ["t"]);
    assert_eq!(rows(&alone, "t"), "{\"a\":1}\n");
    assert!(!watch.has_seen_something(), "nothing was made or changed");
    // What sqlite3 itself makes of the two files.
    assert_eq!(sqlite3(&path, "SELECT count(*) FROM t; SELECT * FROM u;"), "2\nnew\n");
}

#[test]
fn the_key_is_that_of_all_parts() {
    let folder = SqliteFolder::new();
    let path = live_copy(&folder, "PRAGMA journal_mode=WAL; CREATE TABLE t(a);");
    let both = open(&path);
    let alone = alone(&path);
    assert_ne!(both.key(), alone.key());
    assert_eq!(both.key(), open(&path).key());
}

#[test]
fn a_log_that_says_nothing_is_passed_over() {
    let folder = SqliteFolder::new();
    let path = live_copy(
        &folder,
        "PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1); PRAGMA wal_checkpoint(TRUNCATE);",
    );
    let wal = folder.path("copy.db-wal");
    for bytes in [&b""[..], b"short", &[0; 5000], b"this is not a log, whatever its name says"] {
        std::fs::write(&wal, bytes).expect("the folder is ours");
        assert_eq!(rows(&open(&path), "t"), "{\"a\":1}\n");
    }
}

/// The frames of a log count only if they have the salts of its header: frames of an earlier round stay in the file.
#[test]
fn frames_of_an_earlier_round_are_passed_over() {
    let folder = SqliteFolder::new();
    let path = live_copy(
        &folder,
        "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(a); INSERT INTO t VALUES(1);
         INSERT INTO t VALUES(randomblob(20000)); DELETE FROM t WHERE a <> 1; PRAGMA wal_checkpoint(RESTART);
         INSERT INTO t VALUES(2);",
    );
    assert_eq!(rows(&open(&path), "t"), "{\"a\":1}\n{\"a\":2}\n");
    change(&folder.path("copy.db-wal"), |bytes| bytes[16] ^= 1);
    assert_eq!(rows(&open(&path), "t"), "{\"a\":1}\n", "as SQLite: the checksum of the header is wrong");
}

/// A log that was cut or broken counts up to its last whole transaction, as it does for SQLite.
#[test]
fn a_log_that_was_cut_is_what_it_is_to_sqlite() {
    let folder = SqliteFolder::new();
    let script: String =
        (0..40).map(|row| format!("INSERT INTO t VALUES({row}, hex(randomblob(300)));")).collect();
    let path = live_copy(
        &folder,
        &format!("CREATE TABLE t(a, b); PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; {script}"),
    );
    let wal = folder.path("copy.db-wal");
    let whole = std::fs::read(&wal).expect("it is there");
    let mut seen = std::collections::BTreeSet::new();
    for len in (0..whole.len()).step_by(6101) {
        let mut flipped = whole.clone();
        flipped[len] ^= 1;
        for bytes in [&whole[..len], &flipped] {
            std::fs::write(&wal, bytes).expect("the folder is ours");
            let own = SqliteFolder::new();
            std::fs::copy(&path, own.path("o.db")).expect("the folder is ours");
            std::fs::copy(&wal, own.path("o.db-wal")).expect("the folder is ours");
            let told = sqlite3(&own.path("o.db"), "SELECT hex(a) || b FROM t;");
            let file = open(&path);
            let shown = rows(&file, "t").lines().count();
            assert_eq!(shown, told.lines().count(), "{len} of {} bytes", whole.len());
            seen.insert(shown);
        }
    }
    assert!(seen.len() > 10, "{seen:?}");
}

#[test]
fn a_transaction_that_was_cut_off_is_undone() {
    let folder = SqliteFolder::new();
    let path = live_copy(
        &folder,
        "PRAGMA cache_size=5; CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'kept');
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO t SELECT i, zeroblob(1000) FROM n;
         BEGIN; UPDATE t SET b = 'lost'; DELETE FROM t WHERE a % 2; PRAGMA cache_spill=ON;
         INSERT INTO t SELECT a, randomblob(3000) FROM t;",
    );
    let journal = folder.path("copy.db-journal");
    assert!(journal.metadata().is_ok_and(|metadata| metadata.len() > 512), "the transaction is on disk");
    let watch = Watch::new(folder.0.path());
    let file = open(&path);
    assert_eq!(rows(&file, "t").lines().count(), 101);
    assert!(rows(&file, "t").starts_with("{\"a\":1,\"b\":\"kept\"}\n"));
    assert!(!watch.has_seen_something(), "nothing was made or changed");

    // A journal that names another file makes SQLite look for it, and remove it.
    let victim = folder.path("victim-mj12345678");
    std::fs::write(&victim, "precious").expect("the folder is ours");
    let name = victim.to_str().expect("a name").as_bytes();
    let sum: u32 = name.iter().map(|&byte| u32::from(byte)).sum();
    change(&journal, |bytes| {
        bytes.extend(u32::MAX.to_be_bytes());
        bytes.extend(name);
        bytes.extend([name.len() as u32, sum].map(u32::to_be_bytes).concat());
        bytes.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    });
    let error = open(&path).listing().expect_err("it cannot be undone alone");
    is_error(&error, ErrorKind::Unsupported, "several databases");
    assert_eq!(std::fs::read(&victim).expect("it is there"), b"precious");
}

#[test]
fn journals_that_are_over_are_passed_over() {
    let folder = SqliteFolder::new();
    let path = live_copy(&folder, "PRAGMA journal_mode=PERSIST; CREATE TABLE t(a); INSERT INTO t VALUES(1);");
    assert!(folder.path("copy.db-journal").exists());
    assert_eq!(rows(&open(&path), "t"), "{\"a\":1}\n");
}

/// A database in WAL mode whose log is gone: SQLite would make a new log.
#[test]
fn nothing_is_made_beside_a_database_that_had_a_log() {
    let (folder, path) =
        made_by("PRAGMA journal_mode=WAL; CREATE TABLE t(a PRIMARY KEY); INSERT INTO t VALUES(1);");
    assert_eq!(&std::fs::read(&path).expect("it is there")[18..20], &[2, 2], "it is in WAL mode");
    let watch = Watch::new(folder.0.path());
    let file = open(&path);
    assert_eq!(rows(&file, "t"), "{\"a\":1}\n");
    assert_eq!(schema_sql(&file), "CREATE TABLE t(a PRIMARY KEY);\n");
    assert_eq!(file.quick_check().expect("it can be read"), Check::default());
    assert!(!watch.has_seen_something());
}
