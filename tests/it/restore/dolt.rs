//! Dolt databases, their rows, and what they lost.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::command::{run, shell};
use crate::support::histories;
use crate::support::mount::{Mount, asof};
use crate::support::recipes::Kitchen;
use crate::support::server::Server;
use crate::support::sql::{Client, ident, quote};
use crate::support::{temp_dir, tree};

/// The moment before `bd-42` was deleted.
const THEN: &str = "2026-01-20T190000Z";

/// The message of the commit that deleted it.
const DAMAGE: &str = "tidy up";

/// A server with one database `beads`, in which `bd-42` is deleted with its labels; `estimate` is a decimal of that row.
fn beads(estimate: &str) -> Server {
    let metadata = r#"'{"row":{"a":[1,2.5,null,"é \\"q\\""]},"changed":[],"":""}'"#;
    beads_with(estimate, metadata)
}

/// The same with another value in a column of JSON.
fn beads_with(estimate: &str, metadata: &str) -> Server {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("beads");
    let row = format!(
        r#"INSERT INTO issues VALUES ('bd-42', 'It''s "quoted", \\ and 😀', 'one\r\n\ttwo\n"row":{{"changed":[1]}}', 2, {estimate},
          -9223372036854775808, 0.1, 0.1, '2026-01-02 03:04:05.123456', '2026-01-02 03:04:05.120', '2026-02-28',
          '-12:34:56.789', 2026, true, {metadata}, NULL)"#
    );
    client.run(&[
        "CREATE TABLE issues (id varchar(20) PRIMARY KEY, title text NOT NULL, description longtext, priority int DEFAULT 2,
           estimate decimal(30,4), size bigint, score double, ratio float, created_at datetime(6), updated_at timestamp(3) NULL,
           due date, spent time(6), since year, pinned tinyint(1) NOT NULL DEFAULT 0, metadata json, closed_at datetime,
           KEY by_priority (priority), CONSTRAINT low CHECK (priority < 100))",
        "CREATE TABLE labels (issue_id varchar(20), label varchar(50), PRIMARY KEY (issue_id, label),
           CONSTRAINT of_issue FOREIGN KEY (issue_id) REFERENCES issues (id) ON DELETE CASCADE)",
        "CREATE TABLE comments (id int AUTO_INCREMENT PRIMARY KEY, issue_id varchar(20), body text,
           CONSTRAINT on_issue FOREIGN KEY (issue_id) REFERENCES issues (id) ON DELETE CASCADE)",
        "CREATE TABLE states (state enum('open','closed') DEFAULT 'closed', flags set('a','b') DEFAULT 'a,b')",
        "CREATE VIEW issues_of_two AS SELECT issue_id FROM labels -- of two; or more",
        "CREATE VIEW second_view AS SELECT id FROM issues JOIN issues_of_two ON id = issue_id",
        "CREATE VIEW first_view AS SELECT id FROM second_view, issues_of_two WHERE second_view.id = issues_of_two.issue_id",
        "CREATE VIEW ready_issues AS SELECT id FROM issues WHERE due < UTC_TIMESTAMP()",
        &row,
        "INSERT INTO issues (id, title) VALUES ('bd-1', ''), ('bd-420', 'another')",
        "INSERT INTO labels VALUES ('bd-42', 'a,b/c'), ('bd-42', 'docs'), ('bd-1', 'docs')",
        "INSERT INTO comments VALUES (7, 'bd-42', 'first'), (9, 'bd-1', 'second')",
    ]);
    client.commit("first issues", "2026-01-20T18:00:00");
    client.run(&["UPDATE issues SET priority = 1 WHERE id = 'bd-42'"]);
    client.commit("more urgent", "2026-01-20T19:00:00");
    client.run(&["DELETE FROM issues WHERE id = 'bd-42'"]);
    client.commit(DAMAGE, "2026-01-21T09:00:00");
    server
}

/// The hashes of the tables of a database or a revision of one (`db/commit`), by the server's own account.
fn hashes(client: &mut Client, revision: &str) -> BTreeMap<String, String> {
    client.use_database(revision);
    let tables = client.texts("SHOW FULL TABLES WHERE table_type = 'BASE TABLE'");
    let mut hash = |table: &str| client.one(&format!("SELECT dolt_hashof_table({})", quote(table)));
    tables.iter().map(|row| (row[0].clone(), hash(&row[0]))).collect()
}

