//! Files that are compressed as a whole: `.gz`, `.zst`, `.xz`.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use async_trait::async_trait;
use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::bounded::Bounded;
use super::error::{DumpError, invalid};
use super::{DumpContent, Hasher, push_all};
use crate::model::content_id::ContentId;
use crate::source::blocking::on_blocking_thread;
use crate::source::stored::{PIECE, Stored};
use crate::source::{Content, Sink, SourceError};

/// Memory that one `.xz` may ask for: `xz -9` asks for 65 MiB, and more than 128 MiB is as good as never seen.
const XZ_MEMORY: u64 = 256 << 20;

/// How a file is compressed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Packing {
    /// Not at all.
    Plain,
    /// gzip: one or more members, each with a CRC-32 and its length.
    Gzip,
    /// Zstandard: one or more frames, each with a checksum where its writer wanted one (`zstd` does).
    Zstd,
    /// xz: one or more streams, each with a check where its writer wanted one (`xz` does).
    Xz,
}

impl Packing {
    /// What the name of a file says, and the name without that.
    pub(in crate::source) fn of_name(name: &[u8]) -> (Self, &[u8]) {
        for (suffix, packing) in [(&b".gz"[..], Self::Gzip), (b".zst", Self::Zstd), (b".xz", Self::Xz)] {
            if let Some(rest) = name.strip_suffix(suffix).filter(|rest| !rest.is_empty()) {
                return (packing, rest);
            }
        }
        (Self::Plain, name)
    }

    /// Reads the unpacked bytes from the start. The end comes only after every checksum held; what follows the packed
    /// data (other than zeros after gzip, which tapes leave) is an error, as nothing tells it from a damaged part.
    ///
    /// # Errors
    /// Those of [`Stored::read`].
    pub(in crate::source) fn unpack(self, stored: &dyn Stored) -> io::Result<Box<dyn Read + Send>> {
        let packed = stored.read()?;
        if self == Self::Plain {
            return Ok(packed);
        }
        let packed = BufReader::with_capacity(PIECE, packed);
        let unpacked: Box<dyn Read + Send> = match self {
            Self::Plain | Self::Gzip => Box::new(Gunzip { member: Some(GzDecoder::new(packed)) }),
            Self::Zstd => Box::new(NotEmpty::new(zstd::stream::read::Decoder::with_buffer(packed)?, "zstd")),
            Self::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED).map_err(io::Error::from)?;
                Box::new(XzDecoder::new_stream(packed, stream))
            }
        };
        Ok(Box::new(Bounded::new(unpacked, stored.len())))
    }
}

/// Unpacks all members of a gzip file.
struct Gunzip<R> {
    /// The member that is read; `None` after the last one.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(out)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            let mut packed = self.member.take().expect("it was just read").into_inner();
            if has_another_member(&mut packed)? {
                self.member = Some(GzDecoder::new(packed));
            }
        }
        Ok(0)
    }
}

/// Whether a member follows. Zeros up to the end do no harm.
fn has_another_member(packed: &mut impl BufRead) -> io::Result<bool> {
    if packed.fill_buf()?.first().is_some_and(|&byte| byte != 0) {
        return Ok(true);
    }
    loop {
        let rest = packed.fill_buf()?;
        if rest.is_empty() {
            return Ok(false);
        }
        if rest.iter().any(|&byte| byte != 0) {
            return Err(invalid("something follows the packed data"));
        }
        let count = rest.len();
        packed.consume(count);
    }
}

/// Refuses packed data of no bytes, which the decoder takes for an empty file.
struct NotEmpty<R: BufRead> {
    decoder: zstd::stream::read::Decoder<'static, R>,
    began: bool,
    format: &'static str,
}

impl<R: BufRead> NotEmpty<R> {
    fn new(decoder: zstd::stream::read::Decoder<'static, R>, format: &'static str) -> Self {
        Self { decoder, began: false, format }
    }
}

impl<R: BufRead> Read for NotEmpty<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.began {
            if self.decoder.get_mut().fill_buf()?.is_empty() {
                return Err(invalid(format!("no {} data at all", self.format)));
            }
            self.began = true;
        }
        self.decoder.read(out)
    }
}

/// The unpacked bytes of a file that is compressed as a whole. How long they are is not known before they are read:
/// gzip's length is modulo 4 GiB and of the last member only.
pub(in crate::source) struct PackedFile {
    /// The label of its source.
    pub(in crate::source) label: Arc<str>,
    /// The packed file.
    pub(in crate::source) stored: Arc<dyn Stored>,
    /// How it is packed.
    pub(in crate::source) packing: Packing,
}

impl PackedFile {
    fn read_blocking(&self, mut sink: Sink) -> Result<(), DumpError> {
        push_all(self.packing.unpack(&*self.stored)?, &mut sink)
    }
}

#[async_trait]
impl Content for PackedFile {
    fn is_for_good(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("unpacked {}", self.stored.describe())
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let (label, stored, packing) = (Arc::clone(&self.label), Arc::clone(&self.stored), self.packing);
        on_blocking_thread(&self.label, move || {
            let file = Self { label, stored, packing };
            file.read_blocking(sink).map_err(|error| file.fail(error))
        })
        .await
    }
}

impl PackedFile {
    fn fail(&self, error: DumpError) -> SourceError {
        let stored = self.stored.describe();
        error.at(&self.label, format!("cannot unpack {stored}"), &stored)
    }
}

impl DumpContent for PackedFile {
    fn likeness(&self) -> ContentId {
        ContentId::of(&[b"packed file", &[self.packing as u8], &self.stored.len().to_le_bytes()])
    }

    fn place(&self) -> u64 {
        0
    }

    /// That of the packed bytes: how they are packed is in the likeness, too.
    fn digest(&self) -> io::Result<[u8; 32]> {
        let mut hash = Hasher::new("packed file");
        hash.part(&[self.packing as u8]);
        io::copy(&mut self.stored.read()?, &mut hash)?;
        Ok(hash.digest())
    }
}
