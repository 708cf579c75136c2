//! A position in a name, for reading a time.

use std::ops::RangeInclusive;

/// The text still to be read. A parser copies it to try a form and go back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    /// A cursor at byte `at`, which must begin a character.
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Whether no letter or digit follows.
    pub(super) fn is_at_boundary(&self) -> bool {
        !self.rest().starts_with(char::is_alphanumeric)
    }

    pub(super) fn letters(&self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|char: char| !char.is_alphabetic()).unwrap_or(rest.len());
        &rest[..end]
    }

    pub(super) fn digits(&self) -> usize {
        self.rest().bytes().take_while(u8::is_ascii_digit).count()
    }

    /// Reads all digits that follow, if `len` contains their number.
    pub(super) fn number(&mut self, len: RangeInclusive<usize>) -> Option<&'t str> {
        let count = self.digits();
        let number = self.rest().get(..count).filter(|_| len.contains(&count))?;
        self.at += count;
        Some(number)
    }

    /// Skips `word` in any case; false if something else follows.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let is_there = self.rest().get(..word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += if is_there { word.len() } else { 0 };
        is_there
    }

    /// Skips one character of `set` and returns it.
    pub(super) fn eat_any(&mut self, set: &str) -> Option<char> {
        let next = self.rest().chars().next().filter(|next| set.contains(*next))?;
        self.at += next.len_utf8();
        Some(next)
    }
}

pub(super) fn value(digits: &str) -> Option<i16> {
    digits.parse().ok()
}
