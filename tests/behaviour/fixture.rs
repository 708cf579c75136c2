//! What a source needs to take part in the suite: a real history that can be added to.

use std::sync::Arc;

use asof::content::FileEntry;
use asof::model::history::SnapshotMeta;
use asof::source::{Capabilities, Database, Source};
use jiff::{SignedDuration, Timestamp};

use crate::support::wait;

/// A table with an `id`, which is its key, and a `title`.
pub type Table = Vec<(u32, String)>;

/// The tables of a snapshot. A source that shows one table alone shows `issues`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    pub issues: Table,
    pub notes: Table,
}

/// A title that no compression makes shorter and that stands nowhere else, so that it can be found and damaged where it
/// is stored.
pub const NEEDLE: &str = "q7Zk0vXw3RtYb9LmNf2HcJd8SgPa5EuT";

/// Names that must not leave the tree, break a line or be taken for something else.
pub const HOSTILE: [&str; 8] =
    ["..", "../up", "/etc/passwd", "a/../../b", "new\nline", "-rf", "back\\slash", "e\u{301}"];

/// A real source whose history grows: each call of [`Fixture::commit`] adds one snapshot.
pub trait Fixture: Send {
    /// An empty history, which is opened once the first snapshot is in it.
    fn new() -> Self
    where
        Self: Sized;

    /// What its database has to declare, once the [standard history](made) is in it.
    fn expected(&self) -> Capabilities;

    /// Whether [`Source::news`] has to return soon after a change.
    fn is_watched(&self) -> bool {
        true
    }

    /// Opens the source, as a new mount does.
    fn open(&self) -> Arc<dyn Source>;

    /// Adds a snapshot with these tables, a second or more after the last one.
    fn commit(&mut self, tables: &Tables);

    /// The path of a table in a snapshot; `None` for one that the source cannot hold.
    fn path(&self, table: &str) -> Option<String>;

    /// The columns of the key of a table, where the source says which they are.
    fn key(&self) -> Option<Vec<String>> {
        Some(vec!["id".to_owned()])
    }

    /// Changes the working set, without a commit. For [`Capabilities::working_set`].
    fn change_working_set(&mut self, _tables: &Tables) {
        panic!("this source has no working set");
    }

    /// Names the newest snapshot by the tag `v1.0`. For [`Capabilities::tags`].
    fn tag(&mut self) {
        panic!("this source has no tags");
    }

    /// Names the newest snapshot by the branch `other`. For [`Capabilities::branches`].
    fn branch(&mut self) {
        panic!("this source has no branches");
    }

    /// Takes the newest commit away from all names. For [`Capabilities::lost_commits`].
    fn lose(&mut self) {
        panic!("this source loses no commits");
    }

    /// Lets everyone read its files, if the program that made them does not.
    fn share(&mut self) {}

    /// Lets only their owner read its files. For [`Capabilities::permissions`].
    fn restrict(&mut self) {
        panic!("this source has no files");
    }

    /// Damages what is stored of the newest snapshot, which has a note with [`NEEDLE`], and nothing else. Returns false
    /// if the storage of the source cannot be damaged in this way.
    fn damage(&mut self) -> bool;

    /// Adds a snapshot with the tables given, and with files or tables of [`HOSTILE`] names. Returns how many of these
    /// names the source can hold.
    fn commit_hostile(&mut self, tables: &Tables) -> usize;
}

/// The standard history: `issues` gets a row, then changes one, and `notes` stays as it is.
pub fn history() -> [Tables; 3] {
    let notes = table(&[(1, "first"), (2, "second")]);
    [&[(1, "one")][..], &[(1, "one"), (2, "two")], &[(1, "uno"), (2, "two")]]
        .map(|issues| Tables { issues: table(issues), notes: notes.clone() })
}

/// A source with the standard history.
pub fn made<F: Fixture>() -> F {
    let mut fixture = F::new();
    history().iter().for_each(|tables| fixture.commit(tables));
    fixture
}

