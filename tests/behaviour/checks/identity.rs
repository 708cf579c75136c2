//! Ids: equal ids mean equal bytes, whichever view, poll or mount gives them.

use std::collections::HashMap;
use std::sync::Arc;

use asof::content::FileEntry;
use asof::model::content_id::ContentId;
use asof::model::history::SnapshotId;
use asof::source::Database;

use crate::fixture::{Fixture, database, entry, files, history, made, next, only, poll, timeline};
use crate::reading::whole;

pub fn equal_ids_are_equal_bytes<F: Fixture>() {
    let mut fixture = made::<F>();
    let mut seen = HashMap::new();
    let source = fixture.open();
    check_ids(&database(&*source), &mut seen);
    fixture.commit(&next());
    check_ids(&crate::support::eventually("the commit", || poll(&*source).map(only)), &mut seen);
    check_ids(&database(&*fixture.open()), &mut seen);
}

/// Reads all files of all snapshots.
fn check_ids(database: &Arc<dyn Database>, seen: &mut HashMap<ContentId, (String, Vec<u8>)>) {
    for snapshot in timeline(database) {
        for file in files(database, &snapshot.id).iter() {
            let place = format!("{} at {}", file.path, snapshot.id);
            let bytes = whole(file).unwrap_or_else(|error| panic!("{place}: {}", error.chain()));
            let (first, known) = seen.entry(file.id).or_insert_with(|| (place.clone(), bytes.clone()));
            assert_eq!(*known, bytes, "{place} has the id of {first}");
        }
    }
}

pub fn a_table_that_did_not_change_keeps_its_id<F: Fixture>() {
    let fixture = made::<F>();
    let database = database(&*fixture.open());
    let timeline = timeline(&database);
    let all: Vec<_> = timeline.iter().map(|snapshot| files(&database, &snapshot.id)).collect();
    let facts = |files: &[FileEntry], path: &str| {
        let file = entry(files, path);
        (file.id, file.changed)
    };
    for (pair, tables) in all.windows(2).zip(history().windows(2)) {
        for ((name, before), (_, after)) in tables[0].each().into_iter().zip(tables[1].each()) {
            let Some(path) = fixture.path(name) else { continue };
            let is_same = facts(&pair[0], &path) == facts(&pair[1], &path);
            assert_eq!(is_same, before == after, "{path}");
        }
    }
    if let Some(path) = fixture.path("notes") {
        let links = entry(&all[2], &path).links;
        let live = u32::from(database.capabilities().working_set);
        assert_eq!(links, 3 + live, "{path} is shown in all snapshots");
    }
}

pub fn ids_survive_a_restart<F: Fixture>() {
    let mut fixture = made::<F>();
    let before = ids(&database(&*fixture.open()));
    assert_eq!(ids(&database(&*fixture.open())), before);
    fixture.commit(&next());
    let after = ids(&database(&*fixture.open()));
    for (place, id) in before {
        assert_eq!(after.get(&place), Some(&id), "{place:?} after another commit");
    }
}

fn ids(database: &Arc<dyn Database>) -> HashMap<(SnapshotId, Arc<str>), ContentId> {
    let mut ids = HashMap::new();
    for snapshot in timeline(database) {
        let files = files(database, &snapshot.id);
        ids.extend(files.iter().map(|file| ((Arc::clone(&snapshot.id), Arc::clone(&file.path)), file.id)));
    }
    ids
}
