//! What can go wrong between a leaf and its values, with the table and the column.

use std::error::Error;

use crate::error::{ErrorKind, StoreError};
use crate::message::MessageError;

/// Why a schema, a leaf or a value cannot be read.
///
/// The field `row` counts the rows of the leaf from 0. `key` is the key of that row, for messages;
/// [`RowsError::with_key`] sets it. `object` is `schema` or `leaf`. A `problem` is a clause; for what is unsupported,
/// it completes a sentence.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum RowsError {
    /// A chunk cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A column is of a kind that this crate does not read.
    #[error("column {column:?} of table {table:?} {problem}")]
    UnsupportedColumn { table: String, column: String, problem: String },
    /// A table makes use of something that this crate does not know.
    #[error("table {table:?} {problem}")]
    UnsupportedTable { table: String, problem: String },
    /// The schema is not valid.
    #[error("the schema of table {table:?} is damaged: {problem}")]
    DamagedSchema { table: String, problem: String },
    /// The message that holds a schema or a leaf cannot be read.
    #[error("the {object} of table {table:?} cannot be read")]
    Message { table: String, object: &'static str, source: MessageError },
    /// A row of a leaf is broken.
    #[error("row {row} of the leaf of table {table:?} is damaged: {problem}")]
    DamagedRow { table: String, row: usize, problem: String },
    /// A value cannot be read.
    #[error("row {row} of the leaf{}, column {column:?} of table {table:?}", with_key(key.as_deref()))]
    Value { table: String, column: String, row: usize, key: Option<String>, source: Box<ValueProblem> },
}

fn with_key(key: Option<&str>) -> String {
    key.map_or(String::new(), |key| format!(", whose key is {key}"))
}

/// What is wrong with one value.
#[derive(Debug, thiserror::Error)]
pub enum ValueProblem {
    /// Its bytes are not valid in its encoding.
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
    /// Its bytes have two readings, and nothing in the store decides which one is meant.
    #[error("{0}")]
    Ambiguous(String),
    /// A chunk of an out-of-line value cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The visitor refused the value.
    #[error(transparent)]
    Refused(Box<dyn Error + Send + Sync>),
}

impl ValueProblem {
    pub(crate) fn malformed(field: &[u8], kind: &'static str) -> Self {
        Self::Malformed { len: field.len(), kind }
    }
}

impl RowsError {
    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
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

    /// Whether bytes have two readings, and nothing in the store decides which one is meant.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Value { source, .. } if matches!(**source, ValueProblem::Ambiguous(_)))
    }

    /// Adds the key of the row to an error about a value; `key` makes it from the number of the row in its leaf.
    #[must_use]
    pub fn with_key(mut self, make: impl FnOnce(usize) -> Option<String>) -> Self {
        if let Self::Value { row, key, .. } = &mut self {
            *key = make(*row);
        }
        self
    }
}
