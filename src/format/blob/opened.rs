//! Bytes that are read in any order.

use std::io::{self, Read, Seek, SeekFrom};

/// An open blob, read in any order.
pub(crate) trait Opened: Read + Seek + Send {
    /// Checks, after reading, that all bytes belong to the state that was opened: else [`super::Replaced`], inside the
    /// I/O error.
    fn check(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The position that a reader of `len` bytes at `position` moves to.
pub(crate) fn seek_position(to: SeekFrom, len: u64, position: u64) -> io::Result<u64> {
    let target = match to {
        SeekFrom::Start(offset) => Some(offset),
        SeekFrom::End(offset) => len.checked_add_signed(offset),
        SeekFrom::Current(offset) => position.checked_add_signed(offset),
    };
    target.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
