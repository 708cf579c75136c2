//! What goes wrong with SQLite files, as [`SourceError`]s.

use std::io;

use rusqlite::ffi::ErrorCode;

use super::connection::LONGEST_ROW;
use crate::model::jsonl::RenderError;
use crate::model::shell;
use crate::source::stored::{Stored, stored_error};
use crate::source::{ErrorKind, SourceError};

/// Why something could not be read from a SQLite file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// What SQLite says. Its own cause only repeats it.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("row {row}: {problem}")]
    Row { row: u64, problem: RowProblem },
    #[error("file is not a database")]
    NotADatabase,
    #[error("its rows are out of order")]
    OutOfOrder,
    #[error("more rows than a file of {len} bytes has room for: its pages refer to each other in a circle")]
    TooManyRows { len: u64 },
    #[error("its rows take more than {0} bytes, and it states no order, so that they have to be sorted")]
    TooMuchToSort(usize),
    #[error(
        "its journal is of a transaction over several databases, which only all of them together can end"
    )]
    SuperJournal,
    #[error("the table has {0} columns, of which the texts are in UTF-16")]
    TooManyColumns(usize),
    #[error("there is no such table in it")]
    NoSuchTable,
    #[error("the view {0}")]
    View(String),
    /// Nobody wants the rest: no failure.
    #[error("the reader went away")]
    Closed,
}

/// Why one row cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowProblem {
    #[error("the text in column {0:?} is not UTF-8")]
    NotUtf8(String),
    #[error("the text in column {0:?} is not UTF-16")]
    NotUtf16(String),
    #[error("it takes more than {LONGEST_ROW} bytes")]
    TooLong,
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Problem {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Sqlite(error) => sqlite_kind(error),
            Self::Row { problem: RowProblem::TooLong, .. }
            | Self::TooMuchToSort(_)
            | Self::SuperJournal
            | Self::TooManyColumns(_)
            | Self::View(_) => ErrorKind::Unsupported,
            Self::Io(error) => crate::source::stored::io_kind(error),
            Self::Row { .. } | Self::TooManyRows { .. } | Self::NotADatabase | Self::OutOfOrder => {
                ErrorKind::Damaged
            }
            Self::NoSuchTable => ErrorKind::Missing,
            Self::Closed => ErrorKind::Unavailable,
        }
    }

    /// The error for a person.
    pub(super) fn told(self, label: &str, operation: String, stored: &dyn Stored) -> SourceError {
        if let Self::Io(error) = self {
            return stored_error(label, operation, &stored.describe(), error);
        }
        let kind = self.kind();
        let hint = self.hint(kind, stored);
        SourceError::new(kind, label, operation).because(self).with_hint(hint)
    }

    fn hint(&self, kind: ErrorKind, stored: &dyn Stored) -> String {
        let file = match stored.as_file() {
            Some(file) => format!("a copy of {}", shell::operand(&*file.path)),
            None => "a copy of the raw file".to_owned(),
        };
        match self {
            Self::Row { problem: RowProblem::NotUtf8(_) | RowProblem::NotUtf16(_), .. } => {
                format!("the raw file is as it was; `hex(column)` shows the bytes in `sqlite3` on {file}")
            }
            Self::SuperJournal => {
                "open all the databases of the transaction with `sqlite3` where they were, and \
                copy them then"
                    .to_owned()
            }
            _ if is_not_a_database(self) => format!(
                "if it is encrypted, decrypt {file} with the program that made it; otherwise bring it back from \
                another copy"
            ),
            _ if kind == ErrorKind::Damaged => format!(
                "`PRAGMA integrity_check` in `sqlite3` on {file} says what is broken; `.recover` saves what can be \
                saved"
            ),
            _ => format!("the raw file is as it was: use `sqlite3` on {file}"),
        }
    }
}

fn is_not_a_database(problem: &Problem) -> bool {
    match problem {
        Problem::NotADatabase => true,
        Problem::Sqlite(rusqlite::Error::SqliteFailure(error, _)) => error.code == ErrorCode::NotADatabase,
        _ => false,
    }
}

fn sqlite_kind(error: &rusqlite::Error) -> ErrorKind {
    let rusqlite::Error::SqliteFailure(error, _) = error else { return ErrorKind::Damaged };
    match error.code {
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => ErrorKind::Damaged,
        ErrorCode::SystemIoFailure if error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ => {
            ErrorKind::Damaged
        }
        ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::DiskFull
        | ErrorCode::OutOfMemory
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked => ErrorKind::Unavailable,
        ErrorCode::PermissionDenied => ErrorKind::Refused,
        _ => ErrorKind::Unsupported,
    }
}
