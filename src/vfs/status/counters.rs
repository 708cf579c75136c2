//! Counts what the tree is asked for.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::vfs::error::VfsError;

/// What the tree was asked for since the mount began.
#[derive(Default)]
pub struct Counters {
    look_ups: AtomicU64,
    listings: AtomicU64,
    reads: AtomicU64,
    read_bytes: AtomicU64,
    failures: AtomicU64,
}

/// The counts at one moment.
pub(super) struct TreeCounts {
    pub look_ups: u64,
    pub listings: u64,
    pub reads: u64,
    pub read_bytes: u64,
    pub failures: u64,
}

impl Counters {
    pub fn look_up<T>(&self, answer: &Result<T, VfsError>) {
        self.answered(&self.look_ups, answer);
    }

    pub fn listing<T>(&self, answer: &Result<T, VfsError>) {
        self.answered(&self.listings, answer);
    }

    pub fn read(&self, answer: &Result<bytes::Bytes, VfsError>) {
        self.answered(&self.reads, answer);
        if let Ok(bytes) = answer {
            self.read_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
    }

    fn answered<T>(&self, counter: &AtomicU64, answer: &Result<T, VfsError>) {
        counter.fetch_add(1, Ordering::Relaxed);
        // A name that is not there is an answer, not a failure.
        if let Err(VfsError::Source(_) | VfsError::NotYet) = answer {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn counted(&self) -> TreeCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TreeCounts {
            look_ups: count(&self.look_ups),
            listings: count(&self.listings),
            reads: count(&self.reads),
            read_bytes: count(&self.read_bytes),
            failures: count(&self.failures),
        }
    }
}
