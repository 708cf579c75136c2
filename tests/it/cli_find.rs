//! `asof find`: when a text appeared and vanished, compared with the rows in Dolt's history.

use std::collections::{BTreeSet, HashMap};
use std::fs;

use serde_json::Value;

use crate::support::command::{Outcome, run};
use crate::support::mount::asof;
use crate::support::oracle::{self, Moment};
use crate::support::server::Server;
use crate::support::sql::quote;
use crate::support::{histories, temp_dir};

fn find(source: &str, args: &[&str]) -> Outcome {
    run(asof()).args(["find", "--cache-dir", "", "--from", source]).args(args).outcome()
}

#[track_caller]
fn found(source: &str, args: &[&str]) -> Vec<Value> {
    let told = find(source, &[&["--json"], args].concat()).expect_status(0).text();
    told.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The rows at each commit of `line` (oldest first), with key and line.
fn presence(rows: &[Value], line: &[String]) -> BTreeSet<(String, String, String)> {
    let place: HashMap<&str, usize> = line.iter().enumerate().map(|(at, hash)| (hash.as_str(), at)).collect();
    let mut all = BTreeSet::new();
    for row in rows {
        let end = row["gone"].get("commit").map_or(line.len(), |commit| place[text(commit)]);
        assert_eq!(row["still_there"], row["gone"].is_null(), "{row}");
        assert_eq!(text(&row["to"]["commit"]), line[end - 1], "{row}");
        let versions = row["versions"].as_array().expect("versions are shown");
        assert_eq!(versions[0]["commit"], row["from"]["commit"]);
        for (at, version) in versions.iter().enumerate() {
            let from = place[text(&version["commit"])];
            let to = versions.get(at + 1).map_or(end, |next| place[text(&next["commit"])]);
            for hash in &line[from..to] {
                all.insert((hash.clone(), row["key"]["id"].to_string(), text(&version["line"]).to_owned()));
            }
        }
    }
    all
}

#[test]
fn rows_are_there_when_dolt_says_so() {
    let server = Server::start();
    let mut client = server.client();
    histories::random(&mut client, "random", 11, 40);
    let mut line = vec![client.one("SELECT hash FROM dolt_branches WHERE name = 'main'")];
    let parents = client.first_parents();
    while let Some(parent) = parents.get(line.last().expect("it has a head")) {
        line.push(parent.clone());
    }
    line.reverse();
    let store = server.data().join("random").display().to_string();
    let mut compared = 0;
    for word in ["row 1", "row 7", "row "] {
        let over_server = found(&server.url("random"), &[word, "a"]);
        let from_files = found(&store, &[word, "random/a.jsonl"]);
        let told = presence(&over_server, &line);
        assert_eq!(told, presence(&from_files, &line), "over SQL and from the files");
        // Dolt's own index of all row versions: which rows exist at which commit.
        let sql = format!(
            "SELECT commit_hash, id FROM dolt_history_a WHERE v LIKE {}",
            quote(&format!("%{word}%"))
        );
        let history: BTreeSet<(String, String)> = client
            .texts(&sql)
            .into_iter()
            .map(|mut row| (row.remove(0), row.remove(0)))
            .filter(|(commit, _)| line.contains(commit))
            .collect();
        let keys = |told: &BTreeSet<(String, String, String)>| -> BTreeSet<(String, String)> {
            told.iter().map(|(commit, key, _)| (commit.clone(), key.clone())).collect()
        };
        assert_eq!(keys(&told), history, "{word}");
        compared += history.len();
        // The rows that they contain at those commits.
        for commit in line.iter().skip(1).step_by(5) {
            let rendered =
                String::from_utf8(oracle::render(&mut client, "a", Moment::Ref(commit))).expect("UTF-8");
            let wanted: BTreeSet<&str> = rendered.lines().filter(|line| line.contains(word)).collect();
            let lines: BTreeSet<&str> =
                told.iter().filter(|(c, ..)| c == commit).map(|(.., l)| &**l).collect();
            assert_eq!(lines, wanted, "{word} at {commit}");
        }
    }
    assert!(compared > 100, "{compared} rows are too few to tell");
}

#[test]
fn each_version_of_a_table_is_asked_for_once_at_most() {
    let server = Server::start();
    histories::tour(&mut server.client(), "demo");
    let before = server.statements().len();
    let told = found(&server.url("demo"), &["bd-2"]);
    assert_eq!(told.len(), 2, "{told:?}");
    let asked = server.statements().split_off(before);
    let whole: Vec<&String> =
        asked.iter().filter(|sql| sql.starts_with("SELECT *") && sql.contains("AS OF")).collect();
    for table in ["issues", "labels"] {
        assert!(whole.iter().any(|sql| sql.contains(&format!("`{table}`"))), "{asked:#?}");
    }
    let distinct: BTreeSet<&String> = whole.iter().copied().collect();
    assert_eq!(distinct.len(), whole.len(), "nothing is read twice: {whole:#?}");
}

#[test]
fn people_see_from_when_to_when() {
    let server = Server::start();
    histories::tour(&mut server.client(), "demo");
    let source = server.url("demo");
    let closed = find(&source, &["Mount a server", "issues"]).expect_status(0).text();
    for words in [
        "demo/issues id=\"bd-1\"\n",
        "  from 2026-01-05T120000Z  ",
        "  first issues\n       {\"id\":\"bd-1\",\"title\":\"Mount a server\",\"status\":\"open\"}\n",
        "  then 2026-01-05T183000Z  ",
        "\"status\":\"closed\"}\n",
        "  still there in 2026-01-07T200000Z\n",
    ] {
        assert!(closed.contains(words), "{words:?} is not in {closed}");
    }
    let gone = find(&source, &["bd-2", "issues"]).expect_status(0).text();
    assert!(gone.contains("  to   2026-01-06T090000.156Z\n"), "{gone}");
    assert!(gone.contains("  gone 2026-01-07T200000Z  ") && gone.contains("  drop bd-2\n"), "{gone}");
    let open = find(&source, &["\"status\":\"open\"", "issues"]).expect_status(0).text();
    assert!(open.contains("  gone 2026-01-05T183000Z") && open.contains("close bd-1"), "{open}");
}

#[test]
fn patterns_and_statuses() {
    let dir = temp_dir();
    for (name, rows) in [
        ("db-20260101-0000", "{\"id\":\"a\",\"v\":\"say \\\"Hi\\\"\"}\n{\"id\":\"b\",\"v\":\"one.two\"}\n"),
        ("db-20260102-0000", "{\"id\":\"b\",\"v\":\"one two\"}\n"),
        ("db-20260103-0000", "{\"id\":\"a\",\"v\":\"say \\\"Hi\\\"\"}\n{\"id\":\"b\",\"v\":\"one two\"}\n"),
    ] {
        fs::write(dir.path().join(format!("{name}.jsonl")), rows).expect("the folder is ours");
    }
    let source = dir.path().display().to_string();
    let spans = |args: &[&str]| -> Vec<(String, String, bool)> {
        let day = |value: &Value| text(&value["time"])[8..10].to_owned();
        let rows = found(&source, &[args, &["--timezone", "UTC"]].concat());
        rows.iter().map(|r| (day(&r["from"]), day(&r["to"]), r["still_there"] == true)).collect()
    };
    let (first, third) =
        (("01".to_owned(), "01".to_owned(), false), ("03".to_owned(), "03".to_owned(), true));
    assert_eq!(spans(&["say \"Hi\""]), [first.clone(), third.clone()], "as JSON spells it, twice");
    assert_eq!(spans(&["-i", "SAY"]), [first.clone(), third]);
    assert_eq!(spans(&["one.two"]), [first], "a dot is a dot");
    assert_eq!(spans(&["-e", "one.two"]), [("01".to_owned(), "03".to_owned(), true)]);
    for (args, status, words) in [
        (&["nowhere to be found"][..], 1, ""),
        (&["SAY"], 1, ""),
        (&["-e", "("], 2, "is not a regular expression"),
        (&[""], 2, "an empty text"),
        (&["a", "nope"], 2, "no snapshot has a table `nope`"),
        (&["--no-such-flag", "a"], 2, "--no-such-flag"),
    ] {
        let outcome = find(&source, args).expect_status(status);
        assert!(
            outcome.stderr.contains(words) && outcome.stderr.is_empty() == words.is_empty(),
            "{}",
            outcome.stderr
        );
        assert_eq!(outcome.text(), "", "{args:?}");
    }
    find("/nowhere/at/all", &["a"]).expect_status(2);
}

#[test]
fn a_leaf_of_long_rows_is_searched_within_little_memory() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("long");
    client.run(&[
        "CREATE TABLE t (id int PRIMARY KEY, text longtext)",
        "INSERT INTO t WITH RECURSIVE n AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM n WHERE id < 150)
         SELECT id, concat(repeat('x', 200000), ' number ', id) FROM n",
    ]);
    client.commit("t", "2026-01-01T00:00:00");
    let store = server.data().join("long").display().to_string();
    let rows = found(&store, &["--cache-size", "16M", "number 77"]);
    assert_eq!(rows.len(), 1, "{} rows", rows.len());
    assert_eq!(rows[0]["key"]["id"], 77);
}

#[test]
fn what_cannot_be_read_is_trouble_and_the_rest_is_told() {
    let dir = temp_dir();
    fs::write(dir.path().join("db-20260101-0000.jsonl"), "{\"id\":\"a\"}\n").expect("the folder is ours");
    fs::write(dir.path().join("db-20260102-0000.jsonl"), "{\"id\":\"a\"}\n{\"id\":")
        .expect("the folder is ours");
    let source = dir.path().display().to_string();
    let outcome = find(&source, &["\"a\"", "--timezone", "UTC"]).expect_status(2);
    assert!(outcome.text().contains("from 2026-01-01T000000Z"), "{}", outcome.text());
    assert!(outcome.stderr.contains("2026-01-02T000000Z/issues.jsonl"), "{}", outcome.stderr);
}