/// A state that the standard history lacks: `issues` has one more row.
pub fn next() -> Tables {
    let [.., last] = history();
    with_issue(&last, 3, "three")
}

/// The same tables with one more issue.
pub fn with_issue(tables: &Tables, id: u32, title: &str) -> Tables {
    let mut tables = tables.clone();
    tables.issues.push((id, title.to_owned()));
    tables
}

fn table(rows: &[(u32, &str)]) -> Table {
    rows.iter().map(|&(id, title)| (id, title.to_owned())).collect()
}

impl Tables {
    /// Each table by its name.
    pub fn each(&self) -> [(&'static str, &Table); 2] {
        [("issues", &self.issues), ("notes", &self.notes)]
    }
}

/// The rows of a table as JSON lines.
pub fn lines(table: &Table) -> String {
    table.iter().map(|(id, title)| format!("{{\"id\":{id},\"title\":\"{title}\"}}\n")).collect()
}

/// Statements that replace the rows of both tables by these.
pub fn sql(tables: &Tables) -> Vec<String> {
    let mut statements = Vec::new();
    for (name, rows) in tables.each() {
        statements.push(format!("DELETE FROM {name}"));
        for rows in rows.chunks(1000) {
            let values: Vec<_> = rows.iter().map(|(id, title)| format!("({id},'{title}')")).collect();
            statements.push(format!("INSERT INTO {name} VALUES {}", values.join(",")));
        }
    }
    statements
}

/// The times of snapshots: an hour apart.
pub struct Calendar(Timestamp);

impl Default for Calendar {
    fn default() -> Self {
        Self("2026-01-01T00:00:00Z".parse().expect("a time"))
    }
}

impl Calendar {
    /// The time of the next snapshot, in UTC, by a format of strftime.
    pub fn next(&mut self, format: &str) -> String {
        self.0 += SignedDuration::from_hours(1);
        self.0.strftime(format).to_string()
    }
}

/// What a poll returns; `None` if nothing is new.
#[track_caller]
pub fn poll(source: &dyn Source) -> Option<Vec<Arc<dyn Database>>> {
    wait(source.poll()).unwrap_or_else(|error| panic!("{} {:?}", error.chain(), error.hint))
}

/// The only database that the first poll of a source finds.
#[track_caller]
pub fn database(source: &dyn Source) -> Arc<dyn Database> {
    only(poll(source).expect("the first poll lists"))
}

/// The only one of the databases.
#[track_caller]
pub fn only(mut databases: Vec<Arc<dyn Database>>) -> Arc<dyn Database> {
    assert_eq!(databases.len(), 1, "the fixture makes one database");
    databases.remove(0)
}

/// The snapshots of the timeline that hold the tables, oldest first. (Dolt begins a database with an empty one.)
pub fn timeline(database: &Arc<dyn Database>) -> Vec<Arc<SnapshotMeta>> {
    let mut timeline = database.history().timeline.clone();
    timeline.retain(|snapshot| !snapshot.message.starts_with("Initialize data repository"));
    timeline.reverse();
    timeline
}

/// The files of one snapshot.
#[track_caller]
pub fn files(database: &Arc<dyn Database>, snapshot: &str) -> Arc<[FileEntry]> {
    wait(database.files(&snapshot.into())).unwrap_or_else(|error| panic!("{snapshot}: {}", error.chain()))
}

/// One file of a listing.
#[track_caller]
pub fn entry<'f>(files: &'f [FileEntry], path: &str) -> &'f FileEntry {
    let paths = || files.iter().map(|file| file.path.to_string()).collect::<Vec<_>>();
    files.iter().find(|file| &*file.path == path).unwrap_or_else(|| panic!("no {path} in {:?}", paths()))
}

/// A table of `rows` rows of some 80 bytes.
pub fn table_of(rows: u32) -> Table {
    (1..=rows).map(|id| (id, format!("{:060}", u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15)))).collect()
}
