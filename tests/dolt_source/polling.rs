//! Noticing what is new, in the order that Dolt gives it.

use std::sync::Arc;

use asof::source::{Database, Source};

use crate::support::proxy::Proxy;
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::sql::{Client, quote};
use crate::support::{poll, source, wait};

fn log(client: &mut Client, name: &str) -> Vec<String> {
    client.use_database(name);
    client.texts("SELECT commit_hash FROM dolt_log").into_iter().map(|mut row| row.remove(0)).collect()
}

fn timeline(database: &Arc<dyn Database>) -> Vec<String> {
    database.history().timeline.iter().map(|commit| commit.id.to_string()).collect()
}

#[test]
fn databases_commits_branches_and_tags_appear() {
    let server = Server::start();
    let mut client = server.client();
    let source = source(&server.url(""));
    assert!(poll(&source).expect("the first poll lists").is_empty());
    assert!(poll(&source).is_none());
    client.new_database("one");
    client.new_database("testdb_left_over");
    let databases = poll(&source).expect("a database is news");
    assert_eq!(databases.len(), 1);
    assert_eq!((databases[0].name(), databases[0].history().timeline.len()), ("one", 1));
    client.new_database("two");
    client.run(&["CREATE TABLE t (id int PRIMARY KEY)"]);
    let hash = client.commit("t", "2026-01-01T00:00:00.123");
    let databases = poll(&source).expect("a database and a commit are news");
    let two = databases.iter().find(|database| database.name() == "two").expect("two is there");
    let newest = &two.history().timeline[0];
    assert_eq!((&*newest.id, newest.time.to_string().as_str()), (hash.as_str(), "2026-01-01T00:00:00.123Z"));
    assert_eq!((newest.message.as_str(), newest.parents.len()), ("t", 1));
    assert!(two.history().has_live && two.history().is_primary);
    for change in ["CALL DOLT_TAG('v/1')", "CALL DOLT_BRANCH('b/x')", "CALL DOLT_TAG('-d', 'v/1')"] {
        client.run(&[change]);
        assert!(poll(&source).is_some(), "{change}");
        assert!(poll(&source).is_none(), "{change}");
    }
    client.run(&["INSERT INTO t VALUES (1)"]);
    assert!(poll(&source).is_none(), "the working set is no news");
    client.run(&["DROP DATABASE one"]);
    let databases = poll(&source).expect("a dropped database is news");
    assert_eq!(databases.iter().map(|database| database.name()).collect::<Vec<_>>(), ["two"]);
}

#[test]
fn the_timeline_is_dolt_log_after_every_change() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE TABLE t (id int PRIMARY KEY, v int)"]);
    client.commit("t", "2026-01-01T00:00:00");
    let source = source(&server.url("d"));
    let mut known = poll(&source).expect("the first poll lists").remove(0);
    let mut random = Random::new(42);
    for step in 0..40 {
        client.use_database("d");
        match random.below(6) {
            0 => {
                let name = quote(&format!("b{step}"));
                let row = format!("INSERT INTO t VALUES ({step}, 1)");
                client.run(&[&format!("CALL DOLT_CHECKOUT('-b', {name})"), &row]);
                client.commit("on a branch", &format!("2025-01-01T00:{step:02}:00"));
                client.run(&["CALL DOLT_CHECKOUT('main')"]);
                client.commit("beside it", &format!("2026-01-01T00:{step:02}:00"));
                client.run(&[&format!("CALL DOLT_MERGE({name}, '--no-ff', '-m', 'merge')")]);
            }
            1 if step > 5 => {
                client.run(&["CALL DOLT_RESET('--hard', 'HEAD~1')"]);
            }
            2 => {
                client.run(&["CALL DOLT_COMMIT('--amend', '-m', 'amended', '--allow-empty')"]);
            }
            _ => {
                client.commit("straight", &format!("202{}-01-01T00:{step:02}:00", random.below(9)));
            }
        }
        if let Some(databases) = poll(&source) {
            known = Arc::clone(&databases[0]);
        }
        assert_eq!(timeline(&known), log(&mut client, "d"), "after step {step}");
    }
}

#[test]
fn news_before_a_broken_connection_are_told_by_the_next_poll() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("a");
    client.new_database("gone");
    let proxy = Proxy::start(server.port);
    let source = source(&format!("dolt://127.0.0.1:{}", proxy.port));
    assert_eq!(poll(&source).expect("the first poll lists").len(), 2);
    client.use_database("a");
    client.run(&["CREATE TABLE t (id int PRIMARY KEY)"]);
    let hash = client.commit("t", "2026-01-01T00:00:00");
    client.new_database("b");
    proxy.break_by(Some("USE `b`"));
    assert!(wait(source.poll()).is_err(), "the connection breaks after the commit in a was read");
    proxy.break_by(None);
    client.run(&["DROP DATABASE b"]);
    let databases = poll(&source).expect("the commit in a was not told yet");
    assert_eq!(timeline(&databases[0])[0], hash);
    assert!(poll(&source).is_none());
    client.run(&["DROP DATABASE gone"]);
    client.new_database("b");
    proxy.break_by(Some("USE `b`"));
    assert!(wait(source.poll()).is_err(), "the connection breaks after it was seen what is gone");
    proxy.break_by(None);
    client.run(&["DROP DATABASE b"]);
    assert_eq!(poll(&source).expect("that one is gone was not told yet").len(), 1);
    assert!(poll(&source).is_none());
}

#[test]
fn one_quiet_poll_is_three_small_queries() {
    let server = Server::start();
    let mut client = server.client();
    for name in ["a", "b", "c"] {
        client.new_database(name);
    }
    let source = source(&server.url(""));
    assert_eq!(poll(&source).expect("the first poll lists").len(), 3);
    poll(&source);
    let before = server.statements().len();
    for _ in 0..10 {
        assert!(wait(source.poll()).expect("the server answers").is_none());
    }
    assert_eq!(server.statements().len() - before, 30);
}

#[test]
fn many_databases_are_looked_at_when_somebody_asked_something() {
    let server = Server::start();
    let mut client = server.client();
    for number in 0..12 {
        client.new_database(&format!("d{number}"));
    }
    let source = source(&server.url(""));
    assert_eq!(poll(&source).expect("the first poll lists").len(), 12);
    let before = server.statements().len();
    for _ in 0..5 {
        assert!(poll(&source).is_none());
    }
    let asked = server.statements().split_off(before);
    assert!(asked.iter().all(|query| query.contains("Questions")), "{asked:?}");
    client.use_database("d3");
    client.run(&["CALL DOLT_BRANCH('side')"]);
    let databases = poll(&source).expect("there is a new branch");
    assert!(databases.iter().any(|database| database.history().branches.contains_key("side")));
    client.new_database("e");
    assert_eq!(poll(&source).expect("there is a new database").len(), 13);
    client.run(&["DROP DATABASE d4"]);
    assert_eq!(poll(&source).expect("a database is gone").len(), 12);
    assert!(poll(&source).is_none());
}
