//! What is asked of the server, and that it is no more than is needed.

use asof::content::Sink;

use crate::support::server::Server;
use crate::support::{database, entry, files, wait};

/// Rows of a range are read by the key alone: sorted or sifted out by nobody.
#[test]
fn a_range_of_a_composite_key_reads_only_its_rows() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE TABLE t (a int, b varchar(20), c int, v int, PRIMARY KEY (a, b, c), KEY k (a, v))"]);
    let rows: Vec<_> = (0..4000).map(|at| format!("({}, 'b{}', {at}, 0)", at / 2000, at / 100)).collect();
    client.run(&[&format!("INSERT INTO t VALUES {}", rows.join(","))]);
    client.commit("filled", "2026-01-01T00:00:00");
    let database = database(&server.url("d"));
    let file = entry(&files(&database, &database.history().timeline[0].id), "t.jsonl").clone();
    let versioned = file.content.versioned().expect("a version of a table");
    let family = wait(versioned.family()).unwrap_or_else(|error| panic!("{}", error.chain()));
    let key = |a: i32, b: &str, c: i32| {
        let line = format!("{{\"a\":{a},\"b\":\"{b}\",\"c\":{c},\"v\":0}}\n");
        family.order.as_ref().and_then(|order| order.key_of(line.as_bytes())).expect("a key of the table")
    };
    for (from, to, rows) in [
        (key(0, "b5", 510), Some(key(0, "b5", 520)), 10),
        (key(0, "b12", 1250), Some(key(0, "b14", 1410)), 160),
        (key(0, "b9", 990), Some(key(1, "b20", 2010)), 20),
        (key(1, "b39", 3990), None, 10),
        (key(1, "b39", 3990), Some(key(0, "b39", 0)), 0),
    ] {
        let before = server.statements().len();
        let (sink, mut pieces) = Sink::new(1);
        let lines = wait(async {
            let counting = async {
                let mut lines = 0;
                while let Some(piece) = pieces.recv().await {
                    lines += piece.iter().filter(|&&byte| byte == b'\n').count();
                }
                lines
            };
            let (read, lines) = tokio::join!(versioned.read_between(&from, to.as_ref(), sink), counting);
            read.map(|()| lines).unwrap_or_else(|error| panic!("{}", error.chain()))
        });
        assert_eq!(lines, rows);
        let mut asked_for = 0;
        for query in server.statements()[before..].iter().filter(|query| query.starts_with("SELECT * FROM")) {
            let plan = client.texts(&format!("EXPLAIN PLAN {query}")).concat().join("\n");
            assert!(
                plan.contains("IndexedTableAccess(t)") && plan.contains("[t.a,t.b,t.c]"),
                "{query}\n{plan}"
            );
            assert!(!plan.contains("Sort") && !plan.contains("Filter"), "{query}\n{plan}");
            asked_for += client.rows(query).len();
        }
        assert_eq!(asked_for, rows, "from {from:?} to {to:?}");
    }
}

/// Each insert changes the definition of a table that counts. Only so many of these are asked for at once; those that
/// are known are not asked for again.
#[test]
fn steps_of_a_table_that_counts_ask_for_few_definitions_at_once() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v int)"]);
    for at in 0..60 {
        client.run(&["INSERT INTO t (v) VALUES (1)"]);
        client.commit("counted", &format!("2026-01-01T00:00:{at:02}"));
    }
    let database = database(&server.url("d"));
    let file = entry(&files(&database, &database.history().timeline[0].id), "t.jsonl").clone();
    let versioned = file.content.versioned().expect("a version of a table");
    let asked = || server.statements().iter().filter(|query| query.starts_with("SHOW CREATE TABLE")).count();
    let (mut steps_before, mut asked_before) = (0, asked());
    for _ in 0..3 {
        let steps = wait(versioned.length_deltas(128, None))
            .unwrap_or_else(|error| panic!("{}", error.chain()))
            .len();
        assert!(steps >= steps_before + 15, "{steps} after {steps_before}");
        assert!(asked() <= asked_before + 17, "{} after {asked_before}", asked());
        (steps_before, asked_before) = (steps, asked());
    }
}
