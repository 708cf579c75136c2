//! Listing reads no row of any table: shown by the server's own log of statements.

use crate::support::command::{run, shell};
use crate::support::histories;
use crate::support::mount::Mount;
use crate::support::server::Server;

/// Statements that read rows of a user's table.
fn row_reads(server: &Server, table: &str) -> Vec<String> {
    let reads = |sql: &String| {
        let lower = sql.to_ascii_lowercase();
        let describes = ["show ", "describe ", "insert ", "create ", "update ", "delete ", "call "];
        lower.contains(" from ")
            && lower.contains(table)
            && !describes.iter().any(|word| lower.starts_with(word))
    };
    server.statements().into_iter().filter(reads).collect()
}

#[test]
fn listing_and_finding_names_reads_no_row() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("l");
    client.run(&["CREATE TABLE precious (id int PRIMARY KEY)", "CREATE TABLE other (id int PRIMARY KEY)"]);
    for at in 0..60 {
        client.rows(&format!("INSERT INTO precious VALUES ({at})"));
        client.commit("more", &format!("2026-01-01T00:{at:02}:00"));
    }
    let mount = Mount::new(&[server.url("l")]);
    let listed = run("ls").arg(mount.path("l/asof")).ok();
    assert_eq!(listed.lines().count(), 61, "{listed}");
    run("ls").args(["-l", "--color=always"]).arg(mount.path("l/asof")).ok();
    let found = run("find").arg(mount.root()).args(["-name", "precious.jsonl"]).ok();
    // 60 under asof/ and one under live/; the first commit has no table.
    assert_eq!(found.lines().count(), 61, "{found}");
    let globbed = shell("echo asof/*/p*.jsonl | wc -w").dir(mount.path("l")).ok();
    assert_eq!(globbed.trim(), "60");
    assert_eq!(row_reads(&server, "precious"), Vec::<String>::new());

    // The same check finds the reads of a `cat`, so it can detect them.
    run("cat").arg(mount.path("l/latest/precious.jsonl")).ok();
    assert!(!row_reads(&server, "precious").is_empty());
    assert_eq!(row_reads(&server, "other"), Vec::<String>::new(), "nobody asked for the other table");
}

#[test]
fn new_snapshots_cost_no_row_either() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    let mount = Mount::new(&[server.url("tour")]);
    client.run(&["INSERT INTO issues VALUES ('bd-9','new','open')"]);
    client.commit("new", "2026-02-01T00:00:00");
    let path = mount.path("tour/asof");
    crate::support::eventually("the new commit shows", std::time::Duration::from_secs(2), || {
        let listed = run("ls").arg(&path).ok();
        listed.contains("2026-02-01T000000Z").then_some(())
    });
    assert_eq!(row_reads(&server, "`issues`"), Vec::<String>::new());
}

#[test]
fn an_idle_mount_asks_the_server_little() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let mount = Mount::new(&[server.url("tour")]);
    std::thread::sleep(std::time::Duration::from_secs(1));
    let before = server.statements().len();
    std::thread::sleep(std::time::Duration::from_secs(4));
    let asked = server.statements().len() - before;
    assert!(
        (1..=24).contains(&asked),
        "{asked} statements in 4 idle seconds:\n{}",
        server.statements().join("\n")
    );
    drop(mount);
}
