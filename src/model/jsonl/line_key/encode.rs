//! Encodes rendered values as bytes that compare like the values.
//!
//! No encoded value is a prefix of another, so that further columns may follow.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::string::plain_prefix;
use super::kind::KeyKind;

/// The whole encoding of -Infinity, below all decimals.
pub const MINUS_INFINITY: u8 = 0;
/// Precedes numbers below zero, whose bytes are inverted.
pub const BELOW_ZERO: u8 = 1;
/// The whole encoding of a decimal zero.
pub const ZERO: u8 = 2;
/// Precedes numbers above zero.
pub const ABOVE_ZERO: u8 = 3;
/// The whole encoding of Infinity, above all decimals.
pub const INFINITY: u8 = 4;
/// The whole encoding of NaN, which Dolt sorts after all numbers.
pub const NOT_A_NUMBER: u8 = 5;
/// Ends a string or a decimal's digits: lower than any byte that a longer one has there.
pub const END: u8 = 0;
/// Follows a zero byte of a string, to distinguish it from [`END`].
pub const ESCAPED: u8 = 1;

/// Appends a value; None if its rendering is not of its kind.
pub fn value(kind: KeyKind, rendered: &[u8], key: &mut Vec<u8>) -> Option<()> {
    match kind {
        KeyKind::Integer => integer(rendered, key),
        KeyKind::Decimal => decimal(rendered, key),
        KeyKind::Text => text(quoted(rendered)?, key),
        KeyKind::Binary => binary(quoted(rendered)?, key),
        KeyKind::DateTime => date_time(quoted(rendered)?, key),
        KeyKind::Time => time(quoted(rendered)?, key),
    }
}

