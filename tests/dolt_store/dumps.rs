//! Dumps: equal from a server and from the store's files, and loading them restores the same tables.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use asof::content::FileEntry;
use asof::model::history::SnapshotId;
use asof::source::Database;

use crate::agreement::from_files;
use crate::support::command::run;
use crate::support::kinds::Kinds;
use crate::support::notice::tell;
use crate::support::server::{Dolt, Server};
use crate::support::sql::{Cell, Client, ident, quote};
use crate::support::{bytes, database, extremes, histories, real_history, real_server, temp_dir, wait};

#[track_caller]
fn dump(database: &Arc<dyn Database>, commit: &SnapshotId) -> FileEntry {
    let dump = wait(database.sql_dump(commit)).unwrap_or_else(|error| panic!("{}", error.chain()));
    dump.expect("Dolt can be dumped")
}

#[track_caller]
fn text(dump: &FileEntry) -> Vec<u8> {
    bytes(&dump.content).unwrap_or_else(|error| panic!("{}: {}", dump.content.describe(), error.chain()))
}

/// The distinct dumps of some commits, after a check that both ways agree.
fn dumps(
    dolt: Dolt,
    server: &Server,
    name: &str,
    is_wanted: impl Fn(usize) -> bool,
) -> Vec<(SnapshotId, Vec<u8>)> {
    let (theirs, ours) = (database(&server.url(name)), from_files(&server.data(), name));
    let history = theirs.history();
    let has_same_dates = dolt != Dolt::Old;
    let mut seen = HashSet::new();
    let mut dumps = Vec::new();
    for (_, commit) in history.timeline.iter().enumerate().filter(|(at, _)| is_wanted(*at)) {
        let (over_server, of_files) = (dump(&theirs, &commit.id), dump(&ours, &commit.id));
        // The older Dolt shows another date for a commit than the later ones, whose rule the store reader follows.
        let changed = |dump: &FileEntry| has_same_dates.then_some(dump.changed);
        let identity = |dump: &FileEntry| (dump.id, changed(dump), dump.links);
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

/// The MySQL client, by either of its names.
fn mysql() -> &'static str {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| std::env::split_paths(&path).any(|folder| folder.join(name).exists());
    let found = ["mysql", "mariadb"].into_iter().find(is_there);
    found.expect("the mysql client is installed: tests/setup/packages.sh test")
}

/// Creates a database with everything that a dump must carry besides plain rows.
fn everything(client: &mut Client, database: &str) {
    client.new_database(database);
    client.run(&[
        "CREATE TABLE zparents (id int PRIMARY KEY AUTO_INCREMENT, name varchar(20), UNIQUE KEY by_name (name))",
        "INSERT INTO zparents VALUES (1,'a'),(7,'b')",
        "CREATE TABLE children (id int PRIMARY KEY, parent int DEFAULT 1, other int,
           CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES zparents (id) ON DELETE CASCADE,
           CONSTRAINT of_itself FOREIGN KEY (other) REFERENCES children (id), CONSTRAINT low CHECK (id < 1000))",
        "INSERT INTO children VALUES (1,1,NULL),(2,7,1)",
        "CREATE TABLE defaults (id int PRIMARY KEY, e enum('a','b c','it''s') DEFAULT 'it''s',
           s set('x','y','z') NOT NULL DEFAULT 'x,z', none set('x') DEFAULT '', b bit(5) DEFAULT b'101',
           f float DEFAULT 1.5, d double DEFAULT 1e30, n decimal(10,3) DEFAULT -1.5, y year DEFAULT 2020,
           t time DEFAULT '01:02:03', ts timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
           v varchar(20) DEFAULT 'it''s \\ \"q\"', vb varbinary(10) DEFAULT 'ab', tx text DEFAULT ('abc'),
           j json DEFAULT ('{\"a\":1}'), o boolean DEFAULT true, da date DEFAULT '2020-02-02' COMMENT 'it''s \\ here')",
        "INSERT INTO defaults (id, ts) VALUES (1, '2026-01-01 00:00:00')",
        "CREATE TABLE odd (id int PRIMARY KEY AUTO_INCREMENT, e enum('a','b'), f float, d double, da date, dt datetime(6),
           g int GENERATED ALWAYS AS (id + 1) STORED, v int GENERATED ALWAYS AS (id + 2) VIRTUAL, y year)",
        "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
        "INSERT INTO odd (id, e, f, d, da, dt, y) VALUES (0, 0, 0, 0, '0000-00-00', '0000-00-00', 0),
           (1, 'a', 3.4028234663852886e38, 5e-324, '9999-12-31', '2026-01-01 00:00:00.000001', 2155),
           (2, 'b', 1e-45, -1.7976931348623157e308, '1000-01-01', '9999-12-31 23:59:59.999999', 1901)",
        "SET sql_mode = DEFAULT",
        "CREATE TABLE loose (a int, b text, g int GENERATED ALWAYS AS (a * 2) STORED, KEY some (a, b(10)))",
        "INSERT INTO loose (a, b) VALUES (1,'x'),(1,'x'),(1,'x'),(2,NULL)",
        "CREATE TABLE latin (c char(3) CHARACTER SET latin1 COLLATE latin1_swedish_ci PRIMARY KEY,
           t text CHARACTER SET latin1) COLLATE utf8mb4_general_ci",
        "INSERT INTO latin VALUES ('é','ü'),('a','b')",
        "CREATE TABLE places (id int PRIMARY KEY, p point NOT NULL SRID 4326, SPATIAL KEY here (p))",
        "INSERT INTO places VALUES (1, ST_GeomFromText('POINT(1 2)', 4326))",
    ]);
    client.commit("tables", "2026-09-01T00:00:00");
    client.run(&[
        "CREATE VIEW clock AS SELECT id, now() AS at FROM children",
        "CREATE VIEW a_clock AS SELECT id FROM clock",
        "CREATE VIEW base AS SELECT id FROM zparents -- a note; here",
        "CREATE VIEW above AS SELECT id FROM base WHERE id > 0",
        "CREATE TABLE short_lived (id int)",
        "CREATE VIEW widow AS SELECT\nid FROM short_lived",
        "DROP TABLE short_lived",
        "SET sql_mode = 'ANSI_QUOTES'",
        "CREATE VIEW \"ansi\" AS SELECT \"id\" FROM \"zparents\"",
        "SET sql_mode = DEFAULT",
        "CREATE TRIGGER zz BEFORE INSERT ON children FOR EACH ROW SET NEW.parent = 7",
        "CREATE TRIGGER aa BEFORE INSERT ON children FOR EACH ROW FOLLOWS zz BEGIN SET NEW.parent = 1; SET NEW.other = NULL; END",
        "CREATE EVENT often ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DISABLE DO DELETE FROM loose",
    ]);
    client.commit("programs", "2026-09-02T00:00:00");
    client.run(&["CREATE PROCEDURE twice (x int) BEGIN SELECT x; SELECT ';;' AS y; END"]);
    client.commit("a procedure", "2026-09-03T00:00:00");
    client.run(&["DROP PROCEDURE twice", "CREATE PROCEDURE thrice (x int) SELECT x * 3"]);
    client.commit("another procedure", "2026-09-04T00:00:00");
    client.run(&["INSERT INTO zparents VALUES (50,'c')"]);
    client.commit("a row", "2026-09-05T00:00:00");
}

