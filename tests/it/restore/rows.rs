//! One row of a Dolt database, and the time to take it from.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::dolt::{DAMAGE, METADATA, THEN, beads, beads_with, commit_of, hashes, kitchen, mounted, restored};
use crate::support::mount::Mount;
use crate::support::recipes::Kitchen;
use crate::support::server::Server;
use crate::support::sql::{Client, quote};
use crate::support::temp_dir;

pub fn find_the_moment(recipe: &str) {
    let server = beads("1.5");
    let (source, mount) = mounted(&server, "beads", false);
    let said = kitchen(recipe, &server, &source, &mount.path("beads"), THEN).cook();
    let removed = said.lines().find(|line| line.contains(r#""change":"removed","row":{"id":"bd-42""#));
    assert!(removed.is_some_and(|line| line.contains(DAMAGE)), "the history ends with the removal: {said}");
    assert!(said.contains("\nbeads/issues id=\"bd-42\"\n"), "`asof find` finds it: {said}");
    assert!(said.contains("    tidy up\n\n issues | -1 -\n"), "`asof log` tells who did it: {said}");
    assert!(said.contains("table issues: -1\n- bd-42  title: "), "`asof diff` tells what went: {said}");
    let summary = said.lines().last().expect("it printed something");
    assert!(summary.contains(r#""issues":{"added":0,"removed":1,"modified":0}"#), "{summary}");
}

/// Checks that `issues` is as before, cell by cell and by its hash.
#[track_caller]
pub fn is_back(server: &Server, then: &str) {
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
    let mut server = beads("12345678901234567890.1234");
    for is_running in [true, false] {
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
    }
}

/// A kitchen for the history in a server's files.
fn kitchen_of_history(recipe: &str, server: &Server) -> (Mount, Kitchen) {
    let (source, mount) = mounted(server, "beads", true);
    let kitchen = kitchen(recipe, server, &source, &mount.path("beads"), THEN);
    (mount, kitchen)
}

pub fn row_from_history(recipe: &str) {
    for metadata in ["NULL", METADATA] {
        let mut server = beads_with("12345678.1234", metadata);
        let (mount, kitchen) = kitchen_of_history(recipe, &server);
        assert!(!kitchen.try_to_cook().status.success(), "an import beside a running server is refused");
        kitchen.is_seen_to_be_wrong();
        server.client().run(&["USE beads", "DROP TABLE issues_then"]);
        server.kill();
        assert!(!kitchen.try_to_cook().status.success(), "what the first try left is not overwritten");
        fs::remove_file(kitchen.path("bd-42.jsonl")).expect("the first try left it");
        kitchen.cook();
        kitchen.worked();
        server.start_again();
        is_back(&server, &commit_of(&mount, "beads", THEN));
    }
}

/// Exports as dolt-archive makes them: over the network, every number and document a text, NULLs left out.
fn exports(server: &Server, folder: &Path) {
    let port = server.port.to_string();
    let of_server = ["--host", "127.0.0.1", "--port", &port, "--user", "root", "--password", "", "--no-tls"];
    for (name, then) in [("beads-20260120-1900.jsonl", "HEAD~1"), ("beads-20260121-0900.jsonl", "HEAD")] {
        let query = format!("SELECT * FROM issues AS OF '{then}'");
        let sql = ["--use-db", "beads", "sql", "-r", "json", "-q", &query];
        let rows = server.command(folder, &[&of_server[..], &sql].concat());
        fs::write(folder.join(name), rows).expect("the folder is ours");
    }
}

/// A folder of such exports, and a mount of it.
pub fn mount_of_exports(server: &Server) -> (TempDir, Mount) {
    let dir = temp_dir();
    exports(server, dir.path());
    let mount = Mount::with(&["--timezone", "UTC"], &[dir.path().display().to_string()]);
    (dir, mount)
}

#[test]
fn a_row_comes_back_from_the_history_of_exports() {
    let mut server = beads("12345678.1234");
    let (_dir, mount) = mount_of_exports(&server);
    let mut client = server.client();
    client.use_database("beads");
    let then = client.one("SELECT hashof('HEAD~1')");
    let kitchen = kitchen("row_from_history", &server, "", &mount.path("beads"), THEN);
    server.kill();
    kitchen.cook();
    server.start_again();
    is_back(&server, &then);
}

/// The recipe's own check notices what, according to the page, the recipe cannot restore.
#[test]
fn long_decimals_from_a_history_are_seen_to_be_wrong() {
    let mut server = beads("12345678901234567890.1234");
    let (_mount, kitchen) = kitchen_of_history("row_from_history", &server);
    server.kill();
    kitchen.cook();
    kitchen.is_seen_to_be_wrong();
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
}
