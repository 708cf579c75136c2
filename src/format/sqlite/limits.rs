//! Limits for one query: time, memory, temporary files.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::query::Query;

/// Default for how long a query may run.
pub const RUNNING: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Limits {
    /// For how long it may run. While it waits for a slow reader it does not run.
    pub(super) running: Duration,
    /// For how long it may wait for its reader in all.
    pub(super) waiting: Duration,
    /// Memory of its process, in bytes.
    pub(super) memory: u64,
    /// Memory that SQLite takes of that, in bytes.
    pub(super) heap: u64,
    /// Bytes in temporary files.
    pub(super) temporary: u64,
}

/// For how long a query may run, in milliseconds, as the command line says.
static MILLISECONDS: AtomicU64 = AtomicU64::new(RUNNING.as_secs() * 1000);

/// Sets for how long a query of a SQLite file may run in this program.
pub fn set_running(most: Duration) {
    MILLISECONDS.store(u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
}

/// The least speed of a query whose time depends on the length of the file, in bytes per second.
const BYTES_PER_SECOND: u64 = 2 << 20;

/// How long a listing may run.
const LISTING: Duration = Duration::from_secs(3);

impl Limits {
    pub(super) fn of(query: &Query, len: u64) -> Self {
        let running = Duration::from_millis(MILLISECONDS.load(Ordering::Relaxed));
        // Others wait for a listing, and that of a sound file takes milliseconds.
        let running = if query.is_short() { running.min(LISTING) } else { running };
        let goes_by_length = !query.is_view() && !query.is_short();
        let more = if goes_by_length { Duration::from_secs(len / BYTES_PER_SECOND) } else { Duration::ZERO };
        Self {
            running: running.saturating_add(more),
            waiting: Duration::from_secs(300),
            memory: 1 << 30,
            heap: 384 << 20,
            temporary: 1 << 30,
        }
    }
}
