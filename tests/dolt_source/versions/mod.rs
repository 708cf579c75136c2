//! Versions of one table told from each other, over random and hostile histories on real servers.

mod check;
mod costs;
mod faults;
mod histories;
mod keys;
mod large;

use check::{Seen, check};

use crate::support::kinds::Kinds;
use crate::support::server::{Dolt, Server};
use crate::support::{extremes, histories as shared};

/// What must have been seen of one file.
#[track_caller]
fn told(seen: &Seen) {
    assert!(seen.told > 0 && seen.untold == 0 && seen.steps > 0, "{seen:?}");
}

#[test]
fn random_histories() {
    for (dolt, seed) in [(Dolt::Pinned, 21), (Dolt::New, 22), (Dolt::Old, 23)] {
        let server = Server::start_as(dolt, None);
        shared::random(&mut server.client(), "r", seed, 60);
        let all = check(&server.url("r"), seed);
        for path in ["a.jsonl", "b.jsonl", "loose.jsonl"] {
            told(&all[path]);
            assert!(all[path].steps >= 10, "{path}: {all:?}");
        }
        assert!(all["a.jsonl"].families > 1, "the columns change: {all:?}");
        assert_eq!(all["loose.jsonl"].ordered, 0, "no key");
    }
}

#[test]
fn values_of_every_kind() {
    for dolt in Dolt::EVERY {
        let server = Server::start_as(dolt, None);
        let client = &mut server.client();
        Kinds::begin(client, "kinds", 25).carry_on(client, dolt, 20);
        let all = check(&server.url("kinds"), 25);
        for path in ["kinds.jsonl", "by_decimal.jsonl", "no_key.jsonl"] {
            told(&all[path]);
        }
        assert_eq!(all["by_decimal.jsonl"].ordered, all["by_decimal.jsonl"].versions, "{dolt:?}: {all:?}");
    }
}

#[test]
fn histories_of_other_tests() {
    let server = Server::start();
    let client = &mut server.client();
    shared::evolving(client, "evolving");
    shared::branching(client, "branching");
    shared::back_dated(client, "back_dated");
    shared::every_type(client, "types");
    extremes::every_key(client, "keys");
    extremes::lengths(client, "lengths");
    extremes::documents(client, "documents");
    for (database, table) in [
        ("evolving", "comp.jsonl"),
        ("branching", "t.jsonl"),
        ("back_dated", "t.jsonl"),
        ("types", "numbers.jsonl"),
        ("keys", "many.jsonl"),
        ("lengths", "texts.jsonl"),
        ("documents", "docs.jsonl"),
    ] {
        let all = check(&server.url(database), 5);
        let seen = all.get(table).unwrap_or_else(|| panic!("{database} has no {table}: {all:?}"));
        assert!(seen.told > 0 && seen.untold == 0 && seen.ranges > 0, "{database}: {seen:?}");
    }
    for database in shared::awkward_names(client) {
        for (path, seen) in check(&server.url(&database), 6) {
            assert!(seen.told > 0 && seen.untold == 0 && seen.ranges > 0, "{database} {path}: {seen:?}");
        }
    }
}
