//! What a database declares works, and what it does not declare does not.

use asof::content::ErrorKind;
use asof::model::access::{Audience, Audiences};

use crate::fixture::{Fixture, database, entry, files, history, lines, made, next, only, poll, timeline};
use crate::reading::{is_versioned, text};
use crate::support::{eventually, wait};

pub fn are_as_expected<F: Fixture>() {
    let fixture = made::<F>();
    let source = fixture.open();
    assert_eq!(database(&*source).capabilities(), fixture.expected());
    assert_eq!(source.is_watched(), fixture.is_watched());
}

pub fn a_working_set_is_listed_where_there_is_one<F: Fixture>() {
    let mut fixture = made::<F>();
    let database = database(&*fixture.open());
    if !database.capabilities().working_set {
        let error = wait(database.live_files()).err().expect("there is no working set");
        assert_eq!(error.kind, ErrorKind::Missing, "{}", error.chain());
        return;
    }
    let live = || wait(database.live_files()).unwrap_or_else(|error| panic!("{}", error.chain()));
    let newest = timeline(&database).pop().expect("a snapshot");
    let (committed, path) = (files(&database, &newest.id), fixture.path("issues").expect("it shows issues"));
    let ids =
        |files: &[asof::content::FileEntry]| files.iter().map(|f| (f.path.clone(), f.id)).collect::<Vec<_>>();
    assert_eq!(ids(&live()), ids(&committed), "nothing was changed");
    fixture.change_working_set(&next());
    let changed = live();
    assert_eq!(text(entry(&changed, &path)), lines(&next().issues));
    let differing = changed.iter().filter(|file| committed.iter().all(|before| before.id != file.id));
    assert_eq!(differing.map(|file| &*file.path).collect::<Vec<_>>(), [path], "one table was changed");
}

pub fn sql_dumps_are_written_where_they_are_declared<F: Fixture>() {
    let fixture = made::<F>();
    let database = database(&*fixture.open());
    let is_declared = database.capabilities().sql_dump;
    for (snapshot, tables) in timeline(&database).iter().zip(history()) {
        let dump = wait(database.sql_dump(&snapshot.id)).unwrap_or_else(|error| panic!("{}", error.chain()));
        assert_eq!((database.dumps_sql(&snapshot.id), dump.is_some()), (is_declared, is_declared));
        let Some(dump) = dump else { continue };
        let sql = text(&dump);
        assert!(sql.contains("CREATE TABLE"), "{sql}");
        assert!(tables.issues.iter().all(|(_, title)| sql.contains(&format!("'{title}'"))), "{sql}");
    }
}

pub fn versions_are_given_where_they_are_declared<F: Fixture>() {
    let fixture = made::<F>();
    let database = database(&*fixture.open());
    let path = fixture.path("issues").expect("it shows issues");
    for snapshot in timeline(&database) {
        let files = files(&database, &snapshot.id);
        assert_eq!(is_versioned(entry(&files, &path)), database.capabilities().versions);
    }
}

pub fn commits_say_who_made_them<F: Fixture>() {
    let fixture = made::<F>();
    let database = database(&*fixture.open());
    let is_declared = database.capabilities().commits;
    let timeline = timeline(&database);
    assert_eq!(timeline.len(), history().len());
    for pair in timeline.windows(2) {
        let (before, snapshot) = (&pair[0], &pair[1]);
        assert!(before.time < snapshot.time);
        assert_eq!(snapshot.commit.is_some(), is_declared, "{snapshot:?}");
        assert_eq!(snapshot.parents.first() == Some(&before.id), is_declared, "{snapshot:?}");
        assert_eq!(
            snapshot.author == "Test" && snapshot.email == "test@example.com",
            is_declared,
            "{snapshot:?}"
        );
        assert!(!snapshot.message.is_empty() || !is_declared, "{snapshot:?}");
    }
}

pub fn branches_and_tags_name_snapshots<F: Fixture>() {
    let mut fixture = made::<F>();
    let declared = fixture.expected();
    if declared.branches {
        fixture.branch();
    }
    if declared.tags {
        fixture.tag();
    }
    let database = database(&*fixture.open());
    let newest = timeline(&database).pop().expect("a snapshot");
    let named = |names: &std::collections::BTreeMap<String, asof::model::history::SnapshotId>, name: &str| {
        names.iter().any(|(key, id)| (key == name || key.ends_with(&format!("/{name}"))) && *id == newest.id)
    };
    let history = database.history();
    assert_eq!(named(&history.branches, "other"), declared.branches, "{:?}", history.branches);
    assert_eq!(named(&history.tags, "v1.0"), declared.tags, "{:?}", history.tags);
    assert_eq!(history.branches.is_empty(), !declared.branches, "{:?}", history.branches);
    assert_eq!(history.tags.is_empty(), !declared.tags, "{:?}", history.tags);
}

pub fn lost_commits_are_found<F: Fixture>() {
    let mut fixture = made::<F>();
    let source = fixture.open();
    let database = database(&*source);
    if !database.capabilities().lost_commits {
        assert_eq!(database.history().lost, None);
        return;
    }
    let newest = timeline(&database).pop().expect("a snapshot");
    fixture.lose();
    let found = eventually("the lost commit", || {
        let database = only(poll(&*source)?);
        let lost = database.history().lost.as_ref().expect("it is declared");
        lost.iter().any(|commit| commit.id == newest.id).then_some(database)
    });
    assert!(found.history().timeline.iter().all(|commit| commit.id != newest.id));
    let [.., last] = history();
    let path = fixture.path("issues").expect("it shows issues");
    assert_eq!(text(entry(&files(&found, &newest.id), &path)), lines(&last.issues));
}

pub fn permissions_decide_who_may_read<F: Fixture>() {
    let mut fixture = made::<F>();
    fixture.share();
    let open = database(&*fixture.open());
    assert_eq!(open.audiences(), Audiences::from(Audience::Everyone));
    if !open.capabilities().permissions {
        return;
    }
    fixture.restrict();
    let closed = database(&*fixture.open());
    assert_eq!(closed.audiences().widest, Audience::Owner);
    for snapshot in timeline(&closed) {
        assert_eq!(closed.audience_of(&snapshot.id), Audience::Owner);
        for file in files(&closed, &snapshot.id).iter() {
            assert_eq!(file.access.audience, Audience::Owner, "{}", file.path);
        }
    }
}
