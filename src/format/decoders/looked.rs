//! Packed bytes, the first of which can be looked at before they are read.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

/// A reader whose next bytes can be looked at.
pub(crate) struct Looked<R> {
    first: VecDeque<u8>,
    rest: R,
}

impl<R: BufRead> Looked<R> {
    pub(crate) fn new(rest: R) -> Self {
        Self { first: VecDeque::new(), rest }
    }

    /// The next bytes, up to `count` of them. They stay the next ones.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut more = Vec::new();
        let missing = count.saturating_sub(self.first.len());
        (&mut self.rest).take(missing as u64).read_to_end(&mut more)?;
        self.first.extend(more);
        Ok(self.first.iter().take(count).copied().collect())
    }

    /// Whether these bytes, or the end within them, are next. Takes none of them away.
    pub(crate) fn begins_with(&mut self, magic: &[u8]) -> io::Result<bool> {
        Ok(magic.starts_with(&self.peek(magic.len())?))
    }
}

impl<R: BufRead> Read for Looked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.first.is_empty() { self.rest.read(out) } else { self.first.read(out) }
    }
}

impl<R: BufRead> BufRead for Looked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.first.is_empty() { self.rest.fill_buf() } else { self.first.fill_buf() }
    }

    fn consume(&mut self, count: usize) {
        if self.first.is_empty() { self.rest.consume(count) } else { self.first.consume(count) }
    }
}
