//! Sparse files: a map of the parts that are stored; the rest is zeros.

use std::io::{self, Read};

use super::forward::cut_short;
use super::header::{BLOCK, TarBlock, sparse_extension};
use crate::format::error::{invalid, unsupported};

/// Parts of one file at most.
pub(super) const MOST_PARTS: usize = 1_000_000;

/// Where the stored parts belong: offset and length of each, in order. They are stored one after the other. GNU tar
/// starts each part with a block, and only its last part may end within a block; Go and bsdtar accept others, too.
#[derive(Debug, Default)]
pub(super) struct SparseMap {
    parts: Vec<(u64, u64)>,
}

impl SparseMap {
    /// The map of parts that an extended header lists.
    pub(super) fn of(parts: &[(u64, u64)]) -> io::Result<Self> {
        let mut map = Self::default();
        map.push_all(parts)?;
        Ok(map)
    }

    /// How many bytes are stored.
    pub(super) fn stored(&self) -> u64 {
        self.parts.iter().fold(0, |sum, (_, len)| sum.saturating_add(*len))
    }

    fn push(&mut self, offset: u64, len: u64) -> io::Result<()> {
        let (last_offset, last_len) = self.parts.last().copied().unwrap_or_default();
        if offset < last_offset + last_len || offset.checked_add(len).is_none() {
            return Err(invalid("the parts of a sparse file overlap"));
        }
        if self.parts.len() == MOST_PARTS {
            return Err(unsupported(format!("a sparse file of more than {MOST_PARTS} parts")));
        }
        self.parts.push((offset, len));
        Ok(())
    }

    fn push_all(&mut self, parts: &[(u64, u64)]) -> io::Result<()> {
        parts.iter().try_for_each(|&(offset, len)| self.push(offset, len))
    }
}

/// Reads the map in a member's header and the blocks after it, up to where the parts begin.
pub(super) fn header_map(archive: &mut impl Read) -> io::Result<SparseMap> {
    let not_numbers = || invalid("the map of a sparse file is no list of numbers");
    let TarBlock::Header(header) = TarBlock::of(&block(archive)?) else {
        return Err(invalid("the header of a sparse file is not there any more"));
    };
    let sparse =
        header.sparse().ok_or_else(|| unsupported("the header of a sparse file is none of GNU tar's"))?;
    let mut map = SparseMap::default();
    map.push_all(&sparse.parts.ok_or_else(not_numbers)?)?;
    let mut is_extended = sparse.is_extended;
    while is_extended {
        let (parts, more) = sparse_extension(&block(archive)?);
        map.push_all(&parts.ok_or_else(not_numbers)?)?;
        is_extended = more;
    }
    Ok(map)
}

fn block(archive: &mut impl Read) -> io::Result<[u8; BLOCK]> {
    let mut block = [0; BLOCK];
    archive.read_exact(&mut block).map_err(end_is_cut)?;
    Ok(block)
}

fn end_is_cut(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { cut_short() } else { error }
}

/// Reads the map before the parts, in form 1.0: numbers on lines of their own (how many parts, then offset and length
/// of each), between comments, filled up to a whole block. Map and parts take `stored` bytes.
pub(super) fn pax_map(archive: &mut impl Read, stored: u64) -> io::Result<SparseMap> {
    let mut text = Numbers { archive, used: 0, block: Vec::new() };
    let count = text.next()?;
    let mut map = SparseMap::default();
    for _ in 0..count {
        let (offset, len) = (text.next()?, text.next()?);
        map.push(offset, len)?;
    }
    if map.stored().checked_add(text.used) != Some(stored) {
        return Err(invalid("the map of a sparse file does not fit its length"));
    }
    Ok(map)
}

/// Numbers on lines of their own, read block by block.
struct Numbers<'a, R> {
    archive: &'a mut R,
    used: u64,
    /// What is left of the current block, in reverse.
    block: Vec<u8>,
}

impl<R: Read> Numbers<'_, R> {
    fn next(&mut self) -> io::Result<u64> {
        let mut number: Option<u64> = None;
        loop {
            match (self.byte()?, number) {
                (b'\n', Some(number)) => return Ok(number),
                (b'#', None) => while self.byte()? != b'\n' {},
                (digit @ b'0'..=b'9', before) => {
                    let digit = u64::from(digit - b'0');
                    let larger = before.unwrap_or(0).checked_mul(10).and_then(|tens| tens.checked_add(digit));
                    number =
                        Some(larger.ok_or_else(|| invalid("a number in a sparse file's map is too large"))?);
                }
                _ => return Err(invalid("the map of a sparse file is no list of numbers")),
            }
        }
    }

    fn byte(&mut self) -> io::Result<u8> {
        if let Some(byte) = self.block.pop() {
            return Ok(byte);
        }
        let block = block(self.archive)?;
        self.used += BLOCK as u64;
        self.block.extend(block.iter().rev());
        self.byte()
    }
}

pub(super) struct SparseReader {
    archive: Box<dyn Read + Send>,
    map: std::iter::Peekable<std::vec::IntoIter<(u64, u64)>>,
    position: u64,
    len: u64,
}

impl SparseReader {
    /// A file of `len` bytes. `archive` begins with its parts.
    pub(super) fn new(archive: Box<dyn Read + Send>, map: SparseMap, len: u64) -> io::Result<Self> {
        if map.parts.last().is_some_and(|(offset, part)| offset + part > len) {
            return Err(invalid("a part of a sparse file is behind its end"));
        }
        Ok(Self { archive, map: map.parts.into_iter().peekable(), position: 0, len })
    }
}

impl Read for SparseReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.map.next_if(|(offset, part)| self.position >= offset + part).is_some() {}
        let (is_hole, end) = match self.map.peek() {
            Some(&(offset, _)) if self.position < offset => (true, offset),
            Some(&(offset, part)) => (false, offset + part),
            None => (true, self.len),
        };
        let room = out.len().min(usize::try_from(end - self.position).unwrap_or(usize::MAX));
        let count = if is_hole {
            out[..room].fill(0);
            room
        } else {
            let count = self.archive.read(&mut out[..room])?;
            if count == 0 && room > 0 {
                return Err(cut_short());
            }
            count
        };
        self.position += count as u64;
        Ok(count)
    }
}
