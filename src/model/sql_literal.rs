//! Writes values as MySQL literals that read back to the same value, bit for bit.
//!
//! They are correct for a session in UTC whose `sql_mode` has `NO_AUTO_VALUE_ON_ZERO` and lacks
//! `NO_BACKSLASH_ESCAPES`. Equal values always yield equal bytes.

use std::io::Write;

use data_encoding::HEXUPPER;

use super::jsonl::{
    AsWriter, LineLayout, LineWriter, Out, RenderError, Value, ValueError, compact_json, is_clock, is_date,
};

/// The properties of a table's columns that its literals depend on.
#[derive(Debug, Clone)]
pub struct RowLayout {
    layout: LineLayout,
    /// For each column, [`LiteralColumn::is_empty_invalid`].
    are_empty_invalid: Vec<bool>,
}

/// One column.
#[derive(Debug, Clone)]
pub struct LiteralColumn {
    /// Its name, for error messages.
    pub name: String,
    /// Whether an empty text stands for an invalid member, number 0, of an ENUM without an empty member.
    pub is_empty_invalid: bool,
}

impl RowLayout {
    /// Creates a layout for columns in the order of their values.
    pub fn new(columns: Vec<LiteralColumn>) -> Self {
        Self {
            layout: LineLayout::of_literals(columns.iter().map(|column| &*column.name)),
            are_empty_invalid: columns.iter().map(|column| column.is_empty_invalid).collect(),
        }
    }

    /// Starts a row at the end of `out`.
    pub fn row<'l, O: Out>(&'l self, out: &'l mut O) -> RowWriter<'l, O> {
        RowWriter { line: self.layout.line(out), are_empty_invalid: self.are_empty_invalid.iter() }
    }
}

/// Writes a row in parentheses: [`RowWriter::value`] per column, then [`RowWriter::end`]. Without `end` it is removed.
#[derive(Debug)]
#[must_use = "a row that is not ended is removed"]
pub struct RowWriter<'l, O: Out> {
    line: LineWriter<'l, O>,
    are_empty_invalid: std::slice::Iter<'l, bool>,
}

impl<O: Out> RowWriter<'_, O> {
    /// Appends the value of the next column.
    pub fn value(&mut self, value: &Value<'_>) -> Result<(), RenderError> {
        let is_empty_invalid = self.are_empty_invalid.next().is_some_and(|is_invalid| *is_invalid);
        self.line.value_as(|out| match value {
            Value::Text("") if is_empty_invalid => {
                out.put(b"0");
                Ok(())
            }
            _ => append(value, out),
        })
    }

    /// Ends the row.
    pub fn end(self) -> Result<(), RenderError> {
        self.line.end()
    }
}

/// Returns `text` as a string literal.
pub fn text_literal(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    append_text(text.as_bytes(), &mut out);
    String::from_utf8(out).expect("quoting keeps UTF-8")
}

/// Appends a literal. On an error, part of it may remain in `out`.
fn append(value: &Value<'_>, out: &mut impl Out) -> Result<(), ValueError> {
    match *value {
        Value::Null => out.put(b"NULL"),
        Value::Int(number) => put(out, format_args!("{number}")),
        Value::UInt(number) => put(out, format_args!("{number}")),
        Value::Decimal(text) => decimal(text, out)?,
        // Widening is exact and rounds back to the same 32 bits. Dolt refuses the shortest digits of `f32::MAX`.
        Value::F32(number) => float(number.into(), out)?,
        Value::F64(number) => float(number, out)?,
        Value::Text(text) => append_text(text.as_bytes(), out),
        Value::Json(text) => {
            let mut compact = Vec::with_capacity(text.len());
            compact_json(text, &mut compact)?;
            append_text(&compact, out);
        }
        Value::Date { year, month, day } => {
            let text = format!("{year:04}-{month:02}-{day:02}");
            quoted(text, is_date(year, month, day), out)?;
        }
        Value::DateTime { year, month, day, hour, minute, second, micros } => {
            let is_right = is_date(year, month, day) && hour <= 23 && is_clock(minute, second, micros);
            let clock = format!("{hour:02}:{minute:02}:{second:02}{}", fraction(micros));
            quoted(format!("{year:04}-{month:02}-{day:02} {clock}"), is_right, out)?;
        }
        Value::Time { negative, hours, minutes, seconds, micros } => {
            let sign = if negative { "-" } else { "" };
            let text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", fraction(micros));
            quoted(text, is_clock(minutes, seconds, micros), out)?;
        }
        Value::Bytes(bytes) => put(out, format_args!("X'{}'", HEXUPPER.encode_display(bytes))),
    }
    Ok(())
}

fn put(out: &mut impl Out, text: std::fmt::Arguments<'_>) {
    AsWriter(out).write_fmt(text).expect("writing into memory does not fail");
}

/// Keeps the digits: a literal without an exponent is exact.
fn decimal(text: &str, out: &mut impl Out) -> Result<(), ValueError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return Err(ValueError::NotDecimal(text.to_owned()));
    }
    out.put(text.as_bytes());
    Ok(())
}

/// Always writes an exponent: without one it is a DECIMAL, whose digits do not cover the range of a DOUBLE.
fn float(number: f64, out: &mut impl Out) -> Result<(), ValueError> {
    if !number.is_finite() {
        return Err(ValueError::NoLiteral(number.to_string()));
    }
    if number == 0.0 && number.is_sign_negative() {
        // MySQL applies a number's sign to an exact value, and then 0 has none; a string is read as a DOUBLE.
        out.put(b"'-0'");
    } else {
        put(out, format_args!("{number:e}"));
    }
    Ok(())
}