/// The same of a folder that no server has, by the account of `dolt`.
fn hashes_in(server: &Server, folder: &Path) -> BTreeMap<String, String> {
    let ask = |query: &str| server.command(folder, &["sql", "-r", "csv", "-q", query]);
    let tables = ask("SHOW FULL TABLES WHERE table_type = 'BASE TABLE'");
    let tables = tables.lines().skip(1).filter_map(|line| line.strip_suffix(",BASE TABLE"));
    let hash = |table: &str| {
        let answer = ask(&format!("SELECT dolt_hashof_table({})", quote(table)));
        answer.lines().nth(1).expect("one row").to_owned()
    };
    tables.map(|table| (table.to_owned(), hash(table))).collect()
}

/// The commit that a listed snapshot is.
fn commit_of(mount: &Mount, database: &str, name: &str) -> String {
    let log = tree::log(&mount.path(database));
    let snapshot = log.iter().find(|snapshot| snapshot.name == name);
    snapshot.unwrap_or_else(|| panic!("{database} has no snapshot {name}")).commit.clone()
}

/// A mount of one database: of the server's, or of its files.
fn mounted(server: &Server, database: &str, is_of_files: bool) -> (String, Mount) {
    let of_files = server.data().join(database).display().to_string();
    let source = if is_of_files { of_files } else { server.url(database) };
    let mount = Mount::new(&[&source]);
    (source, mount)
}

/// A kitchen for a database as it was.
fn kitchen(recipe: &str, server: &Server, source: &str, folder: &Path, then: &str) -> Kitchen {
    let kitchen = Kitchen::new(recipe).set("DB", folder).set("T", then).set("SOURCE", source);
    kitchen.set("DATA", server.data())
}

