//! What goes wrong with dumps, as [`SourceError`]s.

use std::fmt::Display;
use std::io;

use crate::content::{ErrorKind, SourceError};
use crate::format::blob::blob_error;
use crate::format::decoders::GaveUp;

/// Why a dump or an archive could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FormatError {
    /// The bytes could not be read, or a decoder refused them.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes are not what they claim to be.
    #[error("{0}")]
    Damaged(String),
    /// A form that is not read.
    #[error("{0}")]
    Unsupported(String),
}

impl From<FormatError> for io::Error {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Io(error) => error,
            other => invalid(other.to_string()),
        }
    }
}

impl FormatError {
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    /// The failure of `operation` on the blob that `what` describes.
    pub(super) fn at(self, label: &str, operation: String, what: &dyn Display) -> SourceError {
        match self {
            Self::Io(error) if is_bomb(&error) => SourceError::new(ErrorKind::Unsupported, label, operation)
                .because(error)
                .with_hint("if it is real, unpack it by hand"),
            Self::Io(error) => blob_error(label, operation, what, error),
            Self::Damaged(_) => SourceError::new(ErrorKind::Damaged, label, operation)
                .because(self)
                .with_hint(format!("bring it back from another copy; the raw file can be copied: {what}")),
            Self::Unsupported(_) => SourceError::new(ErrorKind::Unsupported, label, operation)
                .because(self)
                .with_hint(format!("the raw file can be copied: {what}")),
        }
    }
}

fn is_bomb(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(GaveUp::Bomb { .. }))
}

/// What a reader of packed data says when the bytes are wrong.
pub(super) fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// What a reader of packed data says when the bytes may be sound, but it does not read their form.
pub(super) fn unsupported(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, what.into())
}
