//! Blocks of data: where they are, and the chunks that they are made of.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::input::{DataPlace, Input, Sizes, cut_short};
use super::toc::{Toc, TocEntry};
use crate::format::blob::{Blob, Opened};
use crate::format::error::{FormatError, invalid};

/// Bytes fetched at once.
const BUFFER: usize = 64 * 1024;

/// Types of blocks.
const DATA: u8 = 1;
const LARGE_OBJECTS: u8 = 3;

/// Opens the data of a table: its packed bytes, chunk after chunk.
pub(super) fn open(blob: &dyn Blob, toc: &Toc, entry: &TocEntry) -> Result<Chunks, FormatError> {
    let sizes = toc.header.sizes;
    let offset = match entry.data {
        DataPlace::NoData => {
            return Err(FormatError::damaged("the table of contents knows of no data"));
        }
        DataPlace::At(offset) if offset < toc.data_start || offset >= toc.len => {
            return Err(FormatError::Damaged(format!(
                "the table of contents puts its data at byte {offset}, where there is none"
            )));
        }
        DataPlace::At(offset) => offset,
        DataPlace::NotNoted => found(blob, toc, entry.dump_id)?,
    };
    let mut file = BufReader::with_capacity(BUFFER, blob.open()?);
    file.seek(SeekFrom::Start(offset))?;
    let (kind, id) = block_head(&mut file, sizes)?;
    if (kind, id) != (DATA, entry.dump_id) {
        return Err(FormatError::Damaged(format!(
            "there is a block of type {kind} for entry {id} where the data of entry {} belongs",
            entry.dump_id
        )));
    }
    Ok(Chunks { file, sizes, left: 0, ended: false })
}

/// Where each block begins, and why no more of them were found.
pub(super) type Blocks = (HashMap<i64, u64>, Option<FormatError>);

/// Where the block of an entry begins. All blocks are searched for once.
fn found(blob: &dyn Blob, toc: &Toc, wanted: i64) -> Result<u64, FormatError> {
    let (blocks, end) = match toc.scanned.get() {
        Some(scanned) => scanned,
        None => {
            let scanned = scan(blob, toc)?;
            toc.scanned.get_or_init(|| scanned)
        }
    };
    let missing = || match end {
        Some(problem) => FormatError::Damaged(format!("its data was not found: {problem}")),
        None => FormatError::damaged("it ends before the data of this table"),
    };
    blocks.get(&wanted).copied().ok_or_else(missing)
}

/// Goes from block to block, by the lengths of their chunks, until one makes no sense.
fn scan(blob: &dyn Blob, toc: &Toc) -> Result<Blocks, FormatError> {
    let sizes = toc.header.sizes;
    let mut file = BufReader::with_capacity(BUFFER, blob.open()?);
    file.seek(SeekFrom::Start(toc.data_start))?;
    let mut blocks = HashMap::new();
    let mut next = || -> Result<bool, FormatError> {
        let start = file.stream_position()?;
        if file.fill_buf()?.is_empty() {
            return Ok(false);
        }
        let (kind, id) = block_head(&mut file, sizes)?;
        blocks.entry(id).or_insert(start);
        match kind {
            DATA => skip_chunks(&mut file, sizes)?,
            // Each large object begins with its number; a number 0 ends them.
            LARGE_OBJECTS => {
                while read_int(&mut file, sizes)? != 0 {
                    skip_chunks(&mut file, sizes)?;
                }
            }
            other => {
                return Err(FormatError::Damaged(format!("there is a block of the unknown type {other}")));
            }
        }
        Ok(true)
    };
    let end = loop {
        match next() {
            Ok(true) => {}
            Ok(false) => break None,
            Err(FormatError::Io(error)) => return Err(error.into()),
            Err(problem) => break Some(problem),
        }
    };
    file.get_ref().check()?;
    Ok((blocks, end))
}

fn skip_chunks(file: &mut BufReader<Box<dyn Opened>>, sizes: Sizes) -> Result<(), FormatError> {
    loop {
        match chunk_len(read_int(file, sizes)?)? {
            0 => return Ok(()),
            // A position after the end fails when it is read.
            len => file.seek_relative(len.cast_signed())?,
        }
    }
}

fn chunk_len(int: i64) -> Result<u64, FormatError> {
    u64::try_from(int).map_err(|_| FormatError::Damaged(format!("a chunk of {int} bytes")))
}

/// Type and entry of the block that begins here.
fn block_head(file: &mut impl Read, sizes: Sizes) -> Result<(u8, i64), FormatError> {
    let mut kind = [0];
    file.read_exact(&mut kind).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => FormatError::damaged("it ends before the data of this table"),
        _ => error.into(),
    })?;
    Ok((kind[0], read_int(file, sizes)?))
}

fn read_int(file: &mut impl Read, sizes: Sizes) -> Result<i64, FormatError> {
    let mut bytes = [0; 9];
    let bytes = &mut bytes[..1 + usize::from(sizes.int)];
    file.read_exact(bytes).map_err(cut_short)?;
    let mut input = Input::new(&*bytes, bytes.len() as u64);
    input.set_sizes(sizes);
    input.int()
}

/// The packed bytes of one table: the length and the bytes of each chunk, up to a length of zero.
pub(super) struct Chunks {
    file: BufReader<Box<dyn Opened>>,
    sizes: Sizes,
    /// Bytes left of the current chunk.
    left: u64,
    ended: bool,
}

impl Chunks {
    fn begin_chunk(&mut self) -> io::Result<()> {
        self.left = read_int(&mut self.file, self.sizes).and_then(chunk_len)?;
        if self.left == 0 {
            self.ended = true;
            // All of it was read: check that the file has not changed since it was opened.
            self.file.get_ref().check()?;
        }
        Ok(())
    }
}

impl Read for Chunks {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended && !out.is_empty() {
            self.begin_chunk()?;
        }
        let room = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        let count = self.file.read(&mut out[..room])?;
        if count == 0 {
            return Err(invalid("it ends within the data of a table: it was cut short"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}
