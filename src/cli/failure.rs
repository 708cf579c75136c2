//! A failed command: its message, its hint and its exit status. Printing makes text from outside safe for terminals.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use crate::content::{SourceError, chain};
use crate::model::terminal;

/// Why a command ends early: what went wrong, why, and what to do.
#[derive(Debug)]
pub(super) struct Failure {
    kind: FailureKind,
    message: String,
    hint: Option<String>,
}

/// The kinds of failures, with their exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum FailureKind {
    /// The reader of the output has closed it.
    OutputClosed = 0,
    Failed = 1,
    /// The command line is invalid, as in clap.
    Usage = 2,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Failed, message: message.into(), hint: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Usage, ..Self::new(message) }
    }

    /// The reader of the output has closed it: the command ends, prints nothing and succeeds.
    pub fn output_closed() -> Self {
        Self { kind: FailureKind::OutputClosed, ..Self::new("") }
    }

    pub fn is_output_closed(&self) -> bool {
        self.kind == FailureKind::OutputClosed
    }

    /// Adds the reason: the error and all its causes.
    pub fn because(mut self, error: &dyn Error) -> Self {
        self.message = format!("{}: {}", self.message, chain(error));
        self
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        self.hint_if(Some(hint))
    }

    /// Adds what to do about it, if that is known.
    pub fn hint_if(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into).or(self.hint);
        self
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }

    /// What went wrong and why, and what to do about it.
    pub fn into_parts(self) -> (String, Option<String>) {
        (self.message, self.hint)
    }

    /// Writes the message on one line of stderr and the hint on the next.
    #[allow(clippy::disallowed_methods, reason = "this is where errors pass")]
    pub fn print(&self) {
        if self.is_output_closed() {
            return;
        }
        let mut text = format!("asof: {}\n", terminal::line(&self.message));
        if let Some(hint) = &self.hint {
            text.push_str(&format!("hint: {}\n", terminal::line(hint)));
        }
        // If stderr is closed, the exit status still reports the failure.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::new(error.chain()).hint_if(error.hint)
    }
}
