//! Renders numbers, dates, times and bytes.

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::number::number_len;
use super::out::{AsWriter, Out};
use super::value::{ValueError, is_clock, is_date};

const NEVER_FAILS: &str = "a finite number is JSON and writing into memory does not fail";

pub(super) fn integer(number: impl Serialize, out: &mut impl Out) {
    serde_json::to_writer(AsWriter(out), &number).expect(NEVER_FAILS);
}

/// An `f32` is not widened first, because that would print digits that nobody stored.
pub(super) fn float(
    number: impl Serialize + Display + Copy + Into<f64>,
    out: &mut impl Out,
) -> Result<(), ValueError> {
    if !number.into().is_finite() {
        return Err(ValueError::NotFinite(number.to_string()));
    }
    serde_json::to_writer(AsWriter(out), &number).expect(NEVER_FAILS);
    Ok(())
}

pub(super) fn decimal(text: &str, out: &mut impl Out) -> Result<(), ValueError> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let zeros = digits.bytes().take_while(|&byte| byte == b'0').count();
    let stripped = match digits.as_bytes().get(zeros) {
        Some(b'0'..=b'9') => &digits[zeros..],
        // Keeps the last zero: `000` is `0`, `00.5` is `0.5`.
        _ => &digits[zeros.saturating_sub(1)..],
    };
    if number_len(stripped.as_bytes()) != Ok(stripped.len()) || stripped.starts_with('-') {
        return Err(ValueError::NotDecimal(text.to_owned()));
    }
    out.put(sign.as_bytes());
    out.put(stripped.as_bytes());
    Ok(())
}

pub(super) fn date(year: i32, month: u8, day: u8, out: &mut impl Out) -> Result<(), ValueError> {
    if !is_date(year, month, day) {
        return Err(ValueError::OutOfRange(format!("{year:04}-{month:02}-{day:02}")));
    }
    let mut text = *b"\"0000-00-00\"";
    text[1..11].copy_from_slice(&date_digits(year, month, day));
    out.put(&text);
    Ok(())
}

pub(super) fn date_time(
    (year, month, day): (i32, u8, u8),
    (hour, minute, second, micros): (u8, u8, u8, u32),
    out: &mut impl Out,
) -> Result<(), ValueError> {
    if (year, month, day, hour, minute, second, micros) == (0, 0, 0, 0, 0, 0, 0) {
        // `dolt table import` accepts the zero datetime as a date but not in RFC 3339 (tried on 1.88.1).
        return date(year, month, day, out);
    }
    if !is_date(year, month, day) || hour > 23 || !is_clock(minute, second, micros) {
        let date = format!("{year:04}-{month:02}-{day:02}");
        return Err(ValueError::OutOfRange(format!("{date} {hour:02}:{minute:02}:{second:02}.{micros:06}")));
    }
    let mut text = *b"\"0000-00-00T00:00:00";
    text[1..11].copy_from_slice(&date_digits(year, month, day));
    text[12..14].copy_from_slice(&two_digits(hour.into()));
    text[14..].copy_from_slice(&clock_digits(minute, second));
    out.put(&text);
    put_fraction(micros, out);
    out.put(b"Z\"");
    Ok(())
}

pub(super) fn time(
    negative: bool,
    (hours, minutes, seconds, micros): (u32, u8, u8, u32),
    out: &mut impl Out,
) -> Result<(), ValueError> {
    let sign = if negative { "-" } else { "" };
    if !is_clock(minutes, seconds, micros) {
        let text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}");
        return Err(ValueError::OutOfRange(text));
    }
    out.put(b"\"");
    out.put(sign.as_bytes());
    if hours < 10 {
        out.put(b"0");
    }
    integer(hours, out);
    out.put(&clock_digits(minutes, seconds));
    put_fraction(micros, out);
    out.put(b"\"");
    Ok(())
}

pub(super) fn base64(bytes: &[u8], out: &mut impl Out) {
    // Three bytes become four characters, so the parts of a value can be encoded one after the other if their lengths
    // are multiples of three.
    let mut text = [0; 1024];
    out.put(b"\"");
    for part in bytes.chunks(768) {
        let len = STANDARD.encode_slice(part, &mut text).expect("768 bytes become 1,024 characters");
        out.put(&text[..len]);
    }
    out.put(b"\"");
}

