//! Checks that each line of a `.jsonl` file is JSON.
//!
//! A line that is not JSON is *wrong* if the file breaks off in it, or if no program writes such a line. Sound programs
//! write many other lines that are not JSON: these are *not checked*.

use bytes::Bytes;
use serde::de::IgnoredAny;

use crate::model::row::trimmed;
use crate::source::verify::Severity;

/// The longest line that is checked, in bytes: it is held in memory. A longer one is checked by its source alone.
const LONGEST_LINE: usize = 256 << 20;

/// How lines begin that a merge conflict left.
const MARKS_OF_MERGES: [&str; 4] = ["<<<<<<< ", "||||||| ", "=======", ">>>>>>> "];

/// Numbers that JSON does not have, but that programs write.
const NO_NUMBERS: [&str; 4] = ["NaN", "nan", "Infinity", "inf"];

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub severity: Severity,
    pub problem: String,
}

/// Checks lines that come in pieces.
#[derive(Default)]
pub(super) struct LineCheck {
    /// How many lines there are, and how many of them are not blank.
    count: u64,
    pub rows: u64,
    /// The beginning of a line whose end is in a later piece.
    begun: Vec<u8>,
    /// Whether the current line is too long to be held.
    is_long: bool,
    /// Whether the file has no lines of JSON at all. Then the rest is not checked.
    is_other: bool,
    /// The first of the worst flaws.
    pub flaw: Option<Flaw>,
}

impl LineCheck {
    /// Checks the next piece.
    pub fn take(&mut self, piece: &Bytes) {
        let mut rest = &piece[..];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            if self.begun.is_empty() && !self.is_long {
                self.check(line, false);
            } else {
                self.begin(line);
                self.end_of_begun(false);
            }
            rest = &after[1..];
        }
        self.begin(rest);
    }

    /// Checks a last line without a line feed.
    pub fn end(&mut self) {
        if self.is_long || !self.begun.is_empty() {
            self.end_of_begun(true);
        }
    }

    fn begin(&mut self, part: &[u8]) {
        if self.is_long || self.begun.len() + part.len() > LONGEST_LINE {
            self.is_long = true;
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(part);
        }
    }

    fn end_of_begun(&mut self, is_last: bool) {
        if std::mem::take(&mut self.is_long) {
            self.count += 1;
            self.rows += 1;
        } else {
            let line = std::mem::take(&mut self.begun);
            self.check(&line, is_last);
            self.begun = line;
            self.begun.clear();
        }
    }

    /// `is_last` means that the line has no line feed, so that the file may have been cut off.
    fn check(&mut self, line: &[u8], is_last: bool) {
        self.count += 1;
        let row = trimmed(line);
        if row.is_empty() {
            return;
        }
        self.rows += 1;
        if self.is_other {
            return;
        }
        let Some((severity, why)) = self.wrong_with(row, is_last) else { return };
        if self.flaw.as_ref().is_none_or(|flaw| flaw.severity < severity) {
            self.flaw = Some(Flaw { severity, problem: format!("line {} is no JSON: {why}", self.count) });
        }
    }

    fn wrong_with(&mut self, row: &[u8], is_last: bool) -> Option<(Severity, String)> {
        let is_first = self.rows == 1;
        if is_first && is_utf16(row) {
            self.is_other = true;
            return Some((Severity::Unchecked, "the file is UTF-16".to_owned()));
        }
        let text = match std::str::from_utf8(row) {
            Ok(text) => text,
            Err(error) if is_last && error.error_len().is_none() => {
                return Some((Severity::Wrong, "it breaks off within a character".to_owned()));
            }
            // It may be in another encoding.
            Err(error) => {
                let why = format!("not UTF-8 from byte {} on", error.valid_up_to() + 1);
                return Some((Severity::Unchecked, why));
            }
        };
        let error = serde_json::from_str::<IgnoredAny>(text).err()?;
        if is_last && error.is_eof() {
            return Some((Severity::Wrong, format!("{}: it was cut off", said(&error))));
        }
        if is_first && error.is_eof() && text.chars().all(|c| matches!(c, '[' | '{' | ' ' | '\t')) {
            self.is_other = true;
            let why = "the file is JSON that goes on over several lines, not one row per line";
            return Some((Severity::Unchecked, why.to_owned()));
        }
        if MARKS_OF_MERGES.iter().any(|mark| text.starts_with(mark)) {
            return Some((Severity::Unchecked, "it is the mark of a merge conflict".to_owned()));
        }
        if is_at_no_number(text, error.column()) {
            let why = format!("{}: it has a number that is none in JSON", said(&error));
            return Some((Severity::Unchecked, why));
        }
        Some((Severity::Wrong, said(&error)))
    }
}

