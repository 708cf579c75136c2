//! Dumps: the same over a server and from the store's files, and loaded they give the same tables back.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use asof::model::history::SnapshotId;
use asof::source::{Database, FileEntry};

use crate::agreement::from_files;
use crate::support::command::run;
use crate::support::server::{Dolt, Server};
use crate::support::sql::{Client, ident, quote};
use crate::support::{bytes, database, extremes, histories, temp_dir, wait};

/// The dump of a commit.
#[track_caller]
fn dump(database: &Arc<dyn Database>, commit: &SnapshotId) -> FileEntry {
    let dump = wait(database.sql_dump(commit)).unwrap_or_else(|error| panic!("{}", error.chain()));
    dump.expect("Dolt can be dumped")
}

#[track_caller]
fn text(dump: &FileEntry) -> Vec<u8> {
    bytes(&dump.content).unwrap_or_else(|error| panic!("{}: {}", dump.content.describe(), error.chain()))
}

/// The dumps of some commits of a database, once each, after checking that both ways give the same.
fn dumps(server: &Server, name: &str, is_wanted: impl Fn(usize) -> bool) -> Vec<(SnapshotId, Vec<u8>)> {
    let (theirs, ours) = (database(&server.url(name)), from_files(&server.data(), name));
    let history = theirs.history();
    let mut seen = HashSet::new();
    let mut dumps = Vec::new();
    for (_, commit) in history.timeline.iter().enumerate().filter(|(at, _)| is_wanted(*at)) {
        let (over_server, of_files) = (dump(&theirs, &commit.id), dump(&ours, &commit.id));
        let identity = |dump: &FileEntry| (dump.id, dump.changed, dump.links);
        assert_eq!(identity(&over_server), identity(&of_files), "{name} at {}", commit.id);
        if seen.insert(over_server.id) {
            let sql = text(&over_server);
            let of_files = text(&of_files);
            if sql != of_files {
                let (a, b) = (String::from_utf8_lossy(&sql), String::from_utf8_lossy(&of_files));
                let differing = a.lines().zip(b.lines()).find(|(a, b)| a != b);
                panic!("{name} at {}: {} and {} bytes, {differing:?}", commit.id, sql.len(), of_files.len());
            }
            dumps.push((commit.id.clone(), sql));
        }
    }
    dumps
}

/// What a table is by its hash, at a revision (`db/<hash>`, or `db`).
fn hash(client: &mut Client, table: &str) -> String {
    client.one(&format!("SELECT dolt_hashof_table({})", quote(table)))
}

fn tables(client: &mut Client) -> Vec<String> {
    let rows = client.texts("SHOW FULL TABLES WHERE table_type = 'BASE TABLE'");
    rows.into_iter().map(|row| row[0].clone()).collect()
}

/// Loads a dump with `dolt sql < FILE` into a new folder of a data folder.
fn load_by_dolt(server: &Server, dolt: Dolt, data: &Path, name: &str, sql: &[u8]) {
    let folder = data.join(name);
    std::fs::create_dir(&folder).expect("the folder is ours");
    server.command(&folder, &["init"]);
    let home = data.parent().expect("a data folder lies in one");
    let loaded = run(dolt.program()).arg("sql").dir(&folder).input(sql);
    let loaded = loaded.env("HOME", home).env("DOLT_ROOT_PATH", home).env("NO_COLOR", "1").outcome();
    assert!(loaded.stderr.is_empty(), "{name}: {}", loaded.stderr.chars().take(2000).collect::<String>());
    loaded.expect_status(0);
}

/// How two databases differ, table by table; `db` may name a revision.
fn differences(original: &mut Client, of: &str, rebuilt: &mut Client, as_: &str) -> BTreeSet<String> {
    original.use_database(of);
    rebuilt.use_database(as_);
    let (theirs, ours) = (tables(original), tables(rebuilt));
    assert_eq!(theirs, ours, "tables of {of}");
    let differing = theirs.into_iter().filter(|table| hash(original, table) != hash(rebuilt, table));
    differing.collect()
}

#[test]
fn try_it() {
    let mut server = Server::start();
    let mut client = server.client();
    histories::every_type(&mut client, "types");
    histories::evolving(&mut client, "evolving");
    histories::random(&mut client, "random", 29, 40);
    extremes::every_key(&mut client, "keys");
    extremes::lengths(&mut client, "lengths");
    extremes::documents(&mut client, "documents");
    let folder = temp_dir();
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    let target = Server::start();
    let mut rebuilt = target.client();
    for name in ["types", "evolving", "random", "keys", "lengths", "documents"] {
        for (commit, sql) in dumps(&server, name, |at| at % 7 == 0 || name != "random") {
            let of = format!("{name}/{commit}");
            let as_ = format!("{name}_{commit}");
            rebuilt.new_database(&as_);
            let loaded = run("mysql")
                .args([
                    "-h127.0.0.1",
                    "-uroot",
                    &format!("-P{}", target.port),
                    "--max-allowed-packet=64M",
                    "--default-character-set=utf8mb4",
                    &as_,
                ])
                .input(sql.clone())
                .outcome();
            if !loaded.stderr.is_empty() || !loaded.status.success() {
                std::fs::write("/tmp/h1x/failed.sql", &sql).unwrap();
                eprintln!("FAILED {of}: {}", loaded.stderr.chars().take(1000).collect::<String>());
                continue;
            }
            let differing = differences(&mut client, &of, &mut rebuilt, &as_);
            eprintln!("{of}: {} bytes, differing {differing:?}", sql.len());
            for table in &differing {
                let show = |client: &mut Client| {
                    (
                        client.texts(&format!("SHOW CREATE TABLE {}", ident(table))),
                        client.rows(&format!("SELECT * FROM {}", ident(table))),
                    )
                };
                let (a, b) = (show(&mut client), show(&mut rebuilt));
                if a != b {
                    eprintln!("   {table} NOT SAME: {:?}\n{:?}", a.0, b.0);
                }
            }
            client.use_database(name);
        }
    }
    server.kill();
}
