//! What a source reports when it checks whether what it stores is sound.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::content::{ErrorKind, SourceError};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is wrong, but it is worth knowing.
    Note,
    /// It could not be checked.
    Unchecked,
    /// What is stored is not what it should be.
    Wrong,
}

impl Severity {
    /// The severity of a failure to read something.
    pub fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Damaged | ErrorKind::Missing | ErrorKind::Invalid => Self::Wrong,
            ErrorKind::Unavailable
            | ErrorKind::TimedOut
            | ErrorKind::Refused
            | ErrorKind::Changed
            | ErrorKind::Unsupported => Self::Unchecked,
        }
    }
}

/// One result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where: a file, a member, a table of a commit.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
    /// What a person can do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// A failure to read `place`.
    pub fn of(place: impl Into<String>, error: &SourceError) -> Self {
        let severity = Severity::of(error.kind);
        Self { severity, place: place.into(), problem: error.chain(), hint: error.hint.clone() }
    }

    /// A finding that something is wrong.
    pub fn wrong(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { severity: Severity::Wrong, place: place.into(), problem: problem.into(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Which contents remain to be read after the source checked what it stores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Contents {
    /// Those of every snapshot.
    #[default]
    All,
    /// Those of the newest one: the others were checked where they are stored, or are too much to ask for.
    Newest,
}

/// The results of a source's check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What was checked, for people: `2,130 chunks`, `3 checksums`.
    pub checked: Vec<String>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What remains to be read.
    pub contents: Contents,
    /// Whether hashes prove the bytes of all files, so that an odd file was stored that way.
    pub proves_bytes: bool,
}

/// Counts how far a check has come. Shared by all that work on it.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    done: AtomicU64,
    total: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Adds steps that have to be done.
    pub fn expect(&self, steps: u64) {
        self.counters.total.fetch_add(steps, Ordering::Relaxed);
    }

    /// Adds steps that are done.
    pub fn advance(&self, steps: u64) {
        self.counters.done.fetch_add(steps, Ordering::Relaxed);
    }

    /// Adds bytes that were read.
    pub fn read(&self, bytes: u64) {
        self.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The steps done, the steps in all, and the bytes read.
    pub fn now(&self) -> (u64, u64, u64) {
        let Counters { done, total, bytes } = &*self.counters;
        (done.load(Ordering::Relaxed), total.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed))
    }
}
