//! Bytes on their way to a reader.

use std::io::{self, Read};

use bytes::Bytes;

use super::blob::{PIECE, read_full};
use crate::content::{Closed, Sink};

/// Pushes what is left of `reader`, at most `most` bytes, in pieces. Ends early, with false, when the receiver wants no
/// more.
pub(super) fn push_all(mut reader: impl Read, most: u64, sink: &mut Sink) -> io::Result<bool> {
    let mut left = most;
    loop {
        let mut piece = vec![0; usize::try_from(left.min(PIECE as u64)).expect("at most PIECE")];
        let count = read_full(&mut reader, &mut piece)?;
        if count == 0 {
            return Ok(true);
        }
        left -= count as u64;
        piece.truncate(count);
        // The cache counts the length of a piece, not what it reserves.
        piece.shrink_to_fit();
        if sink.push_blocking(Bytes::from(piece)).is_err() {
            return Ok(false);
        }
    }
}

/// Lines, gathered into pieces.
pub(super) struct Gathered {
    sink: Sink,
    pub(super) pending: Vec<u8>,
}

impl Gathered {
    pub(super) fn new(sink: Sink) -> Self {
        Self { sink, pending: Vec::new() }
    }

    pub(super) fn flush_if_full(&mut self) -> Result<(), Closed> {
        if self.pending.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    pub(super) fn flush(&mut self) -> Result<(), Closed> {
        if self.pending.is_empty() {
            return Ok(());
        }
        // Copied, so that a piece takes as much memory as its length says: the cache counts lengths.
        let piece = Bytes::copy_from_slice(&self.pending);
        self.pending.clear();
        self.sink.push_blocking(piece)
    }
}
