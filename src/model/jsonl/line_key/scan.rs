//! Finds the values of a rendered line without decoding them.

use super::super::string::plain_prefix;

/// The values of a line in order.
pub struct Values<'l> {
    line: &'l [u8],
    /// After the brace or comma before the next name.
    at: usize,
}

impl<'l> Values<'l> {
    /// The values of a line; None if it is not an object.
    pub fn of(line: &'l [u8]) -> Option<Self> {
        (line.first() == Some(&b'{')).then_some(Self { line, at: 1 })
    }

    /// The start and end of the next value; None if there is none, or the text is not a rendered line.
    pub fn next_span(&mut self) -> Option<(usize, usize)> {
        let colon = string_end(self.line, self.at).filter(|&at| self.line.get(at) == Some(&b':'))?;
        let start = colon + 1;
        // After the last value, the next call finds no name.
        let is_there = |end: &usize| matches!(self.line.get(*end), Some(b',' | b'}'));
        let end = value_end(self.line, start).filter(is_there)?;
        self.at = end + 1;
        Some((start, end))
    }
}

fn value_end(line: &[u8], start: usize) -> Option<usize> {
    match line.get(start)? {
        b'"' => string_end(line, start),
        b'{' | b'[' => nested_end(line, start),
        _ => {
            let len = line[start..].iter().position(|byte| matches!(byte, b',' | b'}'))?;
            (len > 0).then_some(start + len)
        }
    }
}

/// The end of the string whose opening quote is at `start`.
fn string_end(line: &[u8], start: usize) -> Option<usize> {
    if line.get(start) != Some(&b'"') {
        return None;
    }
    let mut at = start + 1;
    loop {
        at += plain_prefix(line.get(at..)?);
        match line.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => return None,
        }
    }
}

/// The end of the array or object that begins at `start`.
fn nested_end(line: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        match line.get(at)? {
            b'"' => {
                at = string_end(line, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}
