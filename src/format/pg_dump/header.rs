//! The head of an archive.

use std::io::BufRead;

use super::input::{Input, Sizes};
use crate::format::error::FormatError;

/// What every archive begins with.
pub(super) const MAGIC: [u8; 5] = *b"PGDMP";

/// The number of the custom format; the same header is in front of other formats.
const CUSTOM: u8 = 1;

/// How table data is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all: nothing shows whether its bytes are still those that were written.
    None,
    /// A zlib stream, which ends in an Adler-32.
    Gzip,
    /// LZ4 frames, which `pg_dump` writes without checksums.
    Lz4,
    /// Zstandard frames, which `pg_dump` writes without checksums.
    Zstd,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DumpHeader {
    /// The minor version of the format: 12 to 16. The major one is 1.
    pub(crate) minor: u8,
    pub(super) sizes: Sizes,
    pub(crate) compression: Compression,
    /// When it was written, in the writer's local time: year, month, day, hour, minute, second.
    pub(crate) created: [i64; 6],
    pub(crate) database: Box<[u8]>,
    /// The version of the server.
    pub(crate) server: Box<[u8]>,
    /// The version of `pg_dump`.
    pub(crate) pg_dump: Box<[u8]>,
}

impl DumpHeader {
    pub(super) fn read(input: &mut Input<impl BufRead>) -> Result<Self, FormatError> {
        if input.array::<5>()? != MAGIC {
            return Err(FormatError::Unsupported(
                "it is no archive in pg_dump's custom format (those begin with PGDMP)".into(),
            ));
        }
        let [major, minor, _revision] = input.array::<3>()?;
        if major != 1 || !(12..=16).contains(&minor) {
            return Err(FormatError::Unsupported(format!(
                "archive version {major}.{minor}; 1.12 to 1.16 are read (pg_dump of PostgreSQL 9.0 to 18)"
            )));
        }
        let [int, offset, format] = input.array::<3>()?;
        let sizes = Sizes { int, offset };
        if !(4..=8).contains(&int) || !(4..=8).contains(&offset) {
            return Err(FormatError::Damaged(format!("integers of {int} and offsets of {offset} bytes")));
        }
        if format != CUSTOM {
            return Err(FormatError::Unsupported(format!(
                "archive format {format}; only the custom format (pg_dump -Fc) is read"
            )));
        }
        input.set_sizes(sizes);
        let compression = compression(input, minor)?;
        let [second, minute, hour, day, month, year, _is_dst] = read_ints(input)?;
        // As in C's `struct tm`.
        let created = [year.saturating_add(1900), month.saturating_add(1), day, hour, minute, second];
        let mut text = || -> Result<Box<[u8]>, FormatError> { Ok(input.string()?.unwrap_or_default()) };
        let (database, server, pg_dump) = (text()?, text()?, text()?);
        Ok(Self { minor, sizes, compression, created, database, server, pg_dump })
    }
}

fn read_ints<const N: usize>(input: &mut Input<impl BufRead>) -> Result<[i64; N], FormatError> {
    let mut ints = [0; N];
    for int in &mut ints {
        *int = input.int()?;
    }
    Ok(ints)
}

fn compression(input: &mut Input<impl BufRead>, minor: u8) -> Result<Compression, FormatError> {
    if minor < 15 {
        // The level of zlib: -1 for its default.
        return Ok(if input.int()? == 0 { Compression::None } else { Compression::Gzip });
    }
    match input.byte()? {
        0 => Ok(Compression::None),
        1 => Ok(Compression::Gzip),
        2 => Ok(Compression::Lz4),
        3 => Ok(Compression::Zstd),
        other => Err(FormatError::Unsupported(format!("compression method {other}"))),
    }
}
