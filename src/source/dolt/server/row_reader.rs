//! Reads what the server sends in the text protocol into values that can be rendered.
//!
//! The column's metadata decides the type; the text is then read by the rules that MySQL's protocol documents
//! and that were checked against Dolt: FLOAT and DOUBLE come as the shortest text that reads back to the same
//! bits, BIT as big-endian bytes, geometry as bytes (SRID, then WKB), TIME with six digits of a second.

use mysql_common::constants::{ColumnFlags, ColumnType};
use mysql_common::packets::Column;
use mysql_common::row::Row;
use mysql_common::value::Value as Sent;

use crate::model::jsonl::{LineLayout, RenderError, Value};
use crate::model::sql_literal::RowLayout;

/// Collation id of `binary`: it distinguishes BLOB and BINARY from TEXT and CHAR, which share type codes.
const BINARY: u16 = 63;

/// How the columns of one result are read and rendered.
pub struct RowReader {
    layout: LineLayout,
    kinds: Vec<(String, WireKind)>,
}

/// Why a row of the server cannot be rendered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WireError {
    #[error("column {column:?} has the type {kind}, which cannot be rendered")]
    Type {
        column: String,
        /// The protocol's name for its type.
        kind: String,
    },
    #[error("column {column:?} holds {value:?}, which is no {kind}")]
    Value {
        column: String,
        /// What the server sent, shortened.
        value: String,
        /// What it should have been.
        kind: &'static str,
    },
    #[error(transparent)]
    Render(#[from] RenderError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WireKind {
    Int,
    UInt,
    Bit,
    Decimal,
    F32,
    F64,
    Text,
    Json,
    Date,
    DateTime,
    Time,
    Bytes,
}

impl RowReader {
    /// A reader for rows with these columns.
    pub fn new(columns: &[Column]) -> Result<Self, WireError> {
        let names: Vec<_> = columns.iter().map(Column::name_str).collect();
        Self::named(&names, columns)
    }

    /// The same for columns under other names.
    pub fn named(names: &[impl AsRef<str>], columns: &[Column]) -> Result<Self, WireError> {
        let kinds = names.iter().zip(columns);
        let kinds = kinds.map(|(name, column)| Ok((name.as_ref().to_owned(), kind_of(column)?)));
        let kinds = kinds.collect::<Result<Vec<_>, WireError>>()?;
        Ok(Self { layout: LineLayout::new(kinds.iter().map(|(name, _)| name)), kinds })
    }

    /// Appends one row as a line; nothing on an error.
    pub fn line(&self, row: &Row, out: &mut Vec<u8>) -> Result<(), WireError> {
        self.line_of((0..row.len()).map(|at| row.as_ref(at).unwrap_or(&Sent::NULL)), out)
    }

    /// Appends as a line what a row holds from one column on; nothing on an error.
    pub fn line_from(&self, row: &Row, first: usize, out: &mut Vec<u8>) -> Result<(), WireError> {
        let values = (first..first + self.kinds.len()).map(|at| row.as_ref(at).unwrap_or(&Sent::NULL));
        self.line_of(values, out)
    }

    /// Appends one row as literals of SQL; nothing on an error.
    pub fn literals(&self, row: &Row, layout: &RowLayout, out: &mut Vec<u8>) -> Result<(), WireError> {
        let mut literals = layout.row(out);
        for value in self.values((0..row.len()).map(|at| row.as_ref(at).unwrap_or(&Sent::NULL))) {
            literals.value(&value?)?;
        }
        Ok(literals.end()?)
    }

    fn line_of<'v>(&self, row: impl Iterator<Item = &'v Sent>, out: &mut Vec<u8>) -> Result<(), WireError> {
        let mut line = self.layout.line(out);
        for value in self.values(row) {
            line.value(&value?)?;
        }
        Ok(line.end()?)
    }

    fn values<'v>(
        &self,
        row: impl Iterator<Item = &'v Sent>,
    ) -> impl Iterator<Item = Result<Value<'v>, WireError>> {
        row.zip(&self.kinds).map(|(sent, (name, kind))| {
            let value = match sent {
                Sent::NULL => Some(Value::Null),
                Sent::Bytes(bytes) => kind.read(bytes),
                // Only the binary protocol sends typed values.
                _ => None,
            };
            value.ok_or_else(|| unreadable(name, sent, *kind))
        })
    }
}

