//! SQLite files made by the real `sqlite3`, and what it answers about them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::check::Check;
use super::query::Query;
use super::*;
use crate::content::{ErrorKind, SourceError, Wanted};
use crate::format::tests::{is_error, sound, stored};

mod damage;
mod dump;
mod hostile;
mod of_programs;
mod oracle;
mod order;
mod reading;
mod schema;
mod tables;
mod values;
mod views;
mod wal;

/// A folder with databases in it.
struct SqliteFolder(tempfile::TempDir);

impl SqliteFolder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A database that `sqlite3` makes by this script.
    fn made(&self, name: &str, script: &str) -> PathBuf {
        let path = self.path(name);
        sqlite3(&path, script);
        path
    }
}

/// A folder with a database that `sqlite3` makes by this script.
fn made_by(script: &str) -> (SqliteFolder, PathBuf) {
    let folder = SqliteFolder::new();
    let path = folder.made("made.db", script);
    (folder, path)
}

/// The same, opened.
fn opened(script: &str) -> (SqliteFolder, Arc<SqliteFile>) {
    let (folder, path) = made_by(script);
    (folder, open(&path))
}

/// What `sqlite3` prints for a script.
fn sqlite3(path: &Path, script: &str) -> String {
    use std::io::Write;
    let mut child = Command::new("sqlite3")
        .args(["-batch", "-bail"])
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sqlite3 is installed: tests/setup/packages.sh test");
    let mut stdin = child.stdin.take().expect("it is piped");
    let script = script.to_owned();
    // In another thread, so that neither pipe fills up while the output is read.
    let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
    let output = child.wait_with_output().expect("it ends with its input");
    let _ = writer.join().expect("it only writes");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{stderr}");
    String::from_utf8(output.stdout).expect("the answers are text")
}

/// The file at a path with the files beside it.
fn open(path: &Path) -> Arc<SqliteFile> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        Path::new(&name).exists().then(|| stored(Path::new(&name)))
    };
    let beside = ["-wal", "-journal"].map(beside);
    Arc::new(SqliteFile::new("test".into(), stored(path), beside, Arc::default()))
}

/// The file at a path without the files beside it.
fn alone(path: &Path) -> Arc<SqliteFile> {
    Arc::new(SqliteFile::new("test".into(), stored(path), [None, None], Arc::default()))
}

fn relation(file: &SqliteFile, name: &str) -> Relation {
    let listing = file.listing().expect("the schema can be read");
    let found = listing.shown.iter().find(|relation| &*relation.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {listing:?}")).clone()
}

/// A whole answer, or the beginning of it and why there is no more.
fn answer(file: &SqliteFile, query: &Query) -> (Vec<u8>, Result<(), SourceError>) {
    let mut bytes = Vec::new();
    let outcome = file.ask(query, &Wanted::default(), &mut |piece| {
        bytes.extend_from_slice(&piece);
        Ok(())
    });
    (bytes, outcome)
}

/// A whole file as SQL, or the beginning of it and why there is no more.
fn try_dump(file: &SqliteFile) -> (String, Result<(), SourceError>) {
    let (bytes, written) = answer(file, &Query::Dump);
    (String::from_utf8(bytes).expect("dumps are UTF-8"), written)
}

fn dump(file: &SqliteFile) -> String {
    let (text, written) = try_dump(file);
    sound("the dump", written);
    text
}

/// Fills the first page of a table with bytes that mean nothing.
fn break_first_page(path: &Path, table: &str, page_size: usize) {
    let query = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}';");
    let root: usize = sqlite3(path, &query).trim().parse().expect("a page");
    change(path, |bytes| bytes[(root - 1) * page_size..root * page_size].fill(0xee));
}

fn change(path: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).expect("it is there");
    how(&mut bytes);
    std::fs::write(path, bytes).expect("the folder is ours");
}

fn try_rows(file: &SqliteFile, relation: &Relation) -> Result<Vec<u8>, SourceError> {
    let (bytes, read) = answer(file, &Query::Rows(relation.clone()));
    read.map(|()| bytes)
}

fn rows(file: &SqliteFile, name: &str) -> String {
    let bytes = sound(name, try_rows(file, &relation(file, name)));
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

fn names(file: &SqliteFile) -> Vec<String> {
    let listing = file.listing().expect("the schema can be read");
    listing.shown.iter().map(|relation| relation.name.to_string()).collect()
}

fn reason(file: &SqliteFile, name: &str) -> String {
    let listing = file.listing().expect("the schema can be read");
    let found = listing.left_out.iter().find(|left_out| left_out.name == name);
    found.unwrap_or_else(|| panic!("{name} is not left out: {listing:?}")).reason.clone()
}

fn schema_sql(file: &SqliteFile) -> String {
    let (_, text) = file.listing_and_schema().expect("the schema can be read");
    String::from_utf8(text.to_vec()).expect("the schema is text")
}
