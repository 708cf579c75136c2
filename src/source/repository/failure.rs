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
    pub(crate) kind: ErrorKind,
    pub(crate) problem: Box<dyn Error + Send + Sync>,
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

/// What there is, of something that need not be there.
pub(super) fn if_there<T>(found: io::Result<T>, action: &str) -> Result<Option<T>, Failure> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io(action, error)),
    }
}

/// The kind of a failure that the library tells of.
pub(crate) fn kind_of(error: &gix::Error) -> ErrorKind {
    let mut of_system = error.iter_errors().filter_map(|error| error.downcast_ref::<io::Error>());
    // What the library makes of a failure of the operating system says nothing of what is stored.
    if let Some(error) = of_system.find(|error| error.raw_os_error().is_some()) {
        return io_kind(error);
    }
    match error.dominant_class() {
        Some(Class::NotFound) => ErrorKind::Missing,
        Some(Class::PermissionDenied) => ErrorKind::Refused,
        Some(Class::Unsupported) => ErrorKind::Unsupported,
        Some(Class::Cancelled | Class::Conflict | Class::Retryable) => ErrorKind::Unavailable,
        _ => ErrorKind::Damaged,
    }
}
