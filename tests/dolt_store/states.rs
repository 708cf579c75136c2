//! Stores whose files change during reads or are incomplete, compared with Dolt's answers.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use asof::content::ErrorKind;
use asof::source::dolt::store::{DoltStoreOptions, DoltStoreSource};
use asof::source::verify::Severity;
use asof::source::{Database, Source};

use crate::agreement::from_files;
use crate::support::command::run;
use crate::support::server::Dolt;
use crate::support::{bytes, entry, files, git, temp_dir, text, wait};
use crate::verify::oracle::dolt;
use crate::verify::verify;

const JOURNAL: &str = ".dolt/noms/vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";
const MANIFEST: &str = ".dolt/noms/manifest";

/// Commits a new row.
fn commit(database: &Path, number: usize) {
    let statements = format!(
        "CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY); INSERT INTO t VALUES ({number}); CALL DOLT_COMMIT('-Am','c{number}')"
    );
    dolt(Dolt::Pinned, database, &["sql", "-q", &statements]).expect_status(0);
}

/// Creates a database `db` with this many commits after its initial one.
fn made(folder: &Path, commits: usize) -> std::path::PathBuf {
    let database = folder.join("db");
    fs::create_dir(&database).expect("the folder is ours");
    dolt(Dolt::Pinned, &database, &["init"]).expect_status(0);
    (0..commits).for_each(|number| commit(&database, number));
    database
}

/// Copies the files of a folder over those of another. Each keeps its inode.
fn copy_over(from: &Path, to: &Path) {
    run("cp").arg("-a").arg(from.join(".")).arg(to).ok();
}

/// A source that is polled repeatedly.
struct Polled {
    source: DoltStoreSource,
    last: Arc<dyn Database>,
}

impl Polled {
    fn new(database: &Path) -> Self {
        let source = DoltStoreSource::open(database, DoltStoreOptions::default()).expect("there is a store");
        let last = wait(source.poll()).expect("it reads").expect("the first poll lists");
        Self { source, last: last.into_iter().next().expect("one database") }
    }

    /// Polls and returns the current database.
    fn now(&mut self) -> &Arc<dyn Database> {
        if let Some(found) = wait(self.source.poll()).unwrap_or_else(|error| panic!("{}", error.chain())) {
            self.last = found.into_iter().next().expect("one database");
        }
        &self.last
    }

    /// Checks that the commits and the newest rows are Dolt's.
    #[track_caller]
    fn agrees_with_dolt(&mut self, database: &Path) {
        let ask = |query: &str| -> Vec<String> {
            let answer = dolt(Dolt::Pinned, database, &["sql", "-r", "csv", "-q", query]).text();
            answer.lines().skip(1).map(str::to_owned).collect()
        };
        let shown = self.now();
        let commits: Vec<_> = shown.history().timeline.iter().map(|commit| commit.id.to_string()).collect();
        assert_eq!(commits, ask("SELECT commit_hash FROM dolt_log"));
        let rows: Vec<_> =
            ask("SELECT id FROM t ORDER BY id").iter().map(|id| format!("{{\"id\":{id}}}\n")).collect();
        let head = &shown.history().timeline[0].id;
        assert_eq!(text(&files(shown, head), "t.jsonl"), rows.concat());
    }
}

#[test]
fn a_backup_that_is_copied_back_is_read_from_the_start() {
    let folder = temp_dir();
    let (database, backup) = (made(folder.path(), 1), folder.path().join("backup"));
    run("cp").arg("-a").arg(&database).arg(&backup).ok();
    (1..3).for_each(|number| commit(&database, number));
    let mut polled = Polled::new(&database);
    polled.agrees_with_dolt(&database);
    let before = Arc::clone(&polled.last);
    let gone = before.history().timeline[0].id.clone();
    let gone = entry(&files(&before, &gone), "t.jsonl").content.clone();
    copy_over(&backup, &database);
    polled.agrees_with_dolt(&database);
    assert_eq!(polled.last.history().timeline.len(), 2);
    let error = bytes(&gone).expect_err("its chunks are gone");
    assert!(matches!(error.kind, ErrorKind::Damaged | ErrorKind::Missing), "{}", error.chain());
    // Longer than the part of the former journal that was read. Another journal replaced it.
    (10..17).for_each(|number| commit(&database, number));
    polled.agrees_with_dolt(&database);
    assert_eq!(polled.last.history().timeline.len(), 9);
    dolt(Dolt::Pinned, &database, &["gc"]).expect_status(0);
    polled.agrees_with_dolt(&database);
    commit(&database, 20);
    polled.agrees_with_dolt(&database);
    // The state before the collection: another journal, and table files that no longer exist.
    copy_over(&backup, &database);
    polled.agrees_with_dolt(&database);
}

#[test]
fn a_backup_that_has_outgrown_what_was_read_is_noticed_all_the_same() {
    let folder = temp_dir();
    let (database, backup) = (made(folder.path(), 1), folder.path().join("backup"));
    run("cp").arg("-a").arg(&database).arg(&backup).ok();
    (1..3).for_each(|number| commit(&database, number));
    let mut polled = Polled::new(&database);
    polled.agrees_with_dolt(&database);
    copy_over(&backup, &database);
    // Between two polls.
    (10..17).for_each(|number| commit(&database, number));
    polled.agrees_with_dolt(&database);
}

