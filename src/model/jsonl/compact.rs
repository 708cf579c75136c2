//! JSON text to compact JSON text in one pass.
//!
//! serde_json's values would not do here: they put numbers through a float, drop repeated keys, and reading
//! them recurses, so that a column with 100,000 opening brackets overflows the stack. This copies number
//! digits as they are, keeps every key in its place, and remembers only one bit per open bracket.

use super::brackets::{Bracket, Brackets};
use super::scalar::number_len;
use super::string::{escape_byte, plain_prefix};

/// Why a text is not JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {offset}: {problem}")]
pub struct JsonError {
    /// Offset into the text, in bytes.
    pub offset: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

/// Appends the one JSON value (RFC 8259) in `text` to `out`: without white space between tokens, numbers and
/// the order of keys as they are, strings escaped as [`json_string`](super::json_string) does.
///
/// # Errors
/// [`JsonError`] for a text that is not exactly one JSON value, or that has half of a surrogate pair, which
/// UTF-8 cannot hold. `out` is as it was then.
pub fn compact_json(text: &str, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let start = out.len();
    let mut transcoder = Transcoder { text: text.as_bytes(), at: 0, out, open: Brackets::default() };
    let result = transcoder.run();
    if result.is_err() {
        out.truncate(start);
    }
    result
}

struct Transcoder<'a> {
    text: &'a [u8],
    /// How much of `text` is done.
    at: usize,
    out: &'a mut Vec<u8>,
    open: Brackets,
}

/// What stands after a value.
enum Next {
    Value,
    End,
}

