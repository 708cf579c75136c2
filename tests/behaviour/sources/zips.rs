//! Folders of zips: plain ones, and the backups of Thrum.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use asof::source::{Capabilities, Source};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::{Archives, add_whole, damage_needle, newest_file, open_archives, restrict};
use crate::fixture::{Calendar, Fixture, HOSTILE, Tables, lines};
use crate::support::temp_dir;

const CAPABILITIES: Capabilities = Capabilities {
    working_set: false,
    sql_dump: false,
    versions: false,
    commits: false,
    branches: false,
    tags: false,
    lost_commits: false,
    permissions: true,
};

/// Zips in a folder, each a snapshot of the same files.
pub struct Folder(Archives);

impl Fixture for Folder {
    fn new() -> Self {
        Self(Archives::new())
    }

    fn expected(&self) -> Capabilities {
        CAPABILITIES
    }

    fn open(&self) -> Arc<dyn Source> {
        self.0.open()
    }

    fn commit(&mut self, tables: &Tables) {
        self.0.add("backup-%Y-%m-%dT%H%M%SZ.zip", |path| write_zip(path, &members(tables)));
    }

    fn path(&self, table: &str) -> Option<String> {
        Some(format!("{table}.jsonl"))
    }

    fn key(&self) -> Option<Vec<String>> {
        None
    }

    fn restrict(&mut self) {
        self.0.restrict();
    }

    fn damage(&mut self) -> bool {
        damage_needle(&self.0.newest())
    }

    fn commit_hostile(&mut self, tables: &Tables) -> usize {
        let hostile = HOSTILE.iter().map(|name| ((*name).to_owned(), (*name).to_owned()));
        let members: Vec<_> = members(tables).into_iter().chain(hostile).collect();
        self.0.add("backup-%Y-%m-%dT%H%M%SZ.zip", |path| write_zip(path, &members));
        HOSTILE.len()
    }
}

/// The backups of one repository as Thrum lays them out.
pub struct Thrum {
    folder: tempfile::TempDir,
    calendar: Calendar,
}

impl Thrum {
    fn add(&mut self, mut members: Vec<(String, String)>) {
        let time = self.calendar.next("%Y-%m-%dT%H:%M:%SZ");
        let manifest =
            format!("{{\"version\":1,\"timestamp\":\"{time}\",\"repo_name\":\"repo\",\"counts\":{{}}}}");
        members.push(("manifest.json".to_owned(), manifest));
        let made = temp_dir();
        let path = made.path().join("made");
        write_zip(&path, &members);
        let name = format!("{}.zip", time.replace(':', ""));
        add_whole(&path, &self.archives().join(name));
    }

    fn archives(&self) -> std::path::PathBuf {
        self.folder.path().join("repo/archives")
    }
}

impl Fixture for Thrum {
    fn new() -> Self {
        let Archives { folder, calendar } = Archives::new();
        let thrum = Self { folder, calendar };
        fs::create_dir_all(thrum.archives()).expect("the folder is ours");
        thrum
    }

    fn expected(&self) -> Capabilities {
        CAPABILITIES
    }

    fn open(&self) -> Arc<dyn Source> {
        open_archives(self.folder.path())
    }

    fn commit(&mut self, tables: &Tables) {
        self.add(members(tables));
    }

    fn path(&self, table: &str) -> Option<String> {
        Some(format!("{table}.jsonl"))
    }

    fn key(&self) -> Option<Vec<String>> {
        None
    }

    fn restrict(&mut self) {
        restrict(self.folder.path());
    }

    fn damage(&mut self) -> bool {
        damage_needle(&newest_file(&self.archives()))
    }

    fn commit_hostile(&mut self, tables: &Tables) -> usize {
        let hostile = HOSTILE.iter().map(|name| ((*name).to_owned(), (*name).to_owned()));
        self.add(members(tables).into_iter().chain(hostile).collect());
        HOSTILE.len()
    }
}

/// Each table as a member.
fn members(tables: &Tables) -> Vec<(String, String)> {
    tables.each().map(|(name, rows)| (format!("{name}.jsonl"), lines(rows))).into()
}

/// A zip of members that are not compressed.
fn write_zip(path: &Path, members: &[(String, String)]) {
    let mut zip = ZipWriter::new(fs::File::create(path).expect("the folder is ours"));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, text) in members {
        zip.start_file(name.as_str(), options).expect("a member can be begun");
        zip.write_all(text.as_bytes()).expect("a member can be written");
    }
    zip.finish().expect("a zip can be ended");
}
