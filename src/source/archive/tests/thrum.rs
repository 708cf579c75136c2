//! Backups as Thrum lays them out, and dumps of one tag.

use std::os::unix::fs::symlink;
use std::time::Duration;

use super::*;
use crate::source::archive::thrum::QUIET;

const SECOND: Duration = Duration::from_secs(1);

/// A folder of repositories' backups, the first of which, `repo`, is filled as Thrum does it: `current/` first, packed
/// before the next run.
struct Backups {
    root: tempfile::TempDir,
}

impl Backups {
    /// After the first run.
    fn new(files: &[(&str, &str)]) -> Self {
        let backups = Self { root: tempfile::tempdir().unwrap() };
        backups.run("2026-01-01T10:00:00Z", files);
        backups
    }

    fn repository(&self) -> PathBuf {
        self.root.path().join("repo")
    }

    fn current(&self, path: &str) -> PathBuf {
        self.repository().join("current").join(path)
    }

    /// What a run leaves in `current/`.
    fn run(&self, time: &str, files: &[(&str, &str)]) {
        let _ = fs::remove_dir_all(self.current(""));
        for (path, text) in files {
            fs::create_dir_all(self.current(path).parent().unwrap()).unwrap();
            fs::write(self.current(path), text).unwrap();
        }
        self.manifest("repo", time);
    }

