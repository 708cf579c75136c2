//! Support for the tests: real Dolt servers and mounts, commands with a time limit, an oracle for expected content.

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub mod archives;
pub mod bd;
pub mod certificates;
pub mod command;
pub mod files;
pub mod git;
pub mod histories;
pub mod mount;
mod notice;
pub mod oracle;
pub mod postgres;
#[allow(dead_code)]
pub mod proxy;
pub mod random;
pub mod real_history;
pub mod real_server;
pub mod recipes;
pub mod server;
pub mod sql;
pub mod tree;
pub mod user;
pub mod work_tree;

pub use notice::tell;

/// The folder for everything that a test creates: the one that `make test` cleans up, or the system's.
pub fn top() -> PathBuf {
    std::env::var_os("ASOF_TEST_DIR").map_or_else(std::env::temp_dir, PathBuf::from)
}

/// A new temporary folder, removed when dropped.
pub fn temp_dir() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("it-").tempdir_in(top()).expect("the folder for tests is writable")
}

/// Waits until `check` returns an answer; fails with `what` after `limit`.
pub fn eventually<T>(what: &str, limit: Duration, mut check: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = check() {
            return answer;
        }
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How long the soak test runs: `ASOF_LIVE_SECONDS`, by default a minute.
pub fn live_time() -> Duration {
    let told = std::env::var("ASOF_LIVE_SECONDS").ok();
    Duration::from_secs(told.map_or(60, |text| text.parse().expect("ASOF_LIVE_SECONDS is a number")))
}
