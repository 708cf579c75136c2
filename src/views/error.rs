//! Why a view cannot answer, and why a derived file cannot be made.

use std::io;
use std::sync::Arc;

use crate::content::{ErrorKind, SourceError};

/// The label of errors that do not come from a source.
pub(super) const LABEL: &str = "asof";

/// Why a view cannot answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ViewError {
    /// No such name.
    #[error("no such file or directory")]
    NotFound,
    /// What it shows has left.
    #[error("the snapshot is no longer there")]
    Stale,
    /// It is still being found out.
    #[error("it is not known yet: try again in a while")]
    NotYet,
    /// A source failed.
    #[error(transparent)]
    Source(#[from] Arc<SourceError>),
}

impl From<DerivedError> for ViewError {
    fn from(error: DerivedError) -> Self {
        match error {
            DerivedError::Source(error) => Self::Source(error),
            DerivedError::Unfit(why) => {
                Self::Source(Arc::new(SourceError::new(ErrorKind::Unsupported, LABEL, why)))
            }
        }
    }
}

/// Why a derived file cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DerivedError {
    /// A content that it is made of cannot be read.
    #[error(transparent)]
    Source(#[from] Arc<SourceError>),
    /// The rows of a table do not have the expected form, or making the file would take too much memory.
    #[error("{0}")]
    Unfit(String),
}

impl DerivedError {
    /// The failure of a content that is made of others.
    pub(super) fn of(self, what: &str) -> SourceError {
        match self {
            Self::Source(error) => {
                let (label, operation) = (error.source_label.clone(), format!("cannot make {what}"));
                let made = SourceError::new(error.kind, label, operation).because(error.chain());
                SourceError { hint: error.hint.clone(), ..made }
            }
            Self::Unfit(why) => {
                SourceError::new(ErrorKind::Unsupported, LABEL, format!("cannot make {what}")).because(why)
            }
        }
    }
}

impl From<io::Error> for DerivedError {
    /// The failure of a temporary file.
    fn from(error: io::Error) -> Self {
        Arc::new(SourceError::of_temporary_file(error)).into()
    }
}
