//! The bytes of a zip, read at any place.

use std::io::{self, Read, Seek, SeekFrom};

use crate::format::blob::read_full;

/// A file, or its beginning: what is read never reaches beyond `len`.
pub(super) struct ZipBytes<'r> {
    reader: &'r mut dyn ReadSeek,
    len: u64,
}

trait ReadSeek: Read + Seek {}

impl<R: Read + Seek> ReadSeek for R {}

impl<'r> ZipBytes<'r> {
    pub(super) fn new(reader: &'r mut (impl Read + Seek)) -> io::Result<Self> {
        let len = reader.seek(SeekFrom::End(0))?;
        Ok(Self { reader, len })
    }

    pub(super) fn first(&mut self, len: u64) -> ZipBytes<'_> {
        ZipBytes { reader: &mut *self.reader, len: self.len.min(len) }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `out` from `offset` on, up to the end; returns the number of bytes.
    pub(super) fn read(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let there = self.len.saturating_sub(offset);
        let room = out.len().min(usize::try_from(there).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        self.reader.seek(SeekFrom::Start(offset))?;
        read_full(&mut self.reader, &mut out[..room])
    }

    /// `N` bytes from `offset` on, if there are that many.
    pub(super) fn array<const N: usize>(&mut self, offset: u64) -> io::Result<Option<[u8; N]>> {
        let mut out = [0; N];
        Ok((self.read(offset, &mut out)? == N).then_some(out))
    }

    /// `len` bytes from `offset` on, if there are that many.
    pub(super) fn vec(&mut self, offset: u64, len: usize) -> io::Result<Option<Vec<u8>>> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        let mut out = vec![0; len];
        Ok((self.read(offset, &mut out)? == len).then_some(out))
    }

    /// Whether these bytes stand at `offset`.
    pub(super) fn has<const N: usize>(&mut self, offset: u64, expected: &[u8; N]) -> io::Result<bool> {
        Ok(self.array::<N>(offset)?.as_ref() == Some(expected))
    }
}
