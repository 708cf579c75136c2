//! What goes wrong with archive files, as [`SourceError`]s.

use std::io;
use std::path::Path;

use zip::result::ZipError;

use super::file::{BeingWritten, Replaced};
use crate::source::{ErrorKind, SourceError};

/// Says what to do about a zip whose bytes are broken.
fn damaged_zip_hint(path: &Path) -> String {
    format!(
        "bring the file back from another copy; `unzip -t '{}'` shows what is still readable",
        path.display()
    )
}

/// What is wrong with a zip, where the library's own words are those of its parser.
pub(super) fn zip_reason(error: &ZipError) -> String {
    match error {
        ZipError::InvalidArchive(why) if why.starts_with("Could not find EOCD") => {
            "it has no central directory at its end: it is cut off, or no zip".to_owned()
        }
        ZipError::InvalidArchive(why) if why.contains("EOCD") => {
            format!("the record at its end, which leads to the central directory, is damaged ({why})")
        }
        other => other.to_string(),
    }
}

/// The kind of an I/O failure. A failure without an errno comes from a decoder: the bytes are broken.
pub(super) fn io_kind(error: &io::Error) -> ErrorKind {
    if error.get_ref().is_some_and(|cause| cause.is::<Replaced>() || cause.is::<BeingWritten>()) {
        return ErrorKind::Changed;
    }
    match (error.raw_os_error(), error.kind()) {
        (_, io::ErrorKind::NotFound) => ErrorKind::Missing,
        (_, io::ErrorKind::PermissionDenied) => ErrorKind::Refused,
        (Some(_), _) => ErrorKind::Unavailable,
        (None, _) => ErrorKind::Damaged,
    }
}

/// A failure to read an archive file itself.
pub(super) fn file_error(label: &str, operation: String, path: &Path, error: io::Error) -> SourceError {
    let kind = io_kind(&error);
    let result = SourceError::new(kind, label, operation).because(error);
    match kind {
        ErrorKind::Missing => result.with_hint("the archive was removed; list the folder again"),
        ErrorKind::Refused => {
            result.with_hint(format!("make '{}' readable for the user who runs the mount", path.display()))
        }
        ErrorKind::Changed => result.with_hint("once it is written, list the snapshot again"),
        _ => result,
    }
}

/// A failure to read a zip or one of its members.
pub(super) fn zip_error(label: &str, operation: String, path: &Path, error: ZipError) -> SourceError {
    let damaged = |cause: Box<dyn std::error::Error + Send + Sync>, operation| {
        SourceError::new(ErrorKind::Damaged, label, operation)
            .because(cause)
            .with_hint(damaged_zip_hint(path))
    };
    // What a decoder finds wrong before it decodes comes wrapped.
    let error = match error {
        ZipError::Io(error) => error.downcast::<ZipError>().unwrap_or_else(ZipError::Io),
        other => other,
    };
    match error {
        ZipError::Io(error) if io_kind(&error) != ErrorKind::Damaged => {
            file_error(label, operation, path, error)
        }
        ZipError::Io(error) => damaged(error.into(), operation),
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => {
            SourceError::new(ErrorKind::Unsupported, label, operation)
                .because("it is encrypted")
                .with_hint("take it out with `unzip` and the password")
        }
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
            SourceError::new(ErrorKind::Unsupported, label, operation)
                .because(error)
                .with_hint("only stored and deflated members can be read; pack the archive again with `zip`")
        }
        other => damaged(zip_reason(&other).into(), operation),
    }
}