/// The tables of two databases whose hashes differ.
fn differing(original: &mut Client, rebuilt: &mut Client) -> Vec<String> {
    let tables = |client: &mut Client| -> Vec<String> {
        let rows = client.texts("SHOW FULL TABLES WHERE table_type = 'BASE TABLE'");
        rows.into_iter().map(|row| row[0].clone()).collect()
    };
    let names = tables(original);
    assert_eq!(names, tables(rebuilt));
    let hash =
        |client: &mut Client, table: &str| client.one(&format!("SELECT dolt_hashof_table({})", quote(table)));
    names.into_iter().filter(|table| hash(original, table) != hash(rebuilt, table)).collect()
}

/// Restores column numbers. Dolt numbers a column when it is created: by the table's name, the columns before it and
/// the numbers then in use. Only Dolt's own procedure restores the number of an inserted or renamed column.
fn give_numbers(server: &Server, database: &str, commit: &str, tables: &[String], rebuilt: &mut Client) {
    // `dolt schema tags` only knows the working set, so this uses a copy that is checked out at the commit.
    let copy = temp_dir();
    run("cp").arg("-a").arg(server.data().join(database)).arg(copy.path()).ok();
    let folder = copy.path().join(database);
    server.command(&folder, &["checkout", "-b", "look", commit]);
    let numbers = server.command(&folder, &["schema", "tags", "-r", "json"]);
    let numbers: serde_json::Value = serde_json::from_str(&numbers).expect("dolt prints JSON");
    let rows = numbers["rows"].as_array().expect("dolt prints rows");
    let rows = rows.iter().filter(|row| tables.iter().any(|table| row["table"] == table.as_str()));
    let rows: Vec<_> = rows.collect();
    assert!(!rows.is_empty());
    // In two steps, because a number may still belong to another column.
    for offset in [1_000_000_000, 0_u64] {
        for row in &rows {
            let [table, column] = ["table", "column"].map(|name| quote(row[name].as_str().expect("a name")));
            let number = row["tag"].as_u64().or_else(|| row["tag"].as_str()?.parse().ok()).expect("a number");
            rebuilt.rows(&format!("CALL dolt_update_column_tag({table}, {column}, {})", number + offset));
        }
    }
}

