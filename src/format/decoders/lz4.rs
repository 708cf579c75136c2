//! LZ4: frame after frame.

use std::io::{self, BufRead, Read};

use lz4_flex::frame::FrameDecoder;

use super::frames::{Frame, Frames, trailing_garbage};
use super::{Looked, invalid};

/// What a frame begins with, and what a frame of the older form begins with.
const MAGIC: &[u8] = &[0x04, 0x22, 0x4d, 0x18];
const LEGACY: &[u8] = &[0x02, 0x21, 0x4c, 0x18];

/// The longest blocks of the older form.
const LEGACY_BLOCK: u64 = 8 << 20;

/// A decoder holds a block as it is packed, and two of them unpacked.
const BLOCKS: u64 = 3;

/// Unpacks LZ4 frames, and passes over skippable ones.
pub(crate) type Lz4<R> = Frames<R, Lz4Frame<R>>;

pub(crate) struct Lz4Frame<R: BufRead> {
    decoder: FrameDecoder<EndNoted<Looked<R>>>,
    /// Whether it is a frame of the older form, which ends with the file.
    is_legacy: bool,
}

/// Notes whether a reader reached the end of the packed bytes: the decoder takes an end between two blocks for that of
/// the frame.
struct EndNoted<R> {
    packed: R,
    has_ended: bool,
}

impl<R: BufRead> Read for EndNoted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.packed.read(out)?;
        self.has_ended |= count == 0 && !out.is_empty();
        Ok(count)
    }
}

impl<R: BufRead> Frame<R> for Lz4Frame<R> {
    /// The magic number, and two bytes of the descriptor.
    const LONGEST_HEAD: usize = 6;

    fn memory(head: &[u8]) -> io::Result<Option<u64>> {
        let block = match head {
            _ if head.starts_with(LEGACY) => LEGACY_BLOCK,
            _ if head.starts_with(MAGIC) => longest_block(head.get(5)),
            _ => return Ok(None),
        };
        match head.len() {
            4 => Err(invalid("it ends within the head of a frame")),
            _ => Ok(Some(block * BLOCKS)),
        }
    }

    fn no_frame(began: bool) -> io::Error {
        if began { trailing_garbage() } else { invalid("it does not begin as LZ4 does") }
    }

    fn begin(packed: Looked<R>, head: &[u8]) -> io::Result<Self> {
        let decoder = FrameDecoder::new(EndNoted { packed, has_ended: false });
        Ok(Self { decoder, is_legacy: head.starts_with(LEGACY) })
    }

    fn into_rest(self) -> io::Result<Looked<R>> {
        let EndNoted { packed, has_ended } = self.decoder.into_inner();
        if has_ended && !self.is_legacy {
            return Err(invalid("it ends within a frame: it was cut short"));
        }
        Ok(packed)
    }
}

impl<R: BufRead> Read for Lz4Frame<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(out)
    }
}

/// How long blocks of a frame are, by the second byte of its descriptor.
fn longest_block(byte: Option<&u8>) -> u64 {
    match byte.map(|byte| byte >> 4 & 7) {
        Some(4) => 64 << 10,
        Some(5) => 256 << 10,
        Some(6) => 1 << 20,
        _ => 4 << 20,
    }
}
