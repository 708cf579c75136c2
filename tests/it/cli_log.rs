//! `asof log`: what each snapshot changed, compared with Dolt's answer.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::support::command::{run, shell};
use crate::support::mount::asof;
use crate::support::server::Server;
use crate::support::sql::{Client, quote};
use crate::support::{histories, temp_dir};

#[track_caller]
fn log(source: &str, args: &[&str]) -> Vec<Value> {
    let told = run(asof()).args(["log", "--cache-dir", "", "--json", "--from", source]).args(args).ok();
    told.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// Rows added, removed and modified.
type Counts = (u64, u64, u64);

/// Dolt's counts for the tables that a commit changed; `None` if the schema changed too.
fn truth(client: &mut Client, parent: &str, commit: &str) -> BTreeMap<String, Option<Counts>> {
    let range = format!("{}, {}", quote(parent), quote(commit));
    let summary = client.texts(&format!(
        "SELECT COALESCE(NULLIF(to_table_name, ''), from_table_name), schema_change, diff_type, data_change
           FROM dolt_diff_summary({range})"
    ));
    let is_set = |cell: &str| matches!(cell, "1" | "true");
    let mut tables = BTreeMap::new();
    for row in summary {
        let is_modified = row[2] == "modified";
        if is_modified && !is_set(&row[1]) && !is_set(&row[3]) {
            continue;
        }
        let counted = !is_modified || !is_set(&row[1]);
        let stat = client.texts(&format!(
            "SELECT rows_added, rows_deleted, rows_modified FROM dolt_diff_stat({range}, {})",
            quote(&row[0])
        ));
        let number = |at: usize| stat.first().map_or(0, |s| s[at].parse::<u64>().unwrap_or(0));
        tables.insert(row[0].clone(), counted.then(|| (number(0), number(1), number(2))));
    }
    tables
}

fn told(entry: &Value) -> BTreeMap<String, Counts> {
    let changes = entry["changes"].as_array().expect("changes are reported");
    let of_tables = changes.iter().filter(|change| change["file"] != "schema.sql");
    let counts = |change: &Value| {
        let number = |name: &str| change[name].as_u64().unwrap_or_else(|| panic!("{name} of {change}"));
        (number("rows_added"), number("rows_removed"), number("rows_modified"))
    };
    of_tables.map(|change| (change["table"].as_str().expect("a name").to_owned(), counts(change))).collect()
}

#[test]
fn counts_are_those_of_dolt() {
    let server = Server::start();
    let mut client = server.client();
    histories::random(&mut client, "random", 7, 40);
    let store = server.data().join("random").display().to_string();
    let over_server = log(&server.url("random"), &[]);
    let from_files = log(&store, &[]);
    let order = client.texts("SELECT commit_hash FROM dolt_log").len();
    assert_eq!(over_server.len(), order);
    let parents = client.first_parents();
    let mut compared = 0;
    for (entry, same) in over_server.iter().zip(&from_files) {
        assert_eq!(entry["commit"], same["commit"]);
        let commit = entry["commit"].as_str().expect("Dolt has commits");
        assert_eq!(told(entry), told(same), "{commit}: over SQL and from the files");
        let Some(parent) = parents.get(commit) else { continue };
        let (wanted, found) = (truth(&mut client, parent, commit), told(entry));
        for (table, counts) in wanted.iter().filter_map(|(table, counts)| Some((table, counts.as_ref()?))) {
            assert_eq!(found.get(table), Some(counts), "{table} at {commit}: {entry}");
            compared += 1;
        }
        let more: Vec<_> = found.keys().filter(|table| !wanted.contains_key(*table)).collect();
        assert!(more.is_empty(), "{commit}: {more:?} where Dolt says {wanted:?}");
    }
    assert!(compared > 30, "{compared} tables are too few to tell");
}

#[test]
fn one_table_and_the_newest_few() {
    let server = Server::start();
    histories::tour(&mut server.client(), "demo");
    let messages = |args: &[&str]| -> Vec<String> {
        log(&server.url("demo"), args)
            .iter()
            .map(|e| e["message"].as_str().expect("text").to_owned())
            .collect()
    };
    assert_eq!(messages(&["-n", "2"]), ["drop bd-2", "labels"]);
    let all = messages(&[]);
    assert_eq!(all.last().map(String::as_str), Some("Initialize data repository"), "whatever its date says");
    for target in ["labels", "demo/labels", "demo/labels.jsonl"] {
        assert_eq!(messages(&[target]), ["labels", "first issues"], "{target}");
    }
    assert_eq!(messages(&["-n", "1", "issues"]), ["drop bd-2"]);
    assert_eq!(messages(&["--no-stat", "issues"]), ["drop bd-2", "close bd-1", "first issues"]);
    let wrong = |target: &str| {
        run(asof())
            .args(["log", "--cache-dir", "", "--from"])
            .arg(server.url("demo"))
            .arg(target)
            .outcome()
            .expect_status(1)
            .stderr
    };
    assert!(wrong("lables").contains("no snapshot has a table `lables`"), "{}", wrong("lables"));
    assert!(wrong("lables").contains("did you mean `labels`?"), "{}", wrong("lables"));
    let stranger = wrong("nope/issues");
    assert!(stranger.contains("there is no database `nope`; the databases are: "), "{stranger}");
    let names: Vec<Value> = log(&server.url("demo"), &[]).into_iter().map(|e| e["names"].clone()).collect();
    assert!(
        names.contains(&serde_json::json!(["tag: v1"])) && names.contains(&serde_json::json!(["main"])),
        "{names:?}"
    );
}

#[test]
fn people_see_who_when_and_how_much() {
    let server = Server::start();
    histories::tour(&mut server.client(), "demo");
    let source = server.url("demo");
    let text = run(asof()).args(["log", "--cache-dir", "", "--from", &source, "issues"]).ok();
    let hash = server.client().one("SELECT commit_hash FROM demo.dolt_log WHERE message = 'drop bd-2'");
    let wanted = format!(
        "snapshot demo/asof/2026-01-07T200000Z (main)\nCommit: {}\nAuthor: root <root@127.0.0.1>\n\
         Date:   2026-01-07T20:00:00Z\n\n    drop bd-2\n\n issues | -1 -\n\n\
         snapshot demo/asof/2026-01-05T183000Z\n",
        &hash[..8]
    );
    let author = text.lines().find(|line| line.starts_with("Author: ")).expect("it tells who");
    let wanted = wanted.replace("Author: root <root@127.0.0.1>", author);
    assert!(text.starts_with(&wanted), "{text}");
    assert!(author.contains('<') && author.ends_with('>'), "{author}");
    assert!(text.contains(" issues | ~1 ~\n") && text.ends_with(" issues | +3 +++ (new)\n"), "{text}");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let dir = temp_dir();
    fs::write(dir.path().join("db-20260101-0000.jsonl"), "{\"a\":1}\n").expect("the folder is ours");
    let command = format!("'{}' log --cache-dir '' --from '{}'", asof().display(), dir.path().display());
    let terminal = |setting: &str, option: &str| {
        shell(&format!("script -qec \"{setting} {command} {option}\" /dev/null")).env("TERM", "xterm").ok()
    };
    let has_colours = |text: String| text.contains("\x1b[");
    assert!(has_colours(terminal("", "")), "on a terminal");
    assert!(!has_colours(terminal("NO_COLOR=1", "")), "not where they are not wanted");
    assert!(!has_colours(terminal("", "--color never")));
    assert!(has_colours(terminal("NO_COLOR=1", "--color always")), "who asks for them gets them");
    assert!(!has_colours(shell(&command).ok()), "not in a pipe");
    assert!(has_colours(shell(&format!("{command} --color always")).ok()));
    shell(&format!("{command} --color sometimes")).outcome().expect_status(2);
}

#[test]
fn exports_are_held_against_the_one_before() {
    let dir = temp_dir();
    for (name, rows) in [
        ("db-20260101-0000", "{\"id\":1,\"v\":\"a\"}\n{\"id\":2,\"v\":\"a\"}\n"),
        ("db-20260102-0000", "{\"id\":1,\"v\":\"a\"}\n{\"id\":2,\"v\":\"b\"}\n{\"id\":3,\"v\":\"a\"}\n"),
        ("db-20260103-0000", "{\"id\":1,\"v\":\"a\"}\n{\"id\":2,\"v\":\"b\"}\n{\"id\":3,\"v\":\"a\"}\n"),
        ("db-20260104-0000", "{\"id\":3,\"v\":\"a\"}\n"),
    ] {
        fs::write(dir.path().join(format!("{name}.jsonl")), rows).expect("the folder is ours");
    }
    let source = dir.path().display().to_string();
    let entries = log(&source, &["--timezone", "UTC"]);
    let counts: Vec<Vec<Counts>> = entries.iter().map(|e| told(e).into_values().collect()).collect();
    // No key is known, but each row has an id.
    assert_eq!(counts, [vec![(0, 2, 0)], vec![], vec![(1, 0, 1)], vec![(2, 0, 0)]]);
    let times: Vec<&Value> = entries.iter().map(|e| &e["time"]).collect();
    assert_eq!(times[0], "2026-01-04T00:00:00Z");
    let piped = shell(&format!(
        "set -o pipefail; '{}' log --cache-dir '' --from '{source}' | head -n 1",
        asof().display()
    ));
    assert_eq!(piped.outcome().expect_status(0).stderr, "");
}

/// Rows of several MiB: one leaf of a store's tree holds more of them than fit in one segment.
#[test]
fn long_rows_are_told_over_sql_and_from_files() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("long");
    client.run(&[
        "CREATE TABLE t (id int PRIMARY KEY, v longtext)",
        "INSERT INTO t VALUES (1, repeat('a', 3000000)), (2, repeat('b', 3000000)), (3, repeat('c', 3000000))",
    ]);
    client.commit("rows", "2026-01-01T00:00:00");
    client.run(&["UPDATE t SET v = concat(v, ' needle') WHERE id = 2", "INSERT INTO t VALUES (4, 'needle')"]);
    client.commit("needles", "2026-01-02T00:00:00");
    for source in [server.url("long"), server.data().join("long").display().to_string()] {
        let counts: Vec<_> = log(&source, &["t"]).iter().map(|entry| told(entry)["t"]).collect();
        assert_eq!(counts, [(1, 0, 1), (3, 0, 0)], "{source}");
        let found =
            run(asof()).args(["find", "--cache-dir", "", "--json", "needle", "t", "--from", &source]).ok();
        let keys: Vec<Value> = found
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON")["key"]["id"].clone())
            .collect();
        assert_eq!(keys, [2, 4], "{source}");
    }
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_goes_on() {
    let dir = temp_dir();
    fs::write(dir.path().join("db-20260101-0000.jsonl"), "{\"id\":1}\n").expect("the folder is ours");
    fs::write(dir.path().join("db-20260102-0000.jsonl"), "{\"id\":1}\n{\"id\":").expect("the folder is ours");
    let source = dir.path().display().to_string();
    let command = |args: &[&str]| {
        run(asof())
            .args(["log", "--cache-dir", "", "--timezone", "UTC", "--from", &source])
            .args(args)
            .outcome()
    };
    let told = command(&[]).expect_status(1).text();
    // The raw lines of a truncated export appear next to its rows.
    assert!(told.contains(" issues.json | +2 ++ (new)\n"), "{told}");
    assert!(told.contains(" issues      | cannot be read: "), "{told}");
    assert!(told.ends_with(" issues | +1 + (new)\n"), "{told}");
    let entries = command(&["--json"]).expect_status(1).text();
    let newest: Value = serde_json::from_str(entries.lines().next().expect("a line")).expect("it is JSON");
    assert!(
        newest["changes"][1]["error"].is_string() && newest["changes"][1]["rows_added"].is_null(),
        "{newest}"
    );
    let unread = command(&["--no-stat"]).expect_status(0).text();
    assert!(unread.contains(" issues      | changed\n"), "{unread}");
}
