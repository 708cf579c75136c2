//! Compacts JSON text in one pass.
//!
//! serde_json's values do not fit: they convert numbers to floats, drop repeated keys, and are read by recursion, so
//! that a column with 100,000 opening brackets overflows the stack. This code copies the digits of numbers, keeps
//! every key in order, and remembers one bit per open bracket.

use super::brackets::{Bracket, Brackets};
use super::number::number_len;
use super::out::Out;
use super::string::{escape_byte, plain_prefix};

/// Why and where a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {offset}: {problem}")]
pub struct JsonError {
    /// Offset into the text, in bytes.
    pub offset: usize,
    /// The problem.
    pub problem: &'static str,
}

/// Appends the one JSON value (RFC 8259) in `text` to `out` without white space between tokens. Keeps numbers and the
/// order of keys, and escapes strings like [`json_string`](super::json_string). Half of a surrogate pair is an error;
/// after any error `out` is unchanged.
pub fn compact_json(text: &str, out: &mut impl Out) -> Result<(), JsonError> {
    compact(text, false, out)
}

/// Like [`compact_json`], but keeps half of a surrogate pair as an escape: JSON's grammar allows it, and programs
/// that cut text by UTF-16 units write it.
pub fn compact_json_with_halves(text: &str, out: &mut impl Out) -> Result<(), JsonError> {
    compact(text, true, out)
}

fn compact(text: &str, keeps_halves: bool, out: &mut impl Out) -> Result<(), JsonError> {
    let start = out.written();
    let mut transcoder =
        Transcoder { text: text.as_bytes(), at: 0, keeps_halves, out, open: Brackets::default() };
    let result = transcoder.run();
    if result.is_err() {
        out.cut_back(start);
    }
    result
}

struct Transcoder<'a, O> {
    text: &'a [u8],
    /// The number of bytes done.
    at: usize,
    /// Whether to copy half of a surrogate pair.
    keeps_halves: bool,
    out: &'a mut O,
    open: Brackets,
}

impl<O: Out> Transcoder<'_, O> {
    fn run(&mut self) -> Result<(), JsonError> {
        loop {
            let is_whole = self.value_or_opening()?;
            if is_whole && self.is_end_after_value()? {
                return Ok(());
            }
        }
    }

    /// Copies a scalar, an empty container, or a container's opening. Returns whether it was a whole value.
    fn value_or_opening(&mut self) -> Result<bool, JsonError> {
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'{') => return self.opening(Bracket::Object),
            Some(b'[') => return self.opening(Bracket::Array),
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => self.literal(b"null")?,
            Some(_) => return self.fail("this starts no value"),
            None => return self.fail("a value is missing"),
        }
        Ok(true)
    }

    fn opening(&mut self, bracket: Bracket) -> Result<bool, JsonError> {
        self.copy_byte();
        if self.peek() == Some(bracket.closing()) {
            self.copy_byte();
            return Ok(true);
        }
        self.open.push(bracket);
        if bracket == Bracket::Object {
            self.key()?;
        }
        Ok(false)
    }

    /// Copies what follows a value: closing brackets, and a comma with the next key. False if another value follows.
    fn is_end_after_value(&mut self) -> Result<bool, JsonError> {
        while let Some(bracket) = self.open.innermost() {
            match self.peek() {
                Some(b',') => {
                    self.copy_byte();
                    if bracket == Bracket::Object {
                        self.key()?;
                    }
                    return Ok(false);
                }
                Some(byte) if byte == bracket.closing() => {
                    self.copy_byte();
                    self.open.pop();
                }
                _ if bracket == Bracket::Object => return self.fail("expected ',' or '}'"),
                _ => return self.fail("expected ',' or ']'"),
            }
        }
        match self.peek() {
            None => Ok(true),
            Some(_) => self.fail("something follows the value"),
        }
    }

    fn key(&mut self) -> Result<(), JsonError> {
        if self.peek() != Some(b'"') {
            return self.fail("expected a key in double quotes");
        }
        self.string()?;
        if self.peek() != Some(b':') {
            return self.fail("expected ':' after a key");
        }
        self.copy_byte();
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonError> {
        self.copy_byte();
        loop {
            self.copy(plain_prefix(&self.text[self.at..]));
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.copy_byte();
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return self.fail("a control character must be escaped in a string"),
                None => return self.fail("the string does not end"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let byte = match self.text.get(self.at + 1) {
            Some(b'u') => return self.unicode_escape(),
            Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(_) => return self.fail("no such escape"),
            None => return self.fail("the string does not end"),
        };
        self.at += 2;
        self.push_char(char::from(byte));
        Ok(())
    }

    fn unicode_escape(&mut self) -> Result<(), JsonError> {
        let first = self.code_unit(self.at)?;
        let (length, char) = match first {
            0xd800..=0xdbff => match self.low_surrogate()? {
                Some(second) => (12, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)),
                None => return self.half(),
            },
            _ => (6, first),
        };
        let Some(char) = char::from_u32(char) else { return self.half() };
        self.at += length;
        self.push_char(char);
        Ok(())
    }

    /// Handles half of a surrogate pair at the current offset.
    fn half(&mut self) -> Result<(), JsonError> {
        if !self.keeps_halves {
            return self.fail("half of a surrogate pair");
        }
        self.copy(6);
        Ok(())
    }

    /// The second half of the surrogate pair whose first half is at the current offset.
    fn low_surrogate(&self) -> Result<Option<u32>, JsonError> {
        if !self.text[self.at + 6..].starts_with(b"\\u") {
            return Ok(None);
        }
        let second = self.code_unit(self.at + 6)?;
        Ok(Some(second).filter(|second| (0xdc00..=0xdfff).contains(second)))
    }

    /// The number in the `\uXXXX` at `start`.
    fn code_unit(&self, start: usize) -> Result<u32, JsonError> {
        let digits = self.text.get(start + 2..start + 6).unwrap_or_default();
        let unit =
            digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?));
        unit.filter(|_| digits.len() == 4)
            .ok_or(JsonError { offset: start, problem: "'\\u' needs four hex digits" })
    }

    fn push_char(&mut self, char: char) {
        let mut utf8 = [0; 4];
        let encoded = char.encode_utf8(&mut utf8).as_bytes();
        if plain_prefix(encoded) == 0 {
            escape_byte(encoded[0], self.out);
        } else {
            self.out.put(encoded);
        }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        match number_len(&self.text[self.at..]) {
            Ok(length) => self.copy(length),
            Err(place) => {
                self.at += place;
                return self.fail("a digit is missing");
            }
        }
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return self.fail("this starts no value");
        }
        self.copy(word.len());
        Ok(())
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn copy(&mut self, length: usize) {
        self.out.put(&self.text[self.at..self.at + length]);
        self.at += length;
    }

    fn copy_byte(&mut self) {
        self.out.put(&[self.text[self.at]]);
        self.at += 1;
    }

    #[cold]
    fn fail<T>(&self, problem: &'static str) -> Result<T, JsonError> {
        Err(JsonError { offset: self.at, problem })
    }
}

#[cfg(test)]
mod tests;
