//! A server of a test's own, and reading what the source gives.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use asof::content::{Content, FileEntry, SourceError};
use asof::model::history::SnapshotId;
use asof::source::dolt::server::{DoltOptions, DoltSqlSource};
use asof::source::{Database, Source};
use tokio::runtime::Runtime;

#[path = "../it/support/certificates.rs"]
pub mod certificates;
#[allow(dead_code)]
#[path = "../it/support/command.rs"]
pub mod command;
#[allow(dead_code)]
#[path = "../it/support/extremes.rs"]
pub mod extremes;
#[allow(dead_code)]
#[path = "../it/support/git.rs"]
pub mod git;
#[allow(dead_code)]
#[path = "../it/support/histories.rs"]
pub mod histories;
#[allow(dead_code)]
#[path = "key_kinds.rs"]
pub mod key_kinds;
#[allow(dead_code)]
#[path = "../it/support/kinds.rs"]
pub mod kinds;
#[allow(dead_code)]
#[path = "../it/support/notice.rs"]
pub mod notice;
#[allow(dead_code)]
#[path = "../it/support/oracle.rs"]
pub mod oracle;
#[allow(dead_code)]
#[path = "../it/support/proxy.rs"]
pub mod proxy;
#[allow(dead_code)]
#[path = "../it/support/random.rs"]
pub mod random;
#[allow(dead_code)]
#[path = "reading.rs"]
pub mod reading;
#[allow(dead_code)]
#[path = "../it/support/real_history.rs"]
pub mod real_history;
#[allow(dead_code)]
#[path = "../it/support/real_server.rs"]
pub mod real_server;
#[allow(dead_code)]
#[path = "../it/support/server.rs"]
pub mod server;
#[allow(dead_code)]
#[path = "../it/support/sql.rs"]
pub mod sql;

/// Where everything that a test makes lives.
pub fn top() -> PathBuf {
    std::env::var_os("ASOF_TEST_DIR").map_or_else(std::env::temp_dir, PathBuf::from)
}

/// A new temporary folder, removed when dropped.
pub fn temp_dir() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("dolt-").tempdir_in(top()).expect("the folder for tests is writable")
}

/// Waits for the source, which is asynchronous, from tests, which are not.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads can be started"));
    RUNTIME.block_on(work)
}

/// A source with the usual options.
pub fn source(url: &str) -> DoltSqlSource {
    DoltSqlSource::new(url, DoltOptions::default()).expect("the URL is right")
}

/// What a poll finds new.
#[track_caller]
pub fn poll(source: &DoltSqlSource) -> Option<Vec<Arc<dyn Database>>> {
    wait(source.poll()).unwrap_or_else(|error| panic!("{} {:?}", error.chain(), error.hint))
}

/// One database of a fresh source.
#[track_caller]
pub fn database(url: &str) -> Arc<dyn Database> {
    let databases = poll(&source(url)).expect("the first poll lists");
    databases.into_iter().next().expect("the database is there")
}

/// The files of one commit.
#[track_caller]
pub fn files(database: &Arc<dyn Database>, commit: &SnapshotId) -> Arc<[FileEntry]> {
    wait(database.files(commit)).unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// The files of the working set.
#[track_caller]
pub fn live_files(database: &Arc<dyn Database>) -> Arc<[FileEntry]> {
    wait(database.live_files()).unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// A whole content, in one go from its source.
pub fn bytes(content: &Content) -> Result<Vec<u8>, SourceError> {
    wait(reading::from_source(content))
}

/// One file of a listing.
#[track_caller]
pub fn entry<'f>(files: &'f [FileEntry], path: &str) -> &'f FileEntry {
    files.iter().find(|file| &*file.path == path).unwrap_or_else(|| panic!("no file {path}"))
}

/// One file of a listing, as text.
#[track_caller]
pub fn text(files: &[FileEntry], path: &str) -> String {
    let bytes =
        bytes(&entry(files, path).content).unwrap_or_else(|error| panic!("{path}: {}", error.chain()));
    String::from_utf8(bytes).expect("files are UTF-8")
}
