//! Real servers, commands under a time limit, and waiting.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

#[allow(dead_code)]
#[path = "../it/support/command.rs"]
pub mod command;
#[allow(dead_code)]
#[path = "../it/support/git.rs"]
pub mod git;
#[allow(dead_code)]
#[path = "../it/support/postgres.rs"]
pub mod postgres;
#[allow(dead_code)]
#[path = "../it/support/server.rs"]
pub mod server;
#[allow(dead_code)]
#[path = "../it/support/sql.rs"]
pub mod sql;

/// The folder for everything that a test creates.
pub fn top() -> PathBuf {
    std::env::var_os("ASOF_TEST_DIR").map_or_else(std::env::temp_dir, PathBuf::from)
}

/// A new temporary folder, removed when dropped.
pub fn temp_dir() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("behaviour-").tempdir_in(top()).expect("the folder for tests is writable")
}

/// Waits for a source, which is asynchronous, from tests, which are not.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads can be started"));
    RUNTIME.block_on(work)
}

/// Asks until there is an answer, and fails with `what` when there is none after half a minute.
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "not within half a minute: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
