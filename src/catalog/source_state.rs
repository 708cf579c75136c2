//! Whether each source answers.

use std::sync::Arc;

use jiff::Timestamp;

use crate::content::SourceError;

/// What is known of a source besides its databases.
#[derive(Debug, Clone)]
pub struct SourceState {
    /// What it is called in messages. Holds no secret.
    pub label: Arc<str>,
    /// Since when it answers, or fails; `None` until it was asked.
    pub since: Option<Timestamp>,
    /// When it last answered.
    pub answered: Option<Timestamp>,
    /// Why it fails.
    pub failure: Option<SourceFailure>,
}

/// Why a source fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFailure {
    /// The failure and what caused it.
    pub reason: String,
    /// What a person can do about it.
    pub hint: Option<String>,
}

impl SourceState {
    pub(super) fn new(label: Arc<str>) -> Self {
        Self { label, since: None, answered: None, failure: None }
    }

    pub(super) fn answers(&mut self, now: Timestamp) {
        if self.failure.take().is_some() || self.since.is_none() {
            self.since = Some(now);
        }
        self.answered = Some(now);
    }

    /// Keeps the newest reason. Returns whether it answered before.
    pub(super) fn fails(&mut self, error: &SourceError, now: Timestamp) -> bool {
        let answered = self.failure.is_none();
        if answered || self.since.is_none() {
            self.since = Some(now);
        }
        self.failure = Some(SourceFailure { reason: error.chain(), hint: error.hint.clone() });
        answered
    }
}
