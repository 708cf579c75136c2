//! `export/` compared with recorded output of `bd`: trackers that it created, in tests/data/beads (see the README there).

use std::fs;
use std::path::PathBuf;

use super::{as_later_versions, export, fill, fill_by_sql};
use crate::support::bd::{Bd, Tracker};
use crate::support::files::{assert_same, read_text};
use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::sql::Client;
use crate::support::temp_dir;

/// The tables that an export reads.
const TABLES: [&str; 5] = ["comments", "config", "dependencies", "issues", "labels"];

/// The path of a recorded file of this version.
fn file(bd: Bd, name: &str) -> PathBuf {
    let version = match bd {
        Bd::New => "1.1.2",
        Bd::Old => "1.0.2",
    };
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/beads").join(version).join(name)
}

fn recorded(bd: Bd, name: &str) -> String {
    let file = file(bd, name);
    fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// The recorded output of `bd export --all`, in the form of later versions.
fn printed(bd: Bd) -> String {
    as_later_versions(&recorded(bd, "export.jsonl"), bd)
}

/// Runs the statements of a file, each on one or more lines.
fn run_file(client: &mut Client, bd: Bd, name: &str) {
    let text = recorded(bd, name);
    let statements: Vec<&str> = text.split_inclusive(";\n").collect();
    assert!(statements.len() >= TABLES.len(), "{name} has {} statements", statements.len());
    client.run(&statements);
}

fn is_exported_as_bd_did(bd: Bd) {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("recorded");
    run_file(&mut client, bd, "columns.sql");
    run_file(&mut client, bd, "rows.sql");
    client.commit("a tracker", "2026-01-05T12:00:00");
    let mount = Mount::new(&[server.url(""), format!("store={}", server.data().join("recorded").display())]);
    for source in ["recorded", "store"] {
        let exported = read_text(mount.path(&format!("{source}/export/HEAD.jsonl")));
        assert_same(source, exported.as_bytes(), printed(bd).as_bytes());
    }
}

#[test]
fn a_recorded_tracker_is_exported_as_bd_did() {
    is_exported_as_bd_did(Bd::New);
}

#[test]
fn a_recorded_tracker_of_an_older_schema_is_exported_as_bd_did() {
    is_exported_as_bd_did(Bd::Old);
}

/// The recorded rows, in tables created by `bd` itself.
fn is_printed_again(bd: Bd) {
    let server = Server::start();
    let mut client = server.client();
    let tracker = Tracker::new(bd, &server, "made");
    client.use_database("made");
    // Comments come before their issues.
    client.run(&["DELETE FROM issues", "DELETE FROM config", "SET FOREIGN_KEY_CHECKS = 0"]);
    run_file(&mut client, bd, "rows.sql");
    assert_same("bd export", export(&tracker, bd).as_bytes(), printed(bd).as_bytes());
}

#[test]
fn bd_still_prints_what_is_recorded() {
    if Bd::New.is_given_for("beads::recorded::bd_still_prints_what_is_recorded") {
        is_printed_again(Bd::New);
    }
}

#[test]
fn bd_of_an_older_schema_still_prints_what_is_recorded() {
    if Bd::Old.is_given_for("beads::recorded::bd_of_an_older_schema_still_prints_what_is_recorded") {
        is_printed_again(Bd::Old);
    }
}

/// Records the data again: `BD=... BD_OLD=... cargo test --test it beads::recorded::record -- --ignored`.
#[test]
#[ignore = "writes into tests/data/beads"]
fn record() {
    for bd in [Bd::New, Bd::Old] {
        let server = Server::start();
        let mut client = server.client();
        let tracker = Tracker::new(bd, &server, "made");
        fill(&tracker, 1_000);
        fill_by_sql(&mut client, "made");
        tracker.commit(&mut client);
        let folder = temp_dir();
        let dump = folder.path().join("dump.sql");
        let dump = dump.to_str().expect("temporary folders have plain names");
        server.command(&server.data().join("made"), &["dump", "-fn", dump]);
        let dump = fs::read_to_string(dump).expect("dolt has written its dump");
        fs::create_dir_all(file(bd, "")).expect("the folder of records is writable");
        for (name, text) in
            [("columns.sql", columns(&dump)), ("rows.sql", rows(&dump)), ("export.jsonl", tracker.export())]
        {
            fs::write(file(bd, name), text).expect("the folder of records is writable");
        }
    }
}

/// The names and types of the columns, and the keys: no more of the tables is needed to read them.
fn columns(dump: &str) -> String {
    let mut columns = String::new();
    for table in TABLES {
        let begin = format!("CREATE TABLE `{table}` (\n");
        let (_, rest) = dump.split_once(&begin).unwrap_or_else(|| panic!("the dump has no {table}"));
        let (body, _) = rest.split_once("\n)").expect("the dump is whole");
        let kept: Vec<String> = body.lines().filter_map(column).collect();
        columns += &format!("{begin}{}\n);\n", kept.join(",\n"));
    }
    columns
}

/// A line of a table in a dump, cut after the column's type; `None` if it describes neither a column nor a key.
fn column(line: &str) -> Option<String> {
    let line = line.trim_end_matches(',');
    if line.starts_with("  PRIMARY KEY") {
        return Some(line.to_owned());
    }
    let mut words = line.strip_prefix("  `")?.split(' ');
    Some(format!("  `{} {}", words.next()?, words.next()?))
}

/// The statements that insert the rows.
fn rows(dump: &str) -> String {
    let is_of = |line: &&str| TABLES.iter().any(|table| line.starts_with(&format!("INSERT INTO `{table}` ")));
    dump.lines().filter(is_of).map(|line| format!("{line}\n")).collect()
}
