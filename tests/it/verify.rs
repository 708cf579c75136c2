//! `asof verify`: what is sound, what is wrong, what could not be checked, and the exit statuses.

use std::fs;
use std::path::Path;

use crate::support::archives::write_zip;
use crate::support::command::{Outcome, run};
use crate::support::git::git;
use crate::support::server::Server;
use crate::support::temp_dir;

const NEW: &str = "9999-01-01T00:00:00Z";

fn manifest(time: &str, events: u64, messages: u64) -> String {
    format!(
        r#"{{"version":1,"timestamp":"{time}","repo_name":"r","counts":{{"events":{events},"message_files":{messages},"local_tables":0,"config_files":1}}}}"#
    )
}

/// A backup of two events and one message file, whose manifest claims these numbers.
fn backup(path: &Path, time: &str, events: u64, messages: u64) {
    let manifest = manifest(time, events, messages);
    let members: [(&str, &[u8]); 4] = [
        ("manifest.json", manifest.as_bytes()),
        ("events.jsonl", b"{\"e\":1}\n{\"e\":2}\n"),
        ("messages/a.jsonl", b"{\"m\":1}\n"),
        ("config/config.json", b"{}"),
    ];
    write_zip(path, &members);
}

#[track_caller]
fn verify(arguments: &[&str], status: i32) -> Outcome {
    run(env!("CARGO_BIN_EXE_asof")).arg("verify").args(arguments).outcome().expect_status(status)
}

fn text(outcome: &Outcome) -> String {
    String::from_utf8(outcome.stdout.clone()).expect("it prints text")
}

fn json(outcome: &Outcome) -> Vec<serde_json::Value> {
    text(outcome).lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn what_is_whole_is_well_and_counted() {
    let dir = temp_dir();
    backup(&dir.path().join("2026-01-02T000000.zip"), "2026-01-01T00:00:00Z", 2, 1);
    backup(&dir.path().join("2026-01-03T000000.zip"), "2026-01-02T00:00:00Z", 2, 1);
    let path = dir.path().to_str().expect("UTF-8");
    let said = text(&verify(&[path], 0));
    assert!(
        said.starts_with("ok: ") && said.contains("2 snapshots") && said.contains("2 manifests"),
        "{said}"
    );
    assert!(verify(&["--quiet", path], 0).stdout.is_empty());
    let told = json(&verify(&["--json", path], 0));
    let database = told.last().expect("a line for the database");
    assert_eq!((&database["type"], &database["result"]), (&"database".into(), &"ok".into()), "{database}");
    // Two manifests; the three other files are the same in both.
    assert_eq!((database["contents"].as_u64(), database["rows"].as_u64()), (Some(5), Some(3)), "{database}");
    assert_eq!(database["newest"], "2026-01-02T00:00:00Z");
}

#[test]
fn a_flipped_byte_is_wrong_and_named() {
    let dir = temp_dir();
    let zip = dir.path().join("2026-01-02T000000.zip");
    let member = b"{\"id\":\"bd-1\",\"title\":\"a title that can be found\"}\n";
    write_zip(&zip, &[("a.jsonl", b"{}\n"), ("b.jsonl", member)]);
    let mut bytes = fs::read(&zip).expect("it was just written");
    let header = bytes.windows(4).rposition(|w| w == b"PK\x03\x04").expect("b's header");
    bytes[header + 30 + "b.jsonl".len() + 9] ^= 0x40;
    fs::write(&zip, bytes).expect("the folder is ours");
    let told = json(&verify(&["--json", dir.path().to_str().expect("UTF-8")], 1));
    let finding = &told[0];
    assert_eq!((&finding["type"], &finding["severity"]), (&"finding".into(), &"wrong".into()));
    assert_eq!(finding["place"], "2026-01-02T000000Z/b.jsonl", "{finding}");
    assert!(finding["hint"].as_str().is_some_and(|hint| hint.contains("unzip -t")), "{finding}");
    assert_eq!(told[1]["contents"], 1, "the other member is still read: {}", told[1]);
}

#[test]
fn counts_that_a_manifest_lies_about_are_wrong() {
    let dir = temp_dir();
    backup(&dir.path().join("2026-01-02T000000.zip"), "2026-01-01T00:00:00Z", 3, 2);
    let said = text(&verify(&[dir.path().to_str().expect("UTF-8")], 1));
    assert!(said.contains("it says 3 events, there are 2"), "{said}");
    assert!(said.contains("it says 2 message files, there are 1"), "{said}");
    assert!(!said.contains("config files"), "{said}");
}

#[test]
fn lines_that_are_no_json_are_wrong() {
    let dir = temp_dir();
    write_zip(&dir.path().join("2026-01-02T000000.zip"), &[("t.jsonl", b"{}\n{\"a\":\n")]);
    let said = text(&verify(&[dir.path().to_str().expect("UTF-8")], 1));
    assert!(said.contains("t.jsonl: line 2 is no JSON"), "{said}");
}

/// Files that real programs write are sound, whether or not asof can read them as rows; truncated ones are not.
#[test]
fn exports_that_are_no_jsonl_are_not_checked_and_cut_ones_are_wrong() {
    let utf16: Vec<u8> = "\u{feff}{\"id\":1}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, status, said) in [
        (&b"\xef\xbb\xbf{\"id\":1}\r\n\r\n"[..], 0, "with 1 row"),
        (&utf16, 2, "UTF-16"),
        (b"[\n {\"id\":1}\n]\n", 2, "several lines"),
        (
            b"{\"id\":1}\n<<<<<<< HEAD\n=======\n>>>>>>> x\n",
            2,
            "line 2 is no JSON: it is the mark of a merge",
        ),
        (b"{\"id\":NaN}\n", 2, "line 1"),
        (b"{\"id\":\"\xe4\"}\n", 2, "not UTF-8"),
        (b"{\"id\":1}\n{\"id\":", 1, "line 2"),
        (b"{\"id\":1}\n\0\0\0\0", 1, "line 2"),
    ] {
        let dir = temp_dir();
        fs::write(dir.path().join("x-20260101-0000.jsonl"), bytes).expect("the folder is ours");
        let found = text(&verify(&[dir.path().to_str().expect("UTF-8")], status));
        assert!(found.contains(said), "{found}");
    }
}

