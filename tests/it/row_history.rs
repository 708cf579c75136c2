//! `history/` over tables whose keys, columns and identity change, checked by comparing each commit with its parent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::support::files::{errno, read_text};
use crate::support::mount::Mount;
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::sql::{Client, ident, quote};

/// The non-NULL columns of a row, as text.
type Row = BTreeMap<String, String>;
type Rows = BTreeMap<String, Row>;
/// Commit, kind of change, the row after it (or before its removal), and the columns that changed.
type Event = (String, String, Row, BTreeSet<String>);

/// Random changes of single rows, one commit each.
struct Author<'c> {
    client: &'c mut Client,
    random: Random,
    commits: u32,
}

impl Author<'_> {
    fn commit(&mut self, message: &str) {
        self.commits += 1;
        let date = format!("2026-01-01T{:02}:{:02}:00", self.commits / 60, self.commits % 60);
        self.client.commit(message, &date);
    }

    /// Commits of changes to rows with keys of this form.
    fn work(&mut self, table: &str, key: impl Fn(u64) -> String, commits: usize) {
        for _ in 0..commits {
            let id = quote(&key(self.random.below(60)));
            let table = ident(table);
            let text = quote(&format!("it's {} \"é\"", self.random.below(1000)));
            let sql = match self.random.below(4) {
                0 => format!("DELETE FROM {table} WHERE id = {id}"),
                _ => format!("REPLACE INTO {table} (id, s) VALUES ({id}, {text})"),
            };
            self.client.run(&[&sql]);
            self.commit(&sql);
        }
    }

    fn alter(&mut self, sql: &str) {
        self.client.run(&[sql]);
        self.commit(sql);
    }
}

/// The changes of each table.
fn grow(client: &mut Client) {
    client.new_database("grown");
    let mut author = Author { client, random: Random::new(3), commits: 0 };
    let number = |n: u64| n.to_string();
    let word = |n: u64| format!("k,{n}/é");
    // A key that becomes a text, a new column, and more than a hundred versions after that.
    author.alter("CREATE TABLE t (id int PRIMARY KEY, s text)");
    author.work("t", number, 30);
    author.alter("ALTER TABLE t MODIFY COLUMN id varchar(36)");
    author.work("t", word, 15);
    author.alter("ALTER TABLE t ADD COLUMN late int DEFAULT 7");
    author.work("t", number, 60);
    // A merge brings the changes of a branch all at once.
    author.client.run(&["CALL DOLT_CHECKOUT('-b', 'side')"]);
    author.work("t", word, 5);
    author.client.run(&["CALL DOLT_CHECKOUT('main')"]);
    author.work("t", number, 5);
    author.alter("CALL DOLT_MERGE('side', '--no-ff', '--no-commit')");
    author.work("t", word, 60);
    // A table that is recreated with another key, and one with case-insensitive keys.
    author.alter("CREATE TABLE u (id varchar(20) PRIMARY KEY, s text)");
    author.work("u", word, 10);
    author.alter("DROP TABLE u");
    author.alter("CREATE TABLE u (id bigint PRIMARY KEY, other int, s text)");
    author.work("u", number, 10);
    author.alter("CREATE TABLE c (id varchar(20) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, s text)");
    // A key that never changes, with a hundred versions: asof fetches these in one query.
    author.alter("CREATE TABLE w (id varchar(20) PRIMARY KEY, s text)");
    author.work("w", word, 10);
    author.alter("ALTER TABLE w ADD COLUMN late int");
    author.work("w", word, 130);
    author.work("c", |n| if n % 2 == 0 { format!("K{}", n / 4) } else { format!("k{}", n / 4) }, 20);
}

