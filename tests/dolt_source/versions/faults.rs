//! Connections that break or stall while versions of a table are compared.

use std::time::{Duration, Instant};

use asof::content::versioned::Versioned;
use asof::content::{ErrorKind, FileEntry, Sink, SourceError};
use asof::engine::Engine;
use asof::model::jsonl::line_key::LineKey;
use asof::source::dolt::server::{DoltOptions, DoltSqlSource};

use crate::support::proxy::{Fault, Proxy};
use crate::support::server::Server;
use crate::support::{bytes, database, entry, files, poll, reading, wait};

const LIMITS: [Duration; 2] = [Duration::from_millis(800), Duration::from_millis(500)];

/// The questions that may fail, each with a text from its query.
const QUESTIONS: [(&str, &str); 4] = [
    ("family", "SHOW CREATE TABLE"),
    ("changes", "FROM dolt_diff("),
    ("steps", "`dolt_diff_t`"),
    ("range", "ORDER BY `id`"),
];

/// The answer to a question, as text.
async fn ask(question: &str, newest: &dyn Versioned, oldest: &str) -> Result<String, SourceError> {
    Ok(match question {
        "family" => format!("{:?}", newest.family().await?),
        "changes" => format!("{:?}", newest.changes_since(oldest, u64::MAX).await?),
        "steps" => {
            let steps = newest.length_deltas(40, None).await?;
            assert!(!steps.is_empty());
            let told =
                |step: &asof::content::versioned::LengthDelta| (step.from, step.to, step.added, step.removed);
            format!("{:?}", steps.iter().map(told).collect::<Vec<_>>())
        }
        _ => {
            let family = newest.family().await?;
            let from: LineKey = (family.order.as_ref())
                .and_then(|order| order.key_of(b"{\"id\":7,\"v\":null}"))
                .expect("a key of the table");
            let (sink, mut pieces) = Sink::new(1);
            let collecting = async {
                let mut all = Vec::new();
                while let Some(piece) = pieces.recv().await {
                    all.extend_from_slice(&piece);
                }
                all
            };
            let (read, all) = tokio::join!(newest.read_between(&from, None, sink), collecting);
            read?;
            String::from_utf8_lossy(&all).into_owned()
        }
    })
}

/// The versions of the table, the newest first.
fn versions(url: &str) -> Vec<FileEntry> {
    let [connect_timeout, query_timeout] = LIMITS;
    let options = DoltOptions { connect_timeout, query_timeout, ..DoltOptions::default() };
    let source = DoltSqlSource::new(url, options).expect("the URL is right");
    let database = poll(&source).expect("the first poll lists").remove(0);
    let commits = database.history().timeline.iter().take(6);
    commits.map(|commit| entry(&files(&database, &commit.id), "t.jsonl").clone()).collect()
}

#[test]
fn contents_are_right_whatever_fails_on_the_way() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE TABLE t (id int PRIMARY KEY, v varchar(300))"]);
    let rows: Vec<_> = (0..900).map(|id| format!("({id}, repeat('{}', 200))", id % 7)).collect();
    client.run(&[&format!("INSERT INTO t VALUES {}", rows.join(","))]);
    client.commit("filled", "2026-01-01T00:00:00");
    for at in 1..=5 {
        client.run(&[
            &format!("UPDATE t SET v = repeat('{at}', 250) WHERE id % 30 = {at}"),
            &format!("DELETE FROM t WHERE id = {}", at * 3),
        ]);
        client.commit("edited", &format!("2026-01-01T00:00:0{at}"));
    }
    let direct = database(&server.url("d"));
    let commits = direct.history().timeline.iter().take(6);
    let texts: Vec<_> = commits
        .map(|commit| bytes(&entry(&files(&direct, &commit.id), "t.jsonl").content).expect("it can be read"))
        .collect();
    let faults = [Fault::Break, Fault::Stall, Fault::BreakAnswer(300), Fault::StallAnswer(300)];
    // Most of the time goes into waiting for time-outs.
    std::thread::scope(|scope| {
        for question in QUESTIONS {
            let (port, texts) = (server.port, &texts);
            scope.spawn(move || faults.map(|fault| fails_once(port, texts, question, fault)));
        }
    });
}

/// Checks that the question fails in time, that contents are still read correctly if the engine has another way, and
/// that the answer is right once the fault is over.
fn fails_once(server: u16, texts: &[Vec<u8>], (question, query): (&str, &str), fault: Fault) {
    let name = format!("{question} and {fault:?}");
    let proxy = Proxy::start(server);
    let versions = versions(&format!("dolt://root@127.0.0.1:{}/d", proxy.port));
    let newest = versions[0].content.versioned().expect("a version of a table");
    let oldest = versions[5].content.versioned().expect("a version of a table").version();
    proxy.fail_by(Some((query, fault)));
    let begun = Instant::now();
    let error = wait(ask(question, newest, oldest)).expect_err(&name);
    // A connection that died is replaced once.
    let most = LIMITS.iter().sum::<Duration>() * 2 + Duration::from_secs(2);
    assert!(begun.elapsed() < most, "{name}: {:?}", begun.elapsed());
    let kind = match fault {
        Fault::Break | Fault::BreakAnswer(_) => ErrorKind::Unavailable,
        Fault::Stall | Fault::StallAnswer(_) => ErrorKind::TimedOut,
    };
    assert_eq!(error.kind, kind, "{name}: {}", error.chain());
    // The engine asks for ranges only to replace segments that it dropped, and this one keeps all.
    let engine = Engine::new(64 << 20);
    let (before, begun) = (proxy.failed(), Instant::now());
    // Neighbouring versions are made from length deltas, others from `changes_since`.
    let apart = if question == "changes" { 2 } else { 1 };
    for (version, text) in versions.iter().zip(texts).step_by(apart) {
        let read = wait(reading::by_engine(&engine, version.id, &version.content));
        match read {
            Ok(read) => assert!(read == *text, "{name}: {}", version.content.describe()),
            // Measuring a version by length deltas fails with the error of the source.
            Err(error) => assert!(question == "steps" && error.kind == kind, "{name}: {}", error.chain()),
        }
    }
    assert!(question == "range" || proxy.failed() > before, "{name}: the engine did not ask");
    assert!(begun.elapsed() < most * 6, "{name}: {:?}", begun.elapsed());
    proxy.fail_by(None);
    let told =
        wait(ask(question, newest, oldest)).unwrap_or_else(|error| panic!("{name}: {}", error.chain()));
    let fresh = self::versions(&format!("dolt://root@127.0.0.1:{}/d", proxy.port));
    let fresh = fresh[0].content.versioned().expect("a version of a table");
    assert_eq!(told, wait(ask(question, fresh, oldest)).expect("nothing fails any more"), "{name}");
    for engine in [engine, Engine::new(8_000)] {
        for (version, text) in versions.iter().zip(texts) {
            let read = wait(reading::by_engine(&engine, version.id, &version.content));
            assert!(read.unwrap_or_else(|error| panic!("{name}: {}", error.chain())) == *text, "{name}");
        }
    }
}