/// Loads a dump into a new database with the `mysql` client, and checks that its tables equal the commit's. Returns
/// how many tables have the same hash before their columns are renumbered.
fn comes_back(server: &Server, name: &str, commit: &str, sql: &[u8], target: &Server) -> usize {
    let (mut original, mut rebuilt) = (server.client(), target.client());
    let new = format!("{name} {commit}");
    rebuilt.new_database(&new);
    let port = format!("-P{}", target.port);
    let loaded = run(mysql()).args([
        "--no-defaults",
        "--comments",
        "-h127.0.0.1",
        "-uroot",
        &port,
        "--max-allowed-packet=64M",
        &new,
    ]);
    loaded.input(sql).ok();
    original.use_database(&format!("{name}/{commit}"));
    let count = original.texts("SHOW FULL TABLES WHERE table_type = 'BASE TABLE'").len();
    let renumbered = differing(&mut original, &mut rebuilt);
    if !renumbered.is_empty() {
        give_numbers(server, name, commit, &renumbered, &mut rebuilt);
        let left = differing(&mut original, &mut rebuilt);
        assert!(left.is_empty(), "{name} at {commit}: {left:?} did not come back");
    }
    rebuilt.rows(&format!("DROP DATABASE {}", ident(&new)));
    count - renumbered.len()
}

#[test]
fn every_history_comes_back_table_by_table() {
    come_back_table_by_table(Dolt::Pinned);
}

#[test]
fn every_history_of_the_newest_dolt_comes_back_table_by_table() {
    come_back_table_by_table(Dolt::New);
}

fn come_back_table_by_table(dolt: Dolt) {
    let server = Server::start_as(dolt, None);
    let mut client = server.client();
    everything(&mut client, "everything");
    histories::tour(&mut client, "tour");
    histories::every_type(&mut client, "types");
    histories::evolving(&mut client, "evolving");
    histories::branching(&mut client, "branching");
    histories::random(&mut client, "random", 29, 40);
    histories::random(&mut client, "random3", 3, 40);
    extremes::every_key(&mut client, "keys");
    extremes::lengths(&mut client, "lengths");
    extremes::documents(&mut client, "documents");
    let mut kinds = Kinds::begin(&mut client, "kinds", 43);
    kinds.carry_on(&mut client, dolt, 12);
    let mut names: Vec<String> = [
        "everything",
        "kinds",
        "tour",
        "types",
        "evolving",
        "branching",
        "random",
        "random3",
        "keys",
        "lengths",
        "documents",
    ]
    .map(String::from)
    .into();
    names.extend(histories::awkward_names(&mut client));
    let target = Server::start_as(dolt, None);
    let mut same = 0;
    for name in names {
        let is_random = name.starts_with("random");
        for (commit, sql) in dumps(dolt, &server, &name, |at| !is_random || at % 7 == 0) {
            same += comes_back(&server, &name, &commit, &sql, &target);
        }
    }
    assert!(same > 150, "{same} tables had the same hash at once");
}

