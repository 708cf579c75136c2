//! What goes wrong, and that it is said.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use asof::content::{ErrorKind, Sink, SourceError};
use asof::source::dolt::server::{DoltOptions, DoltSqlSource};
use asof::source::{Database, Source};

use crate::fake::Fake;
use crate::support::proxy::{Proxy, Weather};
use crate::support::server::{Server, free_port};
use crate::support::sql::Client;
use crate::support::{bytes, database, entry, files, live_files, poll, source, wait};

fn refusal(url: &str) -> SourceError {
    match wait(source(url).poll()) {
        Err(error) => error,
        Ok(_) => panic!("{url} works"),
    }
}

#[test]
fn a_source_that_cannot_be_reached_says_what_to_do() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("beads");
    client.run(&["CREATE USER 'me'@'%' IDENTIFIED BY 'secret'", "GRANT ALL ON *.* TO 'me'@'%'"]);
    let port = server.port;
    let cases = [
        (format!("dolt://127.0.0.1:{}", free_port()), ErrorKind::Unavailable, "dolt sql-server"),
        ("dolt://no-such-host.invalid".to_owned(), ErrorKind::Unavailable, "host name"),
        (format!("dolt://nobody@127.0.0.1:{port}"), ErrorKind::Refused, "ASOF_DOLT_PASSWORD"),
        (format!("dolt://me@127.0.0.1:{port}"), ErrorKind::Refused, "ASOF_DOLT_PASSWORD"),
        (format!("dolt://127.0.0.1:{port}/bead"), ErrorKind::Missing, "beads"),
    ];
    for (url, kind, hint) in cases {
        let error = refusal(&url);
        assert_eq!(error.kind, kind, "{url}: {}", error.chain());
        assert!(error.hint.as_deref().is_some_and(|text| text.contains(hint)), "{url}: {:?}", error.hint);
    }
    let options = DoltOptions { password: Some("secret".into()), ..DoltOptions::default() };
    let source =
        DoltSqlSource::new(&format!("dolt://me@127.0.0.1:{port}"), options).expect("the URL is right");
    assert_eq!(poll(&source).expect("the first poll lists").len(), 1);
    assert!(!source.label().contains("secret"));
}

#[test]
fn bad_urls_are_refused_without_repeating_a_password() {
    for url in ["dolt://me:secret@h", "dolt://", "mysql://h"] {
        let error = DoltSqlSource::new(url, DoltOptions::default()).err().expect(url);
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.hint.is_some() && !error.chain().contains("secret"), "{}", error.chain());
    }
    let named = || DoltOptions { name: Some("x".into()), ..DoltOptions::default() };
    assert_eq!(DoltSqlSource::new("dolt://h", named()).err().expect("no database").kind, ErrorKind::Invalid);
    assert!(DoltSqlSource::new("dolt://h/d", named()).is_ok());
}

#[test]
fn what_vanished_is_missing() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
    client.commit("t", "2026-01-01T00:00:00");
    let database = database(&server.url("d"));
    let newest = Arc::clone(&database.history().timeline[0].id);
    let listed = files(&database, &newest);
    let live = live_files(&database);
    let error =
        wait(database.files(&"0123456789abcdefghijklmnopqrstuv".into())).err().expect("no such commit");
    assert_eq!(error.kind, ErrorKind::Missing, "{}", error.chain());
    client.run(&["DROP DATABASE d"]);
    let error = bytes(&entry(&listed, "t.jsonl").content).expect_err("the database is gone");
    assert_eq!(error.kind, ErrorKind::Missing, "{}", error.chain());
    assert!(error.to_string().contains("table t of d"), "{error}");
    assert!(bytes(&entry(&live, "t.jsonl").content).is_err());
}

#[test]
fn a_restarted_server_is_found_again_and_a_frozen_one_times_out() {
    let mut server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
    client.commit("t", "2026-01-01T00:00:00");
    let limits = DoltOptions {
        connect_timeout: Duration::from_secs(1),
        query_timeout: Duration::from_secs(2),
        ..DoltOptions::default()
    };
    let source = DoltSqlSource::new(&server.url("d"), limits).expect("the URL is right");
    let databases = poll(&source).expect("the first poll lists");
    let listed = files(&databases[0], &databases[0].history().timeline[0].id);
    server.kill();
    assert_eq!(wait(source.poll()).err().expect("nobody listens").kind, ErrorKind::Unavailable);
    server.start_again();
    assert!(poll(&source).is_none(), "nothing changed");
    assert_eq!(bytes(&entry(&listed, "t.jsonl").content).expect("it works again"), b"{\"id\":1}\n");
    let frozen = server.freeze();
    let begun = Instant::now();
    let error = wait(source.poll()).err().expect("nobody answers");
    assert_eq!(error.kind, ErrorKind::TimedOut, "{}", error.chain());
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    drop(frozen);
    assert!(poll(&source).is_none(), "nothing changed");
}

