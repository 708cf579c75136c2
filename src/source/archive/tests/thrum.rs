//! Backups as Thrum lays them out, and dumps of one tag.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant, SystemTime};

use super::*;
use crate::source::archive::thrum::QUIET;

const SECOND: Duration = Duration::from_secs(1);

/// A repository's backup folder, which is filled as Thrum does it: `current/` first, packed before the next run.
struct Backups {
    root: tempfile::TempDir,
}

impl Backups {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn repository(&self) -> PathBuf {
        self.root.path().join("repo")
    }

    fn current(&self, path: &str) -> PathBuf {
        self.repository().join("current").join(path)
    }

    /// What a run leaves in `current/`.
    fn run(&self, time: &str, files: &[(&str, &str)]) {
        let manifest = format!(r#"{{"version":1,"timestamp":"{time}","repo_name":"repo","counts":{{}}}}"#);
        let _ = fs::remove_dir_all(self.current(""));
        for (path, text) in files.iter().copied().chain([("manifest.json", &*manifest)]) {
            fs::create_dir_all(self.current(path).parent().unwrap()).unwrap();
            fs::write(self.current(path), text).unwrap();
        }
    }

    /// When the content of a file was last changed.
    fn modified(&self, path: &str) -> SystemTime {
        self.current(path).metadata().unwrap().modified().unwrap()
    }

    /// When anything of a file was last changed.
    fn changed(&self, path: &str) -> SystemTime {
        let found = self.current(path).metadata().unwrap();
        let since = Duration::new(found.ctime().try_into().unwrap(), found.ctime_nsec().try_into().unwrap());
        SystemTime::UNIX_EPOCH + since
    }

    /// Sets when the content of a file was last changed.
    fn touch(&self, path: &str, modified: SystemTime) {
        fs::File::options().append(true).open(self.current(path)).unwrap().set_modified(modified).unwrap();
    }

    /// What a run does first: packs what is there.
    fn pack(&self, name: &str) {
        let archives = self.repository().join("archives");
        fs::create_dir_all(&archives).unwrap();
        let mut zip = Command::new("zip");
        zip.args(["-q", "-D", "-r"]).arg(archives.join(name)).arg(".").current_dir(self.current(""));
        assert!(run(&mut zip).status.success());
    }
}

/// Polls until there is news.
async fn news(source: &ArchiveSource) -> Arc<dyn Database> {
    let begun = Instant::now();
    loop {
        if let Some(mut databases) = source.poll().await.unwrap() {
            return databases.remove(0);
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "there is no news");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn times(database: &Arc<dyn Database>) -> Vec<String> {
    database.history().timeline.iter().map(|snapshot| snapshot.time.to_string()).collect()
}

async fn text(database: &Arc<dyn Database>, at: usize, path: &str) -> String {
    let id = database.history().timeline[at].id.clone();
    let files = database.files(&id).await.unwrap();
    let file = files.iter().find(|file| &*file.path == path).unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8(read(&file.content).await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_present_backup_is_the_newest_and_stays_one_snapshot_when_it_is_packed() {
    let backups = Backups::new();
    backups.run("2026-01-01T10:00:00Z", &[("events.jsonl", "{}\n"), ("messages/a.jsonl", "{\"a\":1}\n")]);
    let source = open(&backups.repository()).unwrap();
    let first = database(&source).await;
    assert_eq!((first.name(), times(&first)), ("repo", vec!["2026-01-01T10:00:00Z".to_owned()]));
    assert_eq!(text(&first, 0, "messages/a.jsonl").await, "{\"a\":1}\n");

    backups.pack("2026-01-02T100000.zip");
    let packed = news(&source).await;
    assert_eq!(ids(&packed), ids(&first), "it is the same snapshot");
    backups.run("2026-01-02T10:00:00Z", &[("events.jsonl", "{}\n{}\n")]);
    let second = news(&source).await;
    assert_eq!(times(&second), ["2026-01-02T10:00:00Z", "2026-01-01T10:00:00Z"]);
    assert_eq!(ids(&second)[1], ids(&first)[0]);
    assert_eq!(text(&second, 0, "events.jsonl").await, "{}\n{}\n");
    assert_eq!(text(&second, 1, "messages/a.jsonl").await, "{\"a\":1}\n");
    let gone = read(&files(&first, ids(&first)[0]).await.unwrap()[0].content).await;
    assert_eq!(gone.unwrap_err().kind, crate::content::ErrorKind::Changed, "never bytes of the next run");
}

#[tokio::test]
async fn a_backup_that_is_being_written_is_no_snapshot_yet() {
    let backups = Backups::new();
    backups.run("2026-01-01T10:00:00Z", &[("events.jsonl", "one\n")]);
    let clock = TestClock::of_now();
    // Past the tick in which the files were written.
    clock.show(backups.changed("manifest.json") + SECOND);
    let source = open_at(&backups.repository(), &clock).unwrap();
    let before = database(&source).await;
    // A run writes the events, and its manifest later.
    fs::write(backups.current("events.jsonl"), "one\ntwo\n").unwrap();
    backups.touch("events.jsonl", backups.modified("manifest.json") + SECOND / 2);
    clock.show(backups.changed("events.jsonl") + SECOND);
    assert!(source.poll().await.unwrap().is_none());
    let torn = read(&files(&before, ids(&before)[0]).await.unwrap()[0].content).await;
    assert_eq!(torn.unwrap_err().kind, crate::content::ErrorKind::Changed);
    let manifest = r#"{"version":1,"timestamp":"2026-01-02T10:00:00Z"}"#;
    fs::write(backups.current("manifest.json"), manifest).unwrap();
    backups.touch("manifest.json", backups.modified("events.jsonl") + SECOND / 2);
    clock.show(backups.changed("manifest.json") + SECOND);
    let after = database(&source).await;
    assert_eq!(times(&after), ["2026-01-02T10:00:00Z"]);
    assert_eq!(text(&after, 0, "events.jsonl").await, "one\ntwo\n");
}

#[tokio::test]
async fn a_copied_backup_is_a_snapshot_although_its_manifest_is_not_the_newest_file() {
    let backups = Backups::new();
    backups.run("2026-01-01T10:00:00Z", &[("events.jsonl", "one\n")]);
    let clock = TestClock::of_now();
    clock.show(backups.changed("manifest.json") + SECOND);
    let source = open_at(&backups.repository(), &clock).unwrap();
    database(&source).await;
    fs::write(backups.current("z.jsonl"), "last\n").unwrap();
    backups.touch("z.jsonl", backups.modified("manifest.json") + SECOND / 2);
    clock.show(backups.changed("z.jsonl") + SECOND);
    assert!(source.poll().await.unwrap().is_none(), "it may be half a run");
    clock.advance(QUIET);
    let database = database(&source).await;
    assert_eq!(text(&database, 0, "z.jsonl").await, "last\n");
}

#[tokio::test]
async fn a_restore_point_is_marked_and_shares_no_id() {
    let backups = Backups::new();
    backups.run("2026-01-01T10:00:00Z", &[("events.jsonl", "one\n")]);
    backups.pack("2026-01-02T100000.zip");
    backups.pack("pre-restore-2026-01-03T100000.zip");
    let database = database(&open(&backups.repository()).unwrap()).await;
    let marks: Vec<_> = database.history().timeline.iter().map(|snapshot| snapshot.mark).collect();
    assert_eq!((ids(&database).len(), marks), (2, vec![Some("pre-restore"), None]));
}

#[tokio::test]
async fn a_folder_of_several_repositories_has_several_databases() {
    let backups = Backups::new();
    backups.run("2026-01-01T10:00:00Z", &[("events.jsonl", "one\n")]);
    let other = backups.root.path().join("other/current");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("manifest.json"), r#"{"timestamp":"2026-01-01T10:00:00Z"}"#).unwrap();
    fs::create_dir_all(backups.root.path().join("unrelated")).unwrap();
    let source = open(backups.root.path()).unwrap();
    assert_eq!(names(&databases(&source).await), ["other", "repo"]);
}

#[tokio::test]
async fn what_lies_elsewhere_is_not_reached_through_a_link() {
    let backups = Backups::new();
    backups.run("2026-01-01T10:00:00Z", &[("events.jsonl", "one\n")]);
    std::os::unix::fs::symlink("/etc/passwd", backups.current("config.json")).unwrap();
    std::os::unix::fs::symlink("/etc", backups.current("config")).unwrap();
    let database = database(&open(&backups.repository()).unwrap()).await;
    let files = files(&database, ids(&database)[0]).await.unwrap();
    let paths: Vec<&str> = files.iter().map(|file| &*file.path).collect();
    assert_eq!(paths, ["events.jsonl", "manifest.json"]);
}

#[tokio::test]
async fn one_repository_that_goes_takes_no_other_with_it_and_new_ones_are_found() {
    let backups = Backups::new();
    backups.run("2026-01-01T10:00:00Z", &[("events.jsonl", "one\n")]);
    let other = |name: &str| backups.root.path().join(name).join("current");
    let fill = |name: &str, time: &str| {
        fs::create_dir_all(other(name)).unwrap();
        fs::write(other(name).join("manifest.json"), format!(r#"{{"timestamp":"{time}"}}"#)).unwrap();
    };
    fill("a", "2026-01-01T10:00:00Z");
    let source = open(backups.root.path()).unwrap();
    assert_eq!(names(&databases(&source).await), ["a", "repo"]);
    fs::remove_dir_all(other("a")).unwrap();
    fill("new", "2026-01-03T10:00:00Z");
    backups.run("2026-01-02T10:00:00Z", &[("events.jsonl", "two\n")]);
    let begun = Instant::now();
    loop {
        if let Some(found) = source.poll().await.unwrap()
            && found.len() == 3
            && times(&found[2]) == ["2026-01-02T10:00:00Z"]
        {
            assert_eq!(names(&found), ["a", "new", "repo"], "what cannot be read is not taken for deleted");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it is not found");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn archives_of_one_name_in_two_repositories_are_two_databases() {
    let root = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        let archives = root.path().join(name).join("archives");
        fs::create_dir_all(&archives).unwrap();
        let text = archives.join("text");
        fs::write(&text, name).unwrap();
        let mut zip = Command::new("zip");
        zip.args(["-q", "-j"]).arg(archives.join("x-2026-01-04T100000.zip")).arg(&text);
        assert!(run(&mut zip).status.success());
        fs::remove_file(text).unwrap();
    }
    let found = databases(&open(root.path()).unwrap()).await;
    assert_eq!(names(&found), ["a", "b"]);
    for database in &found {
        assert_eq!(text(database, 0, "text").await, database.name());
    }
}

#[tokio::test]
async fn a_manifest_behind_a_link_is_no_backup_and_takes_nothing_with_it() {
    let backups = Backups::new();
    backups.run("2026-01-01T10:00:00Z", &[("events.jsonl", "one\n")]);
    backups.pack("2026-01-02T100000.zip");
    fs::remove_dir_all(backups.current("")).unwrap();
    fs::create_dir(backups.current("")).unwrap();
    let elsewhere = backups.root.path().join("elsewhere.json");
    fs::write(&elsewhere, r#"{"timestamp":"2026-01-05T10:00:00Z"}"#).unwrap();
    std::os::unix::fs::symlink(&elsewhere, backups.current("manifest.json")).unwrap();
    let database = database(&open(&backups.repository()).unwrap()).await;
    assert_eq!(times(&database), ["2026-01-01T10:00:00Z"]);
    assert_eq!(text(&database, 0, "events.jsonl").await, "one\n");
}
