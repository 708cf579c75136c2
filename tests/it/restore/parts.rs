//! Rows that were deleted with a row: labels, comments, dependencies.

use super::dolt::{THEN, beads, commit_of, hashes, kitchen, mounted, restored};
use crate::support::server::Server;

/// Follows a recipe after the one for the row itself. Labels of another row that were deleted since stay deleted.
fn parts(server: &Server, recipe: &str, of_the_row: &str) {
    let (source, mount) = mounted(server, "beads", false);
    restored(server, &mount);
    let mut client = server.client();
    client.run(&["USE beads", "DELETE FROM labels WHERE issue_id = 'bd-1'"]);
    kitchen(of_the_row, server, &source, &mount.path("beads"), THEN).cook();
    let kitchen = kitchen(recipe, server, &source, &mount.path("beads"), THEN);
    kitchen.is_seen_to_be_wrong();
    kitchen.cook();
    assert_eq!(kitchen.worked(), "all that was there\n");
    let labels = "SELECT count(*) FROM labels WHERE issue_id = 'bd-1'";
    assert_eq!(client.one(labels), "0", "no row but those of bd-42 came back");
    client.run(&["INSERT INTO labels VALUES ('bd-1', 'docs')"]);
    let commit = commit_of(&mount, "beads", THEN);
    let wanted = hashes(&mut client, &format!("beads/{commit}"));
    assert_eq!(hashes(&mut client, "beads"), wanted);
}

pub fn parts_as_of(recipe: &str) {
    parts(&beads("12345678901234567890.1234"), recipe, "row_as_of");
}

pub fn parts_from_restored(recipe: &str) {
    parts(&beads("12345678901234567890.1234"), recipe, "rows_from_restored");
}

/// Another comment has taken the number meanwhile.
#[test]
fn a_part_that_has_no_place_any_more_is_seen() {
    let server = beads("1.5");
    let (source, mount) = mounted(&server, "beads", false);
    server.client().run(&["USE beads", "INSERT INTO comments VALUES (7, 'bd-1', 'another')"]);
    kitchen("row_as_of", &server, &source, &mount.path("beads"), THEN).cook();
    let kitchen = kitchen("parts_as_of", &server, &source, &mount.path("beads"), THEN);
    kitchen.cook();
    let said = kitchen.is_seen_to_be_wrong();
    assert!(said.contains(r#"< {"id":7,"issue_id":"bd-42","body":"first"}"#), "{said}");
    let another = server.client().one("SELECT body FROM beads.comments WHERE id = 7");
    assert_eq!(another, "another");
}