#[test]
fn waiters_on_a_frozen_server_fail_together() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    for n in 0..8 {
        client.run(&[&format!("CREATE TABLE t{n} (id int PRIMARY KEY)")]);
        client.commit("another schema", &format!("2026-01-01T00:00:0{n}"));
    }
    let (connect_timeout, query_timeout) = (Duration::from_secs(1), Duration::from_secs(2));
    let limits = DoltOptions { connect_timeout, query_timeout, ..DoltOptions::default() };
    let source = DoltSqlSource::new(&server.url("d"), limits).expect("the URL is right");
    let fail_together = |database: &Arc<dyn Database>| {
        let frozen = server.freeze();
        let begun = Instant::now();
        let commits: Vec<_> =
            database.history().timeline.iter().map(|commit| Arc::clone(&commit.id)).collect();
        wait(async {
            let listings = commits.iter().take(8).map(|commit| {
                let (database, commit) = (Arc::clone(database), Arc::clone(commit));
                tokio::spawn(async move { database.files(&commit).await })
            });
            let live = (0..4).map(|_| {
                let database = Arc::clone(database);
                tokio::spawn(async move { database.live_files().await })
            });
            for listing in listings.chain(live).collect::<Vec<_>>() {
                let error = listing.await.expect("listing does not panic").err().expect("nobody answers");
                assert_eq!(error.kind, ErrorKind::TimedOut, "{}", error.chain());
                assert!(error.hint.is_some(), "{}", error.chain());
            }
        });
        // What the first ones take, which had a connection, and one try to connect again.
        let most = connect_timeout + query_timeout + Duration::from_secs(2);
        assert!(begun.elapsed() < most, "{:?}", begun.elapsed());
        drop(frozen);
    };
    let database = poll(&source).expect("the first poll lists").remove(0);
    fail_together(&database);
    files(&database, &database.history().timeline[8].id);
    fail_together(&database);
    files(&database, &database.history().timeline[0].id);
    live_files(&database);
}

#[test]
fn a_reader_that_leaves_ends_its_query() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, x longtext)"]);
    client.run(&["INSERT INTO t (x) VALUES (repeat('x', 10000)), (repeat('y', 10000))"]);
    for _ in 0..12 {
        client.run(&["INSERT INTO t (x) SELECT x FROM t"]);
    }
    client.commit("80 MB", "2026-01-01T00:00:00");
    let database = database(&server.url("d"));
    let listed = files(&database, &database.history().timeline[0].id);
    for _ in 0..6 {
        let content = entry(&listed, "t.jsonl").content.clone();
        wait(async move {
            let (sink, mut pieces) = Sink::new(1);
            let reading = tokio::spawn(async move { content.read(sink).await });
            assert!(pieces.recv().await.is_some());
            drop(pieces);
            reading.await.expect("reading does not panic").expect("a closed sink is no failure");
        });
    }
    expect_quiet(&mut client);
}

#[test]
fn a_query_that_does_not_answer_is_ended_on_the_server_too() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    let rows: Vec<_> = (0..600).map(|n| format!("({n})")).collect();
    client.run(&["CREATE TABLE t (id int PRIMARY KEY)", &format!("INSERT INTO t VALUES {}", rows.join(","))]);
    client.run(&[
        "CREATE VIEW slow AS SELECT count(*) AS n FROM t a, t b, t c, t d WHERE a.id + b.id + c.id > d.id",
    ]);
    client.commit("a view that takes an hour", "2026-01-01T00:00:00");
    let limits = DoltOptions { query_timeout: Duration::from_secs(1), ..DoltOptions::default() };
    let source = DoltSqlSource::new(&server.url("d"), limits).expect("the URL is right");
    let databases = poll(&source).expect("the first poll lists");
    let listed = files(&databases[0], &databases[0].history().timeline[0].id);
    let begun = Instant::now();
    let error = bytes(&entry(&listed, "slow.jsonl").content).expect_err("nobody waits an hour");
    assert_eq!(error.kind, ErrorKind::TimedOut, "{}", error.chain());
    assert!(
        error.to_string().contains("view slow of d") && begun.elapsed() < Duration::from_secs(4),
        "{error}"
    );
    expect_quiet(&mut client);
    let content = entry(&listed, "slow.jsonl").content.clone();
    wait(async move {
        let (sink, _pieces) = Sink::new(1);
        let given_up = tokio::time::timeout(Duration::from_millis(300), content.read(sink)).await;
        assert!(given_up.is_err(), "a reader that is dropped while the server works");
    });
    expect_quiet(&mut client);
    assert!(poll(&source).is_none(), "the source goes on");
}

