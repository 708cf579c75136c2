//! A failed command, as a person reads it. What others named or said is made safe for terminals when it is printed.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use crate::content::{SourceError, chain};
use crate::model::terminal;

/// What went wrong, why, and what to do.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    hint: Option<String>,
    usage: bool,
    /// Nothing failed.
    is_enough: bool,
}

impl Failure {
    /// A failure with what went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, usage: false, is_enough: false }
    }

    /// The command line makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { usage: true, ..Self::new(message) }
    }

    /// Whoever read the output has left: a reason to end, and nothing to tell.
    pub fn enough() -> Self {
        Self { is_enough: true, ..Self::new("") }
    }

    /// Whether it is [`Self::enough`].
    pub fn is_enough(&self) -> bool {
        self.is_enough
    }

    /// Adds why: the error and all its causes.
    pub fn because(mut self, error: &dyn Error) -> Self {
        self.message = format!("{}: {}", self.message, chain(error));
        self
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// 2 for a wrong command line, as clap has it; 1 for the rest; 0 for what is no failure.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match (self.is_enough, self.usage) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        })
    }

    /// What went wrong and why.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Writes it to stderr: what and why on one line, then the hint.
    #[allow(clippy::disallowed_methods, reason = "this is where errors pass")]
    pub fn print(&self) {
        if self.is_enough {
            return;
        }
        let mut text = format!("asof: {}\n", terminal::line(&self.message));
        if let Some(hint) = &self.hint {
            text.push_str(&format!("hint: {}\n", terminal::line(hint)));
        }
        // With stderr closed there is nobody to tell; the exit status still says it.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let failure = Self::new(error.chain());
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
