//! Decoders that read all of a packed file: one member, stream or frame after the other, to its end.

use std::io::{self, BufRead, Cursor, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use lz4_flex::frame::FrameDecoder;

use super::error::invalid;
use super::packing::decoder_error;

/// Something that is not packed follows the packed data: all that is before it was whole. `gzip` and `bzip2` warn of it
/// and go on; it may be a damaged part of the file, and may be nothing.
#[derive(Debug, thiserror::Error)]
#[error("something that is not packed follows the packed data, and may be a damaged part of it")]
pub(super) struct TrailingGarbage;

/// Whether an error says only that.
pub(super) fn is_trailing_garbage(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<TrailingGarbage>())
}

fn trailing_garbage() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, TrailingGarbage)
}

/// One member of a format of several.
pub(super) trait Member<R: BufRead>: Read {
    /// What each begins with.
    const MAGIC: &'static [u8];

    /// Whether zeros may follow the last member, which tapes leave.
    const MAY_BE_PADDED: bool;

    /// Begins to read it.
    fn begin(packed: R) -> Self;

    /// What follows it, once it was read.
    fn into_rest(self) -> R;
}

impl<R: BufRead> Member<R> for GzDecoder<R> {
    const MAGIC: &'static [u8] = b"\x1f\x8b";
    const MAY_BE_PADDED: bool = true;

    fn begin(packed: R) -> Self {
        Self::new(packed)
    }

    fn into_rest(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Member<R> for BzDecoder<R> {
    const MAGIC: &'static [u8] = b"BZh";
    const MAY_BE_PADDED: bool = false;

    fn begin(packed: R) -> Self {
        Self::new(packed)
    }

    fn into_rest(self) -> R {
        self.into_inner()
    }
}

/// Packed bytes of which the first were looked at, and are read again.
pub(super) struct Looked<R> {
    /// In reverse.
    first: Vec<u8>,
    rest: R,
}

impl<R: BufRead> Looked<R> {
    fn new(rest: R) -> Self {
        Self { first: Vec::new(), rest }
    }

    /// Whether these bytes, or the end within them, are next. Takes none of them away.
    fn begins_with(&mut self, magic: &[u8]) -> io::Result<bool> {
        let mut first = Vec::new();
        (&mut *self).take(magic.len() as u64).read_to_end(&mut first)?;
        self.first.extend(first.iter().rev());
        Ok(magic.starts_with(&first))
    }
}

impl<R: BufRead> Read for Looked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match (self.first.pop(), out) {
            (Some(byte), []) => {
                self.first.push(byte);
                Ok(0)
            }
            (Some(byte), [place, ..]) => {
                *place = byte;
                Ok(1)
            }
            (None, out) => self.rest.read(out),
        }
    }
}

impl<R: BufRead> BufRead for Looked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.first.last() {
            Some(byte) => Ok(std::slice::from_ref(byte)),
            None => self.rest.fill_buf(),
        }
    }

    fn consume(&mut self, count: usize) {
        match self.first.pop() {
            Some(byte) if count == 0 => self.first.push(byte),
            Some(_) => {}
            None => self.rest.consume(count),
        }
    }
}

/// Unpacks all members of a file.
pub(super) struct Members<R, M> {
    /// The member that is read; `None` after the last one.
    member: Option<M>,
    packed: std::marker::PhantomData<R>,
}

impl<R: BufRead, M: Member<Looked<R>>> Members<R, M> {
    pub(super) fn new(packed: R) -> Self {
        Self { member: Some(M::begin(Looked::new(packed))), packed: std::marker::PhantomData }
    }
}

impl<R: BufRead, M: Member<Looked<R>>> Read for Members<R, M> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(out).map_err(decoder_error)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            let Some(member) = self.member.take() else { break };
            let mut rest = member.into_rest();
            if another_follows(&mut rest, M::MAY_BE_PADDED)? {
                if !rest.begins_with(M::MAGIC)? {
                    return Err(trailing_garbage());
                }
                self.member = Some(M::begin(rest));
            }
        }
        Ok(0)
    }
}

/// Whether something follows that may be a member. Zeros up to the end are none.
fn another_follows(packed: &mut impl BufRead, may_be_padded: bool) -> io::Result<bool> {
    if !may_be_padded || packed.fill_buf()?.first().is_some_and(|&byte| byte != 0) {
        return Ok(!packed.fill_buf()?.is_empty());
    }
    loop {
        let rest = packed.fill_buf()?;
        if rest.is_empty() {
            return Ok(false);
        }
        if rest.iter().any(|&byte| byte != 0) {
            return Err(trailing_garbage());
        }
        let count = rest.len();
        packed.consume(count);
    }
}

