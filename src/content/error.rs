//! Failures of a source, with what a person needs to fix them.

use std::error::Error;

use serde::{Deserialize, Serialize};

use crate::memory::temporary_folder;
use crate::model::terminal::ShowPath;

/// The kind of a failure: decides the errno, and whether trying again makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The source does not answer now (refused, connection lost); it may later.
    Unavailable,
    /// The source took too long.
    TimedOut,
    /// The source answers and refuses: wrong password, no permission.
    Refused,
    /// What was asked for is not there, or no longer.
    Missing,
    /// The content changed while it was read: ask for the listing again.
    Changed,
    /// The stored bytes are broken: truncated, bad checksum, not the format they claim.
    Damaged,
    /// A form that this program does not read.
    Unsupported,
    /// The request itself makes no sense (a malformed URL, a folder with nothing in it).
    Invalid,
}

/// A failure of a source: where, while doing what, why, and what to do about it.
///
/// `Display` gives the first line (`<source>: <operation>`); the cause follows by [`Error::source`].
#[derive(Debug, thiserror::Error)]
#[error("{source_label}: {operation}")]
pub struct SourceError {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// The source's label; holds no secret.
    pub source_label: String,
    /// What was being done, with the operand: `cannot read table issues at 3fk…`.
    pub operation: String,
    /// What a person can do about it, as a sentence.
    pub hint: Option<String>,
    /// Why it failed.
    #[source]
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ErrorKind {
    /// Whether trying again gives the same failure as long as the bytes do not change.
    pub fn is_lasting(self) -> bool {
        matches!(self, Self::Damaged | Self::Unsupported | Self::Invalid)
    }
}

impl SourceError {
    /// An error without cause or hint; add them with [`Self::because`] and [`Self::with_hint`].
    pub fn new(kind: ErrorKind, source_label: impl Into<String>, operation: impl Into<String>) -> Self {
        Self { kind, source_label: source_label.into(), operation: operation.into(), hint: None, cause: None }
    }

    /// The failure of a temporary file, which work on contents uses when memory is short (ADR 4). Work that nobody
    /// waits for fails as interrupted.
    pub fn of_temporary_file(error: std::io::Error) -> Self {
        let folder = temporary_folder();
        let doing = format!("cannot use a temporary file in {}", folder.shown());
        Self::new(ErrorKind::Unavailable, "asof", doing)
            .because(error)
            .with_hint("TMPDIR names another folder; with a larger --cache-size less is written there.")
    }

    /// Adds why it failed.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds what a person can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The whole story on one line: the operation, then each cause, joined by `: `.
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// An error and its causes on one line, joined by `: `. Leaves out a cause that the text before it already contains, as
/// with many libraries.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the connection failed: {0}")]
    struct Repeating(#[source] std::io::Error);

    #[test]
    fn a_cause_is_said_once() {
        let refused = Repeating(std::io::Error::other("refused"));
        let error = SourceError::new(ErrorKind::Unavailable, "dolt://h", "cannot look").because(refused);
        assert_eq!(error.chain(), "dolt://h: cannot look: the connection failed: refused");
    }
}
