//! Bytes on their way to a reader.

use std::io::Read;

use bytes::Bytes;

use super::blob::{PIECE, read_full};
use super::error::FormatError;
use crate::content::Sink;

/// Pushes what is left of `reader` in pieces. Ends early, without an error, when nobody wants the rest.
pub(super) fn push_all(mut reader: impl Read, sink: &mut Sink) -> Result<(), FormatError> {
    loop {
        let mut piece = vec![0; PIECE];
        let count = read_full(&mut reader, &mut piece)?;
        if count == 0 {
            return Ok(());
        }
        piece.truncate(count);
        if count < PIECE {
            // The cache counts lengths, not what is reserved.
            piece.shrink_to_fit();
        }
        if sink.push_blocking(Bytes::from(piece)).is_err() {
            return Ok(());
        }
    }
}