/// Rows that come one by one, each in time.
#[test]
fn a_server_that_trickles_is_not_waited_for() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    let rows: Vec<_> = (0..2000).map(|n| format!("({n})")).collect();
    client.run(&["CREATE TABLE t (id int PRIMARY KEY)", &format!("INSERT INTO t VALUES {}", rows.join(","))]);
    client.commit("t", "2026-01-01T00:00:00");
    let proxy = Proxy::start(server.port);
    let limits = DoltOptions { query_timeout: Duration::from_secs(3), ..DoltOptions::default() };
    let url = format!("dolt://root@127.0.0.1:{}/d", proxy.port);
    let source = DoltSqlSource::new(&url, limits).expect("the URL is right");
    let databases = poll(&source).expect("the first poll lists");
    let listed = files(&databases[0], &databases[0].history().timeline[0].id);
    proxy.set(Weather::Trickle);
    // All of it would take minutes.
    let error = bytes(&entry(&listed, "t.jsonl").content).expect_err("it brings next to nothing");
    assert_eq!(error.kind, ErrorKind::TimedOut, "{}", error.chain());
    assert!(error.chain().contains("the server brought"), "{}", error.chain());
}

#[test]
fn a_server_that_closes_each_connection_gets_a_handful_of_them() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let fake = Fake::start(move |wire| {
        count.fetch_add(1, Ordering::SeqCst);
        wire.let_in()?;
        None
    });
    let source = Arc::new(source(&fake.url("")));
    let askers: Vec<_> = (0..6)
        .map(|_| {
            let source = Arc::clone(&source);
            std::thread::spawn(move || {
                let mut last = String::new();
                for _ in 0..200 {
                    let error = wait(source.poll()).err().expect("it closes all");
                    assert_eq!(error.kind, ErrorKind::Unavailable, "{}", error.chain());
                    last = error.chain();
                }
                last
            })
        })
        .collect();
    for asker in askers {
        let said = asker.join().expect("asking does not panic");
        assert!(said.contains("the next attempt to connect is in"), "{said}");
    }
    let connections = connections.load(Ordering::SeqCst);
    assert!(connections < 12, "{connections} connections for 1,200 questions");
}

#[test]
fn a_new_password_is_read_when_the_server_refuses_the_old_one() {
    let mut server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE USER 'me'@'%' IDENTIFIED BY 'old'", "GRANT ALL ON *.* TO 'me'@'%'"]);
    let file = Arc::new(Mutex::new("old".to_owned()));
    let reads = Arc::new(AtomicUsize::new(0));
    let (kept, count) = (Arc::clone(&file), Arc::clone(&reads));
    let options = DoltOptions {
        password: Some("old".into()),
        read_password_again: Some(Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Some(kept.lock().expect("no thread panics").as_str().into())
        })),
        ..DoltOptions::default()
    };
    let url = format!("dolt://me@127.0.0.1:{}/d", server.port);
    let source = DoltSqlSource::new(&url, options).expect("the URL is right");
    assert!(poll(&source).is_some());
    client.run(&["ALTER USER 'me'@'%' IDENTIFIED BY 'new'"]);
    drop(client);
    // Those who are logged in stay so.
    server.kill();
    server.start_again();
    for _ in 0..100 {
        assert_eq!(wait(source.poll()).err().expect("the old one is wrong").kind, ErrorKind::Refused);
    }
    assert!((1..6).contains(&reads.load(Ordering::SeqCst)), "{reads:?} reads for 100 questions");
    *file.lock().expect("no thread panics") = "new".to_owned();
    let begun = Instant::now();
    while let Err(error) = wait(source.poll()) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", error.chain());
        std::thread::sleep(Duration::from_millis(20));
    }
    let before = reads.load(Ordering::SeqCst);
    assert!(poll(&source).is_none(), "the new one goes on to be used");
    assert_eq!(reads.load(Ordering::SeqCst), before);
}

/// Waits until the server runs no query of ours any more.
fn expect_quiet(client: &mut Client) {
    let running = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT * FROM `d%'";
    let begun = Instant::now();
    while client.one(running) != "0" {
        assert!(begun.elapsed() < Duration::from_secs(5), "queries go on with nobody to read them");
        std::thread::sleep(Duration::from_millis(20));
    }
}
