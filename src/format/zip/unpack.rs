//! The methods by which members are packed (APPNOTE.TXT 4.4.5).
//!
//! Some of them ask for memory in the packed data: it is taken from the account of all decoders before it is allocated.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use ppmd_rust::{Ppmd8Decoder, RestoreMethod};

use super::legacy;
use super::records::{u16_at, u32_at};
use super::{Remedy, Result, ZipError, ZipMember};
use crate::format::blob::Reading;
use crate::format::decoders::{BZIP2_MEMORY, Bounded, Counted, Lzma, Zstd};
use crate::memory::unpacking::{Window, window};

/// Bytes of packed data that are read at once.
const BUFFER: usize = 64 << 10;

/// Unpacks data, within the bounds of all decoders, by a method that is known and does not take too much memory.
pub(super) fn unpack<R: Read + Send + 'static>(what: &ZipMember, data: R) -> Result<Reading> {
    if what.method == 0 {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, data)));
    }
    Ok(Box::new(Bounded::new(decoder(what, data)?, what.packed)))
}

fn decoder<R: Read + Send + 'static>(what: &ZipMember, data: R) -> Result<Reading> {
    let &ZipMember { method, len, .. } = what;
    let packed = BufReader::with_capacity(BUFFER, data);
    Ok(match method {
        1..=6 => legacy::unpack(what, packed)?,
        8 => Box::new(flate2::bufread::DeflateDecoder::new(packed)),
        9 => Box::new(deflate64::Deflate64Decoder::with_buffer(packed)),
        12 => Box::new(Counted::new(BZIP2_MEMORY, || bzip2::bufread::MultiBzDecoder::new(packed))?),
        14 => lzma(packed, len)?,
        // 20 was the number of Zstandard for a while.
        20 | 93 => Box::new(Zstd::new(packed)),
        95 => Box::new(Lzma::xz(packed)?),
        98 => ppmd(packed, len)?,
        _ => {
            let reason = match name_of(method) {
                Some(name) => format!("it is packed by {name} (method {method}), which is not read here"),
                None => format!("it is packed by method {method}, which is not known here"),
            };
            return Err(ZipError::unsupported(reason, Remedy::SevenZip));
        }
    })
}

/// The names of methods that are not read.
fn name_of(method: u16) -> Option<&'static str> {
    Some(match method {
        10 => "PKWARE's own Implode",
        16 => "IBM z/OS CMPSC",
        18 => "IBM TERSE",
        19 => "IBM LZ77",
        94 => "MP3",
        96 => "JPEG",
        97 => "WavPack",
        _ => return None,
    })
}

/// LZMA: a version, the length of the properties, these, the data (APPNOTE.TXT 5.8.8): a `.lzma` file with another
/// header.
fn lzma<R: BufRead + Send + 'static>(mut packed: R, len: u64) -> Result<Reading> {
    const PROPERTIES: u16 = 5;
    let mut head = [0; 9];
    packed.read_exact(&mut head)?;
    let properties = u16_at(&head, 2);
    if properties != PROPERTIES {
        return Err(ZipError::damaged(format!(
            "its LZMA properties have {properties} bytes, where 5 are right"
        )));
    }
    // No match reaches further back than the beginning of the data.
    let dictionary = u64::from(u32_at(&head, 5)).min(len.max(4096));
    let dictionary = u32::try_from(dictionary).unwrap_or(u32::MAX);
    let file = [&head[4..5], &dictionary.to_le_bytes(), &len.to_le_bytes()].concat();
    Ok(Box::new(Lzma::alone(Cursor::new(file).chain(packed))?))
}

/// PPMd version I: order, memory (256 MiB at most) and restoration in two bytes, then the data (APPNOTE.TXT 5.10).
fn ppmd<R: BufRead + Send + 'static>(mut packed: R, len: u64) -> Result<Reading> {
    let mut head = [0; 2];
    packed.read_exact(&mut head)?;
    let head = u32::from(u16_at(&head, 0));
    let (order, memory) = ((head & 0xf) + 1, ((head >> 4 & 0xff) + 1) << 20);
    let method = match head >> 12 {
        0 => RestoreMethod::Restart,
        1 => RestoreMethod::CutOff,
        method => {
            return Err(ZipError::damaged(format!("its PPMd data has the method of restoration {method}")));
        }
    };
    let window: Window = window(memory.into()).map_err(io::Error::from)?;
    let decoder = Ppmd8Decoder::new(packed, order, memory, method).map_err(|error| match error {
        ppmd_rust::Error::IoError(error) => ZipError::from(error),
        other => ZipError::damaged(format!("its PPMd data does not begin as it should: {other}")),
    })?;
    // Not every program writes an end mark.
    Ok(Box::new(Counted::with(window, decoder.take(len))))
}