/// `YYYY-MM-DD`.
fn date_digits(year: i32, month: u8, day: u8) -> [u8; 10] {
    let year = year.unsigned_abs();
    let [[a, b], [c, d], [e, f], [g, h]] = [year / 100, year, month.into(), day.into()].map(two_digits);
    [a, b, c, d, b'-', e, f, b'-', g, h]
}

/// `:MM:SS`.
fn clock_digits(minute: u8, second: u8) -> [u8; 6] {
    let ([a, b], [c, d]) = (two_digits(minute.into()), two_digits(second.into()));
    [b':', a, b, b':', c, d]
}

/// Writes a fraction of a second without trailing zeros, unless it is zero.
fn put_fraction(micros: u32, out: &mut impl Out) {
    if micros == 0 {
        return;
    }
    let [[a, b], [c, d], [e, f]] = [micros / 10_000, micros / 100, micros].map(two_digits);
    let text = [b'.', a, b, c, d, e, f];
    let zeros = text.iter().rev().take_while(|&&digit| digit == b'0').count();
    out.put(&text[..text.len() - zeros]);
}

/// The last two decimal digits of a number.
fn two_digits(number: u32) -> [u8; 2] {
    let number = (number % 100) as u8;
    [b'0' + number / 10, b'0' + number % 10]
}

#[cfg(test)]
mod tests {
    use super::super::line::append_value;
    use super::super::value::Value;
    use super::*;
    use proptest::prelude::*;

    fn rendered(value: Value<'_>) -> Result<String, ValueError> {
        let mut out = Vec::new();
        append_value(&value, &mut out)?;
        Ok(String::from_utf8(out).expect("JSON is UTF-8"))
    }

