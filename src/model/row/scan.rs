//! Splits JSON lines without white space between tokens, as rendered tables have them, into columns. Several times as
//! fast as a general JSON parser.

use super::{LineColumns, name_of};
use crate::model::jsonl::plain_prefix;

/// Values are scanned down to this depth.
const DEEPEST: usize = 32;

/// The columns of a line that is an object in compact JSON. `None` for any other line, and for values that are nested
/// deeper than [`DEEPEST`].
pub(super) fn columns(line: &[u8]) -> Option<LineColumns<'_>> {
    let text = std::str::from_utf8(line).ok()?;
    let mut scan = Scan { line, at: 0 };
    let mut columns = Vec::with_capacity(16);
    scan.token(b'{')?;
    if scan.token(b'}').is_none() {
        loop {
            let start = scan.at;
            scan.string()?;
            let name = &text[start..scan.at];
            scan.token(b':')?;
            let start = scan.at;
            scan.value(0)?;
            columns.push((name_of(name), &text[start..scan.at]));
            if scan.token(b',').is_none() {
                scan.token(b'}')?;
                break;
            }
        }
    }
    (scan.at == line.len()).then_some(columns)
}

/// A position in a line. Each method moves past the token it is named after, and returns `None` if there is another.
struct Scan<'l> {
    line: &'l [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn token(&mut self, token: u8) -> Option<()> {
        (self.peek()? == token).then(|| self.at += 1)
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' if depth < DEEPEST => self.members(b'}', |scan| {
                scan.string()?;
                scan.token(b':')?;
                scan.value(depth + 1)
            }),
            b'[' if depth < DEEPEST => self.members(b']', |scan| scan.value(depth + 1)),
            b'-' | b'0'..=b'9' => self.number(),
            b'n' => self.word(b"null"),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            _ => None,
        }
    }

    fn members(&mut self, end: u8, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        if self.token(end).is_some() {
            return Some(());
        }
        loop {
            member(self)?;
            if self.token(b',').is_none() {
                return self.token(end);
            }
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.line[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn string(&mut self) -> Option<()> {
        self.token(b'"')?;
        loop {
            self.at += plain_prefix(&self.line[self.at..]);
            let end = self.peek()?;
            self.at += 1;
            match end {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                // A control character.
                _ => return None,
            }
        }
    }

    /// Moves past what follows a backslash.
    fn escape(&mut self) -> Option<()> {
        let kind = self.peek()?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.line.get(self.at..self.at + 4)?;
                digits.iter().all(u8::is_ascii_hexdigit).then(|| self.at += 4)
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.token(b'-');
        if self.token(b'0').is_none() {
            self.digits()?;
        }
        if self.token(b'.').is_some() {
            self.digits()?;
        }
        if self.token(b'e').or_else(|| self.token(b'E')).is_some() {
            let _ = self.token(b'+').or_else(|| self.token(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let rest = &self.line[self.at..];
        let count = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        (count > 0).then(|| self.at += count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::any_columns;
    use super::*;

    /// Lines that are JSON, and lines that are nearly JSON.
    fn lines() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{\"a\":1}".to_owned()),
            "[{}\\[\\],:]",
            "\"[ -~é\n]{0,6}\"",
            "\"\\\\[\"\\\\/bfnrtux0-9]{1,5}\"",
            "-?[0-9]{1,3}([.][0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
            "null|true|false|nul|\\{\\}|\\[\\]| ",
        ];
        let members =
            prop::collection::vec(("\"[a-c\\\\]{0,2}\"", piece.clone()), 0..5).prop_map(|members| {
                let members: Vec<String> =
                    members.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            });
        prop_oneof![4 => members, 1 => prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())]
    }

    proptest! {
        #[test]
        fn a_scanned_line_has_the_columns_that_a_json_parser_finds(line in lines()) {
            let (scanned, parsed) = (columns(line.as_bytes()), any_columns(line.as_bytes()));
            // Only white space makes a difference.
            prop_assert!(scanned == parsed || scanned.is_none() && line.contains(' '), "{line}: {scanned:?}");
        }
    }

    #[test]
    fn deep_values_are_left_to_the_parser() {
        for (depth, is_scanned) in [(DEEPEST, true), (DEEPEST + 1, false), (100_000, false)] {
            let line = format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(columns(line.as_bytes()).is_some(), is_scanned, "{depth}");
        }
    }
}
