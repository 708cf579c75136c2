//! The stream of an archive while its members are found: read or skipped forward only.

use std::collections::VecDeque;
use std::io::{self, Read, SeekFrom};

use sha2::{Digest, Sha256};

use super::header::BLOCK;
use crate::format::blob::{Opened, read_full};
use crate::format::error::invalid;

/// Bytes skipped at once.
const SKIPPED: usize = 64 * 1024;

pub(super) enum TarBytes {
    /// Out of a decoder.
    Stream(Box<dyn Read + Send>),
    /// A plain archive and its length. Skipped bytes are not read.
    File(Box<dyn Opened>, u64),
}

impl TarBytes {
    fn reader(&mut self) -> &mut dyn Read {
        match self {
            Self::Stream(stream) => stream,
            Self::File(file, _) => file,
        }
    }
}

pub(super) struct Forward {
    bytes: TarBytes,
    position: u64,
    /// The next block, if [`Self::peek`] has read it.
    ahead: VecDeque<u8>,
}

impl Forward {
    pub(super) fn new(bytes: TarBytes) -> Self {
        Self { bytes, position: 0, ahead: VecDeque::new() }
    }

    /// How many bytes were read or skipped.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Whether the bytes come out of a decoder, so that what is skipped is read.
    pub(super) fn is_packed(&self) -> bool {
        matches!(self.bytes, TarBytes::Stream(_))
    }

    /// The next block, which stays the next one. At the end it is shorter, or empty.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        if self.ahead.is_empty() {
            let mut block = [0; BLOCK];
            let count = read_full(&mut self.bytes.reader(), &mut block)?;
            self.ahead.extend(&block[..count]);
        }
        Ok(self.ahead.make_contiguous())
    }

    /// The next block. At the end it is shorter, or empty.
    pub(super) fn block(&mut self) -> io::Result<Vec<u8>> {
        self.peek()?;
        self.position += self.ahead.len() as u64;
        Ok(std::mem::take(&mut self.ahead).into())
    }

    /// Skips `count` bytes, or all up to the end, and returns how many there were. Bytes that are read go into `hash`.
    pub(super) fn skip(&mut self, count: u64, hash: &mut Sha256) -> io::Result<u64> {
        let begun = self.position;
        let ahead = self.ahead.len().min(usize::try_from(count).unwrap_or(usize::MAX));
        hash.update(self.ahead.drain(..ahead).collect::<Vec<u8>>());
        self.position += ahead as u64;
        let mut left = count - ahead as u64;
        if let TarBytes::File(file, len) = &mut self.bytes {
            if left > 0 {
                self.position = file.seek(SeekFrom::Start(self.position.saturating_add(left).min(*len)))?;
            }
            return Ok(self.position - begun);
        }
        let mut buffer = vec![0; usize::try_from(left).unwrap_or(SKIPPED).min(SKIPPED)];
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(SKIPPED).min(SKIPPED);
            let got = self.read(&mut buffer[..room])?;
            if got == 0 {
                break;
            }
            hash.update(&buffer[..got]);
            left -= got as u64;
        }
        Ok(self.position - begun)
    }

    /// Reads what follows the end of the archive, which proves a packed one, and returns whether it is all zeros. In a
    /// plain archive, reading stops after the first bytes that are not.
    pub(super) fn rest_is_empty(&mut self) -> io::Result<bool> {
        let mut buffer = vec![0; SKIPPED];
        let mut is_empty = true;
        loop {
            let count = self.read(&mut buffer)?;
            is_empty &= buffer[..count].iter().all(|&byte| byte == 0);
            if count == 0 || !is_empty && !self.is_packed() {
                break;
            }
        }
        Ok(is_empty)
    }

    /// Checks that a plain archive has not changed since it was opened.
    pub(super) fn check(&self) -> io::Result<()> {
        match &self.bytes {
            TarBytes::File(file, _) => file.check(),
            TarBytes::Stream(_) => Ok(()),
        }
    }
}

impl Read for Forward {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count =
            if self.ahead.is_empty() { self.bytes.reader().read(out)? } else { self.ahead.read(out)? };
        self.position += count as u64;
        Ok(count)
    }
}

pub(super) fn cut_short() -> io::Error {
    invalid("it ends within a member: it was cut short")
}
