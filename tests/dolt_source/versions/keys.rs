//! Keys of every type, with random values: their order is that of the rows, or is not told.

use super::check::check;
use crate::support::key_kinds::Told::{Nothing, Ordered};
use crate::support::key_kinds::{KINDS, history, table_name};
use crate::support::server::{Dolt, Server};

fn every_key(dolt: Dolt, seed: u64) {
    let server = Server::start_as(dolt, None);
    history(&mut server.client(), seed, 40);
    let all = check(&server.url("k"), seed);
    assert_eq!(all.len(), KINDS.len() * 3);
    for (at, (kind, told, _)) in KINDS.iter().enumerate() {
        for shape in 0..3 {
            let seen = &all[&*format!("{}.jsonl", table_name(at, shape))];
            let ordered = if *told == Ordered { seen.versions } else { 0 };
            assert_eq!((seen.families, seen.ordered), (1, ordered), "{kind}: {seen:?}");
            let is_told = *told != Nothing;
            assert_eq!((seen.told > 0, seen.untold == 0), (is_told, is_told), "{kind}: {seen:?}");
            assert_eq!(seen.steps, if is_told { seen.versions - 1 } else { 0 }, "{kind}: {seen:?}");
        }
    }
}

#[test]
fn every_key_has_the_order_of_its_rows() {
    every_key(Dolt::Pinned, 31);
}

#[test]
fn every_key_has_the_order_of_its_rows_in_an_old_dolt() {
    every_key(Dolt::Old, 32);
}

#[test]
fn every_key_has_the_order_of_its_rows_in_a_new_dolt() {
    every_key(Dolt::New, 33);
}
