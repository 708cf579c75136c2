//! A Dolt database from which a row was deleted, and the facts that the recipes need.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::mount::Mount;
use crate::support::recipes::Kitchen;
use crate::support::server::{Dolt, Server};
use crate::support::sql::{Client, quote};
use crate::support::tree;

/// The time before `bd-42` was deleted.
pub const THEN: &str = "2026-01-20T190000Z";

/// The message of the commit that deleted it.
pub const DAMAGE: &str = "tidy up";

/// A document with everything that could be mistaken for syntax of the line around it.
pub const METADATA: &str = r#"'{"row":{"a":[1,2.5,null,"é \\"q\\""]},"changed":[],"":""}'"#;

/// A server with one database `beads` from which `bd-42` and its labels were deleted; `estimate` is a decimal of that row.
pub fn beads(estimate: &str) -> Server {
    beads_with(estimate, METADATA)
}

/// The same with another JSON value.
pub fn beads_with(estimate: &str, metadata: &str) -> Server {
    beads_of(Dolt::Pinned, estimate, metadata)
}

/// The same with another version of Dolt.
pub fn beads_of(dolt: Dolt, estimate: &str, metadata: &str) -> Server {
    let server = Server::start_as(dolt, None);
    let mut client = server.client();
    client.new_database("beads");
    let row = format!(
        r#"INSERT INTO issues VALUES ('bd-42', 'It''s "quoted", \\ and 😀', 'one\r\n\ttwo\n"row":{{"changed":[1]}}', 2, {estimate},
          -9223372036854775808, 0.1, 0.1, '2026-01-02 03:04:05.123456', '2026-01-02 03:04:05.120', '2026-02-28',
          '-12:34:56.789', 2026, true, {metadata}, NULL, 'gh-42')"#
    );
    client.run(&[
        "CREATE TABLE issues (id varchar(20) PRIMARY KEY, title text NOT NULL, description longtext, priority int DEFAULT 2,
           estimate decimal(30,4), size bigint, score double, ratio float, created_at datetime(6), updated_at timestamp(3) NULL,
           due date, spent time(6), since year, pinned tinyint(1) NOT NULL DEFAULT 0, metadata json, closed_at datetime,
           external_ref varchar(20) UNIQUE, KEY by_priority (priority), CONSTRAINT low CHECK (priority < 100))",
        "CREATE TABLE labels (issue_id varchar(20), label varchar(50), PRIMARY KEY (issue_id, label),
           CONSTRAINT of_issue FOREIGN KEY (issue_id) REFERENCES issues (id) ON DELETE CASCADE)",
        "CREATE TABLE comments (id int AUTO_INCREMENT PRIMARY KEY, issue_id varchar(20), body text,
           CONSTRAINT on_issue FOREIGN KEY (issue_id) REFERENCES issues (id) ON DELETE CASCADE)",
        "CREATE TABLE dependencies (issue_id varchar(20), depends_on_issue_id varchar(20), PRIMARY KEY (issue_id, depends_on_issue_id),
           CONSTRAINT of_dependent FOREIGN KEY (issue_id) REFERENCES issues (id) ON DELETE CASCADE,
           CONSTRAINT on_other FOREIGN KEY (depends_on_issue_id) REFERENCES issues (id) ON DELETE CASCADE)",
        "CREATE TABLE states (state enum('open','closed') DEFAULT 'closed', flags set('a','b') DEFAULT 'a,b')",
        "CREATE VIEW issues_of_two AS SELECT issue_id FROM labels -- of two; or more",
        "CREATE VIEW second_view AS SELECT id FROM issues JOIN issues_of_two ON id = issue_id",
        "CREATE VIEW first_view AS SELECT id FROM second_view, issues_of_two WHERE second_view.id = issues_of_two.issue_id",
        "CREATE VIEW ready_issues AS SELECT id FROM issues WHERE due < UTC_TIMESTAMP()",
        &row,
        "INSERT INTO issues (id, title) VALUES ('bd-1', ''), ('bd-420', 'another')",
        "INSERT INTO labels VALUES ('bd-42', 'a,b/c'), ('bd-42', 'docs'), ('bd-1', 'docs')",
        "INSERT INTO dependencies VALUES ('bd-42', 'bd-1'), ('bd-420', 'bd-42'), ('bd-420', 'bd-1')",
        "INSERT INTO states VALUES ('open', 'b'), (NULL, ''), ('open', 'b'), ('closed', 'a,b')",
        "INSERT INTO comments VALUES (7, 'bd-42', 'first'), (9, 'bd-1', 'second')",
    ]);
    client.commit("first issues", "2026-01-20T18:00:00");
    client.run(&["UPDATE issues SET priority = 1 WHERE id = 'bd-42'"]);
    client.commit("more urgent", "2026-01-20T19:00:00");
    client.run(&["DELETE FROM issues WHERE id = 'bd-42'"]);
    client.commit(DAMAGE, "2026-01-21T09:00:00");
    server
}

/// The hashes of the tables of a database, or of a revision of one (`db/commit`), from the server.
pub fn hashes(client: &mut Client, revision: &str) -> BTreeMap<String, String> {
    client.use_database(revision);
    let tables = client.texts("SHOW FULL TABLES WHERE table_type = 'BASE TABLE'");
    let mut hash = |table: &str| client.one(&format!("SELECT dolt_hashof_table({})", quote(table)));
    tables.iter().map(|row| (row[0].clone(), hash(&row[0]))).collect()
}

/// The same for a folder without a server, from `dolt`.
pub fn hashes_in(server: &Server, folder: &Path) -> BTreeMap<String, String> {
    let ask = |query: &str| server.command(folder, &["sql", "-r", "csv", "-q", query]);
    let tables = ask("SHOW FULL TABLES WHERE table_type = 'BASE TABLE'");
    let tables = tables.lines().skip(1).filter_map(|line| line.strip_suffix(",BASE TABLE"));
    let hash = |table: &str| {
        let answer = ask(&format!("SELECT dolt_hashof_table({})", quote(table)));
        answer.lines().nth(1).expect("one row").to_owned()
    };
    tables.map(|table| (table.to_owned(), hash(table))).collect()
}

/// The commit of a listed snapshot.
pub fn commit_of(mount: &Mount, database: &str, name: &str) -> String {
    let log = tree::log(&mount.path(database));
    let snapshot = log.iter().find(|snapshot| snapshot.name == name);
    snapshot.unwrap_or_else(|| panic!("{database} has no snapshot {name}")).commit.clone()
}

/// Mounts one database, over the server or from its files.
pub fn mounted(server: &Server, database: &str, is_of_files: bool) -> (String, Mount) {
    let of_files = server.data().join(database).display().to_string();
    let source = if is_of_files { of_files } else { server.url(database) };
    let mount = Mount::new(&[&source]);
    (source, mount)
}

/// A kitchen for an earlier state of a database.
pub fn kitchen(recipe: &str, server: &Server, source: &str, folder: &Path, then: &str) -> Kitchen {
    let kitchen = Kitchen::with(server.dolt, recipe).set("DB", folder).set("T", then).set("SOURCE", source);
    kitchen.set("DATA", server.data())
}

/// Creates `restored` from the time before the damage, as the page describes.
pub fn restored(server: &Server, mount: &Mount) {
    kitchen("dolt_from_sql", server, "", &mount.path("beads"), THEN).cook();
}
