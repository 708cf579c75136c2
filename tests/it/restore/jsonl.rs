//! A whole Dolt database from its tables as JSON lines.

use super::dolt::{THEN, beads, commit_of, hashes, hashes_in, kitchen, mounted};
use crate::support::command::shell;
use crate::support::server::Server;
use crate::support::temp_dir;

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

/// The losses of JSON lines that the page documents.
#[test]
fn what_json_lines_do_not_carry_is_seen_to_be_wrong() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("limits");
    client.run(&[
        "CREATE TABLE bytes (id int PRIMARY KEY, b varbinary(20))",
        "INSERT INTO bytes VALUES (1, x'00ff')",
        "CREATE TABLE decimals (id int PRIMARY KEY, d decimal(30,10))",
        "INSERT INTO decimals VALUES (1, 12345678901234567890.0123456789)",
        "CREATE TABLE integers (id int PRIMARY KEY, i bigint)",
        "INSERT INTO integers VALUES (1, 9007199254740993)",
        "CREATE TABLE plain (id int PRIMARY KEY, i bigint)",
        "INSERT INTO plain VALUES (1, 900719925474099)",
    ]);
    client.commit("tables", "2026-01-20T19:00:00");
    let (source, mount) = mounted(&server, "limits", false);
    let cooked = kitchen("dolt_from_jsonl", &server, &source, &mount.path("limits"), THEN);
    cooked.cook();
    let said = cooked.is_seen_to_be_wrong();
    for line in ["bytes.jsonl: FAILED", "decimals.jsonl: FAILED", "integers.jsonl: FAILED", "plain.jsonl: OK"]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
    drop(mount);
    for (column, rows) in [
        ("b bit(3)", "VALUES (1, 5)"),
        ("p point", "VALUES (1, point(1, 2))"),
        ("g int GENERATED ALWAYS AS (id + 1) STORED", "(id) VALUES (1)"),
    ] {
        client.run(&[
            "DROP TABLE IF EXISTS refused",
            &format!("CREATE TABLE refused (id int PRIMARY KEY, {column})"),
            &format!("INSERT INTO refused {rows}"),
        ]);
        let commit = client.commit("refused", "2026-01-21T19:00:00");
        let (source, mount) = mounted(&server, "limits", false);
        let refused = kitchen("dolt_from_jsonl", &server, &source, &mount.path("limits"), &commit);
        // If Dolt loses the error, it reports that it imported no row, and the check fails.
        if refused.try_to_cook().status.success() {
            refused.is_seen_to_be_wrong();
        }
    }
}