    /// Writes the manifest of a repository.
    fn manifest(&self, repository: &str, time: &str) {
        let manifest = format!(r#"{{"version":1,"timestamp":"{time}","repo_name":"repo","counts":{{}}}}"#);
        let current = self.root.path().join(repository).join("current");
        fs::create_dir_all(&current).unwrap();
        fs::write(current.join("manifest.json"), manifest).unwrap();
    }

    /// Says that the content of a file was changed half a second after that of another.
    fn touch(&self, path: &str, other: &str) {
        let modified = self.current(other).metadata().unwrap().modified().unwrap() + SECOND / 2;
        fs::File::options().append(true).open(self.current(path)).unwrap().set_modified(modified).unwrap();
    }

    /// What a run does first: packs what is there.
    fn pack(&self, name: &str) {
        let archives = self.repository().join("archives");
        fs::create_dir_all(&archives).unwrap();
        let mut zip = Command::new("zip");
        run(zip.args(["-q", "-D", "-r"]).arg(archives.join(name)).arg(".").current_dir(self.current("")));
    }

    /// A source whose clock stands past the tick in which the manifest was written.
    fn open_later(&self) -> (TestClock, ArchiveSource) {
        let clock = TestClock::of_now();
        clock.show(changed(&self.current("manifest.json")) + SECOND);
        let source = open_at(&self.repository(), &clock);
        (clock, source)
    }
}

async fn next(source: &ArchiveSource) -> Arc<dyn Database> {
    only(awaited(source).await)
}

#[tokio::test]
async fn the_present_backup_is_the_newest_and_stays_one_snapshot_when_it_is_packed() {
    let backups = Backups::new(&[("events.jsonl", "{}\n"), ("messages/a.jsonl", "{\"a\":1}\n")]);
    let source = open(&backups.repository());
    let first = database(&source).await;
    assert_eq!((first.name(), times(&first)), ("repo", vec!["2026-01-01T10:00:00Z".to_owned()]));
    assert_eq!(text(&first, NEWEST, "messages/a.jsonl").await, "{\"a\":1}\n");

    backups.pack("2026-01-02T100000.zip");
    let packed = next(&source).await;
    assert_eq!(ids(&packed), ids(&first), "it is the same snapshot");
    backups.run("2026-01-02T10:00:00Z", &[("events.jsonl", "{}\n{}\n")]);
    let second = next(&source).await;
    assert_eq!(times(&second), ["2026-01-02T10:00:00Z", "2026-01-01T10:00:00Z"]);
    assert_eq!(ids(&second)[1], ids(&first)[0]);
    assert_eq!(text(&second, NEWEST, "events.jsonl").await, "{}\n{}\n");
    assert_eq!(text(&second, &ids(&first)[0], "messages/a.jsonl").await, "{\"a\":1}\n");
    let gone = failure(&first, NEWEST, "events.jsonl").await;
    assert_eq!(gone.kind, ErrorKind::Changed, "never bytes of the next run");
}

#[tokio::test]
async fn a_backup_that_is_being_written_is_no_snapshot_yet() {
    let backups = Backups::new(&[("events.jsonl", "one\n")]);
    let (clock, source) = backups.open_later();
    let before = database(&source).await;
    // A run writes the events, and its manifest later.
    fs::write(backups.current("events.jsonl"), "one\ntwo\n").unwrap();
    backups.touch("events.jsonl", "manifest.json");
    clock.show(changed(&backups.current("events.jsonl")) + SECOND);
    assert!(news(&source).await.is_none());
    assert_says(&failure(&before, NEWEST, "events.jsonl").await, ErrorKind::Changed, &[]);
    backups.manifest("repo", "2026-01-02T10:00:00Z");
    backups.touch("manifest.json", "events.jsonl");
    clock.show(changed(&backups.current("manifest.json")) + SECOND);
    let after = database(&source).await;
    assert_eq!(times(&after), ["2026-01-02T10:00:00Z"]);
    assert_eq!(text(&after, NEWEST, "events.jsonl").await, "one\ntwo\n");
}

#[tokio::test]
async fn a_copied_backup_is_a_snapshot_although_its_manifest_is_not_the_newest_file() {
    let backups = Backups::new(&[("events.jsonl", "one\n")]);
    let (clock, source) = backups.open_later();
    database(&source).await;
    fs::write(backups.current("z.jsonl"), "last\n").unwrap();
    backups.touch("z.jsonl", "manifest.json");
    clock.show(changed(&backups.current("z.jsonl")) + SECOND);
    assert!(news(&source).await.is_none(), "it may be half a run");
    clock.advance(QUIET);
    assert_eq!(text(&database(&source).await, NEWEST, "z.jsonl").await, "last\n");
}

#[tokio::test]
async fn a_restore_point_is_marked_and_shares_no_id() {
    let backups = Backups::new(&[("events.jsonl", "one\n")]);
    backups.pack("2026-01-02T100000.zip");
    backups.pack("pre-restore-2026-01-03T100000.zip");
    let database = database(&open(&backups.repository())).await;
    let marks: Vec<_> = database.history().timeline.iter().map(|snapshot| snapshot.mark).collect();
    assert_eq!((ids(&database).len(), marks), (2, vec![Some("pre-restore"), None]));
}

#[tokio::test]
async fn what_lies_elsewhere_is_not_reached_through_a_link() {
    let backups = Backups::new(&[("events.jsonl", "one\n")]);
    symlink("/etc/passwd", backups.current("config.json")).unwrap();
    symlink("/etc", backups.current("config")).unwrap();
    let database = database(&open(&backups.repository())).await;
    assert_eq!(paths(&database, NEWEST).await, ["events.jsonl", "manifest.json"]);
}

#[tokio::test]
async fn one_repository_that_goes_takes_no_other_with_it_and_new_ones_are_found() {
    let backups = Backups::new(&[("events.jsonl", "one\n")]);
    backups.manifest("a", "2026-01-01T10:00:00Z");
    fs::create_dir_all(backups.root.path().join("unrelated")).unwrap();
    let source = open(backups.root.path());
    assert_eq!(names(&databases(&source).await), ["a", "repo"]);
    fs::remove_dir_all(backups.root.path().join("a/current")).unwrap();
    backups.manifest("new", "2026-01-03T10:00:00Z");
    backups.run("2026-01-02T10:00:00Z", &[("events.jsonl", "two\n")]);
    let found = loop {
        let found = awaited(&source).await;
        if found.contains_key("new") && times(&found["repo"]) == ["2026-01-02T10:00:00Z"] {
            break found;
        }
    };
    assert_eq!(names(&found), ["a", "new", "repo"], "what cannot be read is not taken for deleted");
}

#[tokio::test]
async fn archives_of_one_name_in_two_repositories_are_two_databases() {
    let root = tempfile::tempdir().unwrap();
    let make = "for name in a b; do
        mkdir -p $name/archives; echo $name >text; zip -q $name/archives/x-2026-01-04T100000.zip text; done; rm text";
    shell(root.path(), make);
    let found = databases(&open(root.path())).await;
    assert_eq!(names(&found), ["a", "b"]);
    for (name, database) in &found {
        assert_eq!(text(database, NEWEST, "text").await, format!("{name}\n"));
    }
}

#[tokio::test]
async fn a_manifest_behind_a_link_is_no_backup_and_takes_nothing_with_it() {
    let backups = Backups::new(&[("events.jsonl", "one\n")]);
    backups.pack("2026-01-02T100000.zip");
    backups.manifest("elsewhere", "2026-01-05T10:00:00Z");
    fs::remove_dir_all(backups.current("")).unwrap();
    fs::create_dir(backups.current("")).unwrap();
    let elsewhere = backups.root.path().join("elsewhere/current/manifest.json");
    symlink(elsewhere, backups.current("manifest.json")).unwrap();
    let database = database(&open(&backups.repository())).await;
    assert_eq!(times(&database), ["2026-01-01T10:00:00Z"]);
    assert_eq!(text(&database, NEWEST, "events.jsonl").await, "one\n");
}