fn quoted(text: String, is_right: bool, out: &mut impl Out) -> Result<(), ValueError> {
    if !is_right {
        return Err(ValueError::OutOfRange(text));
    }
    put(out, format_args!("'{text}'"));
    Ok(())
}

fn fraction(micros: u32) -> String {
    if micros == 0 { String::new() } else { format!(".{micros:06}") }
}

/// Quotes text. Escapes what ends the literal, what clients and terminals misread, and line breaks: a row is a line.
fn append_text(text: &[u8], out: &mut impl Out) {
    out.put(b"'");
    let mut plain = 0;
    for (at, byte) in text.iter().enumerate() {
        let escaped = match byte {
            b'\'' => b"''",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            0 => b"\\0",
            0x1a => b"\\Z",
            _ => continue,
        };
        out.put(&text[plain..at]);
        out.put(escaped);
        plain = at + 1;
    }
    out.put(&text[plain..]);
    out.put(b"'");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn literal(value: Value<'_>) -> Result<String, ValueError> {
        let mut out = Vec::new();
        append(&value, &mut out)?;
        Ok(String::from_utf8(out).expect("literals are UTF-8"))
    }

    #[test]
    fn values_by_type() {
        let moment =
            |year, micros| Value::DateTime { year, month: 0, day: 0, hour: 0, minute: 0, second: 0, micros };
        let time = Value::Time { negative: true, hours: 838, minutes: 5, seconds: 9, micros: 1 };
        for (value, text) in [
            (Value::Null, "NULL"),
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::UInt(u64::MAX), "18446744073709551615"),
            (Value::Decimal("-0012.3400"), "-0012.3400"),
            (Value::F64(0.1), "1e-1"),
            (Value::F64(-1.5), "-1.5e0"),
            (Value::F64(-0.0), "'-0'"),
            (Value::F64(0.0), "0e0"),
            (Value::F32(f32::MAX), "3.4028234663852886e38"),
            (Value::Text("it's \\ \0\n\r\u{1a}\té%_"), "'it''s \\\\ \\0\\n\\r\\Z\té%_'"),
            (Value::Json("{ \"a\": \"\\n'\" }"), "'{\"a\":\"\\\\n''\"}'"),
            (Value::Date { year: 0, month: 0, day: 0 }, "'0000-00-00'"),
            (moment(0, 0), "'0000-00-00 00:00:00'"),
            (moment(2026, 120_000), "'2026-00-00 00:00:00.120000'"),
            (time, "'-838:05:09.000001'"),
            (Value::Bytes(&[]), "X''"),
            (Value::Bytes(&[0, 0xaf]), "X'00AF'"),
        ] {
            assert_eq!(literal(value).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_has_no_literal_is_refused() {
        assert_eq!(literal(Value::F64(f64::NAN)), Err(ValueError::NoLiteral("NaN".to_owned())));
        assert!(literal(Value::F32(f32::INFINITY)).is_err());
        for text in ["", "1e5", "1.", ".5", "--1", "1); DROP", "٣"] {
            assert_eq!(literal(Value::Decimal(text)), Err(ValueError::NotDecimal(text.to_owned())));
        }
        assert!(literal(Value::Date { year: 10_000, month: 1, day: 1 }).is_err());
        assert!(
            literal(Value::Time { negative: false, hours: 1, minutes: 60, seconds: 0, micros: 0 }).is_err()
        );
        assert!(literal(Value::Json("{")).is_err());
    }

    #[test]
    fn rows_are_whole_or_not_there() {
        let column = |name: &str, is_empty_invalid| LiteralColumn { name: name.to_owned(), is_empty_invalid };
        let layout = RowLayout::new(vec![column("a", false), column("e", true)]);
        let mut out = b"before".to_vec();
        let mut row = layout.row(&mut out);
        row.value(&Value::Text("")).unwrap();
        row.value(&Value::Text("")).unwrap();
        row.end().unwrap();
        assert_eq!(out, b"before('',0)");
        let mut row = layout.row(&mut out);
        let error = row.value(&Value::F64(f64::INFINITY)).unwrap_err();
        assert_eq!(error.to_string(), "column \"a\": SQL has no literal for inf");
        drop(row);
        assert_eq!(out, b"before('',0)");
    }

    /// Reads a string literal by the rules of MySQL's manual.
    fn unquoted(literal: &str) -> Option<String> {
        let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
        let mut chars = inner.chars();
        let mut text = String::new();
        while let Some(char) = chars.next() {
            text.push(match char {
                '\'' => chars.next().filter(|&next| next == '\'')?,
                '\\' => match chars.next()? {
                    '0' => '\0',
                    'n' => '\n',
                    'r' => '\r',
                    'Z' => '\u{1a}',
                    '\\' => '\\',
                    _ => return None,
                },
                other => other,
            });
        }
        Some(text)
    }

    proptest! {
        #[test]
        fn texts_read_back(text in any::<String>()) {
            let literal = text_literal(&text);
            prop_assert_eq!(unquoted(&literal), Some(text));
            prop_assert!(!literal.contains(['\n', '\r', '\0']));
        }

        #[test]
        fn floats_read_back(single in any::<u32>(), double in any::<u64>()) {
            let (single, double) = (f32::from_bits(single), f64::from_bits(double));
            if let Ok(text) = literal(Value::F64(double)) {
                let text = text.trim_matches('\'');
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), double.to_bits());
            }
            if let Ok(text) = literal(Value::F32(single)) {
                let back = text.trim_matches('\'').parse::<f64>().unwrap() as f32;
                prop_assert_eq!(back.to_bits(), single.to_bits());
            }
        }
    }
}