#[test]
fn the_real_history_comes_back() {
    let Some(bundle) = real_history::bundle() else {
        tell("NOT RUN: dumps::the_real_history_comes_back: ASOF_REAL_HISTORY is not set");
        return;
    };
    let (server, commits) = real_server::start(&bundle);
    let target = Server::start();
    let wanted = [0, commits / 4, commits / 2, commits - 10];
    let dumps = dumps(Dolt::Pinned, &server, "beads", |at| wanted.contains(&at));
    assert_eq!(dumps.len(), wanted.len());
    for (commit, sql) in dumps {
        assert_eq!(comes_back(&server, "beads", &commit, &sql, &target), 5, "all tables, at once");
    }
}

/// A server sends 0 for -0, so only the store's files show it.
#[test]
fn a_negative_zero_comes_back_from_the_files() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("signs");
    client.run(&[
        "CREATE TABLE zeros (id int PRIMARY KEY, f float, d double)",
        "INSERT INTO zeros VALUES (1, 0, 0), (2, '-0', '-0')",
    ]);
    let commit = client.commit("zeros", "2026-09-06T00:00:00");
    let dump = dump(&from_files(&server.data(), "signs"), &commit.as_str().into());
    let sql = text(&dump);
    assert!(String::from_utf8_lossy(&sql).contains("(2,'-0','-0')"));
    assert_eq!(comes_back(&server, "signs", &commit, &sql, &Server::start()), 1);
}

/// The objects besides tables, from the server.
fn programs(client: &mut Client) -> Vec<Vec<Vec<String>>> {
    [
        "SELECT type, name, fragment, sql_mode FROM dolt_schemas WHERE name <> 'widow' ORDER BY type, name",
        "SELECT name, create_stmt, sql_mode FROM dolt_procedures ORDER BY name",
        "SHOW CREATE TABLE children",
        "SELECT * FROM ansi",
        "SELECT id FROM a_clock",
        "SELECT * FROM above",
    ]
    .map(|query| client.texts(query))
    .into()
}

#[test]
fn views_triggers_events_and_procedures_come_back() {
    let server = Server::start();
    let mut client = server.client();
    everything(&mut client, "everything");
    let dumps = dumps(Dolt::Pinned, &server, "everything", |_| true);
    assert_eq!(dumps.len(), 6, "each commit has a dump of its own");
    let text = String::from_utf8_lossy(&dumps[0].1).into_owned();
    assert!(
        text.contains("-- View `widow` cannot be made: it reads `short_lived`, which is not there."),
        "{text}"
    );
    let target = Server::start();
    let mut rebuilt = target.client();
    rebuilt.new_database("everything");
    let port = format!("-P{}", target.port);
    let load =
        run(mysql()).args(["--no-defaults", "--comments", "-h127.0.0.1", "-uroot", &port, "everything"]);
    load.input(dumps[0].1.clone()).ok();
    assert_eq!(programs(&mut client), programs(&mut rebuilt));
    for client in [&mut client, &mut rebuilt] {
        client.run(&["INSERT INTO children (id, parent, other) VALUES (500, 50, 2)"]);
        let row = &client.texts("SELECT * FROM children WHERE id = 500")[0];
        assert_eq!(row, &["500", "1", "NULL"], "both triggers, in their order");
    }
    let refused = rebuilt.query("INSERT INTO children (id) VALUES (1001)");
    assert!(refused.is_err(), "the CHECK came back");
    let refused = rebuilt.query("UPDATE children SET parent = 99 WHERE id = 1");
    assert!(refused.is_err(), "the foreign key came back");
    let session = "SELECT @@sql_mode, @@time_zone, @@foreign_key_checks";
    let fresh = rebuilt.texts(session);
    let loaded = String::from_utf8_lossy(&dumps[0].1).into_owned() + session + ";\n";
    rebuilt.new_database("again");
    let load =
        run(mysql()).args(["--no-defaults", "--comments", "-N", "-h127.0.0.1", "-uroot", &port, "again"]);
    let printed = load.input(loaded).ok();
    assert_eq!(printed.trim_end().split('\t').collect::<Vec<_>>(), fresh[0], "the session is as it was");
}

