//! Reads single columns of small results.

use mysql_common::row::Row;
use mysql_common::value::Value;

use super::fault::{Fault, QueryError};

/// Longest name of a database, table, view, branch or tag, in bytes. MySQL allows 64 characters, Dolt's branches a few more.
const LONGEST_NAME: usize = 1024;

/// Reads a column of a row as text; NULL is `None`.
pub fn text(row: &Row, column: usize) -> Result<Option<String>, QueryError> {
    match row.as_ref(column) {
        Some(Value::NULL) => Ok(None),
        Some(Value::Bytes(bytes)) => {
            let text = str::from_utf8(bytes).map_err(|e| Fault::Answer(format!("column {column}: {e}")))?;
            Ok(Some(text.to_owned()))
        }
        _ => Err(Fault::Answer(format!("no text in column {column}")).into()),
    }
}

/// [`text`] where NULL has no meaning.
pub fn needed_text(row: &Row, column: usize) -> Result<String, QueryError> {
    text(row, column)?.ok_or_else(|| Fault::Answer(format!("column {column} is NULL")).into())
}

/// [`needed_text`] of a name that is shown.
pub fn name(row: &Row, column: usize) -> Result<String, QueryError> {
    let name = needed_text(row, column)?;
    if name.len() > LONGEST_NAME {
        return Err(Fault::Answer(format!("a name of {} bytes", name.len())).into());
    }
    Ok(name)
}
