//! The frames of a request and its answer on a socket: a byte for the kind, the length, and the bytes.

use std::io::{self, ErrorKind, Read, Write};

use serde::{Deserialize, Serialize};

use super::super::limits::Limits;
use super::super::problem::{Result, SqliteProblem};
use super::super::query::Query;
use crate::model::number::to_usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// The query.
    Request,
    /// A piece of the answer.
    Piece,
    /// The answer is whole.
    Done,
    /// Why there is no answer.
    Problem,
    /// There is no answer for want of memory.
    OutOfMemory,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) query: Query,
    pub(super) limits: Limits,
}

const ALL: [Frame; 5] = [Frame::Request, Frame::Piece, Frame::Done, Frame::Problem, Frame::OutOfMemory];

/// Bytes before those of the frame.
const HEAD: usize = 9;

pub(super) fn write(to: &mut impl Write, frame: Frame, bytes: &[u8]) -> io::Result<()> {
    let mut head = [frame as u8; HEAD];
    head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    to.write_all(&head)?;
    to.write_all(bytes)
}

/// Reads a frame of up to `most` bytes; `None` at the end. Whenever a read times out, `patience` says whether to go on.
pub(super) fn read(
    mut from: impl Read,
    most: u64,
    patience: impl Fn() -> Result<()>,
) -> Result<Option<(Frame, Vec<u8>)>> {
    let mut head = [0; HEAD];
    if !fill(&mut from, &mut head, &patience)? {
        return Ok(None);
    }
    let broken = |what| SqliteProblem::Io(io::Error::new(ErrorKind::InvalidData, what));
    let frame = ALL.into_iter().find(|frame| *frame as u8 == head[0]);
    let frame = frame.ok_or_else(|| broken("the process of a query answers with what is no answer"))?;
    let len = u64::from_le_bytes(*head.last_chunk().expect("it is longer"));
    if len > most {
        return Err(broken("the process of a query answers with more than it may hold"));
    }
    let mut bytes = vec![0; to_usize(len)];
    Ok(fill(&mut from, &mut bytes, &patience)?.then_some((frame, bytes)))
}

/// Returns whether there were as many bytes.
fn fill(from: &mut impl Read, out: &mut [u8], patience: &impl Fn() -> Result<()>) -> Result<bool> {
    let mut filled = 0;
    while filled < out.len() {
        match from.read(&mut out[filled..]) {
            Ok(0) => return Ok(false),
            Ok(count) => filled += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => patience()?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The other process was killed before it read all bytes.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_are_read_as_they_were_written_and_a_cut_one_is_the_end() {
        let mut written = Vec::new();
        for (number, frame) in ALL.into_iter().enumerate() {
            write(&mut written, frame, &vec![7; number * 1000]).expect("memory");
        }
        let mut rest = &*written;
        for (number, frame) in ALL.into_iter().enumerate() {
            let (read, bytes) = read(&mut rest, 10_000, || Ok(())).expect("sound").expect("a frame");
            assert_eq!((read, bytes), (frame, vec![7; number * 1000]));
        }
        assert!(read(&mut rest, 10_000, || Ok(())).expect("sound").is_none());
        assert!(read(&written[..written.len() - 1][9..], 10_000, || Ok(())).is_ok());
        assert!(read(&written[1018..2000], 10_000, || Ok(())).expect("sound").is_none(), "cut");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_take_much_memory(bytes in any::<Vec<u8>>()) {
            let _ = read(&*bytes, 1000, || Ok(()));
        }
    }
}
