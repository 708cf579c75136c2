//! `asof diff` agrees with a mount's `diff/` and with Dolt; and its output for people.

mod names;
mod output;

use std::collections::BTreeMap;
use std::path::Path;

use asof::model::row::{Row, key_name, text_of};
use serde_json::Value;

use crate::forensics::{busy, server_says};
use crate::support::command::{Outcome, run};
use crate::support::files::{names, read_text};
use crate::support::mount::{Mount, asof};
use crate::support::server::Server;
use crate::support::sql::Client;
use crate::support::{archives, histories};

fn diff<S: AsRef<str>>(sources: &[S], args: &[&str]) -> Outcome {
    let from = sources.iter().flat_map(|source| ["--from", source.as_ref()]);
    run(asof()).args(["diff", "--cache-dir", "", "--timezone", "UTC"]).args(from).args(args).outcome()
}

#[track_caller]
fn shown<S: AsRef<str>>(sources: &[S], args: &[&str]) -> String {
    let outcome = diff(sources, args).expect_status(0);
    assert_eq!(outcome.stderr, "");
    outcome.text()
}

/// The expected output of `--json` for tables, from a mount: the lines of each file of a difference, with the names in front.
fn of_mount(mount: &Mount, database: &str, pair: &str) -> String {
    let folder = mount.path(&format!("{database}/diff/{pair}"));
    let mut all = String::new();
    for file in names(&folder) {
        let Some(table) = file.strip_suffix(".jsonl") else { continue };
        for line in read_text(folder.join(&file)).lines() {
            let rest = line.strip_prefix('{').expect("a line is an object");
            all.push_str(&format!("{{\"database\":\"{database}\",\"table\":\"{table}\",{rest}\n"));
        }
    }
    all
}

fn of_tables(text: &str) -> String {
    text.lines().filter(|line| line.contains("\",\"table\":\"")).map(|line| format!("{line}\n")).collect()
}

/// A row that is asked for by its key has the lines that it has among all others.
fn rows_by_key(sources: &[String], [from, to]: [&str; 2], all: &str) {
    let mut rows = BTreeMap::<_, String>::new();
    for line in all.lines() {
        let row = Row::parse(line.as_bytes()).expect("a line is an object");
        let [table, key] = ["table", "key"].map(|name| row.get(name).expect("each line has both"));
        let Some(key) = Row::parse(key.as_bytes()) else { continue };
        let name = key_name(&key.columns().map(|(_, value)| value).collect::<Vec<_>>());
        rows.entry((text_of(table), name)).or_default().push_str(&format!("{line}\n"));
    }
    for ((table, name), lines) in rows.into_iter().take(6) {
        let told = shown(sources, &["--json", "--", from, to, &table, &name]);
        assert_eq!(told, lines, "{name} of {table} from {from} to {to}");
    }
}

#[test]
fn json_is_what_a_mount_has() {
    let server = Server::start();
    let mut client = server.client();
    histories::random(&mut client, "random", 11, 30);
    let store = server.data().join("random").display().to_string();
    let mut lines = 0;
    for source in [server.url("random"), store] {
        let sources = [format!("random={source}")];
        let mount = Mount::new(&sources);
        for (from, to) in [("HEAD~1", "HEAD"), ("HEAD~12", "main"), ("latest", "HEAD~20"), ("HEAD~5", "live")]
        {
            let (word, pair) = (format!("{from}..{to}"), format!("{from}..{to}"));
            let wanted = of_mount(&mount, "random", &pair);
            lines += wanted.lines().count();
            assert_eq!(of_tables(&shown(&sources, &["--json", &word])), wanted, "{pair}");
            assert_eq!(of_tables(&shown(&sources, &["--json", from, to])), wanted, "{pair}");
            rows_by_key(&sources, [from, to], &wanted);
            let summary = read_text(mount.path(&format!("random/diff/{pair}/summary.json")));
            let wanted = format!("{{\"database\":\"random\",{}", &summary[1..]);
            assert_eq!(shown(&sources, &["--json", "--stat", &word]), wanted, "{pair}");
            assert_eq!(shown(&sources, &["--json", "--summary", &word]), wanted, "{pair}");
        }
    }
    assert!(lines > 50, "{lines} lines are too few to tell");
}