pub fn find_the_moment(recipe: &str) {
    let server = beads("1.5");
    let (source, mount) = mounted(&server, "beads", false);
    let said = kitchen(recipe, &server, &source, &mount.path("beads"), THEN).cook();
    let removed = said.lines().find(|line| line.contains(r#""change":"removed","row":{"id":"bd-42""#));
    assert!(removed.is_some_and(|line| line.contains(DAMAGE)), "the history ends with the removal: {said}");
    assert!(said.contains("\nbeads/issues id=\"bd-42\"\n"), "`asof find` finds it: {said}");
    assert!(said.contains("    tidy up\n\n issues | -1 -\n"), "`asof log` tells who did it: {said}");
    let summary = said.lines().last().expect("it printed something");
    assert!(summary.contains(r#""issues":{"added":0,"removed":1,"modified":0}"#), "{summary}");
}

/// Whether `issues` is as it was, cell by cell and by its hash.
#[track_caller]
fn is_back(server: &Server, then: &str) {
    let mut client = server.client();
    client.use_database("beads");
    let row = |client: &mut Client, as_of: &str| {
        client.rows(&format!("SELECT * FROM issues {as_of} WHERE id = 'bd-42'"))
    };
    let wanted = row(&mut client, &format!("AS OF {}", quote(then)));
    assert_eq!(wanted.len(), 1);
    assert_eq!(row(&mut client, ""), wanted);
    let revision = format!("beads/{then}");
    assert_eq!(hashes(&mut client, "beads")["issues"], hashes(&mut client, &revision)["issues"]);
}

pub fn row_as_of(recipe: &str) {
    for is_running in [true, false] {
        let mut server = beads("12345678901234567890.1234");
        let (source, mount) = mounted(&server, "beads", !is_running);
        if !is_running {
            server.kill();
        }
        let kitchen = kitchen(recipe, &server, &source, &mount.path("beads"), THEN);
        kitchen.is_seen_to_be_wrong();
        kitchen.cook();
        kitchen.worked();
        if !is_running {
            server.start_again();
        }
        is_back(&server, &commit_of(&mount, "beads", THEN));
        server.client().run(&["USE beads", "UPDATE issues SET title = 'x' WHERE id = 'bd-42'"]);
        kitchen.is_seen_to_be_wrong();
    }
}

/// A kitchen for the history that a server's files hold.
fn kitchen_of_history(recipe: &str, server: &Server) -> (Mount, Kitchen) {
    let (source, mount) = mounted(server, "beads", true);
    let kitchen = kitchen(recipe, server, &source, &mount.path("beads"), THEN);
    (mount, kitchen)
}

pub fn row_from_history(recipe: &str) {
    for metadata in ["NULL", r#"'{"row":{"a":[1,2.5,null,"é \\"q\\""]},"changed":[],"":""}'"#] {
        let mut server = beads_with("12345678.1234", metadata);
        let (mount, kitchen) = kitchen_of_history(recipe, &server);
        assert!(!kitchen.try_to_cook().status.success(), "an import beside a running server is refused");
        kitchen.is_seen_to_be_wrong();
        server.kill();
        kitchen.cook();
        kitchen.worked();
        server.start_again();
        is_back(&server, &commit_of(&mount, "beads", THEN));
    }
}

/// What the page says that this recipe cannot bring back, its own check sees.
#[test]
fn long_decimals_from_a_history_are_seen_to_be_wrong() {
    let mut server = beads("12345678901234567890.1234");
    let (_mount, kitchen) = kitchen_of_history("row_from_history", &server);
    server.kill();
    kitchen.cook();
    kitchen.is_seen_to_be_wrong();
}

pub fn dolt_from_sql(recipe: &str) {
    let mut server = beads("12345678901234567890.1234");
    histories::every_type(&mut server.client(), "types");
    let moments = [("beads", THEN), ("types", "2026-02-01T000000Z"), ("types", "2026-02-02T000000Z")];
    for is_running in [true, false] {
        for (database, then) in moments {
            let (source, mount) = mounted(&server, database, !is_running);
            let commit = commit_of(&mount, database, then);
            let wanted = hashes(&mut server.client(), &format!("{database}/{commit}"));
            if !is_running {
                server.kill();
            }
            let kitchen = kitchen(recipe, &server, &source, &mount.path(database), then);
            kitchen.cook();
            assert!(kitchen.worked().contains("whole"));
            if !is_running {
                server.start_again();
            }
            let mut client = server.client();
            assert_eq!(hashes(&mut client, "restored"), wanted, "{database} as of {then}");
            if is_running {
                let table = if database == "types" { "bytes" } else { "labels" };
                client.rows(&format!("DELETE FROM {} LIMIT 1", ident(table)));
                client.commit("less", "2026-03-01T00:00:00");
                kitchen.is_seen_to_be_wrong();
            }
            client.rows("DROP DATABASE restored");
        }
    }
    let views = "SELECT name FROM dolt_schemas WHERE type = 'view'";
    let mut client = server.client();
    client.use_database("beads");
    assert_eq!(client.rows(views).len(), 4, "and the original is as it was");
    assert_eq!(client.one("SELECT count(*) FROM dolt_status"), "0");
}

/// Makes `restored` of the moment before the damage, as the page says.
fn restored(server: &Server, mount: &Mount) {
    kitchen("dolt_from_sql", server, "", &mount.path("beads"), THEN).cook();
}

pub fn rows_from_restored(recipe: &str) {
    let server = beads("12345678901234567890.1234");
    let (source, mount) = mounted(&server, "beads", false);
    restored(&server, &mount);
    let kitchen = kitchen(recipe, &server, &source, &mount.path("beads"), THEN);
    kitchen.is_seen_to_be_wrong();
    kitchen.cook();
    kitchen.worked();
    let commit = commit_of(&mount, "beads", THEN);
    is_back(&server, &commit);
    let mut client = server.client();
    assert_eq!(
        hashes(&mut client, "beads")["labels"],
        hashes(&mut client, &format!("beads/{commit}"))["labels"]
    );
}

pub fn in_place(recipe: &str) {
    let mut server = beads("1.5");
    let (source, mount) = mounted(&server, "beads", false);
    let commit = commit_of(&mount, "beads", THEN);
    let wanted = hashes(&mut server.client(), &format!("beads/{commit}"));
    restored(&server, &mount);
    drop(mount);
    server.kill();
    let nowhere = Path::new("/nowhere");
    let kitchen = kitchen(recipe, &server, &source, nowhere, THEN);
    kitchen.is_seen_to_be_wrong();
    kitchen.cook();
    kitchen.worked();
    server.start_again();
    assert_eq!(hashes(&mut server.client(), "beads"), wanted);
    let kept = server.data().join("../beads.broken");
    let log = server.command(&kept, &["log", "--oneline"]);
    assert!(log.contains(DAMAGE), "the broken one is kept: {log}");
}

pub fn dolt_from_jsonl(recipe: &str) {
    let server = beads("12345678.1234");
    let (source, mount) = mounted(&server, "beads", false);
    let commit = commit_of(&mount, "beads", THEN);
    let wanted = hashes(&mut server.client(), &format!("beads/{commit}"));
    let mirror = temp_dir();
    let copy = format!("mkdir asof && cp -r '{}' asof/", mount.path("beads/asof").join(THEN).display());
    shell(&copy).dir(mirror.path()).ok();
    for folder in [&mount.path("beads"), mirror.path()] {
        let kitchen = kitchen(recipe, &server, &source, folder, THEN);
        kitchen.cook();
        let restored = kitchen.path("restored");
        assert_eq!(hashes_in(&server, &restored), wanted);
        let said = kitchen.worked();
        assert_eq!(said.lines().filter(|line| line.ends_with(": OK")).count(), wanted.len() + 1, "{said}");
        let views = "SELECT count(*) FROM dolt_schemas WHERE type = 'view'";
        let views = server.command(&restored, &["sql", "-r", "csv", "-q", views]);
        assert_eq!(views.lines().nth(1), Some("4"), "{views}");
        server.command(&restored, &["sql", "-q", "UPDATE issues SET title = 'x' WHERE id = 'bd-1'"]);
        server.command(&restored, &["commit", "-am", "changed"]);
        kitchen.is_seen_to_be_wrong();
    }
    shell("chmod -R u+w asof").dir(mirror.path()).ok();
}

/// A server with one database `beads`, whose last three steps were flattened; and the last of these.
fn flattened() -> (Server, String) {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("beads");
    client.run(&["CREATE TABLE issues (id varchar(20) PRIMARY KEY, title text)"]);
    let first = client.commit("first", "2026-01-05T00:00:00");
    let mut lost = String::new();
    for step in 1..=3 {
        client.run(&[&format!("INSERT INTO issues VALUES ('bd-{step}', 'é')")]);
        lost = client.commit(&format!("step {step}"), &format!("2026-01-06T0{step}:00:00"));
    }
    let back = format!("CALL DOLT_RESET('--soft', {})", quote(&first));
    client.run(&[&back, "DELETE FROM issues WHERE id = 'bd-2'"]);
    client.commit("flattened", "2026-01-07T00:00:00");
    (server, lost)
}

fn kitchen_of_the_lost(recipe: &str, server: &Server, lost: &str) -> Kitchen {
    Kitchen::new(recipe).set("DATA", server.data()).set("LOST", lost)
}

pub fn find_the_lost(recipe: &str) {
    let (server, lost) = flattened();
    let said = kitchen_of_the_lost(recipe, &server, &lost).cook();
    assert!(said.contains(&lost) && said.contains("step 1") && said.contains("step 3"), "{said}");
    assert!(said.contains(r#"{"id":"bd-2","title":"é"}"#), "{said}");
}

pub fn lost_branch(recipe: &str) {
    let (server, lost) = flattened();
    let kitchen = kitchen_of_the_lost(recipe, &server, &lost);
    kitchen.is_seen_to_be_wrong();
    kitchen.cook();
    kitchen.worked();
    let mut client = server.client();
    client.use_database("beads");
    let log = client.texts("SELECT message FROM dolt_log('found')");
    assert_eq!(log[..4].concat(), ["step 3", "step 2", "step 1", "first"]);
    assert_eq!(client.one("SELECT count(*) FROM issues AS OF 'found'"), "3");
    assert_eq!(client.one("SELECT count(*) FROM issues"), "2");
    // Beside the timeline now, and still a whole snapshot as SQL.
    let from = server.data().join("beads");
    let sql = run(asof()).args(["cat", "--cache-dir", "", "sql/found.sql", "--from"]).arg(&from).ok();
    assert!(sql.contains("('bd-3','é')"), "{sql}");
}

pub fn lost_sql(recipe: &str) {
    let (mut server, lost) = flattened();
    let wanted = hashes(&mut server.client(), &format!("beads/{lost}"));
    server.kill();
    let kitchen = kitchen_of_the_lost(recipe, &server, &lost);
    kitchen.cook();
    let restored = kitchen.path("restored");
    assert_eq!(hashes_in(&server, &restored), wanted);
    assert!(kitchen.worked().contains("whole"));
    server.command(&restored, &["sql", "-q", "DELETE FROM issues LIMIT 1"]);
    server.command(&restored, &["commit", "-am", "less"]);
    kitchen.is_seen_to_be_wrong();
}

pub fn dolt_without_a_mount(recipe: &str) {
    let server = beads("12345678901234567890.1234");
    histories::every_type(&mut server.client(), "types");
    for (database, then) in [("beads", THEN), ("types", "2026-02-01T000000Z")] {
        for is_of_files in [false, true] {
            let (source, mount) = mounted(&server, database, is_of_files);
            let commit = commit_of(&mount, database, then);
            drop(mount);
            let kitchen = kitchen(recipe, &server, &source, Path::new("/nowhere"), then);
            kitchen.cook();
            let restored = kitchen.path("restored");
            let wanted = hashes(&mut server.client(), &format!("{database}/{commit}"));
            assert_eq!(hashes_in(&server, &restored), wanted, "{database} from {source}");
            assert!(kitchen.worked().contains("whole"));
            let table = if database == "types" { "bytes" } else { "labels" };
            server.command(&restored, &["sql", "-q", &format!("DELETE FROM {table} LIMIT 1")]);
            server.command(&restored, &["commit", "-am", "less"]);
            kitchen.is_seen_to_be_wrong();
        }
    }
}
