//! What the tests of several sources do: they run programs, and read what is shown.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::verify::{Contents, Progress, Verdict};
use super::{Database, Source};
use crate::content::{Content, ErrorKind, FileEntry, SourceError};
use crate::format::tests::pieces_of;
use crate::model::history::SnapshotMeta;

pub(super) use crate::format::tests::stdout_of as run;

pub(super) type Databases = BTreeMap<String, Arc<dyn Database>>;

/// Runs a shell script in a folder.
pub(super) fn shell(folder: &Path, script: &str) -> Vec<u8> {
    run(Command::new("bash").args(["-euc", script]).current_dir(folder).env("LC_ALL", "C.UTF-8"))
}

/// What `sqlite3` says to some SQL on a file.
pub(super) fn sqlite(file: &Path, sql: &str) -> String {
    String::from_utf8(run(Command::new("sqlite3").arg("-bail").arg(file).arg(sql))).unwrap()
}

/// Makes a database with these tables and a row that is in its log alone, and copies both while they are in use.
pub(super) fn copy_in_use(tables: &str, live: &Path, copy: &Path) {
    let script = format!(
        "PRAGMA journal_mode=wal;\n{tables}\nPRAGMA wal_checkpoint(truncate);\n\
         INSERT INTO tasks VALUES (3,'in the log');\n\
         .system cp {0} {1}\n.system cp {0}-wal {1}-wal\n",
        live.display(),
        copy.display()
    );
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg("-bail").arg(live).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = sqlite.spawn().expect("sqlite3 is installed");
    child.stdin.take().expect("it is piped").write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// The databases of a source that has news.
pub(super) async fn databases(source: &impl Source) -> Databases {
    news(source).await.expect("there is news")
}

/// The databases, where there is news.
pub(super) async fn news(source: &impl Source) -> Option<Databases> {
    let found = source.poll().await.unwrap_or_else(|error| panic!("{}", error.chain()))?;
    Some(found.into_iter().map(|database| (database.name().to_owned(), database)).collect())
}

/// The databases as soon as there is news. Some of it is only found by trying again.
pub(super) async fn awaited(source: &impl Source) -> Databases {
    for _ in 0..600 {
        if let Some(found) = news(source).await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no news in a minute");
}

/// The only database of a source that has news.
pub(super) async fn database(source: &impl Source) -> Arc<dyn Database> {
    only(databases(source).await)
}

pub(super) fn names(databases: &Databases) -> Vec<&str> {
    databases.keys().map(String::as_str).collect()
}

pub(super) fn only(mut databases: Databases) -> Arc<dyn Database> {
    assert_eq!(databases.len(), 1, "{:?}", databases.keys());
    databases.pop_first().expect("there is one").1
}

/// What the snapshots on the timeline go by, newest first.
pub(super) fn ids(database: &Arc<dyn Database>) -> Vec<String> {
    let timeline = &database.history().timeline;
    timeline.iter().map(|meta| meta.known_as.as_ref().unwrap_or(&meta.id).to_string()).collect()
}

/// The times of the snapshots on the timeline, newest first.
pub(super) fn times(database: &Arc<dyn Database>) -> Vec<String> {
    database.history().timeline.iter().map(|meta| meta.time.to_string()).collect()
}

/// The name of the newest snapshot on the timeline.
pub(super) const NEWEST: &str = "the newest";

/// Lists the snapshot that goes by a name.
pub(super) async fn list(database: &Arc<dyn Database>, name: &str) -> Result<Arc<[FileEntry]>, SourceError> {
    let is_meant = |meta: &SnapshotMeta| name == NEWEST || meta.known_as.as_deref() == Some(name);
    let known = database.history().timeline.iter().find(|meta| is_meant(meta));
    database.files(&known.map_or_else(|| name.into(), |meta| Arc::clone(&meta.id))).await
}

pub(super) async fn files(database: &Arc<dyn Database>, snapshot: &str) -> Arc<[FileEntry]> {
    list(database, snapshot).await.unwrap_or_else(|error| panic!("{snapshot}: {}", error.chain()))
}

pub(super) async fn paths(database: &Arc<dyn Database>, snapshot: &str) -> Vec<String> {
    files(database, snapshot).await.iter().map(|file| file.path.to_string()).collect()
}

pub(super) async fn file(database: &Arc<dyn Database>, snapshot: &str, path: &str) -> FileEntry {
    let files = files(database, snapshot).await;
    let file = files.iter().find(|file| &*file.path == path);
    file.unwrap_or_else(|| panic!("no {path} in {snapshot}")).clone()
}

pub(super) async fn bytes(database: &Arc<dyn Database>, snapshot: &str, path: &str) -> Vec<u8> {
    read(&file(database, snapshot, path).await.content).await
}

pub(super) async fn text(database: &Arc<dyn Database>, snapshot: &str, path: &str) -> String {
    String::from_utf8(bytes(database, snapshot, path).await).unwrap()
}

/// All files of a snapshot as texts, by path.
pub(super) async fn texts(database: &Arc<dyn Database>, snapshot: &str) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for file in files(database, snapshot).await.iter() {
        texts.push((file.path.to_string(), String::from_utf8(read(&file.content).await).unwrap()));
    }
    texts
}

/// Why a file cannot be read.
pub(super) async fn failure(database: &Arc<dyn Database>, snapshot: &str, path: &str) -> SourceError {
    try_read(&file(database, snapshot, path).await.content).await.expect_err(path)
}

pub(super) async fn read(content: &Content) -> Vec<u8> {
    try_read(content).await.unwrap_or_else(|error| panic!("{}", error.chain()))
}

pub(super) async fn try_read(content: &Content) -> Result<Vec<u8>, SourceError> {
    pieces_of(&**content).await.map(|pieces| pieces.concat())
}

pub(super) async fn verdict(database: &Arc<dyn Database>) -> Verdict {
    let progress = Progress::default();
    let verdict = database.verify(&progress).await.unwrap_or_else(|error| panic!("{}", error.chain()));
    let (done, total, _) = progress.now();
    assert_eq!(done, total, "what was to be done is done");
    assert_eq!(verdict.contents, Contents::All);
    verdict
}

/// Checks the kind of a failure, and that what it says has each of these parts.
#[track_caller]
pub(super) fn assert_says(error: &SourceError, kind: ErrorKind, parts: &[&str]) {
    let said = error.chain();
    assert_eq!(error.kind, kind, "{said}");
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// The same of its hint.
#[track_caller]
pub(super) fn assert_hints(error: &SourceError, parts: &[&str]) {
    let hint = error.hint.as_deref().unwrap_or_else(|| panic!("no hint: {}", error.chain()));
    for part in parts {
        assert!(hint.contains(part), "{part}: {hint}");
    }
}