#[test]
fn changes_are_those_of_dolt() {
    let server = Server::start();
    let mut client = server.client();
    busy(&mut client, "busy");
    let sources = [server.url("busy")];
    let log = client.texts("SELECT commit_hash FROM dolt_log ORDER BY commit_order DESC");
    let hash = |at: usize| log[at][0].as_str();
    for (from, to) in [(30, 0), (3, 2), (0, 17), (12, 25)] {
        let wanted = server_says(&mut client, "t", "id", hash(from), hash(to));
        let told = shown(&sources, &["--json", hash(from), &hash(to)[..12], "t"]);
        let told = told.lines().map(|line| {
            let line: Value = serde_json::from_str(line).expect("a line is JSON");
            let kind = line["change"].as_str().expect("a text").to_owned();
            let of_both = line["from"].as_object().filter(|_| kind == "modified");
            let changed = of_both.map(|from| from.keys().cloned().collect()).unwrap_or_default();
            (kind, line["key"]["id"].to_string(), changed)
        });
        assert_eq!(told.collect::<std::collections::BTreeSet<_>>(), wanted, "{from} {to}");
        assert!(!wanted.is_empty());
    }
}

const LONG: &str = "The pump in hall 3 leaks since the storm.\nNobody has looked at it until now, as the key is lost.\n\
                    Ask the caretaker, who has another one.";

/// Two commits over issues whose schema changes, labels with a key of two columns, rows without a key, and tables
/// that are added and dropped.
fn kinds(client: &mut Client, database: &str) {
    client.new_database(database);
    client.run(&[
        "CREATE TABLE issues (id varchar(20) PRIMARY KEY, title varchar(200), body longtext, n decimal(10,2), old int)",
        "CREATE TABLE labels (issue varchar(20), label varchar(20), at int, PRIMARY KEY (issue, label))",
        "CREATE TABLE loose (a int, b varchar(20))",
        "CREATE TABLE going (id int PRIMARY KEY)",
        "INSERT INTO issues VALUES ('bd-1','Mount a server',NULL,1.50,7), ('bd-2','Mount an archive','',2,NULL),
           ('bd-3','Write it down',NULL,3,NULL)",
        "INSERT INTO labels VALUES ('bd-1','a,b/c',1), ('bd-2','x',1)",
        "INSERT INTO loose VALUES (1,'one'), (1,'one'), (2,'two')",
        "INSERT INTO going VALUES (1)",
    ]);
    client.run(&[&format!("UPDATE issues SET body = '{LONG}' WHERE id = 'bd-1'")]);
    client.commit("one", "2026-01-01T00:00:00");
    client.run(&[
        "UPDATE issues SET title = 'Mount the server', n = 1.75 WHERE id = 'bd-1'",
        "UPDATE issues SET body = REPLACE(body, 'hall 3', 'hall 4') WHERE id = 'bd-1'",
        "ALTER TABLE issues ADD COLUMN late json",
        "ALTER TABLE issues DROP COLUMN old",
        "UPDATE issues SET late = '{\"a\": [1, \"x\"]}' WHERE id = 'bd-3'",
        "DELETE FROM issues WHERE id = 'bd-2'",
        "INSERT INTO issues VALUES ('bd-10', 'Ten', '', NULL, 'null')",
        "UPDATE labels SET at = 2 WHERE issue = 'bd-1'",
        "DELETE FROM loose WHERE a = 1 LIMIT 1",
        "INSERT INTO loose VALUES (3, NULL)",
        "DROP TABLE going",
        "CREATE TABLE coming (id int PRIMARY KEY, v text)",
        "INSERT INTO coming VALUES (1, 'x')",
    ]);
    client.commit("two", "2026-01-02T00:00:00");
}

/// The expected output for the second commit, with `B` for its `schema.sql`.
const SEEN: &str = "\
diff kinds/asof/2026-01-01T000000Z kinds/asof/2026-01-02T000000Z
table coming: +1 (new)
+ 1  v: \"x\"
table going: -1 (gone)
- 1
table issues: +1 -1 ~2
~ bd-1
    title: \"Mount a server\" -> \"Mount the server\"
    body:
      The pump in hall [-3-]{+4+} leaks since the storm.
      …
    n: 1.50 -> 1.75
    old: 7 -> null
