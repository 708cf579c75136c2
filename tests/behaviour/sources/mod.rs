//! A fixture for each kind of source.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use asof::source::Source;
use asof::source::archive::{ArchiveOptions, ArchiveSource};
use jiff::tz::TimeZone;

pub mod dolt;
pub mod files;
pub mod git;
pub mod postgres;
pub mod sqlite;
pub mod zips;

use crate::fixture::{Calendar, NEEDLE};
use crate::support::command::run;
use crate::support::temp_dir;

/// A folder to which archives are added, each in one step.
pub struct Archives {
    pub folder: tempfile::TempDir,
    pub calendar: Calendar,
}

impl Archives {
    pub fn new() -> Self {
        let folder = temp_dir();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        Self { folder, calendar: Calendar::default() }
    }

    pub fn open(&self) -> std::sync::Arc<dyn Source> {
        open_archives(self.folder.path())
    }

    /// Makes an archive: `make` writes it to the path that it is given, then it gets its name in one step. `name` is a
    /// format of strftime.
    pub fn add(&mut self, name: &str, make: impl FnOnce(&Path)) {
        let path = self.folder.path().join(self.calendar.next(name));
        let making = temp_dir();
        let made = making.path().join("made");
        make(&made);
        add_whole(&made, &path);
    }

    pub fn newest(&self) -> PathBuf {
        newest_file(self.folder.path())
    }

    pub fn restrict(&self) {
        restrict(self.folder.path());
    }
}

pub fn open_archives(folder: &Path) -> std::sync::Arc<dyn Source> {
    let options = ArchiveOptions { zone: Some(TimeZone::UTC), ..ArchiveOptions::default() };
    let source = ArchiveSource::open(folder, options);
    std::sync::Arc::new(source.unwrap_or_else(|error| panic!("{} {:?}", error.chain(), error.hint)))
}

/// Moves a file, or the copy of one, to its name in one step.
fn add_whole(made: &Path, path: &Path) {
    let beside = path.with_extension("part");
    fs::copy(made, &beside).expect("the folder is ours");
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o644)).expect("the file is ours");
    fs::rename(&beside, path).expect("the folder is ours");
}

/// The file of a folder whose name comes last.
fn newest_file(folder: &Path) -> PathBuf {
    all_files(folder).into_iter().max().expect("there is a file")
}

/// All files below a folder.
pub fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        match entry.file_type().expect("it is there") {
            kind if kind.is_dir() => files.extend(all_files(&entry.path())),
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files
}

/// Lets only the owner read a folder and everything in it.
pub fn restrict(folder: &Path) {
    run("chmod").args(["-R", "go-rwx"]).arg(folder).ok();
}

/// Flips a bit of [`NEEDLE`] wherever it stands in a file; false if it stands nowhere there.
pub fn damage_needle(path: &Path) -> bool {
    let mut bytes = fs::read(path).expect("the file can be read");
    let needle = NEEDLE.as_bytes();
    let places: Vec<usize> = memchr_all(&bytes, needle);
    for place in &places {
        bytes[place + needle.len() / 2] ^= 1;
    }
    if !places.is_empty() {
        let mode = path.metadata().expect("it is there").permissions();
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("the file is ours");
        fs::write(path, bytes).expect("the file is ours");
        fs::set_permissions(path, mode).expect("the file is ours");
    }
    !places.is_empty()
}

fn memchr_all(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    bytes
        .windows(needle.len())
        .enumerate()
        .filter(|(_, window)| *window == needle)
        .map(|(at, _)| at)
        .collect()
}

/// Damages the middle of a file.
pub fn damage_middle(path: &Path) {
    let mut bytes = fs::read(path).expect("the file can be read");
    let middle = bytes.len() / 2;
    bytes[middle..].iter_mut().for_each(|byte| *byte = 0xa5);
    fs::write(path, bytes).expect("the file is ours");
}
