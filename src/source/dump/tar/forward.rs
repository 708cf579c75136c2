//! The stream of an archive while its members are found: read or skipped forward only.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::super::error::invalid;
use crate::source::stored::Opened;

/// Bytes that the headers of one member may take: long names and extended attributes. The tar crate holds them in
/// memory.
const LONGEST_HEADERS: u64 = 1 << 20;

/// Bytes skipped at once.
const SKIPPED: usize = 64 * 1024;

/// Where the bytes come from.
pub(super) enum Bytes {
    /// Out of a decoder.
    Stream(Box<dyn Read + Send>),
    /// A plain archive of so many bytes, in which what is skipped is not read.
    File(Box<dyn Opened>, u64),
}

/// What is found out on the way.
#[derive(Default)]
pub(super) struct Notes {
    /// Whether the bytes have ended.
    pub(super) ended: bool,
    /// How many bytes may be read for the headers of the next member.
    header_room: u64,
    /// Hashes that many of the bytes that are skipped next.
    hashing: Option<(u64, Sha256)>,
}

impl Notes {
    /// The next bytes that are read are headers of one member.
    pub(super) fn expect_headers(&mut self) {
        self.header_room = LONGEST_HEADERS;
    }

    /// The next bytes that are skipped are these many of a member.
    pub(super) fn expect_data(&mut self, len: u64) {
        self.hashing = Some((len, Sha256::new()));
    }

    /// The SHA-256 of the data that was expected; `None` where it was not all there.
    pub(super) fn data_hash(&mut self) -> Option<[u8; 32]> {
        self.hashing.take().filter(|(left, _)| *left == 0).map(|(_, hash)| hash.finalize().into())
    }
}

/// Reads an archive forward, on behalf of the tar crate.
pub(super) struct Forward {
    bytes: Bytes,
    position: u64,
    notes: Rc<RefCell<Notes>>,
}

impl Forward {
    pub(super) fn new(bytes: Bytes, notes: &Rc<RefCell<Notes>>) -> Self {
        Self { bytes, position: 0, notes: Rc::clone(notes) }
    }

    /// Reads what follows the end of the archive, which proves a packed one. Whether it is all zeros: of a plain one
    /// nothing behind the first other byte is read.
    pub(super) fn rest_is_empty(&mut self) -> io::Result<bool> {
        let mut buffer = vec![0; SKIPPED];
        let mut is_empty = true;
        loop {
            let count = self.raw_read(&mut buffer)?;
            is_empty &= buffer[..count].iter().all(|&byte| byte == 0);
            if count == 0 || !is_empty && matches!(self.bytes, Bytes::File(..)) {
                break;
            }
        }
        if let Bytes::File(file, _) = &self.bytes {
            file.check()?;
        }
        Ok(is_empty)
    }

    fn raw_read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.bytes {
            Bytes::Stream(stream) => stream.read(out)?,
            Bytes::File(file, _) => file.read(out)?,
        };
        self.position += count as u64;
        Ok(count)
    }

    fn skip(&mut self, mut count: u64) -> io::Result<()> {
        let target = self.position.checked_add(count);
        if let Bytes::File(file, len) = &mut self.bytes {
            let target = target.filter(|target| target <= len).ok_or_else(cut_short)?;
            self.position = file.seek(SeekFrom::Start(target))?;
            return Ok(());
        }
        let mut buffer = vec![0; SKIPPED];
        while count > 0 {
            let room = usize::try_from(count).unwrap_or(SKIPPED).min(SKIPPED);
            let got = self.raw_read(&mut buffer[..room])?;
            if got == 0 {
                return Err(cut_short());
            }
            if let Some((left, hash)) = &mut self.notes.borrow_mut().hashing {
                let data = usize::try_from(*left).unwrap_or(got).min(got);
                hash.update(&buffer[..data]);
                *left -= data as u64;
            }
            count -= got as u64;
        }
        Ok(())
    }
}

pub(super) fn cut_short() -> io::Error {
    invalid("it ends within a member: it was cut short")
}

impl Read for Forward {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.raw_read(out)?;
        let mut notes = self.notes.borrow_mut();
        notes.ended = count == 0 && !out.is_empty();
        notes.header_room = notes.header_room.checked_sub(count as u64).ok_or_else(|| {
            invalid(format!("the headers of a member take more than {LONGEST_HEADERS} bytes"))
        })?;
        Ok(count)
    }
}

impl Seek for Forward {
    /// Forward only.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Current(count @ 0..) => self.skip(count.unsigned_abs())?,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(self.position)
    }
}