+ bd-10  title: \"Ten\"
- bd-2  title: \"Mount an archive\", n: 2.00
~ bd-3
    late: null -> {\"a\":[1,\"x\"]}
table labels: ~1
~ bd-1,a%2Cb%2Fc
    at: 1 -> 2
table loose: +1 -1
-  a: 1, b: \"one\"
+  a: 3
file schema.sql: B
";

#[test]
fn people_see_rows_and_columns() {
    let server = Server::start();
    kinds(&mut server.client(), "kinds");
    let store = server.data().join("kinds").display().to_string();
    for source in [server.url("kinds"), store] {
        let sources = [format!("kinds={source}")];
        let cat = |at: &str| {
            let path = format!("asof/{at}/schema.sql");
            run(asof()).args(["cat", "--cache-dir", "", "--from", &sources[0], &path]).ok().len()
        };
        let schema = format!("{} bytes -> {} bytes", cat("2026-01-01"), cat("2026-01-02"));
        let wanted = SEEN.replace("schema.sql: B", &format!("schema.sql: {schema}"));
        for args in [&["HEAD~1", "HEAD"][..], &["2026-01-01..2026-01-02"], &["kinds/HEAD~1..latest"]] {
            assert_eq!(shown(&sources, args), wanted, "{args:?}");
        }
        let back = shown(&sources, &["asof/2026-01-02", "/kinds/asof/2026-01-01/", "labels"]);
        let (head, line) =
            ("diff kinds/asof/2026-01-02T000000Z kinds/asof/2026-01-01T000000Z", "    at: 2 -> 1");
        assert_eq!(back, format!("{head}\ntable labels: ~1\n~ bd-1,a%2Cb%2Fc\n{line}\n"));
        assert_eq!(shown(&sources, &["HEAD", "HEAD"]), "");
        let stat = shown(&sources, &["HEAD~1", "HEAD", "--stat"]);
        let lines: Vec<&str> = stat.lines().collect();
        assert_eq!(lines[1], " coming     | +1       + (new)");
        assert_eq!(lines[3], " issues     | +1 -1 ~2 +-~~");
        let named = shown(&sources, &["HEAD~1", "HEAD", "--name-only"]);
        assert_eq!(named, "coming\ngoing\nissues\nlabels\nloose\nschema.sql\n");
    }
}

#[test]
fn one_row_is_shown_whole() {
    let server = Server::start();
    kinds(&mut server.client(), "kinds");
    let sources = [server.url("kinds")];
    let row = |table: &str, key: &str| -> String {
        let text = shown(&sources, &["HEAD~1", "HEAD", table, key]);
        text.lines().skip(1).map(|line| format!("{line}\n")).collect()
    };
    let removed = "table issues: -1\n- bd-2\n    title: \"Mount an archive\"\n    n: 2.00\n";
    assert_eq!(row("issues", "bd-2"), removed);
    assert_eq!(row("issues.jsonl", "bd-2"), removed);
    assert_eq!(row("kinds/issues", "bd-2"), removed);
    let label = "table labels: ~1\n~ bd-1,a%2Cb%2Fc\n    at: 1 -> 2\n";
    assert_eq!(row("labels", "bd-1,a%2Cb%2Fc"), label);
    assert_eq!(row("coming", "1"), "table coming: +1 (new)\n+ 1\n    v: \"x\"\n");
    let went = diff(&sources, &["HEAD", "HEAD~1", "issues", "bd-10"]).expect_status(0).text();
    assert!(went.ends_with("- bd-10\n    title: \"Ten\"\n"), "{went}");
    let json = shown(&sources, &["HEAD~1", "HEAD", "issues", "bd-3", "--json"]);
    let line = "\"change\":\"modified\",\"key\":{\"id\":\"bd-3\"},\"from\":{\"late\":null},\"to\":{\"late\":{\"a\":[1,\"x\"]}}";
    assert_eq!(json, format!("{{\"database\":\"kinds\",\"table\":\"issues\",{line}}}\n"));
    // It exists, and is the same on both sides.
    assert_eq!(shown(&sources, &["HEAD~1", "HEAD", "labels", "bd-2,x"]), "");
}

/// Two zips of raw files next to tables.
fn zips(dir: &Path) {
    archives::write_zip(
        &dir.join("2026-01-01T000000.zip"),
        &[("a.jsonl", b"{\"id\":1}\n"), ("notes.txt", b"one\n"), ("same.bin", b"\0\0"), ("gone.txt", b"x")],
    );
    archives::write_zip(
        &dir.join("2026-01-02T000000.zip"),
        &[
            ("a.jsonl", b"{\"id\":2}\n"),
            ("notes.txt", b"two\n"),
            ("same.bin", b"\0\0"),
            ("new/n.bin", b"\0\x01\x02\x03"),
        ],
    );
}
