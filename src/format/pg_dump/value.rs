//! The text that PostgreSQL prints for a value, as the value that JSON shows.

use data_encoding::HEXLOWER_PERMISSIVE;
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

use super::column_types::ColumnType;
use crate::model::jsonl::Value;

/// Room for the bytes of one value, used again for the next.
pub(super) type Scratch = Vec<u8>;

/// What the text of a column stands for (ADR 7), or what it should have been: text that PostgreSQL does not print for
/// the type is damage.
pub(super) fn value<'a>(
    text: &'a str,
    column: ColumnType,
    scratch: &'a mut Scratch,
) -> Result<Value<'a>, &'static str> {
    match column {
        ColumnType::Text => Ok(Value::Text(text)),
        ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampWithZone
            if is_beyond_the_calendar(text) =>
        {
            Ok(Value::Text(text))
        }
        ColumnType::Integer => integer(text).ok_or("an integer"),
        ColumnType::Numeric | ColumnType::Float => number(text).ok_or("a number"),
        ColumnType::Boolean => boolean(text).ok_or("t or f"),
        ColumnType::Json => Ok(Value::Json(text)),
        ColumnType::Bytes => bytes(text, scratch).ok_or("bytes"),
        ColumnType::Date => date(text).ok_or("a date"),
        ColumnType::Time => time(text).ok_or("a time"),
        ColumnType::Timestamp => civil(text).and_then(date_time).ok_or("a timestamp"),
        ColumnType::TimestampWithZone => timestamp_with_zone(text).ok_or("a timestamp with an offset"),
    }
}

fn integer(text: &str) -> Option<Value<'_>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_canonical =
        digits == "0" && text.len() == 1 || digits.starts_with(|c: char| ('1'..='9').contains(&c));
    text.parse().ok().filter(|_| is_canonical).map(Value::Int)
}

/// The digits as they are. JSON has no number that is not finite: such a value is a string.
fn number(text: &str) -> Option<Value<'_>> {
    match text {
        "NaN" | "Infinity" | "-Infinity" => Some(Value::Text(text)),
        _ => text.starts_with(|c: char| c == '-' || c.is_ascii_digit()).then_some(Value::Decimal(text)),
    }
}

fn boolean(text: &str) -> Option<Value<'_>> {
    match text {
        "t" => Some(Value::Json("true")),
        "f" => Some(Value::Json("false")),
        _ => None,
    }
}

/// `\x` and hex digits, or the older form (`bytea_output = escape`), in which a backslash is doubled, and other bytes
/// are a backslash and three octal digits.
fn bytes<'a>(text: &str, scratch: &'a mut Scratch) -> Option<Value<'a>> {
    scratch.clear();
    if let Some(hex) = text.strip_prefix("\\x") {
        *scratch = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?;
        return Some(Value::Bytes(scratch));
    }
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'\\', [b'\\', after @ ..]) => (b'\\', after),
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), after)
            }
            (b'\\', _) => return None,
            _ => (byte, after),
        };
        scratch.push(byte);
        rest = after;
    }
    Some(Value::Bytes(scratch))
}

/// Whether MySQL cannot express the time: infinity, years before 1 and after 9999. It is shown as PostgreSQL prints it.
fn is_beyond_the_calendar(text: &str) -> bool {
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    matches!(text, "infinity" | "-infinity")
        || year >= 4
            && text.is_ascii()
            && (text.ends_with(" BC") || year > 4 && text[year..].starts_with('-'))
}

fn date(text: &str) -> Option<Value<'_>> {
    let day = day(text)?;
    let (year, month, day) = (day.year().into(), day.month().unsigned_abs(), day.day().unsigned_abs());
    Some(Value::Date { year, month, day })
}

/// PostgreSQL has the time `24:00:00`.
fn time(text: &str) -> Option<Value<'_>> {
    let (hours, minutes, seconds, micros) = clock(text)?;
    let hours = u32::from(hours);
    Some(Value::Time { negative: false, hours, minutes, seconds, micros })
}

