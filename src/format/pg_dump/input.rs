//! The integers, offsets and strings that the header and the table of contents are made of.
//!
//! The format is described nowhere but in `pg_backup_archiver.c` of PostgreSQL, whose names are used here.

use std::io::{self, BufRead, Read};

use crate::format::error::FormatError;

/// Memory that the table of contents of one archive may take, in bytes. That of 100,000 tables takes a fifth of it.
const MOST_MEMORY: u64 = 256 << 20;

/// How integers and offsets are written, as the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Bytes of an integer, beside the one for its sign.
    pub(super) int: u8,
    /// Bytes of an offset, beside the one for its state.
    pub(super) offset: u8,
}

/// Where the data of an entry begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataPlace {
    NoData,
    /// The writer could not seek back to note it: `pg_dump` into a pipe.
    NotNoted,
    At(u64),
}

/// Reads from the start of an archive.
pub(super) struct Input<R> {
    reader: R,
    left: u64,
    memory: u64,
    sizes: Sizes,
}

impl<R: BufRead> Input<R> {
    /// Reads a file of `len` bytes.
    pub(super) fn new(reader: R, len: u64) -> Self {
        Self { reader, left: len, memory: MOST_MEMORY, sizes: Sizes { int: 4, offset: 8 } }
    }

    /// Says how the integers and offsets from here on are written.
    pub(super) fn set_sizes(&mut self, sizes: Sizes) {
        self.sizes = sizes;
    }

    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Notes that what was read takes `bytes` of memory.
    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), FormatError> {
        self.memory = self.memory.checked_sub(bytes).ok_or_else(|| {
            FormatError::Unsupported(format!("its table of contents takes more than {MOST_MEMORY} bytes"))
        })?;
        Ok(())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(cut_short)?;
        self.left = self.left.saturating_sub(N as u64);
        Ok(bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, FormatError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A sign, then the magnitude, little-endian.
    pub(super) fn int(&mut self) -> Result<i64, FormatError> {
        let negative = match self.byte()? {
            0 => false,
            1 => true,
            sign => return Err(FormatError::Damaged(format!("an integer has the sign {sign}"))),
        };
        let magnitude = i64::try_from(self.unsigned(self.sizes.int)?)
            .map_err(|_| FormatError::damaged("an integer is out of range"))?;
        Ok(if negative { -magnitude } else { magnitude })
    }

    fn unsigned(&mut self, size: u8) -> Result<u64, FormatError> {
        let mut value = 0;
        for index in 0..size {
            value |= u64::from(self.byte()?) << (8 * index);
        }
        Ok(value)
    }

    /// A state, then the offset.
    pub(super) fn data_place(&mut self) -> Result<DataPlace, FormatError> {
        let state = self.byte()?;
        let offset = self.unsigned(self.sizes.offset)?;
        match state {
            1 => Ok(DataPlace::NotNoted),
            2 => Ok(DataPlace::At(offset)),
            3 => Ok(DataPlace::NoData),
            _ => Err(FormatError::Damaged(format!("a data offset has the unknown state {state}"))),
        }
    }

    /// A length, then that many bytes; a negative length stands for no string at all.
    pub(super) fn string(&mut self) -> Result<Option<Box<[u8]>>, FormatError> {
        let Ok(len) = u64::try_from(self.int()?) else { return Ok(None) };
        if len > self.left {
            return Err(FormatError::Damaged(format!(
                "a string of {len} bytes, where {} are left",
                self.left
            )));
        }
        self.charge(len)?;
        let mut string = Vec::new();
        // The buffer grows with the bytes that are read: nothing is reserved for bytes that are not there.
        let count = (&mut self.reader).take(len).read_to_end(&mut string)?;
        if (count as u64) < len {
            return Err(cut_short(io::ErrorKind::UnexpectedEof.into()));
        }
        self.left -= len;
        Ok(Some(string.into_boxed_slice()))
    }
}

/// The error for an end within a value.
pub(super) fn cut_short(error: io::Error) -> FormatError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => FormatError::damaged("it ends too early: it was cut short"),
        _ => error.into(),
    }
}
