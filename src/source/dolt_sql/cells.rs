//! Reading single columns of small results.

use mysql_async::{Row, Value};

use super::fault::{Fault, QueryError};

/// Reads a column of a row as text; NULL is `None`.
///
/// # Errors
/// [`Fault::Answer`] where the row has no such column or it is not UTF-8.
pub fn text(row: &Row, column: usize) -> Result<Option<String>, QueryError> {
    match row.as_ref(column) {
        Some(Value::NULL) => Ok(None),
        Some(Value::Bytes(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(error) => Err(Fault::Answer(format!("column {column}: {error}")).into()),
        },
        _ => Err(Fault::Answer(format!("no text in column {column}")).into()),
    }
}

/// [`text`] where NULL has no meaning.
///
/// # Errors
/// As [`text`], and for NULL.
pub fn needed_text(row: &Row, column: usize) -> Result<String, QueryError> {
    text(row, column)?.ok_or_else(|| Fault::Answer(format!("column {column} is NULL")).into())
}
