//! What stands between the frames and members of packed formats.

use std::io::{self, BufRead, Read};

use super::{cut_is_damage, invalid};

/// Something that is not packed follows the packed data: all that is before it was whole. `gzip` and `bzip2` warn of it
/// and go on; it may be a damaged part of the file, and may be nothing.
#[derive(Debug, thiserror::Error)]
#[error("something that is not packed follows the packed data, and may be a damaged part of it")]
pub(crate) struct TrailingGarbage;

/// [`TrailingGarbage`] as an I/O error.
pub(crate) fn trailing_garbage() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, TrailingGarbage)
}

/// Whether a magic number is that of a frame to be skipped, of LZ4 and Zstandard.
pub(super) fn is_skippable(magic: [u8; 4]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// Passes a frame that is to be skipped, behind its magic number.
pub(super) fn skip(packed: &mut impl BufRead) -> io::Result<()> {
    let mut len = [0; 4];
    packed.read_exact(&mut len).map_err(cut_is_damage)?;
    let len = u64::from(u32::from_le_bytes(len));
    if io::copy(&mut packed.by_ref().take(len), &mut io::sink())? < len {
        return Err(invalid("it ends within a frame that is to be skipped"));
    }
    Ok(())
}
