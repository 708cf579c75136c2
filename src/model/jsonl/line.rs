//! One row as a line of JSON.

use std::mem;

use super::compact::compact_json;
use super::out::Out;
use super::scalar;
use super::string::json_string;
use super::value::{Value, ValueError};

/// Why a row could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// One of its values has no rendering.
    #[error("column {column:?}: {problem}")]
    Value {
        /// The column's name.
        column: String,
        /// The value's problem.
        problem: ValueError,
    },
    /// The number of values differs from the number of columns.
    #[error("a row with {values} values does not fit {columns} columns")]
    WrongLength {
        /// The number of columns in the layout.
        columns: usize,
        /// The number of values given; `columns` plus one if there were too many.
        values: usize,
    },
}

/// The part of a table's lines that depends only on its columns: the names, escaped once.
#[derive(Debug, Clone)]
pub struct LineLayout {
    columns: Vec<LineColumn>,
    end: &'static [u8],
}

#[derive(Debug, Clone)]
struct LineColumn {
    /// For error messages.
    name: Box<str>,
    /// In JSON `{"name":` for the first column, `,"name":` for the others.
    prefix: Box<[u8]>,
}

impl LineLayout {
    /// Creates a layout for columns in display order. Without columns every line is `{}`.
    pub fn new(columns: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let column = |(i, name): (usize, _)| {
            let name: &str = AsRef::as_ref(&name);
            let mut prefix = vec![if i == 0 { b'{' } else { b',' }];
            json_string(name, &mut prefix);
            prefix.push(b':');
            LineColumn { name: name.into(), prefix: prefix.into() }
        };
        let columns: Vec<_> = columns.into_iter().enumerate().map(column).collect();
        let end: &[u8] = if columns.is_empty() { b"{}\n" } else { b"}\n" };
        Self { columns, end }
    }

    /// The layout of a row of SQL literals in parentheses.
    pub(in crate::model) fn of_literals<'n>(columns: impl Iterator<Item = &'n str>) -> Self {
        let column = |(i, name): (usize, &str)| {
            let prefix = Box::new([if i == 0 { b'(' } else { b',' }]);
            LineColumn { name: name.into(), prefix }
        };
        let columns: Vec<_> = columns.enumerate().map(column).collect();
        let end: &[u8] = if columns.is_empty() { b"()" } else { b")" };
        Self { columns, end }
    }

    /// Starts a line at the end of `out`.
    pub fn line<'l, O: Out>(&'l self, out: &'l mut O) -> LineWriter<'l, O> {
        LineWriter { start: out.written(), out, layout: self, values: 0, state: LineState::Open }
    }
}

/// Writes one line: a [`LineWriter::value`] per column, then [`LineWriter::end`]. A line without `end` is removed.
#[derive(Debug)]
#[must_use = "a line that is not ended is removed"]
pub struct LineWriter<'l, O: Out> {
    layout: &'l LineLayout,
    out: &'l mut O,
    /// The length of `out` before this line.
    start: usize,
    values: usize,
    state: LineState,
}

#[derive(Debug)]
enum LineState {
    Open,
    Failed(RenderError),
    Ended,
}

impl<O: Out> LineWriter<'_, O> {
    /// Appends the value of the next column. After an error, further calls return the same error.
    #[inline]
    pub fn value(&mut self, value: &Value<'_>) -> Result<(), RenderError> {
        self.value_as(|out| append_value(value, out))
    }

    /// Like [`Self::value`], but `append` writes the value.
    #[inline]
    pub(in crate::model) fn value_as(
        &mut self,
        append: impl FnOnce(&mut O) -> Result<(), ValueError>,
    ) -> Result<(), RenderError> {
        if let LineState::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let Some(column) = self.layout.columns.get(self.values) else {
            let columns = self.layout.columns.len();
            return self.fail(RenderError::WrongLength { columns, values: columns + 1 });
        };
        self.values += 1;
        self.out.put(&column.prefix);
        match append(self.out) {
            Ok(()) => Ok(()),
            Err(problem) => self.fail(RenderError::Value { column: column.name.to_string(), problem }),
        }
    }

    /// Ends the line. It is removed if a value failed or values are missing.
    pub fn end(mut self) -> Result<(), RenderError> {
        let columns = self.layout.columns.len();
        match mem::replace(&mut self.state, LineState::Open) {
            LineState::Failed(error) => return Err(error),
            _ if self.values != columns => {
                return Err(RenderError::WrongLength { columns, values: self.values });
            }
            _ => self.state = LineState::Ended,
        }
        self.out.put(self.layout.end);
        Ok(())
    }

    #[cold]
    fn fail(&mut self, error: RenderError) -> Result<(), RenderError> {
        self.state = LineState::Failed(error.clone());
        Err(error)
    }
}

