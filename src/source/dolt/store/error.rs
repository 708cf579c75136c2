//! From the errors of the crate `dolt-store` to those of a source, with what a person can do.

use std::error::Error;
use std::io;

use dolt_store::{RowsError, StoreError, ValueProblem};

use crate::content::{ErrorKind, SourceError};
use crate::files::root::{LEADS_OUTSIDE_HINT, is_outside};

const SERVE_HINT: &str = "Serve it with `dolt sql-server` and mount dolt://HOST:PORT/DATABASE instead.";
const DAMAGED_HINT: &str =
    "`dolt fsck` checks the store; a backup or a clone may still hold what is broken here.";
const MISSING_HINT: &str =
    "Garbage collection removes what no branch or tag reaches; a backup may still hold it.";
const AMBIGUOUS_HINT: &str =
    "A backup from before Dolt 2.0.7 may tell what was meant; a server of any version only guesses.";
const GIT_HINT: &str = "`git fsck` checks the repository; fetching from where it was cloned, or another `dolt push`, may \
                        bring back what is broken here.";

/// An error of the crate as one of a source.
pub trait IntoSourceError: Error + Send + Sync + Sized + 'static {
    fn source_kind(&self) -> ErrorKind;

    fn hint(&self) -> Option<&'static str>;

    /// The error of a source, with its label and the operation that failed.
    fn during(self, label: &str, operation: impl Into<String>) -> SourceError {
        let hint = self.hint();
        let error = SourceError::new(self.source_kind(), label, operation).because(self);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

impl IntoSourceError for StoreError {
    fn source_kind(&self) -> ErrorKind {
        match self {
            Self::HiddenChunk { source, .. } => source.source_kind(),
            Self::Container { source, .. } => source
                .downcast_ref::<ContainerProblem>()
                .map_or(ErrorKind::Unavailable, |problem| problem.kind),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => ErrorKind::Refused,
            _ => match self.kind() {
                dolt_store::ErrorKind::Missing => ErrorKind::Missing,
                dolt_store::ErrorKind::Damaged => ErrorKind::Damaged,
                dolt_store::ErrorKind::Unsupported => ErrorKind::Unsupported,
                dolt_store::ErrorKind::Io => ErrorKind::Unavailable,
            },
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnsupportedFile { .. } | Self::UnsupportedObject { .. } => Some(SERVE_HINT),
            Self::DamagedFile { .. } | Self::DamagedChunk { .. } | Self::Object { .. } => Some(DAMAGED_HINT),
            Self::MissingChunk { .. } => Some(MISSING_HINT),
            Self::Container {
                kind: dolt_store::ErrorKind::Missing | dolt_store::ErrorKind::Damaged, ..
            } => Some(GIT_HINT),
            Self::HiddenChunk { source, .. } => source.hint(),
            Self::Io { source, .. } if is_outside(source) => Some(LEADS_OUTSIDE_HINT),
            Self::Io { .. } | Self::Container { .. } => None,
        }
    }
}

impl IntoSourceError for RowsError {
    fn source_kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.source_kind(),
            Self::Value { source, .. } => match &**source {
                ValueProblem::Store(error) => error.source_kind(),
                ValueProblem::Ambiguous(_) => ErrorKind::Unsupported,
                _ => ErrorKind::Damaged,
            },
            _ if self.kind() == dolt_store::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Damaged,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        if let Self::Store(error) = self {
            return error.hint();
        }
        match self.source_kind() {
            ErrorKind::Unsupported if self.is_ambiguous() => Some(AMBIGUOUS_HINT),
            ErrorKind::Unsupported => Some(SERVE_HINT),
            ErrorKind::Damaged => Some(DAMAGED_HINT),
            ErrorKind::Missing => Some(MISSING_HINT),
            _ => None,
        }
    }
}

/// A failure to read what contains a store, with its kind in a source.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct ContainerProblem {
    pub kind: ErrorKind,
    pub source: Box<dyn Error + Send + Sync>,
}

impl ContainerProblem {
    /// The kind as the crate knows it.
    pub fn store_kind(&self) -> dolt_store::ErrorKind {
        match self.kind {
            ErrorKind::Missing => dolt_store::ErrorKind::Missing,
            ErrorKind::Damaged => dolt_store::ErrorKind::Damaged,
            ErrorKind::Unsupported => dolt_store::ErrorKind::Unsupported,
            _ => dolt_store::ErrorKind::Io,
        }
    }
}