/// `12:34:56.789`
fn clock(text: &str) -> Option<(u8, u8, u8, u32)> {
    let (clock, fraction) = text.split_once('.').map_or((text, None), |(clock, rest)| (clock, Some(rest)));
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *clock.as_bytes() else { return None };
    let two = |tens: u8, ones: u8| digits(&[tens, ones]).and_then(|value| u8::try_from(value).ok());
    let micros = match fraction.map(str::as_bytes) {
        None => 0,
        Some(fraction) if (1..=6).contains(&fraction.len()) => {
            digits(fraction)? * 10_u32.pow(6 - u32::try_from(fraction.len()).ok()?)
        }
        Some(_) => return None,
    };
    let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
    let is_time = hour <= 24 && minute <= 59 && second <= 59;
    (is_time && (hour < 24 || (minute, second, micros) == (0, 0, 0)))
        .then_some((hour, minute, second, micros))
}

/// At most nine decimal digits.
fn digits(text: &[u8]) -> Option<u32> {
    let all = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    all.then(|| text.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
}

/// `2026-01-02`
fn day(text: &str) -> Option<Date> {
    text.parse().ok().filter(|_| text.len() == 10 && text.is_ascii())
}

/// `2026-01-02 03:04:05.678`
fn civil(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once(' ')?;
    let (hour, minute, second, micros) = clock(time)?;
    let [hour, minute, second] = [hour, minute, second].map(|part| i8::try_from(part).unwrap_or(i8::MAX));
    let nanos = i32::try_from(micros * 1000).ok()?;
    Some(day(date)?.to_datetime(jiff::civil::Time::new(hour, minute, second, nanos).ok()?))
}

fn date_time<'a>(at: DateTime) -> Option<Value<'a>> {
    Some(Value::DateTime {
        year: at.year().into(),
        month: at.month().unsigned_abs(),
        day: at.day().unsigned_abs(),
        hour: at.hour().unsigned_abs(),
        minute: at.minute().unsigned_abs(),
        second: at.second().unsigned_abs(),
        micros: u32::try_from(at.subsec_nanosecond() / 1000).ok()?,
    })
}

/// With the offset of the zone that the dump was made in: `+00`, `-03:30`, `+00:19:32`.
fn timestamp_with_zone(text: &str) -> Option<Value<'_>> {
    let sign = text.rfind(['+', '-']).filter(|&sign| sign > "2026-01-02".len())?;
    let (local, offset) = text.split_at(sign);
    let at = civil(local)?.checked_sub(SignedDuration::from_secs(offset_seconds(offset)?)).ok();
    // The offset may move the time out of the years that have four digits.
    match at.filter(|at| (1..=9999).contains(&at.year())) {
        Some(at) => date_time(at),
        None => Some(Value::Text(text)),
    }
}

