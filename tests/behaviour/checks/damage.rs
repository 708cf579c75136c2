//! Damage: what cannot be read is reported as damaged, and the rest stays readable.

use asof::content::ErrorKind;

use crate::fixture::{Fixture, NEEDLE, database, entry, files, history, lines, made, next, timeline};
use crate::reading::{text, whole};
use crate::support::wait;

pub fn damage_is_said_and_the_rest_is_alive<F: Fixture>() {
    let mut fixture = made::<F>();
    let mut tables = next();
    tables.notes.push((9, NEEDLE.to_owned()));
    fixture.commit(&tables);
    if !fixture.damage() {
        return;
    }
    let database = database(&*fixture.open());
    let mut timeline = timeline(&database);
    assert_eq!(timeline.len(), history().len() + 1, "damage takes no snapshot out of the list");
    let newest = timeline.pop().expect("a snapshot");
    let mut problems = Vec::new();
    match wait(database.files(&newest.id)) {
        Err(error) => problems.push(error),
        Ok(files) => problems.extend(files.iter().filter_map(|file| whole(file).err())),
    }
    assert!(!problems.is_empty(), "nothing is said of the damage");
    for problem in problems {
        assert_eq!(problem.kind, ErrorKind::Damaged, "{}", problem.chain());
    }
    let path = fixture.path("issues").expect("it shows issues");
    for (snapshot, tables) in timeline.iter().zip(history()) {
        assert_eq!(text(entry(&files(&database, &snapshot.id), &path)), lines(&tables.issues));
    }
}
