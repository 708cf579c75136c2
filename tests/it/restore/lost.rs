//! Commits that no branch reaches any more.

use super::dolt::{hashes, hashes_in};
use crate::support::command::run;
use crate::support::mount::asof;
use crate::support::recipes::Kitchen;
use crate::support::server::{Dolt, Server};
use crate::support::sql::quote;

/// A server with one database `beads` whose last three commits were flattened, and the hash of the last of them.
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
    // It is no longer on the timeline, but still available as SQL.
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

/// The server setting that the page recommends, so that no lost commit is collected meanwhile.
#[test]
fn the_page_turns_automatic_garbage_collection_off() {
    let page = include_str!("../../../docs/RESTORE.md");
    let setting =
        page.split('`').find(|text| text.starts_with("behavior: ")).expect("the page has the setting");
    for dolt in Dolt::EVERY {
        let mut server = Server::start_as(dolt, None);
        let is_on = |server: &Server| server.client().one("SELECT @@dolt_auto_gc_enabled");
        assert_eq!(is_on(&server), "1", "{dolt:?} collects by itself");
        server.kill();
        server.configure(setting);
        server.start_again();
        assert_eq!(is_on(&server), "0", "{dolt:?} with {setting}");
    }
}
