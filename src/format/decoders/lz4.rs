//! LZ4: frame after frame.

use std::io::{self, BufRead, Cursor, Read};

use lz4_flex::frame::FrameDecoder;

use super::frames::{is_skippable, skip, trailing_garbage};
use super::{Looked, cut_is_damage, invalid};
use crate::memory::unpacking::{Window, window};

/// What a frame begins with, and one of the form before.
const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const LEGACY: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// The longest blocks of the form before.
const LEGACY_BLOCK: u64 = 8 << 20;

/// A decoder holds a block as it is packed, and two of them unpacked.
const BLOCKS: u64 = 3;

/// One frame, whose first four bytes were read already.
type Frame<R> = FrameDecoder<io::Chain<Cursor<[u8; 4]>, EndNoted<Looked<R>>>>;

/// LZ4 frames, and those that are to be skipped.
pub(crate) struct Lz4<R: BufRead> {
    /// `None` before the first frame and after each.
    frame: Option<(Frame<R>, Window)>,
    packed: Option<Looked<R>>,
    began: bool,
    /// Whether the frame is of the form that ends with the file.
    is_legacy: bool,
}

/// Notes whether a reader asked for more than there is: the decoder of LZ4 takes an end between two blocks for the end
/// of the frame.
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

impl<R: BufRead> Lz4<R> {
    pub(crate) fn new(packed: R) -> Self {
        Self { frame: None, packed: Some(Looked::new(packed)), began: false, is_legacy: false }
    }

    /// Begins the next frame. Whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        let Some(packed) = &mut self.packed else { return Ok(false) };
        loop {
            if self.began && packed.fill_buf()?.is_empty() {
                return Ok(false);
            }
            let mut magic = [0; 4];
            packed.read_exact(&mut magic).map_err(cut_is_damage)?;
            match magic {
                magic if is_skippable(magic) => skip(packed)?,
                MAGIC | LEGACY => {
                    let head = packed.peek(2)?;
                    if head.is_empty() {
                        return Err(invalid("it ends within the head of a frame"));
                    }
                    (self.began, self.is_legacy) = (true, magic == LEGACY);
                    let block = if self.is_legacy { LEGACY_BLOCK } else { longest_block(&head) };
                    let memory = window(block * BLOCKS)?;
                    let packed = self.packed.take().map(|packed| EndNoted { packed, has_ended: false });
                    let frame = packed.map(|packed| FrameDecoder::new(Cursor::new(magic).chain(packed)));
                    self.frame = frame.map(|frame| (frame, memory));
                    return Ok(true);
                }
                _ if self.began => return Err(trailing_garbage()),
                _ => return Err(invalid("it does not begin as LZ4 does")),
            }
            self.began = true;
        }
    }
}

/// How long blocks of a frame are, by the second byte of its descriptor.
fn longest_block(head: &[u8]) -> u64 {
    match head.get(1).map(|byte| byte >> 4 & 7) {
        Some(4) => 64 << 10,
        Some(5) => 256 << 10,
        Some(6) => 1 << 20,
        _ => 4 << 20,
    }
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some((frame, _)) = &mut self.frame else {
                if out.is_empty() || !self.begin()? {
                    return Ok(0);
                }
                continue;
            };
            let count = frame.read(out).map_err(cut_is_damage)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            let Some((frame, _)) = self.frame.take() else { continue };
            let (_, EndNoted { packed, has_ended }) = frame.into_inner().into_inner();
            if has_ended && !self.is_legacy {
                return Err(invalid("it ends within a frame: it was cut short"));
            }
            self.packed = Some(packed);
        }
    }
}
