//! Packed bytes of which the first were looked at, and are read again.

use std::io::{self, BufRead, Read};

/// A reader whose next bytes can be looked at.
pub(crate) struct Looked<R> {
    /// In reverse.
    first: Vec<u8>,
    rest: R,
}

impl<R: BufRead> Looked<R> {
    pub(crate) fn new(rest: R) -> Self {
        Self { first: Vec::new(), rest }
    }

    /// The next bytes, up to `count` of them. They stay the next ones.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut first = Vec::new();
        (&mut *self).take(count as u64).read_to_end(&mut first)?;
        self.first.extend(first.iter().rev());
        Ok(first)
    }

    /// Whether these bytes, or the end within them, are next. Takes none of them away.
    pub(crate) fn begins_with(&mut self, magic: &[u8]) -> io::Result<bool> {
        Ok(magic.starts_with(&self.peek(magic.len())?))
    }
}

impl<R: BufRead> Read for Looked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match (self.first.pop(), out) {
            (Some(byte), []) => {
                self.first.push(byte);
                Ok(0)
            }
            (Some(byte), [place, ..]) => {
                *place = byte;
                Ok(1)
            }
            (None, out) => self.rest.read(out),
        }
    }
}

impl<R: BufRead> BufRead for Looked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.first.last() {
            Some(byte) => Ok(std::slice::from_ref(byte)),
            None => self.rest.fill_buf(),
        }
    }

    fn consume(&mut self, count: usize) {
        match self.first.pop() {
            Some(byte) if count == 0 => self.first.push(byte),
            Some(_) => {}
            None => self.rest.consume(count),
        }
    }
}
