//! Decodes the bytes of a key to values.

use super::encode::{ABOVE_ZERO, BELOW_ZERO, END, INFINITY, MINUS_INFINITY, NOT_A_NUMBER, ZERO};
use super::kind::{KeyKind, KeyValue};

/// Decodes the value at the start of `key`, and returns what follows it; None if there is none of this kind.
pub fn value(kind: KeyKind, key: &[u8]) -> Option<(KeyValue, &[u8])> {
    Some(match kind {
        KeyKind::Integer => {
            let (value, rest) = key.split_first_chunk()?;
            (KeyValue::Number(integer(value)?), rest)
        }
        KeyKind::DateTime => {
            let (value, rest) = key.split_first_chunk()?;
            (KeyValue::Time(date_time(*value)), rest)
        }
        KeyKind::Time => {
            let (value, rest) = key.split_first_chunk()?;
            (KeyValue::Time(time(*value)), rest)
        }
        KeyKind::Decimal => decimal(key)?,
        KeyKind::Text => {
            let (bytes, rest) = bytes(key)?;
            (KeyValue::Text(String::from_utf8(bytes).ok()?), rest)
        }
        KeyKind::Binary => {
            let (bytes, rest) = bytes(key)?;
            (KeyValue::Bytes(bytes), rest)
        }
    })
}

fn integer([sign, size @ ..]: &[u8; 9]) -> Option<String> {
    let ordered = u64::from_be_bytes(*size);
    match *sign {
        BELOW_ZERO => Some(format!("-{}", !ordered)),
        ABOVE_ZERO => Some(ordered.to_string()),
        _ => None,
    }
}

fn decimal(key: &[u8]) -> Option<(KeyValue, &[u8])> {
    let (sign, rest) = key.split_first()?;
    let named = |name: &str| Some((KeyValue::Text(name.to_owned()), rest));
    let (mask, mut text) = match *sign {
        ZERO => return Some((KeyValue::Number("0".to_owned()), rest)),
        MINUS_INFINITY => return named("-Infinity"),
        INFINITY => return named("Infinity"),
        NOT_A_NUMBER => return named("NaN"),
        BELOW_ZERO => (0xff, "-".to_owned()),
        ABOVE_ZERO => (0, String::new()),
        _ => return None,
    };
    let (len, digits) = rest.split_first()?;
    let (whole, fraction) = digits.split_at_checked(usize::from(len ^ mask))?;
    let end = fraction.iter().position(|byte| byte ^ mask == END)?;
    if whole.is_empty() {
        text.push('0');
    }
    text.extend(whole.iter().map(|byte| char::from(byte ^ mask)));
    if end > 0 {
        text.push('.');
        text.extend(fraction[..end].iter().map(|byte| char::from(byte ^ mask)));
    }
    Some((KeyValue::Number(text), &fraction[end + 1..]))
}

fn bytes(key: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut rest = key;
    loop {
        let zero = rest.iter().position(|&byte| byte == END)?;
        value.extend_from_slice(&rest[..zero]);
        let is_end = *rest.get(zero + 1)? == END;
        rest = &rest[zero + 2..];
        if is_end {
            return Some((value, rest));
        }
        value.push(END);
    }
}

fn date_time([y1, y2, month, day, hour, minute, second, micros @ ..]: [u8; 11]) -> String {
    let (year, micros) = (u16::from_be_bytes([y1, y2]), u32::from_be_bytes(micros));
    let date = format!("{year:04}-{month:02}-{day:02}");
    // Midnight is written as a date alone, because it may be compared with a column of dates.
    if (hour, minute, second, micros) == (0, 0, 0, 0) {
        return date;
    }
    format!("{date} {hour:02}:{minute:02}:{second:02}.{micros:06}")
}

fn time(key: [u8; 8]) -> String {
    let signed = (u64::from_be_bytes(key) ^ 1 << 63).cast_signed();
    let (sign, micros) = (if signed < 0 { "-" } else { "" }, signed.unsigned_abs());
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}")
}
