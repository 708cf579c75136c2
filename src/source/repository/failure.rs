//! What goes wrong with a repository.

use std::error::Error;
use std::io;

use gix::error::Class;

use crate::content::ErrorKind;
use crate::files::root::{LEADS_OUTSIDE_HINT, is_outside};
use crate::format::blob::io_kind;

/// Why a repository, or an object of it, cannot be read.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What kind of failure it is.
    pub(crate) kind: ErrorKind,
    /// What is wrong.
    pub(crate) problem: Box<dyn Error + Send + Sync>,
    /// What a person can do about it.
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, problem: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, problem: problem.into(), hint: None }
    }

    /// What the operating system, or the check of a path, says of `action`.
    pub(super) fn io(action: &str, error: io::Error) -> Self {
        let hint = is_outside(&error).then(|| LEADS_OUTSIDE_HINT.to_owned());
        Self { kind: io_kind(&error), problem: format!("cannot {action}: {error}").into(), hint }
    }

    /// What the library says of `action`.
    pub(super) fn git(action: &str, error: gix::Error) -> Self {
        Self { kind: kind_of(&error), problem: format!("cannot {action}: {error}").into(), hint: None }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The kind of a failure that the library tells of.
pub(crate) fn kind_of(error: &gix::Error) -> ErrorKind {
    let of_system = error
        .iter_errors()
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .find(|error| error.raw_os_error().is_some());
    // What the library makes of a failure of the operating system says nothing of what is stored.
    of_system.map_or_else(
        || match error.dominant_class() {
            Some(Class::NotFound) => ErrorKind::Missing,
            Some(Class::PermissionDenied) => ErrorKind::Refused,
            Some(Class::Unsupported) => ErrorKind::Unsupported,
            Some(Class::Cancelled | Class::Conflict | Class::Retryable) => ErrorKind::Unavailable,
            _ => ErrorKind::Damaged,
        },
        io_kind,
    )
}
