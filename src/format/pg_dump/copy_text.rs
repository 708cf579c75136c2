//! The text format of COPY: one row per line, values separated by tabs, `\N` for NULL, backslash escapes.
//!
//! As PostgreSQL's manual describes it under COPY, as strictly as COPY writes: an escape without a meaning is damage.

use std::borrow::Cow;

/// Ends the data, on a line of its own.
pub(super) const END_OF_DATA: &[u8] = b"\\.";

/// The values of a line without its newline. A line of a table without columns has one empty value too many.
pub(super) fn values(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b'\t')
}

/// What a value stands for; `None` is NULL.
pub(super) fn decode(value: &[u8]) -> Result<Option<Cow<'_, [u8]>>, &'static str> {
    if value == b"\\N" {
        return Ok(None);
    }
    if value.contains(&b'\r') {
        return Err("a carriage return that is not escaped");
    }
    let Some(first) = memchr::memchr(b'\\', value) else { return Ok(Some(Cow::Borrowed(value))) };
    let mut plain = Vec::with_capacity(value.len());
    let (head, mut rest) = value.split_at(first);
    plain.extend_from_slice(head);
    while !rest.is_empty() {
        let (byte, after) = escape(&rest[1..])?;
        plain.push(byte);
        let next = memchr::memchr(b'\\', after).unwrap_or(after.len());
        plain.extend_from_slice(&after[..next]);
        rest = &after[next..];
    }
    Ok(Some(Cow::Owned(plain)))
}

/// The byte that an escape stands for, and what follows the escape. `text` begins after the backslash.
fn escape(text: &[u8]) -> Result<(u8, &[u8]), &'static str> {
    let (&first, rest) = text.split_first().ok_or("a backslash at the end of a value")?;
    let byte = match first {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' => b'\\',
        b'0'..=b'7' => return Ok(number(text, 8, 3)),
        b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => return Ok(number(rest, 16, 2)),
        _ => return Err("an unknown escape"),
    };
    Ok((byte, rest))
}

/// A number of at most `most` digits; only its low byte counts, as in COPY.
fn number(text: &[u8], radix: u32, most: usize) -> (u8, &[u8]) {
    let digits = text.iter().take(most).map_while(|&byte| char::from(byte).to_digit(radix));
    let (count, value) = digits.fold((0, 0), |(count, value), digit| (count + 1, value * radix + digit));
    (value.to_le_bytes()[0], &text[count..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_bytes() {
        for (value, plain) in [
            (&b"plain"[..], &b"plain"[..]),
            (b"", b""),
            (b"\\b\\f\\n\\r\\t\\v\\\\", b"\x08\x0c\n\r\t\x0b\\"),
            (b"a\\\\Nb", b"a\\Nb"),
            (b"\\\\N", b"\\N"),
            (b"\\101\\0\\18", b"A\0\x018"),
            (b"\\x41\\x4g", b"A\x04g"),
            (b"\\777", b"\xff"),
        ] {
            assert_eq!(decode(value).expect("it is right").as_deref(), Some(plain), "{value:?}");
        }
        assert_eq!(decode(b"\\N"), Ok(None));
    }

    #[test]
    fn what_copy_never_writes_is_refused() {
        for value in [&b"\\"[..], b"a\\", b"\\a", b"\\N.", b"x\\N", b"\\x", b"\\xg", b"\\.", b"a\rb", b"\\8"]
        {
            assert!(decode(value).is_err(), "{value:?}");
        }
    }
}