#[test]
fn another_database_that_is_copied_over_the_files_is_shown() {
    let (folder, other) = (temp_dir(), temp_dir());
    let (database, other) = (made(folder.path(), 3), made(other.path(), 9));
    let mut polled = Polled::new(&database);
    polled.agrees_with_dolt(&database);
    copy_over(&other, &database);
    polled.agrees_with_dolt(&database);
    dolt(Dolt::Pinned, &database, &["gc"]).expect_status(0);
    polled.agrees_with_dolt(&database);
}

/// The messages of the shown commits, newest first.
fn messages(database: &Arc<dyn Database>) -> Vec<String> {
    database.history().timeline.iter().map(|commit| commit.message.clone()).collect()
}

/// Checks that a store is shown, and reported as wrong for a reason that contains `reason`.
#[track_caller]
fn expect_shown(database: &Path, newest: &str, reason: &str) {
    let shown = from_files(database, "db");
    assert_eq!(messages(&shown)[0], newest, "{reason}");
    let said = verify(database);
    let is_it = |finding: &&asof::source::verify::Finding| {
        finding.severity == Severity::Wrong && finding.problem.contains(reason)
    };
    assert!(said.findings.iter().any(|finding| is_it(&finding)), "{reason}: {said:?}");
}

#[test]
fn without_a_whole_manifest_the_newest_root_of_the_journal_is_shown() {
    let folder = temp_dir();
    let database = made(folder.path(), 3);
    let manifest = fs::read(database.join(MANIFEST)).expect("Dolt writes one");
    fs::remove_file(database.join(MANIFEST)).expect("the folder is ours");
    expect_shown(
        &database,
        "c2",
        "there is none; all table files beside it are read; the newest root that can be proven",
    );
    for cut in [0, 1, manifest.len() / 2] {
        fs::write(database.join(MANIFEST), &manifest[..cut]).expect("the folder is ours");
        expect_shown(&database, "c2", "the newest root that can be proven is shown");
    }
    fs::write(database.join(MANIFEST), &manifest).expect("the folder is ours");
    let lock = database.join(".dolt/noms/LOCK");
    if lock.exists() {
        fs::remove_file(lock).expect("the folder is ours");
    }
    verify(&database).expect_nothing();
}

#[test]
fn without_a_manifest_the_files_of_a_collection_are_read() {
    let folder = temp_dir();
    let database = made(folder.path(), 3);
    dolt(Dolt::Pinned, &database, &["gc"]).expect_status(0);
    commit(&database, 3);
    let whole = messages(&from_files(&database, "db"));
    for manifest in [MANIFEST, ".dolt/noms/oldgen/manifest"] {
        let (path, aside) = (database.join(manifest), database.join("aside"));
        fs::rename(&path, &aside).expect("there is one");
        expect_shown(&database, "c3", "there is none; all table files beside it are read");
        assert_eq!(messages(&from_files(&database, "db")), whole, "without {manifest}");
        fs::rename(&aside, &path).expect("the folder is ours");
    }
    verify(&database).expect_nothing();
}

#[test]
fn a_journal_that_lost_its_head_shows_what_is_left() {
    let folder = temp_dir();
    let database = made(folder.path(), 6);
    let journal = database.join(JOURNAL);
    let whole = fs::read(&journal).expect("Dolt writes one");
    // Dolt itself fills the end with zeros.
    let end = whole.iter().rposition(|byte| *byte != 0).expect("it is not empty") + 1;
    // The first record's length begins with three zeros.
    for lost in [4, 40, end / 4] {
        let mut zeroed = whole.clone();
        zeroed[..lost].fill(0);
        fs::write(&journal, zeroed).expect("the folder is ours");
        expect_shown(&database, "c5", "are no records");
        fs::write(&journal, &whole[lost..]).expect("the folder is ours");
        assert_eq!(messages(&from_files(&database, "db"))[0], "c5", "{lost} bytes cut off");
    }
    fs::write(&journal, &whole).expect("the folder is ours");
    verify(&database).expect_nothing();
}

#[test]
fn data_that_were_pushed_to_a_branch_are_found() {
    let folder = temp_dir();
    let database = made(folder.path(), 2);
    let remote = git::bare(&folder.path().join("r.git"));
    let url = format!("git+file://{}", remote.display());
    for (name, branch) in [("one", "beads-data"), ("two", "more/data")] {
        let reference = format!("refs/heads/{branch}");
        dolt(Dolt::Pinned, &database, &["remote", "add", "--ref", &reference, name, &url]).expect_status(0);
    }
    dolt(Dolt::Pinned, &database, &["push", "one", "main"]).expect_status(0);
    let expected = messages(&from_files(&database, "db"));
    assert_eq!(messages(&from_files(&remote, "r")), expected, "the only branch with data needs no name");
    dolt(Dolt::Pinned, &database, &["push", "two", "main"]).expect_status(0);
    let links = asof::files::root::Links::Beneath;
    assert_eq!(DoltStoreSource::branches_in_git(&remote, links), ["beads-data", "more/data"]);
    let why = DoltStoreSource::missing_in_git(&remote, links).expect("there are two");
    assert!(why.contains("beads-data, more/data") && why.contains("?ref="), "{why}");
    assert_eq!(DoltStoreSource::named_in_git(&remote, links, "main"), None);
    let reference = DoltStoreSource::named_in_git(&remote, links, "more/data");
    assert_eq!(reference.as_deref(), Some("refs/heads/more/data"));
    let options = DoltStoreOptions { reference, ..DoltStoreOptions::default() };
    let source = DoltStoreSource::open(&remote, options).expect("it was chosen");
    let chosen = wait(source.poll()).expect("it reads").expect("the first poll lists");
    assert_eq!(messages(&chosen[0]), expected);
}