/// Strips the quotes.
fn quoted(rendered: &[u8]) -> Option<&[u8]> {
    rendered.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// Splits off a minus sign, and returns whether there was one.
fn signed(rendered: &[u8]) -> (bool, &[u8]) {
    rendered.strip_prefix(b"-").map_or((false, rendered), |rest| (true, rest))
}

fn integer(rendered: &[u8], key: &mut Vec<u8>) -> Option<()> {
    let (is_negative, digits) = signed(rendered);
    let size = number(digits)?;
    if is_negative && size > 1 << 63 {
        return None;
    }
    let is_negative = is_negative && size > 0;
    key.push(if is_negative { BELOW_ZERO } else { ABOVE_ZERO });
    let ordered = if is_negative { !size } else { size };
    key.extend_from_slice(&ordered.to_be_bytes());
    Some(())
}

fn decimal(rendered: &[u8], key: &mut Vec<u8>) -> Option<()> {
    if let Some(name) = quoted(rendered) {
        key.push(match name {
            b"-Infinity" => MINUS_INFINITY,
            b"Infinity" => INFINITY,
            b"NaN" => NOT_A_NUMBER,
            _ => return None,
        });
        return Some(());
    }
    let (is_negative, rest) = signed(rendered);
    let (whole, fraction) = split_at_dot(rest);
    let is_digits = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if !is_digits(whole) || !fraction.is_none_or(is_digits) {
        return None;
    }
    let fraction = fraction.unwrap_or_default();
    let whole = &whole[whole.iter().take_while(|&&digit| digit == b'0').count()..];
    let zeros = fraction.iter().rev().take_while(|&&digit| digit == b'0').count();
    let fraction = &fraction[..fraction.len() - zeros];
    if whole.is_empty() && fraction.is_empty() {
        key.push(ZERO);
        return Some(());
    }
    let sign = key.len();
    key.push(if is_negative { BELOW_ZERO } else { ABOVE_ZERO });
    // A number with more digits before the point is larger.
    key.push(u8::try_from(whole.len()).ok()?);
    key.extend_from_slice(whole);
    key.extend_from_slice(fraction);
    key.push(END);
    if is_negative {
        key[sign + 1..].iter_mut().for_each(|byte| *byte = !*byte);
    }
    Some(())
}

fn text(mut escaped: &[u8], key: &mut Vec<u8>) -> Option<()> {
    loop {
        let (plain, special) = escaped.split_at(plain_prefix(escaped));
        key.extend_from_slice(plain);
        let Some(rest) = special.strip_prefix(b"\\") else {
            key.extend_from_slice(&[END, END]);
            // A string holds no bare quote or control character.
            return special.is_empty().then_some(());
        };
        let (byte, len) = unescaped(rest)?;
        push_byte(byte, key);
        escaped = &rest[len..];
    }
}

/// Decodes what follows a backslash, and returns its length too. Accepts only what the renderer writes.
fn unescaped(rest: &[u8]) -> Option<(u8, usize)> {
    Some(match rest.first()? {
        byte @ (b'"' | b'\\') => (*byte, 1),
        b'b' => (0x08, 1),
        b't' => (0x09, 1),
        b'n' => (0x0a, 1),
        b'f' => (0x0c, 1),
        b'r' => (0x0d, 1),
        b'u' => {
            let digits = rest.get(1..5)?.strip_prefix(b"00")?;
            let digit = |digit: u8| char::from(digit).to_digit(16);
            let code = digit(digits[0])? * 16 + digit(digits[1])?;
            (u8::try_from(code).ok().filter(u8::is_ascii)?, 5)
        }
        _ => return None,
    })
}

fn binary(base64: &[u8], key: &mut Vec<u8>) -> Option<()> {
    for byte in STANDARD.decode(base64).ok()? {
        push_byte(byte, key);
    }
    key.extend_from_slice(&[END, END]);
    Some(())
}

fn push_byte(byte: u8, key: &mut Vec<u8>) {
    key.push(byte);
    if byte == END {
        key.push(ESCAPED);
    }
}

/// Encodes a date, perhaps with a time and a fraction: each field as a number of fixed length, then microseconds.
fn date_time(rendered: &[u8], key: &mut Vec<u8>) -> Option<()> {
    let (date, clock) = rendered.split_at_checked(10)?;
    let [year, month, day] = fields(date, b'-')?;
    let (time, micros) = match clock {
        [] => ([0; 3], 0),
        [b'T', clock @ .., b'Z'] => self::clock(clock)?,
        _ => return None,
    };
    key.extend_from_slice(&u16::try_from(year).ok()?.to_be_bytes());
    for field in [month, day, time[0], time[1], time[2]] {
        key.push(u8::try_from(field).ok()?);
    }
    key.extend_from_slice(&micros.to_be_bytes());
    Some(())
}

/// Encodes `-12:34:56.789` as microseconds.
fn time(rendered: &[u8], key: &mut Vec<u8>) -> Option<()> {
    let (is_negative, rest) = signed(rendered);
    let ([hours, minutes, seconds], micros) = clock(rest)?;
    let seconds = hours.checked_mul(3600)?.checked_add(minutes * 60 + seconds)?;
    let micros = i64::try_from(seconds).ok()?.checked_mul(1_000_000)?.checked_add(i64::from(micros))?;
    let signed = if is_negative { -micros } else { micros };
    // With the highest bit inverted, numbers below zero sort before those above.
    key.extend_from_slice(&(signed.cast_unsigned() ^ 1 << 63).to_be_bytes());
    Some(())
}

/// Parses `HH:MM:SS[.fraction]`, the fraction as microseconds.
fn clock(text: &[u8]) -> Option<([u64; 3], u32)> {
    let (whole, fraction) = split_at_dot(text);
    let whole = fields(whole, b':')?;
    if whole[1] > 59 || whole[2] > 59 {
        return None;
    }
    let micros = match fraction {
        None => 0,
        Some(digits) if (1..=6).contains(&digits.len()) => {
            u32::try_from(number(digits)?).ok()? * 10_u32.pow(6 - u32::try_from(digits.len()).ok()?)
        }
        Some(_) => return None,
    };
    Some((whole, micros))
}

fn split_at_dot(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let dot = text.iter().position(|&byte| byte == b'.');
    dot.map_or((text, None), |dot| (&text[..dot], Some(&text[dot + 1..])))
}

/// Parses three numbers.
fn fields(text: &[u8], separator: u8) -> Option<[u64; 3]> {
    let mut parts = text.split(|&byte| byte == separator);
    let fields = [number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?];
    parts.next().is_none().then_some(fields)
}

fn number(digits: &[u8]) -> Option<u64> {
    // `parse` would accept a plus sign.
    digits.first().filter(|digit| digit.is_ascii_digit())?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
