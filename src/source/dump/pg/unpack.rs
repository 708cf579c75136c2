//! The data of a table, unpacked.

use std::io::{self, BufRead, BufReader, Read};

use flate2::{Decompress, FlushDecompress, Status};
use lz4_flex::frame::FrameDecoder;

use super::super::bounded::Bounded;
use super::super::error::invalid;
use super::blocks::Chunks;
use super::header::Compression;

/// Bytes of packed data fetched at once.
const BUFFER: usize = 64 * 1024;

/// Unpacks the data of one table of a file of `file_len` bytes. Packed data that ends early, or goes on behind its
/// end, is an error in the place of the end.
pub(super) fn unpack(
    chunks: Chunks,
    compression: Compression,
    file_len: u64,
) -> io::Result<Box<dyn Read + Send>> {
    let packed = BufReader::with_capacity(BUFFER, chunks);
    let unpacked: Box<dyn Read + Send> = match compression {
        Compression::None => return Ok(Box::new(packed)),
        Compression::Gzip => Box::new(Inflate { packed, state: Decompress::new(true), ended: false }),
        Compression::Lz4 => Box::new(Lz4 { frames: FrameDecoder::new(packed) }),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
    };
    Ok(Box::new(Bounded::new(unpacked, file_len)))
}

/// A zlib stream. The readers of flate2 take an end within the stream for its end.
struct Inflate<R> {
    packed: R,
    state: Decompress,
    ended: bool,
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !out.is_empty() {
            let input = self.packed.fill_buf()?;
            if input.is_empty() {
                return Err(invalid("the compressed data of a table ends too early"));
            }
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(input, out, FlushDecompress::None);
            let consumed = self.state.total_in() - before_in;
            self.packed.consume(usize::try_from(consumed).expect("no more than there was"));
            self.ended = status.map_err(io::Error::from)? == Status::StreamEnd;
            if self.ended && !self.packed.fill_buf()?.is_empty() {
                return Err(invalid("something follows the compressed data of a table"));
            }
            let made = self.state.total_out() - before_out;
            if made > 0 {
                return Ok(usize::try_from(made).expect("no more than fits"));
            }
        }
        Ok(0)
    }
}

/// LZ4 frames, one after the other. The decoder stops at the end of each.
struct Lz4<R: Read> {
    frames: FrameDecoder<R>,
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.frames.read(out)?;
            if count > 0 || out.is_empty() || self.frames.get_mut().fill_buf()?.is_empty() {
                return Ok(count);
            }
        }
    }
}