/// A hash proves what was committed: committed merge conflict markers are not damage to the repository.
#[test]
fn a_committed_mark_of_a_merge_is_a_note() {
    let dir = temp_dir();
    git(dir.path()).args(["init", "-q", "-b", "main"]).ok();
    fs::write(dir.path().join("issues.jsonl"), "{\"id\":1}\n<<<<<<< HEAD\n").expect("the folder is ours");
    git(dir.path()).args(["add", "."]).ok();
    git(dir.path()).args(["commit", "-q", "-m", "1"]).ok();
    let said = text(&verify(&[dir.path().to_str().expect("UTF-8")], 0));
    assert!(said.contains("note: ") && said.contains("issues.jsonl: line 2 is no JSON"), "{said}");
}

#[test]
fn age_and_gaps() {
    let dir = temp_dir();
    for hour in [0, 1, 2, 5, 6, 7] {
        let name = format!("beads-20260101-{hour:02}00.jsonl");
        fs::write(dir.path().join(name), "{\"a\":1}\n").expect("the folder is ours");
    }
    let path = dir.path().to_str().expect("UTF-8");
    let old = text(&verify(&["--timezone", "UTC", "--max-age", "25h", path], 1));
    assert!(
        old.contains("where 25 h are allowed") && old.contains("look whether the backup still runs"),
        "{old}"
    );
    // A finding about a whole database names it only once.
    assert!(old.starts_with("wrong: beads: the newest snapshot is of 2026-01-01T07:00:00Z"), "{old}");
    let gap = text(&verify(&["--timezone", "UTC", "--every", "1h", path], 1));
    assert!(gap.contains("no snapshot for 3 h from 2026-01-01T02:00:00Z on"), "{gap}");
    let late = text(&verify(&["--timezone", "UTC", "--every", "3h", path], 1));
    assert!(
        !late.contains("no snapshot for") && late.contains("where 4 h are allowed"),
        "the next one is late: {late}"
    );
    let ahead = temp_dir();
    backup(&ahead.path().join("x.zip"), NEW, 2, 1);
    let ahead = text(&verify(&[ahead.path().to_str().expect("UTF-8")], 1));
    assert!(ahead.contains("ahead"), "a clock was wrong: {ahead}");
    assert!(ahead.contains("): 1 snapshot, the newest") && ahead.contains("read 1 manifest, "), "{ahead}");
}

#[test]
fn what_cannot_be_looked_at_is_not_checked() {
    let missing = verify(&["/nowhere/at/all"], 2);
    assert!(
        missing.stderr.contains("/nowhere/at/all") && missing.stderr.contains("hint: "),
        "{}",
        missing.stderr
    );
    let told = json(&verify(&["--json", "/nowhere/at/all"], 2));
    assert_eq!(told[0]["severity"], "not checked");
    let down = verify(&["dolt://127.0.0.1:1/db"], 2);
    assert!(down.stderr.contains("127.0.0.1:1"), "{}", down.stderr);
    let usage = verify(&["--max-age", "soon", "/tmp"], 2);
    assert!(usage.stderr.contains("25h"), "{}", usage.stderr);
    // A wrong file outweighs an unchecked one.
    let dir = temp_dir();
    write_zip(&dir.path().join("2026-01-02T000000.zip"), &[("t.jsonl", b"{")]);
    verify(&["/nowhere/at/all", dir.path().to_str().expect("UTF-8")], 1);
}

