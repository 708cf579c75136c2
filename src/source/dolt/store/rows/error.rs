//! What can go wrong between a leaf and its lines, with the table and the column.

use crate::content::{ErrorKind, SourceError};
use crate::model::jsonl::RenderError;
use crate::source::dolt::store::error::StoreError;
use crate::source::dolt::store::message::MessageError;

/// Why a schema cannot be read or a leaf not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// A column is of a kind that this program does not read.
    #[error("column {column:?} of table {table:?} {problem}")]
    UnsupportedColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is unknown about it; completes the sentence.
        problem: String,
    },
    /// A table makes use of something that this program does not know.
    #[error("table {table:?} {problem}")]
    UnsupportedTable {
        /// The table.
        table: String,
        /// What is unknown about it; completes the sentence.
        problem: String,
    },
    /// The schema is not what every schema is.
    #[error("the schema of table {table:?} is damaged: {problem}")]
    DamagedSchema {
        /// The table.
        table: String,
        /// What is wrong, as a clause.
        problem: String,
    },
    /// The message that holds a schema or a leaf cannot be read.
    #[error("the {object} of table {table:?} cannot be read")]
    Message {
        /// The table.
        table: String,
        /// `schema`, `leaf`.
        object: &'static str,
        /// Why not.
        #[source]
        source: MessageError,
    },
    /// A row of a leaf is broken.
    #[error("row {row} of the leaf of table {table:?} is damaged: {problem}")]
    DamagedRow {
        /// The table.
        table: String,
        /// Which row of the leaf, from 0.
        row: usize,
        /// What is wrong, as a clause.
        problem: String,
    },
    /// A value has no rendering.
    #[error("row {row} of the leaf{}, column {column:?} of table {table:?}", with_key(key.as_deref()))]
    Value {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Which row of the leaf, from 0.
        row: usize,
        /// The row's key as a line of JSON, shortened. `None` in a table without a key, and where it cannot be read.
        key: Option<String>,
        /// What is wrong.
        #[source]
        source: Box<ValueProblem>,
    },
}

fn with_key(key: Option<&str>) -> String {
    key.map_or(String::new(), |key| format!(", whose key is {key}"))
}

/// What is wrong with one value.
#[derive(Debug, thiserror::Error)]
pub enum ValueProblem {
    /// Its bytes do not read as its encoding.
    #[error("{len} bytes are no {kind}")]
    Malformed {
        /// How many bytes there are.
        len: usize,
        /// What they should be.
        kind: &'static str,
    },
    /// Text is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// A number stands for no member of an ENUM or SET.
    #[error("{number} stands for no member of the type's list")]
    NoMember {
        /// The number.
        number: u64,
    },
    /// The tree that holds an out-of-line value is not what it should be.
    #[error("the tree of its out-of-line value is damaged: {0}")]
    DamagedTree(String),
    /// Its bytes have two readings, and nothing in the store tells which one is meant.
    #[error("{0}")]
    Ambiguous(String),
    /// A chunk of an out-of-line value cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// JSON cannot express it.
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl RowsError {
    /// What kind of failure it is for those above.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnsupportedColumn { .. } | Self::UnsupportedTable { .. } => ErrorKind::Unsupported,
            Self::Message { source: MessageError::UnknownFields { .. }, .. } => ErrorKind::Unsupported,
            Self::Value { source, .. } => match &**source {
                ValueProblem::Store(error) => error.kind(),
                ValueProblem::Ambiguous(_) => ErrorKind::Unsupported,
                _ => ErrorKind::Damaged,
            },
            Self::DamagedSchema { .. } | Self::Message { .. } | Self::DamagedRow { .. } => ErrorKind::Damaged,
        }
    }

    fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Value { source, .. } if matches!(**source, ValueProblem::Ambiguous(_)))
    }

    /// Says whose failure it was, while doing what.
    pub fn during(self, label: &str, operation: impl Into<String>) -> SourceError {
        let hint = match self.kind() {
            ErrorKind::Unsupported if self.is_ambiguous() => Some(
                "A backup from before Dolt 2.0.7 may tell what was meant; a server of any version only guesses.",
            ),
            ErrorKind::Unsupported => {
                Some("Serve it with `dolt sql-server` and mount dolt://HOST:PORT/DATABASE instead.")
            }
            ErrorKind::Damaged => {
                Some("`dolt fsck` checks the store; a backup or a clone may still hold what is broken here.")
            }
            ErrorKind::Missing => {
                Some("Garbage collection removes what no branch or tag reaches; a backup may still hold it.")
            }
            _ => None,
        };
        let error = SourceError::new(self.kind(), label, operation).because(self);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