impl<O: Out> Drop for LineWriter<'_, O> {
    fn drop(&mut self) {
        if !matches!(self.state, LineState::Ended) {
            self.out.cut_back(self.start);
        }
    }
}

/// Appends a value. On an error, part of it may remain in `out`.
#[inline]
pub(super) fn append_value(value: &Value<'_>, out: &mut impl Out) -> Result<(), ValueError> {
    match *value {
        Value::Null => out.put(b"null"),
        Value::Int(number) => scalar::integer(number, out),
        Value::UInt(number) => scalar::integer(number, out),
        Value::Decimal(text) => scalar::decimal(text, out)?,
        Value::F32(number) => scalar::float(number, out)?,
        Value::F64(number) => scalar::float(number, out)?,
        Value::Text(text) => json_string(text, out),
        Value::Json(text) => compact_json(text, out)?,
        Value::Date { year, month, day } => scalar::date(year, month, day, out)?,
        Value::DateTime { year, month, day, hour, minute, second, micros } => {
            scalar::date_time((year, month, day), (hour, minute, second, micros), out)?;
        }
        Value::Time { negative, hours, minutes, seconds, micros } => {
            scalar::time(negative, (hours, minutes, seconds, micros), out)?;
        }
        Value::Bytes(bytes) => scalar::base64(bytes, out),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(columns: &[&str], values: &[Value<'_>]) -> Result<String, RenderError> {
        let mut out = b"before\n".to_vec();
        let layout = LineLayout::new(columns);
        let mut line = layout.line(&mut out);
        let ended = values.iter().try_for_each(|value| line.value(value)).and_then(|()| line.end());
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        let text = text.strip_prefix("before\n").expect("what stood there stays").to_owned();
        assert!(ended.is_ok() || text.is_empty(), "a failed line leaves {text:?}");
        ended.map(|()| text)
    }

    #[test]
    fn a_line_has_every_column_in_order() {
        let values = [Value::Int(-1), Value::Null, Value::Text("é/\"\n"), Value::UInt(u64::MAX)];
        let line = render(&["b", "a", "we\"ird", "ü"], &values).unwrap();
        assert_eq!(line, "{\"b\":-1,\"a\":null,\"we\\\"ird\":\"é/\\\"\\n\",\"ü\":18446744073709551615}\n");
    }

    #[test]
    fn no_columns_give_an_empty_object() {
        assert_eq!(render(&[], &[]).unwrap(), "{}\n");
        assert_eq!(render(&[], &[Value::Null]), Err(RenderError::WrongLength { columns: 0, values: 1 }));
    }

    #[test]
    fn a_row_of_the_wrong_length_is_refused_and_removed() {
        let too_few = render(&["a", "b"], &[Value::Null]);
        assert_eq!(too_few, Err(RenderError::WrongLength { columns: 2, values: 1 }));
        let too_many = render(&["a"], &[Value::Null, Value::Null]);
        assert_eq!(too_many, Err(RenderError::WrongLength { columns: 1, values: 2 }));
    }

    #[test]
    fn an_error_names_the_column_and_the_problem() {
        let error = render(&["ok", "bad one"], &[Value::Int(1), Value::Json("[1,")]).unwrap_err();
        assert_eq!(error.to_string(), "column \"bad one\": not JSON at byte 3: a value is missing");
        let error = render(&["x"], &[Value::F64(f64::NAN)]).unwrap_err();
        assert_eq!(error.to_string(), "column \"x\": JSON has no number for NaN");
    }

    #[test]
    fn a_line_stays_failed_and_goes_away() {
        let layout = LineLayout::new(["a", "b"]);
        let mut out = Vec::new();
        let mut line = layout.line(&mut out);
        let error = line.value(&Value::Decimal("+1")).unwrap_err();
        assert_eq!(line.value(&Value::Null), Err(error.clone()));
        assert_eq!(line.end(), Err(error));
        assert!(out.is_empty());

        let mut dropped = layout.line(&mut out);
        dropped.value(&Value::Null).unwrap();
        drop(dropped);
        assert!(out.is_empty());
    }
}
