//! Packed files that are frames, one after the other, some of which have to be skipped: LZ4 and Zstandard.

use std::io::{self, BufRead, Read};

use super::{Looked, cut_is_damage, invalid};
use crate::memory::unpacking::{Window, window};

/// The decoder of one frame.
pub(crate) trait Frame<R: BufRead>: Read + Sized {
    /// How many bytes of a frame tell what its decoder takes.
    const LONGEST_HEAD: usize;

    /// How many bytes of memory the decoder takes for a frame that begins with `head`. `None` if no frame begins so.
    fn memory(head: &[u8]) -> io::Result<Option<u64>>;

    /// The error for bytes that are no frame; `began` says whether frames came before.
    fn no_frame(began: bool) -> io::Error;

    /// Begins to decode a frame, for which there is the memory.
    fn begin(packed: Looked<R>, head: &[u8]) -> io::Result<Self>;

    /// What follows the frame, once the frame was read.
    fn into_rest(self) -> io::Result<Looked<R>>;
}

pub(crate) struct Frames<R: BufRead, F> {
    /// `None` before the first frame and after each.
    frame: Option<(F, Window)>,
    packed: Option<Looked<R>>,
    began: bool,
}

impl<R: BufRead, F: Frame<R>> Frames<R, F> {
    pub(crate) fn new(packed: R) -> Self {
        Self { frame: None, packed: Some(Looked::new(packed)), began: false }
    }

    /// Begins the next frame. Returns whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        let Some(packed) = &mut self.packed else { return Ok(false) };
        loop {
            let head = packed.peek(F::LONGEST_HEAD)?;
            if head.is_empty() {
                return if self.began { Ok(false) } else { Err(invalid("no packed data at all")) };
            }
            let Some(&magic) = head.first_chunk::<4>() else {
                return Err(invalid("it ends within the head of a frame"));
            };
            if is_skippable(magic) {
                packed.read_exact(&mut [0; 4])?;
                skip(packed)?;
                self.began = true;
                continue;
            }
            let Some(memory) = F::memory(&head)? else { return Err(F::no_frame(self.began)) };
            let memory = window(memory)?;
            let Some(packed) = self.packed.take() else { return Ok(false) };
            (self.frame, self.began) = (Some((F::begin(packed, &head)?, memory)), true);
            return Ok(true);
        }
    }
}

impl<R: BufRead, F: Frame<R>> Read for Frames<R, F> {
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
            self.packed = Some(frame.into_rest()?);
        }
    }
}

/// Something that is not packed follows the packed data, which was whole. `gzip` and `bzip2` warn of it and go on; it
/// may be a damaged part of the file, or mean nothing.
#[derive(Debug, thiserror::Error)]
#[error("something that is not packed follows the packed data, and may be a damaged part of it")]
pub(crate) struct TrailingGarbage;

/// [`TrailingGarbage`] as an I/O error.
pub(crate) fn trailing_garbage() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, TrailingGarbage)
}

/// Whether a magic number is that of a skippable frame, in LZ4 and Zstandard.
fn is_skippable(magic: [u8; 4]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// Skips the rest of a skippable frame, after its magic number.
fn skip(packed: &mut impl BufRead) -> io::Result<()> {
    let mut len = [0; 4];
    packed.read_exact(&mut len).map_err(cut_is_damage)?;
    let len = u64::from(u32::from_le_bytes(len));
    if io::copy(&mut packed.by_ref().take(len), &mut io::sink())? < len {
        return Err(invalid("it ends within a frame that is to be skipped"));
    }
    Ok(())
}
