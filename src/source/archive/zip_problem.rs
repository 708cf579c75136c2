//! What goes wrong with zips, as [`SourceError`]s.

use std::path::Path;

use zip::result::ZipError;

use crate::model::shell;
use crate::model::terminal::ShowPath;
use crate::source::stored::{io_kind, stored_error};
use crate::source::{ErrorKind, SourceError};

/// Says what to do about a zip whose bytes are broken.
fn damaged_zip_hint(path: &Path) -> String {
    format!(
        "bring the file back from another copy; `{}` shows what is still readable",
        shell::command("unzip -t", path)
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
            stored_error(label, operation, &path.shown(), error)
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