fn offset_seconds(offset: &str) -> Option<i64> {
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let parts: Vec<&str> = offset[1..].split(':').collect();
    if parts.len() > 3 || parts.iter().any(|part| part.len() != 2) {
        return None;
    }
    let mut seconds = 0;
    for (part, unit) in parts.iter().zip([3600, 60, 1]) {
        seconds += i64::from(digits(part.as_bytes()).filter(|&value| value < 60)?) * unit;
    }
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::jsonl::LineLayout;

    fn json(text: &str, column: ColumnType) -> Option<String> {
        let mut out = Vec::new();
        let layout = LineLayout::new(["v"]);
        let mut line = layout.line(&mut out);
        line.value(&value(text, column, &mut Vec::new()).ok()?).ok()?;
        line.end().ok()?;
        let line = String::from_utf8(out).expect("JSON is UTF-8");
        Some(line.strip_prefix("{\"v\":")?.strip_suffix("}\n")?.to_owned())
    }

    #[test]
    fn values_are_shown_as_the_contract_says() {
        use ColumnType::*;
        for (text, column, expected) in [
            ("-9223372036854775808", Integer, "-9223372036854775808"),
            ("0", Integer, "0"),
            ("0.50", Numeric, "0.50"),
            ("-123456789012345678901234567890.10", Numeric, "-123456789012345678901234567890.10"),
            ("NaN", Numeric, "\"NaN\""),
            ("-Infinity", Float, "\"-Infinity\""),
            ("1e+20", Float, "1e+20"),
            ("1.5e-07", Float, "1.5e-07"),
            ("-0", Float, "-0"),
            ("t", Boolean, "true"),
            ("f", Boolean, "false"),
            ("{\"b\": 1.0, \"a\": [1, null]}", Json, "{\"b\":1.0,\"a\":[1,null]}"),
            ("\\x00ff10", Bytes, "\"AP8Q\""),
            ("\\x", Bytes, "\"\""),
            ("", Bytes, "\"\""),
            ("a\\\\b\\000\\377", Bytes, "\"YVxiAP8=\""),
            ("2026-01-02", Date, "\"2026-01-02\""),
            ("0001-01-01", Date, "\"0001-01-01\""),
            ("infinity", Date, "\"infinity\""),
            ("0044-03-15 BC", Date, "\"0044-03-15 BC\""),
            ("12026-01-02", Date, "\"12026-01-02\""),
            ("24:00:00", Time, "\"24:00:00\""),
            ("03:04:05.6", Time, "\"03:04:05.6\""),
            ("2026-01-02 03:04:05", Timestamp, "\"2026-01-02T03:04:05Z\""),
            ("2026-01-02 03:04:05.123456", Timestamp, "\"2026-01-02T03:04:05.123456Z\""),
            ("12026-01-02 03:04:05", Timestamp, "\"12026-01-02 03:04:05\""),
            ("2026-01-02 03:04:05+00", TimestampWithZone, "\"2026-01-02T03:04:05Z\""),
            ("2026-01-01 00:04:05.5+05:30", TimestampWithZone, "\"2025-12-31T18:34:05.5Z\""),
            ("2026-12-31 23:00:00-03:30", TimestampWithZone, "\"2027-01-01T02:30:00Z\""),
            ("1800-01-01 00:00:00+00:19:32", TimestampWithZone, "\"1799-12-31T23:40:28Z\""),
            ("-infinity", TimestampWithZone, "\"-infinity\""),
            ("9999-12-31 23:00:00-02", TimestampWithZone, "\"9999-12-31 23:00:00-02\""),
            ("0001-01-01 00:00:00+01", TimestampWithZone, "\"0001-01-01 00:00:00+01\""),
            ("0044-03-15 00:00:00+00 BC", TimestampWithZone, "\"0044-03-15 00:00:00+00 BC\""),
            ("{1,2,NULL}", Text, "\"{1,2,NULL}\""),
        ] {
            assert_eq!(json(text, column).as_deref(), Some(expected), "{text:?} as {column:?}");
        }
    }

    #[test]
    fn text_of_no_value_of_the_type_is_refused() {
        use ColumnType::*;
        for (column, texts) in [
            (Integer, &["", "-", "+1", "01", "-0", "1.0", "a", "9223372036854775808"][..]),
            (Numeric, &["", "+1", "nan", " 1", "0x10", "-", "1,0"]),
            (Boolean, &["", "true", "T"]),
            (Json, &["", "{", "[1,]"]),
            (Bytes, &["\\x0", "\\xzz", "\\", "\\400", "\\1", "é\\"]),
            (
                Date,
                &[
                    "",
                    "2026-13-01",
                    "2026-02-30",
                    "0000-01-01x",
                    "26-01-02",
                    "2026-01-02 ",
                    "é026-01-0",
                    "BC",
                ],
            ),
            (Time, &["", "3:04:05", "24:00:01", "03:60:00", "03:04:05.", "03:04:05.1234567", "03:04:05+00"]),
            (
                Timestamp,
                &["", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02 24:00:00", "2026-01-02 03:04:05+00"],
            ),
            (
                TimestampWithZone,
                &[
                    "2026-01-02 03:04:05",
                    "2026-01-02 03:04:05+1",
                    "2026-01-02 03:04:05+00:61",
                    "2026-01-02 03:04:05 BC+",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(json(text, column), None, "{text:?} as {column:?}");
            }
        }
    }
}
