//! A row that was overwritten, not deleted: rows that refer to it still exist and must stay.

use std::collections::BTreeMap;

use super::dolt::{METADATA, THEN, beads_of, commit_of, hashes, kitchen, mounted, restored};
use super::rows::{is_back, mount_of_exports};
use crate::support::server::{Dolt, Server};
use crate::support::sql::quote;

const ESTIMATE: &str = "12345678.1234";

/// Overwrites `bd-42`, adds a label, and returns the hashes of all tables.
fn overwrite(server: &Server, then: &str) -> BTreeMap<String, String> {
    let mut client = server.client();
    client.run(&[
        "USE beads",
        &format!("CALL DOLT_RESET('--hard', {})", quote(then)),
        "UPDATE issues SET title = 'x', due = NULL, metadata = NULL, closed_at = NOW(), external_ref = 'x' WHERE id = 'bd-42'",
        "INSERT INTO labels VALUES ('bd-42', 'new')",
    ]);
    client.commit("overwritten", "2026-01-22T09:00:00");
    hashes(&mut client, "beads")
}

/// Checks that the row is restored and that the recipe changed no other table.
#[track_caller]
fn only_the_row_is_back(server: &Server, then: &str, before: &BTreeMap<String, String>) {
    is_back(server, then);
    let after = hashes(&mut server.client(), "beads");
    assert_eq!(after.len(), before.len());
    let changed: Vec<&String> =
        after.keys().filter(|table| after.get(*table) != before.get(*table)).collect();
    assert_eq!(changed, ["issues"]);
}

#[test]
fn what_refers_to_an_overwritten_row_stays() {
    for (dolt, recipe) in [
        (Dolt::Pinned, "row_as_of"),
        (Dolt::Old, "row_as_of"),
        (Dolt::New, "row_as_of"),
        (Dolt::Pinned, "rows_from_restored"),
        (Dolt::Old, "rows_from_restored"),
        (Dolt::New, "rows_from_restored"),
    ] {
        let server = beads_of(dolt, ESTIMATE, METADATA);
        let (source, mount) = mounted(&server, "beads", false);
        let then = commit_of(&mount, "beads", THEN);
        restored(&server, &mount);
        let before = overwrite(&server, &then);
        let kitchen = kitchen(recipe, &server, &source, &mount.path("beads"), THEN);
        kitchen.is_seen_to_be_wrong();
        kitchen.cook();
        kitchen.worked();
        only_the_row_is_back(&server, &then, &before);
    }
}

/// Gives the unique value of `bd-42` to another row, and returns the hashes of all tables.
fn take_its_place(server: &Server) -> BTreeMap<String, String> {
    let mut client = server.client();
    client.run(&["USE beads", "UPDATE issues SET external_ref = 'gh-42' WHERE id = 'bd-1'"]);
    hashes(&mut client, "beads")
}

/// Restoring must delete neither the row that has the unique value now nor the present version of the row.
#[test]
fn a_row_whose_unique_value_another_one_has_is_refused() {
    for (dolt, is_gone) in Dolt::EVERY.into_iter().flat_map(|dolt| [(dolt, true), (dolt, false)]) {
        let server = beads_of(dolt, ESTIMATE, METADATA);
        let (source, mount) = mounted(&server, "beads", false);
        restored(&server, &mount);
        if !is_gone {
            overwrite(&server, &commit_of(&mount, "beads", THEN));
        }
        let before = take_its_place(&server);
        for recipe in ["row_as_of", "rows_from_restored"] {
            let kitchen = kitchen(recipe, &server, &source, &mount.path("beads"), THEN);
            let outcome = kitchen.try_to_cook();
            assert!(!outcome.status.success() && outcome.stderr.contains("gh-42"), "{}", outcome.stderr);
            assert_eq!(hashes(&mut server.client(), "beads"), before, "{recipe} changed something");
        }
    }
}

#[test]
fn a_row_from_a_history_whose_unique_value_another_one_has_is_refused() {
    for dolt in Dolt::EVERY {
        let mut server = beads_of(dolt, ESTIMATE, METADATA);
        let (_dir, mount) = mount_of_exports(&server);
        let before = take_its_place(&server);
        let kitchen = kitchen("row_from_history", &server, "", &mount.path("beads"), THEN);
        server.kill();
        let outcome = kitchen.try_to_cook();
        assert!(!outcome.status.success() && outcome.stderr.contains("gh-42"), "{}", outcome.stderr);
        server.start_again();
        let mut client = server.client();
        client.run(&["USE beads", "DROP TABLE issues_then"]);
        assert_eq!(hashes(&mut client, "beads"), before);
    }
}

/// The row did not exist then, so the present one stays.
#[test]
fn a_row_that_was_not_there_then_is_not_taken_out() {
    let server = beads_of(Dolt::Pinned, ESTIMATE, METADATA);
    let mut client = server.client();
    client.run(&["USE beads", "INSERT INTO issues (id, title) VALUES ('bd-42', 'a new one')"]);
    client.commit("again", "2026-01-22T09:00:00");
    let before = hashes(&mut client, "beads");
    let (source, mount) = mounted(&server, "beads", false);
    let kitchen = kitchen("row_as_of", &server, &source, &mount.path("beads"), "2026-01-21T090000Z");
    kitchen.cook();
    kitchen.is_seen_to_be_wrong();
    assert_eq!(hashes(&mut client, "beads"), before);
}

#[test]
fn what_refers_to_a_row_stays_when_it_comes_from_its_history() {
    for dolt in Dolt::EVERY {
        let mut server = beads_of(dolt, ESTIMATE, METADATA);
        let (_dir, mount) = mount_of_exports(&server);
        let mut client = server.client();
        client.use_database("beads");
        let then = client.one("SELECT hashof('HEAD~1')");
        let before = overwrite(&server, &then);
        let kitchen = kitchen("row_from_history", &server, "", &mount.path("beads"), THEN);
        server.kill();
        kitchen.cook();
        server.start_again();
        only_the_row_is_back(&server, &then, &before);
    }
}
