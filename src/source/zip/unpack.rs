//! The methods by which members are packed (APPNOTE.TXT 4.4.5).
//!
//! Some of them ask for memory in the packed data. What asks for more than [`MOST_MEMORY`] is refused; none takes more than
//! that, whatever the bytes say.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{self, Stream};
use ppmd_rust::{Ppmd8Decoder, RestoreMethod};

use super::records::{u16_at, u32_at};
use super::room::Room;
use super::{Remedy, ZipError};

/// Memory that unpacking one member may take. `7z -mx=9` asks for 192 MiB with PPMd, and for 64 MiB with LZMA.
const MOST_MEMORY: u32 = 256 << 20;

/// Bytes of packed data that are read at once.
const BUFFER: usize = 64 << 10;

/// Unpacks data packed by a method, of `len` bytes unpacked.
///
/// # Errors
/// [`ZipError::Unsupported`] where the method is not known, or takes too much memory; when the data does not begin as it
/// should.
pub(super) fn unpack<R: Read + Send + 'static>(
    method: u16,
    data: R,
    len: u64,
) -> Result<Box<dyn Read + Send>, ZipError> {
    let packed = BufReader::with_capacity(BUFFER, data);
    Ok(match method {
        0 => Box::new(packed),
        8 => Box::new(flate2::bufread::DeflateDecoder::new(packed)),
        9 => Box::new(deflate64::Deflate64Decoder::with_buffer(packed)),
        12 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
        14 => lzma(packed, len)?,
        // 20 was the number of Zstandard for a while.
        20 | 93 => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
            decoder.window_log_max(MOST_MEMORY.ilog2())?;
            Box::new(Explained {
                decoder,
                is_too_large: |error| error.to_string().contains("too much memory"),
            })
        }
        95 => {
            let stream = Stream::new_stream_decoder(MOST_MEMORY.into(), 0).map_err(io::Error::from)?;
            Box::new(Explained { decoder: XzDecoder::new_stream(packed, stream), is_too_large })
        }
        98 => ppmd(packed, len)?,
        _ => {
            return Err(ZipError::Unsupported {
                reason: match name_of(method) {
                    Some(name) => format!("it is packed by {name} (method {method}), which is not read here"),
                    None => format!("it is packed by method {method}, which is not known here"),
                },
                remedy: Remedy::SevenZip,
            });
        }
    })
}

/// What methods are called that are not read.
fn name_of(method: u16) -> Option<&'static str> {
    Some(match method {
        1 => "Shrink",
        2..=5 => "Reduce",
        6 => "Implode",
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

fn too_large(asked: Option<u64>) -> ZipError {
    let asked = asked.map_or_else(|| "more".to_owned(), |bytes| format!("{} MiB", bytes.div_ceil(1 << 20)));
    ZipError::Unsupported {
        reason: format!("to unpack it takes {asked} of memory, and {} MiB are allowed", MOST_MEMORY >> 20),
        remedy: Remedy::SevenZip,
    }
}

/// LZMA: a version, the length of the properties, the properties, the data (APPNOTE.TXT 5.8.8). That is a `.lzma` file with
/// another head.
fn lzma<R: BufRead + Send + 'static>(mut packed: R, len: u64) -> Result<Box<dyn Read + Send>, ZipError> {
    const PROPERTIES: u16 = 5;
    let mut head = [0; 9];
    packed.read_exact(&mut head)?;
    let properties = u16_at(&head, 2);
    if properties != PROPERTIES {
        return Err(ZipError::damaged(format!(
            "its LZMA properties have {properties} bytes, where 5 are right"
        )));
    }
    // Nothing lies further back than the beginning of the data.
    let asked = u64::from(u32_at(&head, 5)).min(len.max(4096));
    if asked > MOST_MEMORY.into() {
        return Err(too_large(Some(asked)));
    }
    let dictionary = u32::try_from(asked).unwrap_or(MOST_MEMORY);
    let file = [&head[4..5], &dictionary.to_le_bytes(), &len.to_le_bytes()].concat();
    // The decoder takes some memory beside the dictionary.
    let stream = Stream::new_lzma_decoder(u64::from(MOST_MEMORY) + (1 << 20)).map_err(io::Error::from)?;
    let packed = Cursor::new(file).chain(packed);
    Ok(Box::new(Explained { decoder: XzDecoder::new_stream(packed, stream), is_too_large }))
}

fn is_too_large(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<stream::Error>());
    matches!(cause, Some(stream::Error::MemLimit | stream::Error::Mem))
}

/// PPMd version I: order, memory and method of restoration in two bytes, then the data (APPNOTE.TXT 5.10). 256 MiB are as
/// much as they can ask for.
fn ppmd<R: BufRead + Send + 'static>(mut packed: R, len: u64) -> Result<Box<dyn Read + Send>, ZipError> {
    let mut head = [0; 2];
    packed.read_exact(&mut head)?;
    let head = u32::from(u16_at(&head, 0));
    let (order, memory) = ((head & 0xf) + 1, ((head >> 4 & 0xff) + 1) << 20);
    let room = Room::take(memory.into())?;
    let decoder = match head >> 12 {
        0 => Ppmd8Decoder::new(packed, order, memory, RestoreMethod::Restart),
        1 => Ppmd8Decoder::new(packed, order, memory, RestoreMethod::CutOff),
        method => {
            return Err(ZipError::damaged(format!("its PPMd data has the method of restoration {method}")));
        }
    };
    let decoder = decoder.map_err(|error| match error {
        ppmd_rust::Error::IoError(error) => ZipError::from(error),
        ppmd_rust::Error::MemoryAllocation => too_large(Some(memory.into())),
        other => ZipError::damaged(format!("its PPMd data does not begin as it should: {other}")),
    })?;
    // Not every program writes a mark at its end.
    Ok(Box::new(Roomy { decoder: decoder.take(len), _room: room }))
}

/// A decoder that takes much memory.
struct Roomy<D> {
    decoder: D,
    _room: Room,
}

impl<D: Read> Read for Roomy<D> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(out)
    }
}

/// A decoder that says where it was refused memory.
struct Explained<D> {
    decoder: D,
    is_too_large: fn(&io::Error) -> bool,
}

impl<D: Read> Read for Explained<D> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(out).map_err(|error| match (self.is_too_large)(&error) {
            true => too_large(None).into(),
            false => error,
        })
    }
}