/// One frame of LZ4, whose first four bytes were read already.
type Frame<R> = FrameDecoder<io::Chain<Cursor<[u8; 4]>, EndNoted<R>>>;

/// LZ4 frames, and those that are to be skipped.
pub(super) struct Lz4<R: BufRead> {
    /// `None` before the first frame and after each.
    frame: Option<Frame<R>>,
    packed: Option<R>,
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
    pub(super) fn new(packed: R) -> Self {
        Self { frame: None, packed: Some(packed), began: false, is_legacy: false }
    }

    /// Begins the next frame. Whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        let Some(packed) = &mut self.packed else { return Ok(false) };
        loop {
            if self.began && packed.fill_buf()?.is_empty() {
                return Ok(false);
            }
            let mut magic = [0; 4];
            packed.read_exact(&mut magic).map_err(decoder_error)?;
            match magic {
                [0x50..=0x5f, 0x2a, 0x4d, 0x18] => pass_frame(packed)?,
                [0x04, 0x22, 0x4d, 0x18] | [0x02, 0x21, 0x4c, 0x18] if packed.fill_buf()?.is_empty() => {
                    return Err(invalid("it ends within the head of a frame"));
                }
                [0x04, 0x22, 0x4d, 0x18] | [0x02, 0x21, 0x4c, 0x18] => {
                    (self.began, self.is_legacy) = (true, magic[0] == 0x02);
                    let packed = self.packed.take().map(|packed| EndNoted { packed, has_ended: false });
                    self.frame = packed.map(|packed| FrameDecoder::new(Cursor::new(magic).chain(packed)));
                    return Ok(true);
                }
                _ if self.began => return Err(trailing_garbage()),
                _ => return Err(invalid("it does not begin as LZ4 does")),
            }
            self.began = true;
        }
    }
}

/// Passes a frame that is to be skipped, behind its first four bytes.
fn pass_frame(packed: &mut impl BufRead) -> io::Result<()> {
    let mut len = [0; 4];
    packed.read_exact(&mut len).map_err(decoder_error)?;
    let len = u64::from(u32::from_le_bytes(len));
    if io::copy(&mut packed.by_ref().take(len), &mut io::sink())? < len {
        return Err(invalid("it ends within a frame that is to be skipped"));
    }
    Ok(())
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(frame) = &mut self.frame else {
                if out.is_empty() || !self.begin()? {
                    return Ok(0);
                }
                continue;
            };
            let count = frame.read(out).map_err(decoder_error)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            let Some(frame) = self.frame.take() else { continue };
            let (_, EndNoted { packed, has_ended }) = frame.into_inner().into_inner();
            if has_ended && !self.is_legacy {
                return Err(invalid("it ends within a frame: it was cut short"));
            }
            self.packed = Some(packed);
        }
    }
}

/// A decoder that reads several streams by itself.
pub(super) trait Decoder: Read {
    /// The packed bytes that were not read yet.
    fn rest(&mut self) -> &mut dyn BufRead;
}

impl<R: BufRead> Decoder for zstd::stream::read::Decoder<'_, R> {
    fn rest(&mut self) -> &mut dyn BufRead {
        self.get_mut()
    }
}

impl<R: BufRead> Decoder for XzDecoder<R> {
    fn rest(&mut self) -> &mut dyn BufRead {
        self.get_mut()
    }
}

/// Reads all of a packed file: refuses one of no bytes, which some decoders take for an empty file, and what follows
/// its end.
pub(super) struct Whole<D> {
    decoder: D,
    began: bool,
}

impl<D: Decoder> Whole<D> {
    pub(super) fn new(decoder: D) -> Self {
        Self { decoder, began: false }
    }
}

impl<D: Decoder> Read for Whole<D> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.began {
            if self.decoder.rest().fill_buf()?.is_empty() {
                return Err(invalid("no packed data at all"));
            }
            self.began = true;
        }
        let count = self.decoder.read(out).map_err(decoder_error)?;
        if count == 0 && !out.is_empty() && !self.decoder.rest().fill_buf()?.is_empty() {
            return Err(trailing_garbage());
        }
        Ok(count)
    }
}
