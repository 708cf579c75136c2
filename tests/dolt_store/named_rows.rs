//! Rows looked up by their names in the trees of a store, compared with full reads of each version.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use asof::content::FileEntry;
use asof::content::tree::SoughtRow;
use asof::model::row::{Row, key_name};

use crate::agreement::from_files;
use crate::support::key_kinds::Told::Nothing;
use crate::support::key_kinds::{KINDS, history, table_name};
use crate::support::random::Random;
use crate::support::server::{Dolt, Server};
use crate::support::sql::Client;
use crate::support::{bytes, extremes, files, histories, wait};

/// How many names of a table are looked up in all of its versions.
const NAMES: usize = 80;

/// Names that few rows have.
const OTHER_NAMES: [&str; 18] = [
    "",
    "%",
    "0",
    "-0",
    "00",
    "1.0",
    "x",
    "a,b",
    "%,%",
    "%2f",
    "%E9",
    "NaN",
    "-5,x",
    "2026-01-02",
    "99999999999999999999999",
    "x%~0123456789abcdef",
    "z%2Cz",
    "b%2Ca",
];

/// A version of a table: its rows by name, each with its line.
struct Version {
    entry: FileEntry,
    rows: BTreeMap<String, String>,
    has_key: bool,
}

/// How often rows were looked up, and how often the tree could not tell.
#[derive(Debug, Default)]
struct Seen {
    told: usize,
    untold: usize,
}

impl Version {
    fn read(entry: &FileEntry) -> Self {
        let text = bytes(&entry.content).unwrap_or_else(|error| panic!("{}", error.chain()));
        let key = wait(entry.content.key()).unwrap_or_else(|error| panic!("{}", error.chain()));
        let key = key.expect("a table of a store knows its key");
        let mut rows = BTreeMap::new();
        if !key.is_empty() {
            for line in String::from_utf8(text).expect("lines are UTF-8").lines() {
                let row = Row::parse(line.as_bytes()).expect("a line is an object");
                let name = key_name(&row.values(&key));
                assert!(rows.insert(name.clone(), line.to_owned()).is_none(), "two rows are called {name}");
            }
        }
        Self { entry: entry.clone(), rows, has_key: !key.is_empty() }
    }
}

/// Looks up rows of all tables of a database in all versions, one after the other, so that what is known of the pages of one
/// is used in the next. Returns what was seen, by file.
#[track_caller]
fn check(data: &Path, name: &str, seed: u64) -> BTreeMap<Arc<str>, Seen> {
    let database = from_files(data, name);
    let known = database.history();
    let mut versions = BTreeMap::<Arc<str>, Vec<Version>>::new();
    for commit in known.timeline.iter().chain(&known.off_timeline) {
        for entry in files(&database, &commit.id).iter().filter(|entry| entry.content.tree().is_some()) {
            let of_file = versions.entry(Arc::clone(&entry.path)).or_default();
            if of_file.iter().all(|version| version.entry.id != entry.id) {
                of_file.push(Version::read(entry));
            }
        }
    }
    let mut random = Random::new(seed);
    let mut all = BTreeMap::new();
    for (path, versions) in versions {
        let names: BTreeSet<&String> = versions.iter().flat_map(|version| version.rows.keys()).collect();
        let names: Vec<&String> = names.into_iter().collect();
        let mut wanted: BTreeSet<String> = OTHER_NAMES.map(str::to_owned).into();
        if !names.is_empty() {
            wanted.extend([names[0], names[names.len() - 1]].map(Clone::clone));
            wanted.extend((0..NAMES).map(|_| (*random.one_of(&names)).clone()));
            // Near other names, but perhaps of no row.
            wanted.extend((0..8).map(|_| format!("{}0", random.one_of(&names))));
        }
        let seen = all.entry(path).or_insert_with(Seen::default);
        let trees: HashMap<_, _> = versions
            .iter()
            .map(|version| {
                let tree = version.entry.content.tree().expect("only trees were taken").open();
                (version.entry.id, tree.unwrap_or_else(|error| panic!("{}", error.chain())))
            })
            .collect();
        for name in wanted {
            let mut sought = SoughtRow::of(&name);
            for version in &versions {
                let found = trees[&version.entry.id].look_up(&mut sought);
                let found = found.unwrap_or_else(|error| panic!("{name}: {}", error.chain()));
                match found {
                    Some(found) => {
                        let found = found.map(|line| String::from_utf8(line.into()).expect("UTF-8"));
                        let what = format!("{name:?} in {}", version.entry.content.describe());
                        assert_eq!(found.as_ref(), version.rows.get(&name), "{what}");
                        seen.told += 1;
                    }
                    None => {
                        assert!(version.has_key, "without a key no row has a name");
                        // A shortened name.
                        seen.untold += usize::from(!name.contains("%~"));
                    }
                }
            }
        }
    }
    all
}

fn keys_of_every_kind(dolt: Dolt, seed: u64) {
    let server = Server::start_as(dolt, None);
    history(&mut server.client(), seed, 150);
    let all = check(&server.data(), "k", seed);
    assert_eq!(all.len(), KINDS.len() * 3);
    for (at, (kind, told, _)) in KINDS.iter().enumerate() {
        for shape in 0..3 {
            let seen = &all[&*format!("{}.jsonl", table_name(at, shape))];
            // Before another column, a DATETIME may hide what its rows are ordered by.
            let hides_digits = matches!(*kind, "datetime" | "datetime(3)") && shape == 1;
            let is_told = *told != Nothing && !hides_digits;
            assert_eq!((seen.told > 0, seen.untold == 0), (is_told, is_told), "{kind}: {seen:?}");
        }
    }
}