/// The parser's reason, and the byte of the line where it stopped.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(&*text, |(reason, _)| reason);
    format!("{reason} at byte {}", error.column())
}

/// Whether one of [`NO_NUMBERS`] is where the parser found an error: at its first letter, or later if it begins like a
/// word of JSON (`nan` and `null`).
fn is_at_no_number(text: &str, column: usize) -> bool {
    let starts = (column.saturating_sub(3)..=column).filter_map(|start| text.get(start..));
    let mut words = starts.map(|rest| rest.strip_prefix('-').unwrap_or(rest));
    words.any(|word| NO_NUMBERS.iter().any(|name| word.starts_with(name)))
}

/// Whether a text begins as UTF-16 does, with a byte order mark or without.
fn is_utf16(text: &[u8]) -> bool {
    match *text {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [first, second, ..] => (first == 0) != (second == 0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8], cut: usize) -> LineCheck {
        let mut lines = LineCheck::default();
        text.chunks(cut).for_each(|piece| lines.take(&Bytes::copy_from_slice(piece)));
        lines.end();
        lines
    }

    #[test]
    fn lines_are_checked_however_they_are_cut() {
        use Severity::{Unchecked, Wrong};
        for (text, rows, flaw) in [
            (&b""[..], 0, None),
            (b"{}\n", 1, None),
            (b"{}\n[1,2]\n", 2, None),
            (b"{}\n\n{\"a\":\"\xc3\xa9\"}", 2, None),
            (b"\xef\xbb\xbf{}\r\n{}\r\n \r\n", 2, None),
            (b"{}\n{\n{}\n", 3, Some((Wrong, "line 2 is no JSON"))),
            (b"{}\n\n{\"a\":", 2, Some((Wrong, "line 3 is no JSON"))),
            (b"{}\n{\"a\":\"\xc3", 2, Some((Wrong, "line 2 is no JSON: it breaks off"))),
            (b"{\"a\":\"\xff\"}\n", 1, Some((Unchecked, "line 1 is no JSON: not UTF-8 from byte 7 on"))),
            (
                b"{}\n<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> x\n",
                6,
                Some((Unchecked, "line 2 is no JSON: it is the mark")),
            ),
            (b"<<<<<<< HEAD\n{\n", 2, Some((Wrong, "line 2"))),
            (b"{\"a\":NaN}\n", 1, Some((Unchecked, "line 1"))),
            (b"{\"a\":-Infinity}\n", 1, Some((Unchecked, "line 1"))),
            (b"{\"a\":nan}\n", 1, Some((Unchecked, "line 1"))),
            (b"{\"a\":nonsense}\n", 1, Some((Wrong, "line 1"))),
            (b"[\n {\"a\":1},\n", 2, Some((Unchecked, "line 1 is no JSON: the file is JSON that goes on"))),
            (b"{\n \"a\":1\n}", 3, Some((Unchecked, "line 1"))),
            (b"{", 1, Some((Wrong, "line 1"))),
            (b"\xff\xfe{\0}\0\n\0", 2, Some((Unchecked, "line 1 is no JSON: the file is UTF-16"))),
            (b"\0{\0}\0\n", 1, Some((Unchecked, "line 1 is no JSON: the file is UTF-16"))),
            (b"\0\0\0\0", 1, Some((Wrong, "line 1"))),
            (b"{\"a\":1}\0\n", 1, Some((Wrong, "line 1"))),
        ] {
            for cut in 1..=text.len().max(1) {
                let found = lines(text, cut);
                assert_eq!(found.rows, rows, "{text:?} cut at {cut}");
                match (flaw, found.flaw) {
                    (None, found) => assert_eq!(found, None, "{text:?} cut at {cut}"),
                    (Some((severity, problem)), Some(found)) => {
                        assert_eq!(found.severity, severity, "{text:?}: {}", found.problem);
                        assert!(found.problem.starts_with(problem), "{text:?}: {}", found.problem);
                    }
                    (Some(_), None) => panic!("{text:?} cut at {cut}"),
                }
            }
        }
    }
}
