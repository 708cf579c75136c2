//! The data of a table, unpacked.

use std::io::{self, BufRead, BufReader, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::blocks::Chunks;
use super::header::Compression;
use crate::format::blob::Reading;
use crate::format::decoders::{Bounded, Lz4, Zstd};
use crate::format::error::invalid;

/// Bytes of packed data fetched at once.
const BUFFER: usize = 64 * 1024;

/// Unpacks the data of one table of a file of `file_len` bytes. An early end, or data after the end, is an error when
/// the end is read.
pub(super) fn unpack(chunks: Chunks, compression: Compression, file_len: u64) -> io::Result<Reading> {
    let mut packed = BufReader::with_capacity(BUFFER, chunks);
    let unpacked: Reading = match compression {
        Compression::None => return Ok(Box::new(packed)),
        // A table without rows may have no frame at all.
        Compression::Lz4 | Compression::Zstd if packed.fill_buf()?.is_empty() => Box::new(packed),
        Compression::Gzip => Box::new(Inflate { packed, state: Decompress::new(true), ended: false }),
        Compression::Lz4 => Box::new(Lz4::new(packed)),
        Compression::Zstd => Box::new(Zstd::new(packed)),
    };
    Ok(Box::new(Bounded::new(unpacked, file_len)))
}

/// A zlib stream. The readers of flate2 take a cut within the stream for its end.
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
