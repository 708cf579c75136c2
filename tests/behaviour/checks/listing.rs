//! Listings: which files a snapshot has.

use std::collections::BTreeSet;

use asof::content::ErrorKind;

use crate::fixture::{
    Fixture, HOSTILE, Tables, database, entry, files, history, lines, made, next, timeline,
};
use crate::reading::{key, text, whole};
use crate::support::wait;

pub fn paths_are_sorted_and_safe<F: Fixture>() {
    let fixture = made::<F>();
    let database = database(&*fixture.open());
    for snapshot in timeline(&database) {
        let files = files(&database, &snapshot.id);
        let paths: Vec<&str> = files.iter().map(|file| &*file.path).collect();
        check_paths(&paths);
        assert!(files.iter().all(|file| file.links >= 1));
        assert!(files.iter().all(|file| file.changed <= snapshot.time), "nothing changed later");
    }
}

fn check_paths(paths: &[&str]) {
    assert!(paths.is_sorted_by(|a, b| a < b), "sorted, and each once: {paths:?}");
    for path in paths {
        for component in path.split('/') {
            assert!(!matches!(component, "" | "." | ".."), "{path:?}");
            assert!(component.len() <= 255 && !component.contains(['\0', '\n']), "{path:?}");
        }
        let folder = format!("{path}/");
        assert!(!paths.iter().any(|other| other.starts_with(&folder)), "{path:?} is a file and a folder");
    }
}

pub fn listing_again_gives_the_same<F: Fixture>() {
    let fixture = made::<F>();
    let database = database(&*fixture.open());
    for snapshot in timeline(&database) {
        let list = || {
            let files = files(&database, &snapshot.id);
            files
                .iter()
                .map(|f| (f.path.clone(), f.kind, f.id, f.changed, f.links, f.access))
                .collect::<Vec<_>>()
        };
        assert_eq!(list(), list());
    }
}

pub fn rows_are_those_that_were_written<F: Fixture>() {
    let fixture = made::<F>();
    let database = database(&*fixture.open());
    let timeline = timeline(&database);
    assert_eq!(timeline.len(), history().len());
    for (snapshot, tables) in timeline.iter().zip(history()) {
        check_rows(&fixture, &files(&database, &snapshot.id), &tables);
    }
}

fn check_rows(fixture: &impl Fixture, files: &[asof::content::FileEntry], tables: &Tables) {
    for (name, rows) in tables.each() {
        if let Some(path) = fixture.path(name) {
            assert_eq!(text(entry(files, &path)), lines(rows), "{path}");
        }
    }
}

pub fn tables_name_their_keys<F: Fixture>() {
    let fixture = made::<F>();
    let database = database(&*fixture.open());
    let path = fixture.path("issues").expect("it shows issues");
    for snapshot in timeline(&database) {
        assert_eq!(key(entry(&files(&database, &snapshot.id), &path)), fixture.key());
    }
}

pub fn hostile_names_are_made_safe<F: Fixture>() {
    let mut fixture = made::<F>();
    let held = fixture.commit_hostile(&next());
    assert!(held <= HOSTILE.len());
    let database = database(&*fixture.open());
    let newest = timeline(&database).pop().expect("a snapshot");
    let files = files(&database, &newest.id);
    let paths: Vec<&str> = files.iter().map(|file| &*file.path).collect();
    check_paths(&paths);
    let usual: BTreeSet<String> = usual_paths(&fixture);
    let added = paths.iter().filter(|path| !usual.contains(**path)).count();
    assert!(added >= held, "{held} names: {paths:?}");
    for file in files.iter() {
        whole(file).unwrap_or_else(|error| panic!("{}: {}", file.path, error.chain()));
    }
    check_rows(&fixture, &files, &next());
}

/// The paths of a snapshot without hostile names.
fn usual_paths(fixture: &impl Fixture) -> BTreeSet<String> {
    let database = database(&*fixture.open());
    let first = timeline(&database).into_iter().next().expect("a snapshot");
    files(&database, &first.id).iter().map(|file| file.path.to_string()).collect()
}

pub fn a_snapshot_that_is_not_there_is_missing<F: Fixture>() {
    let fixture = made::<F>();
    let database = database(&*fixture.open());
    for snapshot in
        ["nothing", "", "0123456789abcdefghijklmnopqrstuv", "0000000000000000000000000000000000000000"]
    {
        let error = wait(database.files(&snapshot.into())).err().expect("no such snapshot");
        assert_eq!(error.kind, ErrorKind::Missing, "{}", error.chain());
    }
}
