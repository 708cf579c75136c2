//! Decodes the bytes of a key to values.

use super::encode::{ABOVE_ZERO, BELOW_ZERO, END, INFINITY, MINUS_INFINITY, NOT_A_NUMBER, ZERO};
use super::kind::{KeyKind, KeyValue};

/// Decodes the value at the start of `key`; None if there is none of this kind.
pub fn value(kind: KeyKind, key: &[u8]) -> Option<KeyValue> {
    match kind {
        KeyKind::Integer => integer(key).map(KeyValue::Number),
        KeyKind::Decimal => decimal(key),
        KeyKind::Text => String::from_utf8(bytes(key)?).ok().map(KeyValue::Text),
        KeyKind::Binary => bytes(key).map(KeyValue::Bytes),
        KeyKind::DateTime => date_time(key).map(KeyValue::Time),
        KeyKind::Time => time(key).map(KeyValue::Time),
    }
}

/// The length of the value at the start of `key`; None if there is none of this kind.
pub fn len(kind: KeyKind, key: &[u8]) -> Option<usize> {
    match kind {
        KeyKind::Integer => Some(9),
        KeyKind::DateTime => Some(11),
        KeyKind::Time => Some(8),
        KeyKind::Text | KeyKind::Binary => {
            let mut at = 0;
            loop {
                at += key.get(at..)?.iter().position(|&byte| byte == END)? + 2;
                if *key.get(at - 1)? == END {
                    return Some(at);
                }
            }
        }
        KeyKind::Decimal => {
            let (sign, rest) = key.split_first()?;
            let mask = match *sign {
                ZERO | MINUS_INFINITY | INFINITY | NOT_A_NUMBER => return Some(1),
                BELOW_ZERO => 0xff,
                _ => 0,
            };
            let end = rest.get(1..)?.iter().position(|byte| byte ^ mask == END)?;
            Some(end + 3)
        }
    }
}

fn integer(key: &[u8]) -> Option<String> {
    let (sign, size) = key.split_first()?;
    let ordered = u64::from_be_bytes(*size.first_chunk()?);
    match *sign {
        BELOW_ZERO => Some(format!("-{}", !ordered)),
        ABOVE_ZERO => Some(ordered.to_string()),
        _ => None,
    }
}

fn decimal(key: &[u8]) -> Option<KeyValue> {
    let (sign, rest) = key.split_first()?;
    let named = |name: &str| Some(KeyValue::Text(name.to_owned()));
    let (mask, mut text) = match *sign {
        ZERO => return Some(KeyValue::Number("0".to_owned())),
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
    Some(KeyValue::Number(text))
}

fn bytes(key: &[u8]) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    let mut rest = key;
    loop {
        let zero = rest.iter().position(|&byte| byte == END)?;
        value.extend_from_slice(&rest[..zero]);
        if *rest.get(zero + 1)? == END {
            return Some(value);
        }
        value.push(END);
        rest = &rest[zero + 2..];
    }
}

fn date_time(key: &[u8]) -> Option<String> {
    let [y1, y2, month, day, hour, minute, second, micros @ ..] = *key.first_chunk::<11>()?;
    let (year, micros) = (u16::from_be_bytes([y1, y2]), u32::from_be_bytes(micros));
    let date = format!("{year:04}-{month:02}-{day:02}");
    // Midnight is written as a date alone, because it may be compared with a column of dates.
    if (hour, minute, second, micros) == (0, 0, 0, 0) {
        return Some(date);
    }
    Some(format!("{date} {hour:02}:{minute:02}:{second:02}.{micros:06}"))
}

fn time(key: &[u8]) -> Option<String> {
    let signed = (u64::from_be_bytes(*key.first_chunk()?) ^ 1 << 63).cast_signed();
    let (sign, micros) = (if signed < 0 { "-" } else { "" }, signed.unsigned_abs());
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}"))
}