#[test]
fn rows_with_keys_of_every_kind_are_found() {
    keys_of_every_kind(Dolt::Pinned, 41);
}

#[test]
fn rows_with_keys_of_every_kind_are_found_in_a_store_by_an_old_dolt() {
    keys_of_every_kind(Dolt::Old, 42);
}

#[test]
fn rows_with_keys_of_every_kind_are_found_in_a_store_by_a_new_dolt() {
    keys_of_every_kind(Dolt::New, 43);
}

/// Columns come and go, keys change their type and their columns, tables are made again.
fn changing(client: &mut Client) {
    client.new_database("changing");
    let mut day = 0;
    let mut commit = |client: &mut Client, sql: &str| {
        client.run(&[sql]);
        day += 1;
        client.commit(sql, &format!("2026-01-{day:02}T00:00:00"));
    };
    for sql in [
        "CREATE TABLE t (id int PRIMARY KEY, s varchar(20))",
        "INSERT INTO t VALUES (-3,'a'),(5,'b'),(10,'c'),(100,'z')",
        "ALTER TABLE t ADD COLUMN late int DEFAULT 7",
        "ALTER TABLE t MODIFY COLUMN id varchar(20)",
        "INSERT INTO t VALUES ('x,y','d',1),('05','e',2),('','f',3)",
        "ALTER TABLE t MODIFY COLUMN id varchar(20) COLLATE utf8mb4_0900_ai_ci",
        "ALTER TABLE t DROP PRIMARY KEY",
        "ALTER TABLE t ADD PRIMARY KEY (s, id)",
        "DROP TABLE t",
        "CREATE TABLE t (id decimal(8,2) PRIMARY KEY) DEFAULT COLLATE utf8mb4_0900_ai_ci",
        "INSERT INTO t VALUES (5),(1.5),(-0.25)",
        "ALTER TABLE t MODIFY COLUMN id decimal(8,3)",
        // The collation of the table, not of the column.
        "CREATE TABLE c (id varchar(20) PRIMARY KEY) DEFAULT COLLATE utf8mb4_0900_ai_ci",
        "INSERT INTO c VALUES ('b'),('A'),('c'),('B2')",
        "CREATE TABLE n (a int, b int)",
        "INSERT INTO n VALUES (1,2),(1,2),(3,4)",
        "CREATE TABLE d (at datetime(6), id int, v int, PRIMARY KEY (at, id))",
        "INSERT INTO d VALUES ('2026-01-01 00:00:00.1',9,1),('2026-01-01 00:00:00.2',5,2),('2026-01-01 00:00:00.3',6,3)",
        // The rows stay in the order of what is not shown any more.
        "ALTER TABLE d MODIFY at datetime",
        "INSERT INTO d VALUES ('2026-01-02',1,4)",
        "UPDATE d SET v = 77 WHERE id = 9",
        "CREATE TABLE l (id varchar(400) PRIMARY KEY)",
        "INSERT INTO l VALUES (repeat('x', 300)), ('x'), (repeat('é', 120))",
    ] {
        commit(client, sql);
    }
}

#[test]
fn rows_are_found_whatever_becomes_of_their_keys() {
    for dolt in [Dolt::Pinned, Dolt::New] {
        let server = Server::start_as(dolt, None);
        let mut client = server.client();
        changing(&mut client);
        extremes::every_key(&mut client, "keys");
        histories::every_type(&mut client, "types");
        histories::evolving(&mut client, "evolving");
        histories::random(&mut client, "random", 5, 40);
        let all = check(&server.data(), "changing", 7);
        for (table, can_tell, cannot) in
            [("t", true, true), ("c", false, true), ("n", true, false), ("d", true, true), ("l", true, false)]
        {
            let seen = &all[&*format!("{table}.jsonl")];
            assert_eq!((seen.told > 0, seen.untold > 0), (can_tell, cannot), "{table}: {seen:?}");
        }
        for name in ["keys", "types", "evolving", "random"] {
            let all = check(&server.data(), name, 7);
            let told: usize = all.values().map(|seen| seen.told).sum();
            assert!(told > 100, "{name}: {all:?}");
        }
    }
}

/// A tree of several levels. Keys are also looked for between, before and after those that are there.
#[test]
fn rows_of_a_tall_tree_are_found() {
    let server = Server::start_as(Dolt::Pinned, None);
    let mut client = server.client();
    client.new_database("tall");
    let rows = "WITH RECURSIVE r (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < 999)
                SELECT a.n * 1000 + b.n AS n FROM r a, r b WHERE a.n < 60";
    client.run(&[
        "SET @@cte_max_recursion_depth = 10000",
        "CREATE TABLE wide (k varchar(200), i int, v varchar(40), PRIMARY KEY (k, i))",
        &format!(
            "INSERT INTO wide SELECT concat(repeat('some long text ', 9), n % 97), 2 * n, 'v' FROM ({rows}) t"
        ),
        "CREATE TABLE narrow (i int PRIMARY KEY, v int)",
        &format!("INSERT INTO narrow SELECT 2 * n - 50000, n FROM ({rows}) t"),
    ]);
    client.commit("one", "2026-01-01T00:00:00");
    client.run(&["DELETE FROM narrow WHERE i % 7 = 0", "UPDATE wide SET v = 'w' WHERE i % 5000 < 4"]);
    client.commit("two", "2026-01-02T00:00:00");
    let all = check(&server.data(), "tall", 3);
    for (table, seen) in all {
        assert!(seen.told > 100 && seen.untold == 0, "{table}: {seen:?}");
    }
}
