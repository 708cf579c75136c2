//! A content held in memory: pieces with running ends.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::report::cannot_read;
use crate::source::{Content, Sink, SourceError};

/// Pieces that a source may produce ahead of us.
const AHEAD: usize = 4;

/// All bytes of one content, in the pieces in which the source made them.
#[derive(Default)]
pub struct Whole {
    pieces: Vec<Bytes>,
    /// Where each piece ends, counted from the start of the content.
    ends: Vec<u64>,
}

/// What reading a content from end to end left.
#[derive(Clone)]
pub(super) enum Loaded {
    /// All of it.
    Whole(Arc<Whole>),
    /// Only its length: it is too long to be held.
    TooLong(u64),
}

impl Loaded {
    /// Reads all of `content`, and holds it if it has no more than `limit` bytes; logs the reason where that fails.
    pub async fn read(content: &dyn Content, limit: u64) -> Result<Self, SourceError> {
        let (sink, mut pieces) = Sink::new(AHEAD);
        let mut whole = Whole::default();
        let mut len = 0;
        let collect = async {
            while let Some(piece) = pieces.recv().await {
                len += piece.len() as u64;
                if len <= limit {
                    whole.push(piece);
                } else {
                    whole = Whole::default();
                }
            }
        };
        let (outcome, ()) = futures_util::join!(content.read(sink), collect);
        outcome.inspect_err(|error| cannot_read(content, error))?;
        Ok(if len <= limit { Self::Whole(Arc::new(whole)) } else { Self::TooLong(len) })
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Whole(whole) => whole.len(),
            Self::TooLong(len) => *len,
        }
    }
}

impl Whole {
    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.ends.push(self.len() + piece.len() as u64);
            self.pieces.push(piece);
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Up to `size` bytes from `offset`; without copying where one piece holds them all.
    pub(super) fn slice(&self, offset: u64, size: usize) -> Bytes {
        let first = self.ends.partition_point(|end| *end <= offset);
        let Some(piece) = self.pieces.get(first) else { return Bytes::new() };
        let start = self.ends[first] - piece.len() as u64;
        // Smaller than the piece's length, which is a usize.
        let skip = (offset - start) as usize;
        if piece.len() - skip >= size || first + 1 == self.pieces.len() {
            return piece.slice(skip..piece.len().min(skip + size));
        }
        let mut joined = BytesMut::with_capacity(size);
        joined.extend_from_slice(&piece[skip..]);
        for piece in &self.pieces[first + 1..] {
            let wanted = size - joined.len();
            joined.extend_from_slice(&piece[..piece.len().min(wanted)]);
            if joined.len() == size {
                break;
            }
        }
        joined.freeze()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_slice_is_what_the_joined_bytes_hold_there(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10),
            offset in 0u64..120,
            size in 0usize..120,
        ) {
            let all = pieces.concat();
            let mut whole = Whole::default();
            pieces.into_iter().for_each(|p| whole.push(Bytes::from(p)));
            let from = all.len().min(offset as usize);
            let to = all.len().min(from + size);
            prop_assert_eq!(&whole.slice(offset, size)[..], &all[from..to]);
            prop_assert_eq!(whole.len(), all.len() as u64);
        }
    }
}