/// The rows of a table at a commit; none if the table does not exist.
fn rows_at(client: &mut Client, table: &str, commit: &str) -> Rows {
    let as_of = quote(commit);
    let Ok(columns) = client.query(&format!("SHOW COLUMNS FROM {} AS OF {as_of}", ident(table))) else {
        return Rows::new();
    };
    let name = |row: &Vec<Option<Vec<u8>>>| {
        String::from_utf8(row[0].clone().expect("a column has a name")).expect("names are UTF-8")
    };
    let names: Vec<String> = columns.iter().map(name).collect();
    let rows = client.rows(&format!("SELECT * FROM {} AS OF {as_of}", ident(table)));
    let row = |row: Vec<Option<Vec<u8>>>| {
        let values = names.iter().zip(row);
        let values = values
            .filter_map(|(name, value)| Some((name.clone(), String::from_utf8(value?).expect("UTF-8"))));
        let row: Row = values.collect();
        (row["id"].clone(), row)
    };
    rows.into_iter().map(row).collect()
}

/// The events of each row, by key.
fn events(client: &mut Client, table: &str) -> BTreeMap<String, BTreeSet<Event>> {
    let parents = client.first_parents();
    let commits = client.texts("SELECT commit_hash FROM dolt_log");
    let at: BTreeMap<String, Rows> = commits
        .into_iter()
        .map(|row| {
            let rows = rows_at(client, table, &row[0]);
            (row[0].clone(), rows)
        })
        .collect();
    let none = Rows::new();
    let mut events: BTreeMap<String, BTreeSet<Event>> = BTreeMap::new();
    for (commit, now) in &at {
        let before = parents.get(commit).map_or(&none, |parent| &at[parent]);
        for key in now.keys().chain(before.keys()).collect::<BTreeSet<_>>() {
            let event = match (before.get(key), now.get(key)) {
                (Some(before), Some(now)) if before == now => continue,
                (Some(before), Some(now)) => {
                    let columns = before.keys().chain(now.keys());
                    let changed = columns.filter(|name| before.get(*name) != now.get(*name)).cloned();
                    ("modified", now, changed.collect())
                }
                (None, Some(now)) => ("added", now, BTreeSet::new()),
                (Some(before), None) => ("removed", before, BTreeSet::new()),
                (None, None) => unreachable!("one of both has the key"),
            };
            let (kind, row, changed) = event;
            let event = (commit.clone(), kind.to_owned(), row.clone(), changed);
            events.entry(key.clone()).or_default().insert(event);
        }
    }
    events
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The content of a file of `history/`. A number that became a text of the same digits is not a change of the row.
fn told(mount: &Mount, table: &str, key: &str) -> BTreeSet<Event> {
    let name = key.replace('/', "%2F").replace(',', "%2C");
    let lines = read_text(mount.path(&format!("grown/history/{table}/{name}.jsonl")));
    let mut times = Vec::new();
    let event = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        times.push(text(&line["time"]));
        let row = line["row"].as_object().expect("a row is an object").iter();
        let row: Row = row
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
        let changed = line["changed"].as_array().expect("a list").iter().map(text).collect();
        (text(&line["commit"]), text(&line["change"]), row, changed)
    };
    let events: Vec<Event> = lines.lines().map(event).collect();
    assert!(times.is_sorted(), "the oldest is first: {times:?}");
    let count = events.len();
    let id = BTreeSet::from(["id".to_owned()]);
    let events: BTreeSet<Event> = events.into_iter().collect();
    assert_eq!(events.len(), count, "each change of {key} once");
    events.into_iter().filter(|(.., changed)| *changed != id).collect()
}

#[test]
fn rows_keep_their_history_through_all_that_happens_to_their_table() {
    let server = Server::start();
    let mut client = server.client();
    grow(&mut client);
    let sources = [server.url("grown"), server.data().join("grown").display().to_string()];
    for source in sources {
        let mount = Mount::new(&[format!("grown={source}")]);
        for table in ["t", "u", "c", "w"] {
            let events = events(&mut client, table);
            // More than asof looks up one by one, so that the index answers for the last ones.
            assert!(table != "t" || events.len() > 70, "{} keys", events.len());
            for (key, wanted) in events {
                assert_eq!(told(&mount, table, &key), wanted, "{key} of {table} in {source}");
            }
            let other = mount.path(&format!("grown/history/{table}/no such key.jsonl"));
            assert_eq!(errno(fs::metadata(other)), libc::ENOENT);
        }
    }
}