    fn date_time((year, month, day, hour): (i32, u8, u8, u8), micros: u32) -> Value<'static> {
        Value::DateTime { year, month, day, hour, minute: 4, second: 5, micros }
    }

    fn time(negative: bool, hours: u32, micros: u32) -> Value<'static> {
        Value::Time { negative, hours, minutes: 34, seconds: 56, micros }
    }

    #[test]
    fn decimals_keep_their_digits() {
        let long = "123456789012345678901234567890.123456789";
        for text in ["0", "-0.50", "1.00", long, "-0", "1e5", "10", "0.0"] {
            assert_eq!(rendered(Value::Decimal(text)).unwrap(), text);
        }
        for (text, number) in
            [("00042", "42"), ("-007.10", "-7.10"), ("000", "0"), ("00.50", "0.50"), ("-00", "-0")]
        {
            assert_eq!(rendered(Value::Decimal(text)).unwrap(), number);
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        let texts = [
            "", "-", "+5", ".5", "5.", "--5", "0-5", "1,5", "NaN", "1e", "1e+", " 1", "1 ", "0x1", "٣",
            "00-1", "é",
        ];
        for text in texts {
            assert_eq!(rendered(Value::Decimal(text)), Err(ValueError::NotDecimal(text.to_owned())));
        }
    }

    #[test]
    fn floats_are_the_shortest_of_their_own_width() {
        assert_eq!(rendered(Value::F32(0.1)).unwrap(), "0.1");
        assert_eq!(rendered(Value::F64(0.1_f32.into())).unwrap(), "0.10000000149011612");
        assert_eq!(rendered(Value::F64(-0.0)).unwrap(), "-0.0");
        assert_eq!(rendered(Value::F32(f32::INFINITY)), Err(ValueError::NotFinite("inf".to_owned())));
        assert_eq!(rendered(Value::F64(f64::NEG_INFINITY)), Err(ValueError::NotFinite("-inf".to_owned())));
    }

    #[test]
    fn dates_and_times_have_one_spelling() {
        let zero = Value::DateTime { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, micros: 0 };
        for (value, text) in [
            (Value::Date { year: 2026, month: 1, day: 2 }, "2026-01-02"),
            (Value::Date { year: 0, month: 0, day: 0 }, "0000-00-00"),
            (zero, "0000-00-00"),
            (date_time((2026, 1, 2, 3), 0), "2026-01-02T03:04:05Z"),
            (date_time((99, 12, 31, 23), 1), "0099-12-31T23:04:05.000001Z"),
            (date_time((2026, 1, 2, 3), 120_000), "2026-01-02T03:04:05.12Z"),
            (time(true, 12, 789_000), "-12:34:56.789"),
            (time(false, 0, 0), "00:34:56"),
            (time(false, 838, 0), "838:34:56"),
        ] {
            assert_eq!(rendered(value).unwrap(), format!("\"{text}\""));
        }
    }

    #[test]
    fn fields_out_of_range_are_refused() {
        let error = rendered(Value::Date { year: 2026, month: 13, day: 1 }).unwrap_err();
        assert_eq!(error.to_string(), "\"2026-13-01\" has a field out of range");
        for value in [
            date_time((-1, 1, 1, 0), 0),
            date_time((10_000, 1, 1, 0), 0),
            date_time((2026, 1, 32, 0), 0),
            date_time((2026, 1, 1, 24), 0),
            date_time((2026, 1, 1, 0), 1_000_000),
            time(true, 1, 1_000_000),
        ] {
            let result = rendered(value);
            assert!(matches!(result, Err(ValueError::OutOfRange(_))), "{result:?}");
        }
    }

    #[test]
    fn bytes_are_padded_base64() {
        for (bytes, text) in
            [(&b""[..], "\"\""), (b"f", "\"Zg==\""), (b"fo", "\"Zm8=\""), (b"\xfb\xff\xfe", "\"+//+\"")]
        {
            assert_eq!(rendered(Value::Bytes(bytes)).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_keep_their_digits(int in any::<i64>(), uint in any::<u64>()) {
            prop_assert_eq!(rendered(Value::Int(int)).unwrap(), int.to_string());
            prop_assert_eq!(rendered(Value::UInt(uint)).unwrap(), uint.to_string());
        }

        #[test]
        fn every_bit_pattern_of_a_float_is_as_in_serde_json_and_reads_back(single in any::<u32>(), double in any::<u64>()) {
            let (single, double) = (f32::from_bits(single), f64::from_bits(double));
            let text = rendered(Value::F32(single)).ok();
            prop_assert_eq!(&text, &single.is_finite().then(|| serde_json::to_string(&single).unwrap()));
            prop_assert!(text.is_none_or(|text| text.parse().map(f32::to_bits) == Ok(single.to_bits())));
            let text = rendered(Value::F64(double)).ok();
            prop_assert_eq!(&text, &double.is_finite().then(|| serde_json::to_string(&double).unwrap()));
            prop_assert!(text.is_none_or(|text| text.parse().map(f64::to_bits) == Ok(double.to_bits())));
        }

        #[test]
        fn a_decimal_is_refused_or_a_json_number(text in "[-+0-9.eE]{0,12}") {
            if let Ok(number) = rendered(Value::Decimal(&text)) {
                let raw: &serde_json::value::RawValue = serde_json::from_str(&number).unwrap();
                prop_assert_eq!(raw.get(), &number);
            } else {
                prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&text).is_err());
            }
        }

        #[test]
        fn base64_reads_back(bytes in any::<Vec<u8>>()) {
            let text = rendered(Value::Bytes(&bytes)).unwrap();
            prop_assert_eq!(STANDARD.decode(text.trim_matches('"')).unwrap(), bytes);
        }

        #[test]
        fn any_field_values_give_an_error_or_json(
            year in any::<i32>(), small in any::<[u8; 5]>(), big in any::<[u32; 2]>(),
        ) {
            let [month, day, hour, minute, second] = small;
            let [hours, micros] = big;
            for value in [
                Value::Date { year, month, day },
                Value::DateTime { year, month, day, hour, minute, second, micros },
                Value::Time { negative: year < 0, hours, minutes: minute, seconds: second, micros },
            ] {
                if let Ok(text) = rendered(value) {
                    prop_assert!(serde_json::from_str::<String>(&text).is_ok());
                }
            }
        }
    }
}