#[cold]
fn unreadable(column: &str, sent: &Sent, kind: WireKind) -> WireError {
    let value = match sent {
        Sent::Bytes(bytes) => String::from_utf8_lossy(bytes).chars().take(40).collect(),
        other => format!("{other:?}"),
    };
    WireError::Value { column: column.to_owned(), value, kind: kind.name() }
}

fn kind_of(column: &Column) -> Result<WireKind, WireError> {
    use ColumnType::*;
    let unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    let binary = column.character_set() == BINARY;
    Ok(match column.column_type() {
        MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG | MYSQL_TYPE_LONGLONG => {
            if unsigned {
                WireKind::UInt
            } else {
                WireKind::Int
            }
        }
        MYSQL_TYPE_YEAR => WireKind::UInt,
        MYSQL_TYPE_BIT => WireKind::Bit,
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => WireKind::Decimal,
        MYSQL_TYPE_FLOAT => WireKind::F32,
        MYSQL_TYPE_DOUBLE => WireKind::F64,
        MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => WireKind::Date,
        MYSQL_TYPE_DATETIME | MYSQL_TYPE_DATETIME2 | MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_TIMESTAMP2 => {
            WireKind::DateTime
        }
        MYSQL_TYPE_TIME | MYSQL_TYPE_TIME2 => WireKind::Time,
        MYSQL_TYPE_JSON => WireKind::Json,
        MYSQL_TYPE_GEOMETRY | MYSQL_TYPE_VECTOR => WireKind::Bytes,
        // The binary pseudo-charset means nothing for these two: their values are names from the definition.
        MYSQL_TYPE_ENUM | MYSQL_TYPE_SET => WireKind::Text,
        MYSQL_TYPE_VARCHAR
        | MYSQL_TYPE_VAR_STRING
        | MYSQL_TYPE_STRING
        | MYSQL_TYPE_TINY_BLOB
        | MYSQL_TYPE_MEDIUM_BLOB
        | MYSQL_TYPE_LONG_BLOB
        | MYSQL_TYPE_BLOB => {
            let text = !binary || column.flags().intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG);
            if text { WireKind::Text } else { WireKind::Bytes }
        }
        // A view's column that is the literal NULL.
        MYSQL_TYPE_NULL => WireKind::Text,
        other => {
            let kind = format!("{other:?}");
            return Err(WireError::Type { column: column.name_str().into_owned(), kind });
        }
    })
}

impl WireKind {
    fn read(self, sent: &[u8]) -> Option<Value<'_>> {
        if self == Self::Bytes {
            return Some(Value::Bytes(sent));
        }
        if self == Self::Bit {
            return bits(sent).map(Value::UInt);
        }
        let text = std::str::from_utf8(sent).ok()?;
        Some(match self {
            Self::Int => Value::Int(text.parse().ok()?),
            Self::UInt => Value::UInt(text.parse().ok()?),
            // JSON has no number for what is not finite: that is a string.
            Self::Decimal if matches!(text, "NaN" | "Infinity" | "-Infinity") => Value::Text(text),
            Self::Decimal => Value::Decimal(text),
            Self::F32 => Value::F32(text.parse().ok()?),
            Self::F64 => Value::F64(text.parse().ok()?),
            Self::Text => Value::Text(text),
            Self::Json => Value::Json(text),
            Self::Date => date(text)?,
            Self::DateTime => date_time(text)?,
            Self::Time => time(text)?,
            Self::Bytes | Self::Bit => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Int => "signed integer",
            Self::UInt => "unsigned integer",
            Self::Bit => "BIT of at most 64 bits",
            Self::Decimal => "DECIMAL",
            Self::F32 => "FLOAT",
            Self::F64 => "DOUBLE",
            Self::Text => "UTF-8 text",
            Self::Json => "JSON",
            Self::Date => "DATE",
            Self::DateTime => "DATETIME",
            Self::Time => "TIME",
            Self::Bytes => "bytes",
        }
    }
}

