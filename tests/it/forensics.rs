//! `diff/` and `history/` agree with `dolt_diff()` and `dolt_diff_<table>`, which an oracle queries on the server.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::support::files::{errno, names, read_text};
use crate::support::mount::Mount;
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::sql::{Client, ident, quote};
use crate::support::tell;
use crate::support::tree::{self, Snapshot};

/// The kind of a change, the key as text, and the columns that differ if both sides exist.
pub(crate) type Told = BTreeSet<(String, String, BTreeSet<String>)>;

/// The server's answer for a table with a key of one column.
pub(crate) fn server_says(client: &mut Client, table: &str, key: &str, from: &str, to: &str) -> Told {
    let call = format!("dolt_diff({}, {}, {})", quote(from), quote(to), quote(table));
    let mut columns = |commit: &str| -> Vec<String> {
        let shown = client.texts(&format!("SHOW COLUMNS FROM {} AS OF {}", ident(table), quote(commit)));
        shown.into_iter().map(|row| row[0].clone()).collect()
    };
    let (of_from, of_to) = (columns(from), columns(to));
    let mut header = of_to.clone();
    header.extend(of_from.iter().filter(|column| !of_to.contains(column)).cloned());
    let differs = |column: &String| {
        let (to, from) = (ident(&format!("to_{column}")), ident(&format!("from_{column}")));
        match (of_to.contains(column), of_from.contains(column)) {
            (true, true) => format!("NOT ({to} <=> {from})"),
            (true, false) => format!("{to} IS NOT NULL"),
            _ => format!("{from} IS NOT NULL"),
        }
    };
    let differs: Vec<String> = header.iter().map(differs).collect();
    let (to_key, from_key) = (ident(&format!("to_{key}")), ident(&format!("from_{key}")));
    let rows = client.texts(&format!(
        "SELECT diff_type, COALESCE({to_key}, {from_key}), {} FROM {call}",
        differs.join(", ")
    ));
    rows.into_iter()
        .map(|row| {
            let changed = header.iter().zip(&row[2..]).filter(|(_, differs)| *differs == "1");
            let changed = if row[0] == "modified" {
                changed.map(|(name, _)| name.clone()).collect()
            } else {
                BTreeSet::new()
            };
            (row[0].clone(), row[1].clone(), changed)
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn tree_says(mount: &Mount, database: &str, table: &str, key: &str, from: &str, to: &str) -> Told {
    let path = mount.path(&format!("{database}/diff/{from}..{to}/{table}.jsonl"));
    let Ok(lines) = fs::read_to_string(&path) else {
        assert_eq!(errno(fs::metadata(&path)), libc::ENOENT, "{}", path.display());
        return Told::new();
    };
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        let columns = |side: &str| line[side].as_object().map(|o| o.keys().cloned().collect::<BTreeSet<_>>());
        let kind = text(&line["change"]);
        let changed = match kind.as_str() {
            "modified" => {
                assert_eq!(columns("from"), columns("to"), "both sides have the same columns");
                columns("to").expect("a modified row is on both sides")
            }
            _ => BTreeSet::new(),
        };
        (kind, text(&line["key"][key]), changed)
    };
    lines.lines().map(line).collect()
}

/// Random pairs of snapshots, and the history of every key that differs between them.
pub fn agrees(
    mount: &Mount,
    client: &mut Client,
    database: &str,
    table: &str,
    key: &str,
    pairs: usize,
    seed: u64,
) {
    client.use_database(database);
    let log: Vec<Snapshot> =
        tree::log(&mount.path(database)).into_iter().filter(|s| !s.commit.is_empty()).collect();
    let has_table = |s: &&Snapshot| mount.path(&format!("{database}/asof/{}/{table}.jsonl", s.name)).exists();
    let log: Vec<&Snapshot> = log.iter().filter(has_table).collect();
    let mut random = Random::new(seed);
    let mut keys = BTreeSet::new();
    for _ in 0..pairs {
        let (from, to) = (random.one_of(&log), random.one_of(&log));
        let wanted = server_says(client, table, key, &from.commit, &to.commit);
        let found = tree_says(mount, database, table, key, &from.name, &to.name);
        assert_eq!(found, wanted, "{table} {}..{}", from.name, to.name);
        let summary =
            read_text(mount.path(&format!("{database}/diff/{}..{}/summary.json", from.commit, to.commit)));
        let summary: Value = serde_json::from_str(&summary).expect("it is JSON");
        let counts = &summary["tables"][table];
        for kind in ["added", "removed", "modified"] {
            let wanted = wanted.iter().filter(|(found, ..)| found == kind).count() as u64;
            assert_eq!(
                counts[kind].as_u64().unwrap_or(0),
                wanted,
                "{kind} of {table} {}..{}",
                from.name,
                to.name
            );
        }
        keys.extend(wanted.into_iter().map(|(_, key, _)| key));
    }
    assert!(!keys.is_empty(), "something differs between random snapshots");
    let changes = changes_by_key(client, table, key);
    tell(&format!("the histories of {} keys of {database}/{table}", keys.len()));
    for key in keys {
        let lines = read_text(mount.path(&format!("{database}/history/{table}/{key}.jsonl")));
        let told: Vec<(String, String)> = lines
            .lines()
            .map(|line| {
                let line: Value = serde_json::from_str(line).expect("a line is JSON");
                (text(&line["commit"]), text(&line["change"]))
            })
            .collect();
        let wanted = &changes[&key];
        assert_eq!(told.iter().cloned().collect::<BTreeSet<_>>(), *wanted, "the history of {key}");
        assert_eq!(told.len(), wanted.len(), "each change of {key} once");
    }
}

/// The commits that changed each key of a table, with how, over a history without merges.
fn changes_by_key(
    client: &mut Client,
    table: &str,
    key: &str,
) -> BTreeMap<String, BTreeSet<(String, String)>> {
    let (to_key, from_key) = (ident(&format!("to_{key}")), ident(&format!("from_{key}")));
    let rows = client.texts(&format!(
        "SELECT COALESCE({to_key}, {from_key}), to_commit, diff_type FROM {} WHERE to_commit <> 'WORKING'",
        ident(&format!("dolt_diff_{table}"))
    ));
    let mut changes: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for row in rows {
        changes.entry(row[0].clone()).or_default().insert((row[1].clone(), row[2].clone()));
    }
    changes
}

/// A table of two columns over 40 commits: rows come, change and go.
pub(crate) fn busy(client: &mut Client, database: &str) {
    client.new_database(database);
    client.run(&["CREATE TABLE t (id int PRIMARY KEY, s text, n decimal(10,2))"]);
    client.commit("table", "2026-01-01T00:00:00");
    let mut random = Random::new(7);
    for commit in 0..40 {
        for _ in 0..4 {
            let id = random.below(30);
            let sql = match random.below(3) {
                0 => format!("DELETE FROM t WHERE id = {id}"),
                _ => format!(
                    "REPLACE INTO t (id, s, n) VALUES ({id}, {}, {}.50)",
                    quote(&format!("text '{commit}', \"x\" é")),
                    random.below(5)
                ),
            };
            client.run(&[&sql]);
        }
        client.run(&[&format!("REPLACE INTO t (id, s, n) VALUES (99, 'always', {commit})")]);
        if commit == 20 {
            client.run(&["ALTER TABLE t ADD COLUMN late varchar(20)"]);
        }
        client.commit(&format!("c{commit}"), &format!("2026-01-02T{:02}:{:02}:00", commit / 60, commit % 60));
    }
}

#[test]
fn differences_and_histories_are_those_of_dolt() {
    let server = Server::start();
    let mut client = server.client();
    busy(&mut client, "busy");
    for source in [server.url("busy"), server.data().join("busy").display().to_string()] {
        let mount = Mount::new(&[format!("busy={source}")]);
        agrees(&mount, &mut client, "busy", "t", "id", 20, 5);
        assert_eq!(errno(fs::metadata(mount.path("busy/history/t/12345.jsonl"))), libc::ENOENT);
    }
}

#[test]
fn keys_of_several_columns_are_joined_by_commas() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("pairs");
    client.run(&[
        "CREATE TABLE labels (issue varchar(20), label varchar(20), at int, PRIMARY KEY (issue, label))",
        "CREATE TABLE loose (a int)",
        "INSERT INTO labels VALUES ('bd-1', 'a,b/c', 1), ('bd-2', 'x', 1)",
        "INSERT INTO loose VALUES (1), (1)",
    ]);
    client.commit("one", "2026-01-01T00:00:00");
    client.run(&["UPDATE labels SET at = 2 WHERE issue = 'bd-1'", "DELETE FROM loose LIMIT 1"]);
    client.commit("two", "2026-01-02T00:00:00");
    let mount = Mount::new(&[server.url("pairs")]);
    assert_eq!(names(mount.path("pairs/history")), ["labels", "loose"]);
    let history = read_text(mount.path("pairs/history/labels/bd-1,a%2Cb%2Fc.jsonl"));
    assert_eq!(history.lines().count(), 2, "{history}");
    let loose = mount.path("pairs/history/loose/1.jsonl");
    assert_eq!(errno(fs::metadata(loose)), libc::ENOENT, "rows without a key have no history");
    let loose = read_text(mount.path("pairs/diff/HEAD~1..HEAD/loose.jsonl"));
    assert_eq!(loose, "{\"change\":\"removed\",\"key\":null,\"from\":{\"a\":1},\"to\":null}\n");
}

#[test]
fn the_working_set_goes_by_its_own_keys() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("w");
    client
        .run(&["CREATE TABLE wider (a int PRIMARY KEY, b int NOT NULL)", "INSERT INTO wider VALUES (1, 5)"]);
    client.commit("one", "2026-01-01T00:00:00");
    client.run(&[
        "CREATE TABLE fresh (k varchar(9) PRIMARY KEY, v int)",
        "INSERT INTO fresh VALUES ('a', 1)",
        "ALTER TABLE wider DROP PRIMARY KEY, ADD PRIMARY KEY (a, b)",
        "INSERT INTO wider VALUES (1, 6)",
    ]);
    for source in [server.url("w"), server.data().join("w").display().to_string()] {
        let mount = Mount::new(&[format!("w={source}")]);
        let fresh = read_text(mount.path("w/diff/latest..live/fresh.jsonl"));
        assert_eq!(
            fresh,
            "{\"change\":\"added\",\"key\":{\"k\":\"a\"},\"from\":null,\"to\":{\"k\":\"a\",\"v\":1}}\n",
            "{source}"
        );
        let wider = read_text(mount.path("w/diff/latest..live/wider.jsonl"));
        assert_eq!(
            wider,
            "{\"change\":\"added\",\"key\":{\"a\":1,\"b\":6},\"from\":null,\"to\":{\"a\":1,\"b\":6}}\n",
            "{source}"
        );
    }
}
