//! What the check of a file finds.

use crate::content::{ErrorKind, SourceError};

/// Something to report about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) weight: Weight,
    pub(crate) problem: String,
    /// What a person can do about it.
    pub(crate) hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Nothing is wrong.
    Note,
    /// Something could not be checked.
    Unchecked,
    /// The bytes are damaged.
    Wrong,
}

impl Flaw {
    /// What a failure to check a file says about it.
    pub(crate) fn of(error: &SourceError) -> Self {
        let weight = match error.kind {
            ErrorKind::Damaged | ErrorKind::Missing | ErrorKind::Invalid => Weight::Wrong,
            _ => Weight::Unchecked,
        };
        Self { weight, problem: error.chain(), hint: error.hint.clone() }
    }

    pub(crate) fn new(weight: Weight, problem: impl Into<String>) -> Self {
        Self { weight, problem: problem.into(), hint: None }
    }

    #[must_use]
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
