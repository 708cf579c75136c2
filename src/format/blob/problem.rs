//! What goes wrong with blobs, as [`SourceError`]s.

use std::fmt::Display;
use std::io;

use super::file::{BeingWritten, Replaced};
use super::temporary::{NO_ROOM_HINT, has_no_room};
use crate::content::{ErrorKind, SourceError};
use crate::files::root::{LEADS_OUTSIDE_HINT, is_outside};

/// The kind of an I/O failure. One without an errno comes from a decoder: the bytes are broken, or of a form that is
/// not read.
pub(crate) fn io_kind(error: &io::Error) -> ErrorKind {
    if error.get_ref().is_some_and(|cause| cause.is::<Replaced>() || cause.is::<BeingWritten>()) {
        return ErrorKind::Changed;
    }
    if has_no_room(error) {
        return ErrorKind::Unavailable;
    }
    match (error.raw_os_error(), error.kind()) {
        (_, io::ErrorKind::NotFound) => ErrorKind::Missing,
        (_, io::ErrorKind::PermissionDenied) => ErrorKind::Refused,
        (Some(_), _) => ErrorKind::Unavailable,
        (None, io::ErrorKind::Unsupported) => ErrorKind::Unsupported,
        // Other readers have the memory that unpacking it takes, or it took too long.
        (None, io::ErrorKind::OutOfMemory | io::ErrorKind::TimedOut) => ErrorKind::Unavailable,
        (None, _) => ErrorKind::Damaged,
    }
}

/// A failure to read a blob, which `what` names.
pub(crate) fn blob_error(
    label: &str,
    operation: String,
    what: &dyn Display,
    error: io::Error,
) -> SourceError {
    let (kind, is_outside, has_no_room) = (io_kind(&error), is_outside(&error), has_no_room(&error));
    let result = SourceError::new(kind, label, operation).because(error);
    match kind {
        ErrorKind::Missing => result.with_hint("it was removed; list the folder again"),
        ErrorKind::Refused if is_outside => result.with_hint(LEADS_OUTSIDE_HINT),
        ErrorKind::Refused => {
            result.with_hint(format!("make {what} readable for the user who runs the mount"))
        }
        ErrorKind::Changed => result.with_hint("once it is written, list the snapshot again"),
        ErrorKind::Damaged => result.with_hint("bring it back from another copy"),
        _ if has_no_room => result.with_hint(NO_ROOM_HINT),
        ErrorKind::Unsupported => result.with_hint(format!("the raw file can be copied: {what}")),
        _ => result,
    }
}
