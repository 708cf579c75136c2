//! Decoders of packed data whose memory and time are bounded: zips, packed files and dumps unpack with them.

use std::io::{self, Read};

use super::error::invalid;
use crate::memory::unpacking::{Window, window};

mod bounded;
mod frames;
mod looked;
mod lz4;
mod lzma;
mod zstd;

pub(crate) use self::zstd::Zstd;
pub(crate) use bounded::{BOMB_LEN, BOMB_RATIO, Bounded, GaveUp};
pub(crate) use frames::{TrailingGarbage, trailing_garbage};
pub(crate) use looked::Looked;
pub(crate) use lz4::Lz4;
pub(crate) use lzma::Lzma;
#[cfg(test)]
pub(crate) use lzma::tests::with_largest_dictionary;

/// What bzip2 takes to unpack blocks of 900 kB.
pub(crate) const BZIP2_MEMORY: u64 = 4 << 20;

/// A decoder with the memory that was taken for it.
pub(crate) struct Counted<D> {
    decoder: D,
    _window: Window,
}

impl<D> Counted<D> {
    /// Takes `bytes` for a decoder, and then makes it.
    pub(crate) fn new(bytes: u64, make: impl FnOnce() -> D) -> io::Result<Self> {
        let window = window(bytes)?;
        Ok(Self::with(window, make()))
    }

    /// A decoder that was made with this memory.
    pub(crate) fn with(window: Window, decoder: D) -> Self {
        Self { decoder, _window: window }
    }
}

impl<D: Read> Read for Counted<D> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(out)
    }
}

/// Turns an end in the middle into damage: decoders report it in several ways.
pub(crate) fn cut_is_damage(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof if error.raw_os_error().is_none() => {
            invalid(error.to_string())
        }
        _ => error,
    }
}