impl Transcoder<'_> {
    fn run(&mut self) -> Result<(), JsonError> {
        loop {
            let closed = self.value_or_opening()?;
            if closed && matches!(self.after_value()?, Next::End) {
                return Ok(());
            }
        }
    }

    /// Copies a scalar, an empty container, or the opening of a container up to its first value. Tells
    /// whether that was a whole value.
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

    /// Copies what follows a value: closing brackets, and a comma with the next key.
    fn after_value(&mut self) -> Result<Next, JsonError> {
        while let Some(bracket) = self.open.innermost() {
            match self.peek() {
                Some(b',') => {
                    self.copy_byte();
                    if bracket == Bracket::Object {
                        self.key()?;
                    }
                    return Ok(Next::Value);
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
            None => Ok(Next::End),
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
            let rest = &self.text[self.at..];
            let plain = &rest[..plain_prefix(rest)];
            self.out.extend_from_slice(plain);
            self.at += plain.len();
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
                None => return self.fail("half of a surrogate pair"),
            },
            _ => (6, first),
        };
        let Some(char) = char::from_u32(char) else {
            return self.fail("half of a surrogate pair");
        };
        self.at += length;
        self.push_char(char);
        Ok(())
    }

    /// The second half of a surrogate pair whose first half stands at the current place.
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
            self.out.extend_from_slice(encoded);
        }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        match number_len(&self.text[self.at..]) {
            Ok(length) => {
                self.out.extend_from_slice(&self.text[self.at..self.at + length]);
                self.at += length;
                Ok(())
            }
            Err(place) => {
                self.at += place;
                self.fail("a digit is missing")
            }
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return self.fail("this starts no value");
        }
        self.out.extend_from_slice(word);
        self.at += word.len();
        Ok(())
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Copies the byte at the current place; only called where there is one.
    fn copy_byte(&mut self) {
        self.out.push(self.text[self.at]);
        self.at += 1;
    }

    #[cold]
    fn fail<T>(&self, problem: &'static str) -> Result<T, JsonError> {
        Err(JsonError { offset: self.at, problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn compact(text: &str) -> Result<String, JsonError> {
        let mut out = b"x".to_vec();
        let result = compact_json(text, &mut out);
        let out = String::from_utf8(out).expect("JSON is UTF-8");
        let appended = out.strip_prefix('x').expect("what stood there stays");
        assert!(result.is_ok() || appended.is_empty(), "an error leaves {appended:?}");
        result.map(|()| appended.to_owned())
    }

    fn problem(text: &str) -> (usize, &'static str) {
        let error = compact(text).expect_err(text);
        (error.offset, error.problem)
    }

    #[test]
    fn white_space_goes_and_everything_else_stays() {
        let text =
            " {\"b\" : [ 1.50 , -0 , 1E+05 ,\t{ } , [ ] ] ,\r\n\"a b\" : null , \"b\": [true,false] } ";
        assert_eq!(compact(text).unwrap(), r#"{"b":[1.50,-0,1E+05,{},[]],"a b":null,"b":[true,false]}"#);
        let digits = "123456789012345678901234567890.000000000000000000000000000001e-9999";
        assert_eq!(compact(digits).unwrap(), digits);
    }

    #[test]
    fn strings_get_their_one_spelling() {
        let text = r#""\u003c\/\u00e9\u00E9\ud834\udd1e\u000a\u0022\u005c\u0001\u007f\b\f\n\r\t\"\\é""#;
        assert_eq!(compact(text).unwrap(), "\"</éé𝄞\\n\\\"\\\\\\u0001\u{7f}\\b\\f\\n\\r\\t\\\"\\\\é\"");
        assert_eq!(compact(r#"{"\u0061\n":1}"#).unwrap(), r#"{"a\n":1}"#);
    }

    #[test]
    fn errors_tell_the_place() {
        for (text, expected) in [
            ("", (0, "a value is missing")),
            ("  ", (2, "a value is missing")),
            ("[1,]", (3, "this starts no value")),
            ("[1 2]", (3, "expected ',' or ']'")),
            ("[1}", (2, "expected ',' or ']'")),
            ("[[1]", (4, "expected ',' or ']'")),
            ("{\"a\":1,}", (7, "expected a key in double quotes")),
            ("{\"a\":1]", (6, "expected ',' or '}'")),
            ("{\"a\" 1}", (5, "expected ':' after a key")),
            ("{\"a\":}", (5, "this starts no value")),
            ("{a:1}", (1, "expected a key in double quotes")),
            ("1 2", (2, "something follows the value")),
            ("[]]", (2, "something follows the value")),
            ("01", (1, "something follows the value")),
            ("-", (1, "a digit is missing")),
            ("1.", (2, "a digit is missing")),
            ("1e+", (3, "a digit is missing")),
            ("+1", (0, "this starts no value")),
            ("NaN", (0, "this starts no value")),
            ("nul", (0, "this starts no value")),
            ("trueish", (4, "something follows the value")),
            ("\u{feff}1", (0, "this starts no value")),
            ("\u{a0}1", (0, "this starts no value")),
            ("\"a", (2, "the string does not end")),
            ("\"a\\", (2, "the string does not end")),
            ("\"a\n\"", (2, "a control character must be escaped in a string")),
            (r#""\x41""#, (1, "no such escape")),
            (r#""\u12""#, (1, "'\\u' needs four hex digits")),
            (r#""\u+123""#, (1, "'\\u' needs four hex digits")),
            (r#""\u00é""#, (1, "'\\u' needs four hex digits")),
            (r#""ab\ud834""#, (3, "half of a surrogate pair")),
            (r#""\ud834\n""#, (1, "half of a surrogate pair")),
            (r#""\ud834\ud834""#, (1, "half of a surrogate pair")),
            (r#""\ud834\u""#, (7, "'\\u' needs four hex digits")),
            (r#""\udd1e""#, (1, "half of a surrogate pair")),
        ] {
            assert_eq!(problem(text), expected, "{text}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let depth = 1_000_000;
        let nested = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(compact(&nested).unwrap(), nested);
        assert_eq!(problem(&"[{\"a\":".repeat(depth)), (6 * depth, "a value is missing"));
    }

    #[test]
    fn brackets_are_told_apart_at_every_depth() {
        for depth in 1..300 {
            let kinds: Vec<bool> = (0..depth).map(|i| i * i % 7 < 3).collect();
            let opening: String = kinds.iter().map(|&object| if object { "{\"k\":" } else { "[" }).collect();
            let closing: String = kinds.iter().rev().map(|&object| if object { '}' } else { ']' }).collect();
            let nested = format!("{opening}0{closing}");
            assert_eq!(compact(&nested).unwrap(), nested);
            let wrong = nested.replacen(['}', ']'], if kinds[depth - 1] { "]" } else { "}" }, 1);
            assert!(compact(&wrong).is_err(), "{wrong}");
        }
    }

    /// JSON values as (a spelling with white space and needless escapes, the compact spelling).
    fn spellings() -> impl Strategy<Value = (String, String)> {
        let scalar = prop_oneof![
            "null|true|false|-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?"
                .prop_map(|text| (text.clone(), text)),
            string_spellings(),
        ];
        scalar.prop_recursive(6, 64, 8, |inner| {
            let array = (vec(inner.clone(), 0..8), space()).prop_map(|(items, space)| {
                let spaced: Vec<String> =
                    items.iter().map(|(spaced, _)| format!("{space}{spaced}")).collect();
                let compact: Vec<&str> = items.iter().map(|(_, compact)| compact.as_str()).collect();
                (
                    format!("[{}{space}]", spaced.join(&format!("{space},"))),
                    format!("[{}]", compact.join(",")),
                )
            });
            let object = (vec((string_spellings(), inner), 0..8), space()).prop_map(|(members, space)| {
                let spaced: Vec<String> = members
                    .iter()
                    .map(|((key, _), (value, _))| format!("{space}{key}{space}:{space}{value}"))
                    .collect();
                let compact: Vec<String> =
                    members.iter().map(|((_, key), (_, value))| format!("{key}:{value}")).collect();
                (
                    format!("{{{}{space}}}", spaced.join(&format!("{space},"))),
                    format!("{{{}}}", compact.join(",")),
                )
            });
            prop_oneof![array, object]
        })
    }

    fn space() -> impl Strategy<Value = String> {
        "[ \t\r\n]{0,3}"
    }

    fn string_spellings() -> impl Strategy<Value = (String, String)> {
        vec((any::<char>(), any::<bool>()), 0..12).prop_map(|chars| {
            let plain: String = chars.iter().map(|(char, _)| char).collect();
            let mut escaped = String::from("\"");
            for (char, escape) in chars {
                if escape || char.is_control() || matches!(char, '"' | '\\') {
                    let mut units = [0; 2];
                    char.encode_utf16(&mut units)
                        .iter()
                        .for_each(|unit| escaped += &format!("\\u{unit:04X}"));
                } else {
                    escaped.push(char);
                }
            }
            (escaped + "\"", serde_json::to_string(&plain).unwrap())
        })
    }

    fn agrees_with_serde_json(text: &str) {
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) => {
                let compact = compact(text).expect("serde_json takes it");
                assert_eq!(serde_json::from_str::<serde_json::Value>(&compact).unwrap(), value);
            }
            // serde_json has to fit 1e999 into a float, a transcoder has not.
            Err(error) if error.to_string().contains("number out of range") => {}
            Err(error) => assert!(compact(text).is_err(), "serde_json refuses {text:?}: {error}"),
        }
    }

    proptest! {
        #[test]
        fn every_spelling_comes_down_to_the_compact_one((spaced, expected) in spellings()) {
            prop_assert_eq!(compact(&spaced).unwrap(), expected.clone());
            prop_assert_eq!(compact(&expected).unwrap(), expected);
        }

        #[test]
        fn accepts_what_serde_json_accepts_and_means_the_same(
            text in "[\\[\\]{}:,\"\\\\ud8cD0-9aeE+.\\- ntrfls\n]{0,24}|\\PC*",
        ) {
            agrees_with_serde_json(&text);
        }

        #[test]
        fn a_damaged_value_is_treated_as_serde_json_does(
            (mut text, _) in spellings(),
            place: prop::sample::Index,
            with in "\\PC|[\\[\\]{},:\"\\\\]|",
        ) {
            let place = text.floor_char_boundary(place.index(text.len() + 1));
            let end = text.ceil_char_boundary((place + 1).min(text.len()));
            text.replace_range(place..end, &with);
            agrees_with_serde_json(&text);
        }
    }
}
