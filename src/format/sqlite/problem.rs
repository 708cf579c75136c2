//! Errors of SQLite files, and how they become [`SourceError`]s.

use std::io;

use rusqlite::ffi::ErrorCode;
use serde::{Deserialize, Serialize};

use super::ran_out::RanOut;
use crate::content::{ErrorKind, SourceError};
use crate::format::blob::{Blob, blob_error};
use crate::model::jsonl::RenderError;
use crate::model::shell;

#[derive(Debug, thiserror::Error)]
pub(super) enum SqliteProblem {
    /// What SQLite says. Its own cause only repeats it.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("row {row}: {problem}")]
    Row { row: u64, problem: RowProblem },
    #[error("file is not a database")]
    NotADatabase,
    #[error("it is not a plain SQLite file, but encrypted, or of another program")]
    NotPlain,
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
    /// The reader wants no more: no failure.
    #[error("the reader went away")]
    Closed,
    #[error("its rows take {0} bytes, and sorting them takes as many on disk: more than {most} MiB", most = MOST_SORTED_ON_DISK >> 20)]
    TooMuchToSortOnDisk(u64),
    #[error("{0}")]
    RanOut(RanOut),
    /// What another process reports.
    #[error("{}", .0.said)]
    Reported(Report),
}

/// What reading a SQLite file gives.
pub(super) type Result<T, E = SqliteProblem> = std::result::Result<T, E>;

/// A problem as a worker process reports it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Report {
    kind: ErrorKind,
    advice: Advice,
    said: String,
}

/// What a person can do about a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Advice {
    LookAtBytes,
    OpenTogether,
    Decrypt,
    Recover,
    TakeMoreTime,
    TakeMoreMemory,
    AskSqlite,
}

/// The longest value and the longest stored row that is read, in bytes.
pub(super) const LONGEST_ROW: i32 = 128 * 1024 * 1024;

/// The most that rows may take on disk to be sorted, in bytes as the file has them; a longer file may take its own
/// length.
pub(super) const MOST_SORTED_ON_DISK: u64 = 1 << 30;

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

impl From<rusqlite::Error> for SqliteProblem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl SqliteProblem {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Sqlite(error) => sqlite_kind(error),
            // SQLite guarantees nothing about the bytes of a text, and its own check does not look at them.
            Self::Row {
                problem: RowProblem::TooLong | RowProblem::NotUtf8(_) | RowProblem::NotUtf16(_),
                ..
            }
            | Self::TooMuchToSort(_)
            | Self::TooMuchToSortOnDisk(_)
            | Self::SuperJournal
            | Self::NotPlain
            | Self::TooManyColumns(_)
            | Self::View(_) => ErrorKind::Unsupported,
            Self::Io(error) => crate::format::blob::io_kind(error),
            Self::Row { .. } | Self::TooManyRows { .. } | Self::NotADatabase | Self::OutOfOrder => {
                ErrorKind::Damaged
            }
            Self::NoSuchTable => ErrorKind::Missing,
            Self::Closed => ErrorKind::Unavailable,
            Self::RanOut(ran_out) => ran_out.kind(),
            Self::Reported(report) => report.kind,
        }
    }

    /// The problem as it is sent to another process.
    pub(super) fn report(&self) -> Report {
        let kind = self.kind();
        Report { kind, advice: self.advice(kind), said: self.to_string() }
    }

    pub(super) fn told(self, label: &str, operation: String, stored: &dyn Blob) -> SourceError {
        if let Self::Io(error) = self {
            return blob_error(label, operation, &stored.describe(), error);
        }
        let kind = self.kind();
        let hint = self.hint(kind, stored);
        SourceError::new(kind, label, operation).because(self).with_hint(hint)
    }

    fn advice(&self, kind: ErrorKind) -> Advice {
        match self {
            Self::Row { problem: RowProblem::NotUtf8(_) | RowProblem::NotUtf16(_), .. } => {
                Advice::LookAtBytes
            }
            Self::SuperJournal => Advice::OpenTogether,
            Self::RanOut(RanOut::Time(_)) => Advice::TakeMoreTime,
            Self::Reported(report) => report.advice,
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::OutOfMemory) => {
                Advice::TakeMoreMemory
            }
            _ if is_not_a_database(self) => Advice::Decrypt,
            _ if kind == ErrorKind::Damaged => Advice::Recover,
            _ => Advice::AskSqlite,
        }
    }

    fn hint(&self, kind: ErrorKind, stored: &dyn Blob) -> String {
        let file = match stored.as_file() {
            Some(file) => format!("a copy of {}", shell::operand(&*file.path)),
            None => "a copy of the raw file".to_owned(),
        };
        match self.advice(kind) {
            Advice::LookAtBytes => {
                format!("the raw file is as it was; `hex(column)` shows the bytes in `sqlite3` on {file}")
            }
            Advice::OpenTogether => {
                "open all the databases of the transaction with `sqlite3` where they were, and \
                copy them then"
                    .to_owned()
            }
            Advice::Decrypt => format!(
                "if it is encrypted, decrypt {file} with the program that made it; otherwise bring it back from \
                another copy"
            ),
            Advice::Recover => format!(
                "`PRAGMA integrity_check` in `sqlite3` on {file} says what is broken; `.recover` saves what can be \
                saved"
            ),
            Advice::TakeMoreTime => {
                format!("give it more time with --query-seconds, or ask `sqlite3` on {file}")
            }
            Advice::TakeMoreMemory => {
                format!("give it more memory with --cache-size, or ask `sqlite3` on {file}")
            }
            Advice::AskSqlite => format!("the raw file is as it was: use `sqlite3` on {file}"),
        }
    }
}

fn is_not_a_database(problem: &SqliteProblem) -> bool {
    match problem {
        SqliteProblem::NotADatabase | SqliteProblem::NotPlain => true,
        SqliteProblem::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::NotADatabase),
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
