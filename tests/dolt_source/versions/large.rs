//! Tables of several segments, and such whose versions differ in many rows.

use super::check::check;
use super::told;
use crate::support::server::Server;
use crate::support::sql::Client;
use crate::support::{bytes, database, entry, files, wait};

/// Rows of each table.
const ROWS: usize = 6_000;

/// Fills a table with rows of 600 bytes; the key is what `key` makes of a number.
fn fill(client: &mut Client, table: &str, from: usize, to: usize, key: impl Fn(usize) -> String) {
    let numbers: Vec<_> = (from..to).collect();
    for numbers in numbers.chunks(2_000) {
        let row = |number: &usize| format!("({}, repeat(char(97 + {number} % 26), 560))", key(*number));
        let rows: Vec<_> = numbers.iter().map(row).collect();
        client.rows(&format!("INSERT INTO {table} VALUES {}", rows.join(",")));
    }
}

/// A table with a key of one column, and one whose key begins with a column of few values.
fn scattered(client: &mut Client) {
    client.new_database("scattered");
    client.run(&[
        "CREATE TABLE one (id int PRIMARY KEY, v varchar(700))",
        "CREATE TABLE many (tenant int, id varchar(20), v varchar(700), PRIMARY KEY (tenant, id))",
    ]);
    let simple = |number: usize| (number * 10).to_string();
    let composite = |number: usize| format!("{}, 'row {number:06}'", number / (ROWS / 3));
    fill(client, "one", 100, ROWS + 100, simple);
    fill(client, "many", 0, ROWS, composite);
    let edits: [&[&str]; 7] = [
        &[
            "UPDATE one SET v = 'short' WHERE id % 7000 = 0",
            "UPDATE many SET v = 'short' WHERE id LIKE '%777'",
        ],
        &[
            "INSERT INTO one VALUES (-5, 'first'), (30005, 'middle'), (999999, 'last')",
            "INSERT INTO many VALUES (-1, 'first', 'a'), (1, 'row 003000+', 'b'), (9, 'last', 'c')",
        ],
        &[
            "DELETE FROM one WHERE id BETWEEN 20000 AND 32000",
            "DELETE FROM many WHERE tenant = 1 AND id < 'row 003500'",
        ],
        &[
            "UPDATE one SET id = id + 3 WHERE id % 5000 = 0",
            "UPDATE many SET tenant = 5 WHERE id LIKE '%500'",
            "UPDATE one SET v = repeat('long ', 120) WHERE id > 50000 AND id % 900 = 0",
        ],
        &["DELETE FROM one WHERE id < 6000", "DELETE FROM many WHERE tenant = 0 AND id < 'row 000900'"],
        &[
            "INSERT INTO one SELECT id + 1, v FROM one WHERE id BETWEEN 40000 AND 42000 AND id % 10 = 0",
            "INSERT INTO many SELECT 3, id, v FROM many WHERE tenant = 2 AND id < 'row 004300'",
        ],
        &["DELETE FROM one WHERE id > 55000", "DELETE FROM many WHERE tenant = 2"],
    ];
    client.commit("filled", "2026-01-01T00:00:00");
    for (at, edit) in edits.iter().enumerate() {
        client.run(edit);
        client.commit("edited", &format!("2026-01-01T00:01:{at:02}"));
    }
}

#[test]
fn versions_of_several_segments() {
    let server = Server::start();
    scattered(&mut server.client());
    let all = check(&server.url("scattered"), 41);
    for path in ["one.jsonl", "many.jsonl"] {
        told(&all[path]);
        assert_eq!((all[path].versions, all[path].ordered), (8, 8), "{path}: {all:?}");
    }
}

#[test]
fn steps_over_many_rows_stop_between_two_commits() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE TABLE t (id int PRIMARY KEY, v int)"]);
    // Of 30,000 rows, 20,000 changed ones are what is read at most.
    let rows: Vec<_> = (0..30_000).map(|id| format!("({id},0)")).collect();
    client.rows(&format!("INSERT INTO t VALUES {}", rows.join(",")));
    client.commit("filled", "2026-01-01T00:00:00");
    for at in 1..=7 {
        client.rows(&format!("UPDATE t SET v = {} WHERE id % 5 = 0", 10_i64.pow(at)));
        client.commit("a fifth", &format!("2026-01-01T00:00:{at:02}"));
    }
    let database = database(&server.url("d"));
    let mut lens = std::collections::HashMap::new();
    for commit in &database.history().timeline[..8] {
        let file = entry(&files(&database, &commit.id), "t.jsonl").clone();
        lens.insert(file.id, bytes(&file.content).expect("it can be read").len() as u64);
    }
    let newest = entry(&files(&database, &database.history().timeline[0].id), "t.jsonl").clone();
    let versioned = newest.content.versioned().expect("it is a version of a table");
    let steps = wait(versioned.length_deltas(40, None)).unwrap_or_else(|error| panic!("{}", error.chain()));
    assert_eq!(steps.len(), 3, "6,000 rows each");
    for step in &steps {
        assert_eq!(lens[&step.from] + step.added - step.removed, lens[&step.to]);
    }
}