#[test]
fn every_dolt_loads_what_every_dolt_wrote() {
    for from in Dolt::EVERY {
        let mut server = Server::start_as(from, None);
        let mut client = server.client();
        everything(&mut client, "everything");
        histories::every_type(&mut client, "types");
        extremes::every_key(&mut client, "keys");
        let names = ["everything", "types", "keys"];
        let dumps = names.map(|name| dumps(from, &server, name, |at| at == 0).remove(0).1);
        server.kill();
        // The versions show the same bytes differently, so the one that reads all stores shows all of them.
        let original = Server::start_as(Dolt::New, Some(&server));
        let mut client = original.client();
        let dumps: Vec<_> = names
            .into_iter()
            .zip(dumps)
            .map(|(name, sql)| {
                client.use_database(name);
                (name, sql, account(&mut client))
            })
            .collect();
        for to in Dolt::EVERY {
            let mut target = Server::start_as(to, None);
            target.kill();
            for (name, sql, _) in &dumps {
                load_by_dolt(&target, to, name, sql);
            }
            let shown = Server::start_as(Dolt::New, Some(&target));
            let mut rebuilt = shown.client();
            for (name, _, account_of) in &dumps {
                rebuilt.use_database(name);
                let now = account(&mut rebuilt);
                for (table, (hash, statement, rows)) in account_of {
                    let (hash_now, statement_now, rows_now) = &now[table];
                    assert_eq!(
                        (statement, rows),
                        (statement_now, rows_now),
                        "{table} of {name}: {from:?} to {to:?}"
                    );
                    // A version repeats its own encodings; another may choose different ones.
                    assert!(from != to || hash == hash_now, "{table} of {name}: {from:?} to {to:?}");
                }
            }
        }
    }
}

/// The hash, statement and rows of each table.
type Account = BTreeMap<String, (String, String, Vec<Vec<Cell>>)>;

fn account(client: &mut Client) -> Account {
    let tables = client.texts("SHOW FULL TABLES WHERE table_type = 'BASE TABLE'");
    let names = tables.into_iter().map(|row| row[0].clone());
    let account = names.map(|table| {
        let hash = client.one(&format!("SELECT dolt_hashof_table({})", quote(&table)));
        let statement = client.texts(&format!("SHOW CREATE TABLE {}", ident(&table)))[0][1].clone();
        let all = "LIMIT 9223372036854775807";
        let mut rows = client.rows(&format!("SELECT * FROM {} {all}", ident(&table)));
        // Rows without a key are in the order of their hashes, which depend on encodings.
        if !statement.contains("PRIMARY KEY") {
            rows.sort();
        }
        (table, (hash, statement, rows))
    });
    account.collect()
}

/// Loads a dump with `dolt sql < FILE` into a new folder of a stopped server.
fn load_by_dolt(target: &Server, dolt: Dolt, name: &str, sql: &[u8]) {
    let folder = target.data().join(name);
    std::fs::create_dir(&folder).expect("the folder is ours");
    target.command(&folder, &["init"]);
    let home = target.data().parent().expect("a data folder has a parent").to_owned();
    let loaded = run(dolt.program()).arg("sql").dir(&folder).input(sql);
    let loaded = loaded.env("HOME", &home).env("DOLT_ROOT_PATH", &home).env("NO_COLOR", "1").outcome();
    assert!(loaded.stderr.is_empty(), "{name}: {}", loaded.stderr.chars().take(2000).collect::<String>());
    loaded.expect_status(0);
}
