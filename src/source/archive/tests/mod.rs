//! Archives as files on disk, most of them made by the real `zip` program.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;

use super::{ArchiveOptions, ArchiveSource};
use crate::content::{ErrorKind, SourceError};
use crate::source::testing::*;
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

/// A dump that a real server's `pg_dump` wrote.
const DUMP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/format/tests/archives/pg16-gzip.dump");

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

    fn at(&self, name: &str) -> PathBuf {
        self.archives().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.at(name), bytes).unwrap();
        self.at(name)
    }

    fn copy(&self, from: impl AsRef<Path>, name: &str) {
        fs::copy(from, self.at(name)).unwrap();
    }

    fn shell(&self, script: &str) -> Vec<u8> {
        shell(&self.archives(), script)
    }

    /// Packs files with the `zip` program, in the order given.
    fn zip(&self, name: &str, options: &[&str], files: &[(&str, &[u8])]) -> PathBuf {
        let staging = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = staging.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let mut zip = Command::new("zip");
        zip.arg("-q").args(options).arg(self.at(name)).args(files.iter().map(|(path, _)| *path));
        run(zip.current_dir(staging.path()));
        self.at(name)
    }

    fn open(&self) -> ArchiveSource {
        open(&self.archives())
    }
}

fn open(path: &Path) -> ArchiveSource {
    open_as(path, None).unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// A source that compares the times of files with `clock`.
fn open_at(path: &Path, clock: &TestClock) -> ArchiveSource {
    ArchiveSource::open(path, ArchiveOptions { clock: clock.clock(), ..ArchiveOptions::default() }).unwrap()
}

fn open_as(path: &Path, name: Option<&str>) -> Result<ArchiveSource, SourceError> {
    let (name, zone) = (name.map(str::to_owned), Some(TimeZone::UTC));
    ArchiveSource::open(path, ArchiveOptions { name, zone, ..ArchiveOptions::default() })
}

/// Why it cannot be opened.
fn refused(path: &Path, name: Option<&str>) -> SourceError {
    open_as(path, name).err().unwrap_or_else(|| panic!("{} opens", path.display()))
}

/// When anything of a file was last changed.
fn changed(path: &Path) -> SystemTime {
    let found = path.metadata().unwrap();
    let since = Duration::new(found.ctime().try_into().unwrap(), found.ctime_nsec().try_into().unwrap());
    SystemTime::UNIX_EPOCH + since
}
