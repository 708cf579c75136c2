//! What a source finds out about itself when it is asked whether it is sound.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::HumanCount;

use crate::content::{ErrorKind, SourceError};

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing, and nothing wrong.
    Note,
    /// It could not be checked.
    Unchecked,
    /// It is wrong: what is stored is not what it should be.
    Wrong,
}

impl Severity {
    /// What a failure of a kind says about what was to be read.
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

/// Something that was found.
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
    /// What a failure to read `place` says about it.
    pub fn of(place: impl Into<String>, error: &SourceError) -> Self {
        let severity = Severity::of(error.kind);
        Self { severity, place: place.into(), problem: error.chain(), hint: error.hint.clone() }
    }

    /// Something wrong.
    pub fn wrong(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { severity: Severity::Wrong, place: place.into(), problem: problem.into(), hint: None }
    }

    /// Something that could not be checked.
    pub fn unchecked(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { severity: Severity::Unchecked, place: place.into(), problem: problem.into(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Which contents have to be read beside what a source checked by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Contents {
    /// Those of every snapshot.
    #[default]
    All,
    /// Those of the newest one: what the others hold was checked where it is stored, or is too much to ask for.
    Newest,
}

/// What a source found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What was checked, for people: `2,130 chunks`, `3 checksums`.
    pub checked: Vec<String>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What remains to be read.
    pub contents: Contents,
    /// Whether hashes prove the bytes of all files: what is odd in one of them was stored so.
    pub proves_bytes: bool,
}

/// `1 chunk`, `2,130 chunks`: a number of things for people.
pub fn counted(count: u64, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{} {one}s", HumanCount(count)),
    }
}

/// How far a check is. Shared by all that work on it.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    done: AtomicU64,
    total: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// More is to be done than was known: so many steps.
    pub fn expect(&self, steps: u64) {
        self.state.total.fetch_add(steps, Ordering::Relaxed);
    }

    /// So many steps are done.
    pub fn advance(&self, steps: u64) {
        self.state.done.fetch_add(steps, Ordering::Relaxed);
    }

    /// So many bytes were read.
    pub fn read(&self, bytes: u64) {
        self.state.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Steps done, steps known of, and bytes read.
    pub fn now(&self) -> (u64, u64, u64) {
        let State { done, total, bytes } = &*self.state;
        (done.load(Ordering::Relaxed), total.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_one() {
        assert_eq!(counted(1, "chunk"), "1 chunk");
        assert_eq!(counted(0, "chunk"), "0 chunks");
        assert_eq!(counted(2130, "chunk"), "2,130 chunks");
    }
}