/// Big-endian bytes, at most eight.
fn bits(sent: &[u8]) -> Option<u64> {
    (sent.len() <= 8).then(|| sent.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

fn date(text: &str) -> Option<Value<'static>> {
    let (year, month, day) = civil_date(text)?;
    Some(Value::Date { year, month, day })
}

fn date_time(text: &str) -> Option<Value<'static>> {
    let (date, time) = text.split_once(' ')?;
    let (year, month, day) = civil_date(date)?;
    let (hour, minute, second, micros) = clock(time)?;
    Some(Value::DateTime { year, month, day, hour: hour.try_into().ok()?, minute, second, micros })
}

fn time(text: &str) -> Option<Value<'static>> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (hours, minutes, seconds, micros) = clock(text)?;
    Some(Value::Time { negative, hours, minutes, seconds, micros })
}

fn civil_date(text: &str) -> Option<(i32, u8, u8)> {
    let mut parts = text.split('-');
    let date = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(date)
}

/// `HH:MM:SS[.fraction]`, hours without a limit, the fraction of up to six digits in microseconds.
fn clock(text: &str) -> Option<(u32, u8, u8, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let (hours, minutes) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let seconds = parts.next()?.parse().ok()?;
    let digits = u32::try_from(fraction.len()).ok().filter(|&digits| digits <= 6)?;
    let micros = if digits == 0 { 0 } else { fraction.parse::<u32>().ok()? * 10_u32.pow(6 - digits) };
    parts.next().is_none().then_some((hours, minutes, seconds, micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: ColumnType) -> Column {
        Column::new(kind).with_name(name.as_bytes()).with_character_set(45)
    }

    fn render(column: Column, sent: Sent) -> Result<String, WireError> {
        let columns = [column];
        let reader = RowReader::new(&columns)?;
        let mut out = Vec::new();
        reader.line_of([&sent].into_iter(), &mut out)?;
        Ok(String::from_utf8(out).expect("rendered lines are UTF-8"))
    }

    fn text(kind: ColumnType, sent: &str) -> String {
        render(column("c", kind), Sent::Bytes(sent.into())).expect(sent)
    }

    #[test]
    fn decimals_that_are_not_finite_and_floats_with_an_exponent() {
        use ColumnType::*;
        let cases = [
            (MYSQL_TYPE_NEWDECIMAL, "NaN", "\"NaN\""),
            (MYSQL_TYPE_NEWDECIMAL, "-Infinity", "\"-Infinity\""),
            (MYSQL_TYPE_FLOAT, "1.2345679e+08", "123456790.0"),
        ];
        for (kind, sent, rendered) in cases {
            assert_eq!(text(kind, sent), format!("{{\"c\":{rendered}}}\n"), "{kind:?} {sent}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_an_error_that_names_the_column() {
        use ColumnType::*;
        for (kind, sent) in [
            (MYSQL_TYPE_LONG, "abc"),
            (MYSQL_TYPE_DATE, "2024-02"),
            (MYSQL_TYPE_DATETIME, "2024-02-03"),
            (MYSQL_TYPE_TIME, "1:2"),
            (MYSQL_TYPE_TIME, "1:2:3.1234567"),
            (MYSQL_TYPE_BIT, "123456789"),
        ] {
            let error = render(column("the column", kind), Sent::Bytes(sent.into())).expect_err(sent);
            assert!(error.to_string().contains("the column"), "{error}");
        }
        let broken = render(column("c", MYSQL_TYPE_STRING), Sent::Bytes(vec![0xff]));
        assert!(matches!(broken, Err(WireError::Value { kind: "UTF-8 text", .. })));
    }
}