#[test]
fn checksums_beside_archives_and_databases_are_checked() {
    let dir = temp_dir();
    let script = "echo 'SELECT 1;' >v0.1.0_20250910_143000.sql
        sha256sum v0.1.0_20250910_143000.sql >v0.1.0_20250910_143000.sql.sha256
        sqlite3 state-2025-09-10-143000.db 'CREATE TABLE t(a); INSERT INTO t VALUES (1)'";
    run("sh").args(["-ec", script]).dir(dir.path()).outcome().expect_status(0);
    let path = dir.path().to_str().expect("UTF-8");
    let said = text(&verify(&[path], 0));
    assert!(said.contains("1 checksum, ") && said.contains("1 SQLite file, "), "{said}");
    fs::write(dir.path().join("v0.1.0_20250910_143000.sql"), "SELECT 2;\n").expect("the folder is ours");
    let said = text(&verify(&[path], 1));
    assert!(said.contains("the list beside it says"), "{said}");
    // A page of the table that its header no longer leads to.
    let database = dir.path().join("state-2025-09-10-143000.db");
    let mut bytes = fs::read(&database).expect("sqlite3 made it");
    let second = bytes.len() / 2;
    bytes[second] = 0x55;
    fs::write(&database, bytes).expect("the folder is ours");
    let said = text(&verify(&[path], 1));
    assert!(said.contains("state-2025-09-10-143000.db") && said.contains(".recover"), "{said}");
}

#[test]
fn a_dolt_store_is_checked_chunk_by_chunk() {
    let mut server = Server::start();
    let mut client = server.client();
    client.new_database("whole");
    let statements = [
        "CREATE TABLE t (id int PRIMARY KEY, w varchar(60), KEY by_w (w))",
        "INSERT INTO t VALUES (1,'one'),(2,'two')",
        "CALL DOLT_COMMIT('-Am', 'one')",
        "UPDATE t SET w = 'three' WHERE id = 1",
        "CALL DOLT_COMMIT('-Am', 'two')",
    ];
    client.run(&statements);
    client.new_database("broken");
    client.run(&statements);
    client.run(&["CALL DOLT_GC('--archive-level', '0')"]);
    server.kill();
    let database = |name: &str| server.data().join(name).to_str().expect("UTF-8").to_owned();
    let told = json(&verify(&["--json", &database("whole")], 0));
    let said = &told.last().expect("a line for the database");
    assert_eq!((&said["result"], said["snapshots"].as_u64()), (&"ok".into(), Some(3)), "{said}");
    // Only the newest snapshot is rendered: the table and its definition.
    assert_eq!((said["contents"].as_u64(), said["rows"].as_u64()), (Some(2), Some(2)), "{said}");
    let checked = said["checked"][0].as_str().expect("what was checked");
    assert!(checked.contains(" chunks in ") && checked.contains(" file"), "{checked}");
    // The first block of the largest file.
    let old = server.data().join("broken/.dolt/noms/oldgen");
    let files =
        fs::read_dir(&old).expect("it was collected").map(|entry| entry.expect("the folder is ours").path());
    let file =
        files.max_by_key(|path| path.metadata().map_or(0, |facts| facts.len())).expect("it holds files");
    let mut bytes = fs::read(&file).expect("the folder is ours");
    bytes[30] ^= 1;
    fs::write(&file, bytes).expect("the folder is ours");
    let told = json(&verify(&["--json", &database("broken")], 1));
    let finding = &told[0];
    assert_eq!((&finding["type"], &finding["severity"]), (&"finding".into(), &"wrong".into()), "{finding}");
    let problem = finding["problem"].as_str().expect("a problem");
    assert!(problem.contains(file.to_str().expect("UTF-8")) && problem.contains("chunk "), "{finding}");
    // The report on a folder includes a store in it that cannot be read at all.
    fs::remove_file(server.data().join("broken/.dolt/noms/manifest")).expect("the folder is ours");
    fs::write(server.data().join("broken/.dolt/noms/manifest"), "no manifest").expect("the folder is ours");
    let told = json(&verify(&["--json", server.data().to_str().expect("UTF-8")], 1));
    let of = |name: &str| {
        told.iter().filter(|line| line["database"] == name).map(|line| line.to_string()).collect::<String>()
    };
    assert!(of("broken").contains("no manifest") && of("whole").contains("\"ok\""), "{told:?}");
    verify(&[&database("broken")], 1);
}
