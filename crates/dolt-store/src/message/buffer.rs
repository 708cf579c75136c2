//! What holds the bytes of a message.

use std::ops::{Deref, Range};

use bytes::Bytes;

/// The bytes of a message: [`Bytes`], whose parts can be kept, or a slice, whose parts cost nothing.
pub trait Buffer: Deref<Target = [u8]> + Clone {
    /// A part of it; the range is within bounds.
    fn part(&self, range: Range<usize>) -> Self;
}

impl Buffer for Bytes {
    fn part(&self, range: Range<usize>) -> Self {
        self.slice(range)
    }
}

impl Buffer for &[u8] {
    fn part(&self, range: Range<usize>) -> Self {
        &self[range]
    }
}
