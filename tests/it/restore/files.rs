//! Files, SQLite and Thrum.

use std::fs;
use std::path::Path;

use crate::support::archives::write_zip;
use crate::support::command::{run, shell};
use crate::support::mount::Mount;
use crate::support::recipes::Kitchen;
use crate::support::temp_dir;

/// The time to restore, with the names that asof gives to the archives of these tests.
const THEN: &str = "2026-01-20T180000Z";

pub fn one_file(recipe: &str) {
    let dir = temp_dir();
    let original = dir.path().join("beads-20260120-1800.jsonl");
    fs::write(&original, "{\"id\":1,\"t\":\"é \\\"q\\\"\"}\n").expect("the folder is ours");
    fs::write(dir.path().join("beads-20260121-1800.jsonl"), "{\"id\":1,\"t\":\"\"}\n")
        .expect("the folder is ours");
    let mount = Mount::with(&["--timezone", "UTC"], &[dir.path().display().to_string()]);
    let kitchen = Kitchen::new(recipe).set("DB", mount.path("beads")).set("T", THEN);
    kitchen.cook();
    let copy = kitchen.path("issues.then.jsonl");
    run("cmp").arg(&copy).arg(&original).ok();
    kitchen.worked();
    let changed = "{\"id\":1,\"t\":\"\"}\n";
    fs::write(&copy, changed).expect("the copy can be written to");
    kitchen.is_seen_to_be_wrong();
    assert!(!kitchen.try_to_cook().status.success(), "a file that is there is not overwritten");
    assert_eq!(fs::read_to_string(&copy).expect("it is still there"), changed);
}

/// A SQLite database with every kind of content, before it was emptied.
const SQLITE: &str = r#"
PRAGMA user_version = 7;
CREATE TABLE tasks (id TEXT PRIMARY KEY, n REAL, b BLOB, at, UNIQUE (n)) WITHOUT ROWID;
INSERT INTO tasks VALUES ('a', 1.1, x'00ff', '2026-01-02'), ('it''s "é" 😀', 9007199254740993, '', NULL), ('c', -1e-300, x'', 1e300);
CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, what, half AS (id / 2) STORED);
INSERT INTO log (id, what) VALUES (9223372036854775806, 'line' || char(10) || 'end'), (3, NULL);
CREATE TABLE empty (x);
CREATE INDEX late ON tasks (at) WHERE at IS NOT NULL;
CREATE VIEW ids AS SELECT id FROM tasks -- a note; here
;
CREATE TRIGGER keep AFTER INSERT ON tasks BEGIN INSERT INTO log (what) VALUES (new.id || ';'); END;
"#;

/// A folder with two copies of one database; the second has lost the content of the first.
fn copies(dir: &Path) {
    let (good, bad) = (dir.join("state-2026-01-20-180000.db"), dir.join("state-2026-01-21-180000.db"));
    run("sqlite3").arg("-bail").arg(&good).input(SQLITE).ok();
    fs::copy(&good, &bad).expect("the folder is ours");
    run("sqlite3").arg(&bad).arg("DELETE FROM tasks; DROP VIEW ids").ok();
}

/// The output of `.dump`, and of the pragmas that it omits.
fn account(database: &Path) -> String {
    let pragmas = "PRAGMA user_version; PRAGMA encoding; PRAGMA foreign_key_check;";
    run("sqlite3").arg(database).args([".dump", pragmas]).ok()
}

/// Follows a recipe that creates `restored.db` from the first copy.
fn sqlite(recipe: &str) {
    let dir = temp_dir();
    copies(dir.path());
    let mount = Mount::new(&[dir.path().display().to_string()]);
    let kitchen = Kitchen::new(recipe).set("DB", mount.path("state")).set("T", THEN);
    let kitchen = kitchen.set("SOURCE", dir.path());
    kitchen.cook();
    let restored = kitchen.path("restored.db");
    assert_eq!(account(&restored), account(&dir.path().join("state-2026-01-20-180000.db")));
    assert!(kitchen.worked().contains("whole"));
    run("sqlite3").arg(&restored).arg("UPDATE log SET what = 'x' WHERE id = 3").ok();
    kitchen.is_seen_to_be_wrong();
    let changed = account(&restored);
    assert!(!kitchen.try_to_cook().status.success(), "a file that is there is not overwritten");
    assert_eq!(account(&restored), changed);
}

pub fn sqlite_from_sql(recipe: &str) {
    sqlite(recipe);
}

pub fn sqlite_file(recipe: &str) {
    sqlite(recipe);
}

pub fn sqlite_without_a_mount(recipe: &str) {
    sqlite(recipe);
}

/// A Thrum backup: one archive, and a `current/` with less content.
fn thrum_backup(dir: &Path) {
    let manifest = |time: &str, messages: usize| {
        format!(
            r#"{{"version":1,"timestamp":"{time}","thrum_version":"0.4","repo_name":"app",
              "counts":{{"events":2,"message_files":{messages},"local_tables":1,"config_files":2}}}}"#
        )
    };
    let good = manifest("2026-01-20T18:00:00Z", 2);
    fs::create_dir_all(dir.join("archives")).expect("the folder is ours");
    write_zip(
        &dir.join("archives/2026-01-21T180000.zip"),
        &[
            ("manifest.json", good.as_bytes()),
            ("events.jsonl", b"{\"e\":1}\n{\"e\":\"\xc3\xa9\"}\n"),
            ("messages/alice.jsonl", b"{\"m\":1}\n"),
            ("messages/böb.jsonl", b"{\"m\":2}\n"),
            ("local/subscriptions.jsonl", b""),
            ("config/config.json", b"{ \"a\" : 1 }"),
            ("config/identities/alice.json", b"{}"),
            ("plugins/notes/docs/read me.md", b"# no newline"),
        ],
    );
    let current = dir.join("current");
    fs::create_dir_all(current.join("messages")).expect("the folder is ours");
    fs::write(current.join("manifest.json"), manifest("2026-01-21T18:00:00Z", 0))
        .expect("the folder is ours");
    fs::write(current.join("events.jsonl"), "{\"e\":1}\n").expect("the folder is ours");
}

pub fn thrum(recipe: &str) {
    let dir = temp_dir();
    thrum_backup(dir.path());
    let mount = Mount::new(&[format!("app={}", dir.path().display())]);
    let kitchen = Kitchen::new(recipe).set("DB", mount.path("app")).set("T", THEN);
    kitchen.cook();
    let zip = dir.path().join("archives/2026-01-21T180000.zip");
    run("unzip").arg("-q").arg(&zip).arg("-d").arg(kitchen.path("truth")).ok();
    run("diff").arg("-r").arg(kitchen.path("truth")).arg(kitchen.path("restored")).ok();
    kitchen.worked();
    shell("rm restored/messages/alice.jsonl").dir(kitchen.path("")).ok();
    kitchen.is_seen_to_be_wrong();
}
