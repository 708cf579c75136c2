//! Contents: the bytes of files, in each way that they can be read.

use std::time::Duration;

use crate::fixture::{Fixture, Tables, database, entry, files, made, table_of, timeline};
use crate::reading::{every_way, leave, stated_len, whole};
use crate::support::wait;

/// How many rows a table has that no reader takes in one piece.
const MANY: u32 = 10_000;

pub fn stated_lengths_hold<F: Fixture>() {
    let fixture = made::<F>();
    let database = database(&*fixture.open());
    for snapshot in timeline(&database) {
        for file in files(&database, &snapshot.id).iter() {
            let bytes = whole(file).unwrap_or_else(|error| panic!("{}: {}", file.path, error.chain()));
            assert!(stated_len(file).is_none_or(|len| len == bytes.len() as u64), "{}", file.path);
        }
    }
}

pub fn every_way_of_reading_gives_the_same_bytes<F: Fixture>() {
    let mut fixture = made::<F>();
    let mut many = many();
    fixture.commit(&many);
    many.issues[7_000].1 = "changed".to_owned();
    many.issues.remove(11);
    fixture.commit(&many);
    let database = database(&*fixture.open());
    for snapshot in timeline(&database) {
        for file in files(&database, &snapshot.id).iter() {
            let bytes = whole(file).unwrap_or_else(|error| panic!("{}: {}", file.path, error.chain()));
            for (way, other) in every_way(&database, file) {
                assert!(bytes == other, "{} {way}: {} and {} bytes", file.path, bytes.len(), other.len());
            }
        }
    }
}

pub fn a_reader_that_leaves_ends_the_work<F: Fixture>() {
    let mut fixture = made::<F>();
    fixture.commit(&many());
    let database = database(&*fixture.open());
    let newest = timeline(&database).pop().expect("a snapshot");
    let files = files(&database, &newest.id);
    let file = entry(&files, &fixture.path("issues").expect("it shows issues"));
    for pieces in [0, 1] {
        let left = wait(async { tokio::time::timeout(Duration::from_secs(20), leave(file, pieces)).await });
        left.expect("the work ends").unwrap_or_else(|error| panic!("{}", error.chain()));
    }
    whole(file).unwrap_or_else(|error| panic!("the next reader: {}", error.chain()));
}

fn many() -> Tables {
    Tables { issues: table_of(MANY), notes: table_of(3) }
}
