//! Archives as files on disk, most of them made by the real `zip` program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{ArchiveOptions, ArchiveSource};
use crate::content::{Content, FileEntry, Sink, SourceError};
use crate::model::history::SnapshotId;
use crate::source::{Database, Source};
use crate::util::clock::testing::TestClock;

mod damaged_zips;
mod databases;
mod dumps;
mod exports;
mod folders;
mod identity;
mod names;
mod packed;
mod thrum;
mod zips;

/// A folder of archives that is removed after the test.
struct Folder {
    root: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = Self { root: tempfile::tempdir().unwrap() };
        fs::create_dir(folder.path("beads")).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The folder of archives: of database `beads`.
    fn archives(&self) -> PathBuf {
        self.path("beads")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.archives().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Packs files with the `zip` program, in the order given.
    fn zip(&self, name: &str, options: &[&str], files: &[(&str, &[u8])]) -> PathBuf {
        let staging = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = staging.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let target = self.archives().join(name);
        let paths = files.iter().map(|(path, _)| *path);
        let output = run(Command::new("zip")
            .arg("-q")
            .args(options)
            .arg(&target)
            .args(paths)
            .current_dir(staging.path()));
        assert!(output.status.success(), "{output:?}");
        target
    }

    fn open(&self) -> ArchiveSource {
        open(&self.archives()).unwrap()
    }
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; install zip and unzip"))
}

fn open(path: &Path) -> Result<ArchiveSource, SourceError> {
    open_as(path, None)
}

/// A source that compares the times of files with `clock`.
fn open_at(path: &Path, clock: &TestClock) -> Result<ArchiveSource, SourceError> {
    ArchiveSource::open(path, ArchiveOptions { clock: clock.clock(), ..ArchiveOptions::default() })
}

fn open_as(path: &Path, name: Option<&str>) -> Result<ArchiveSource, SourceError> {
    ArchiveSource::open(
        path,
        ArchiveOptions {
            name: name.map(str::to_owned),
            zone: Some(TimeZone::UTC),
            ..ArchiveOptions::default()
        },
    )
}

async fn databases(source: &ArchiveSource) -> Vec<Arc<dyn Database>> {
    source.poll().await.unwrap().expect("news")
}

/// The only database of a source.
async fn database(source: &ArchiveSource) -> Arc<dyn Database> {
    let mut databases = databases(source).await;
    assert_eq!(databases.len(), 1);
    databases.remove(0)
}

fn names(databases: &[Arc<dyn Database>]) -> Vec<&str> {
    databases.iter().map(|database| database.name()).collect()
}

/// What the snapshots go by, newest first.
fn ids(database: &Arc<dyn Database>) -> Vec<&str> {
    database.history().timeline.iter().map(|snapshot| snapshot.known_as.as_deref().unwrap()).collect()
}

/// The id of the snapshot that goes by a name.
fn id_of(database: &Arc<dyn Database>, known_as: &str) -> SnapshotId {
    let timeline = &database.history().timeline;
    let known = timeline.iter().find(|snapshot| snapshot.known_as.as_deref() == Some(known_as));
    known.map_or_else(|| known_as.into(), |snapshot| snapshot.id.clone())
}

/// The files of the snapshot that goes by a name.
async fn files(database: &Arc<dyn Database>, known_as: &str) -> Result<Arc<[FileEntry]>, SourceError> {
    database.files(&id_of(database, known_as)).await
}

async fn read(content: &Content) -> Result<Vec<u8>, SourceError> {
    let (sink, mut pieces) = Sink::new(2);
    let gather = async {
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.recv().await {
            bytes.extend_from_slice(&piece);
        }
        bytes
    };
    let (outcome, bytes) = tokio::join!(content.read(sink), gather);
    outcome?;
    assert!(content.stated_len().is_none_or(|len| len == bytes.len() as u64), "{}", content.describe());
    Ok(bytes)
}

/// The content of one file of the newest snapshot of a source's only database.
async fn read_newest(source: &ArchiveSource, path: &str) -> Result<Vec<u8>, SourceError> {
    let database = database(source).await;
    let id = database.history().timeline[0].id.clone();
    let files = database.files(&id).await?;
    let file = files.iter().find(|file| &*file.path == path).unwrap_or_else(|| panic!("no {path}"));
    read(&file.content).await
}
