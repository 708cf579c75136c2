//! How a file is compressed as a whole: what its name and its first bytes say, and how it is unpacked.

use std::io::{self, BufRead, BufReader};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;

use super::members::Members;
use crate::format::blob::{Blob, PIECE, Reading};
use crate::format::decoders::{BZIP2_MEMORY, Bounded, Counted, Looked, Lz4, Lzma, Zstd};
use crate::format::error::unsupported;

/// How a file is compressed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    /// gzip: one or more members, each with a CRC-32 and its length.
    Gzip,
    /// Zstandard: one or more frames, each with a checksum if its writer added one (`zstd` does).
    Zstd,
    /// xz: one or more streams, each with a check if its writer added one (`xz` does).
    Xz,
    /// bzip2: one or more streams, whose blocks have a CRC-32.
    Bzip2,
    /// LZ4: one or more frames, each with a checksum if its writer added one (`lz4` does).
    Lz4,
    /// LZMA before xz: nothing in it shows whether its bytes are those that were written.
    Lzma,
    /// lzip: one or more members, each with a CRC-32 and its length.
    Lzip,
    /// The old `compress`, which is not read.
    Compress,
}

/// How the name of a packed file ends, and the short endings of a packed tar.
type Endings = (Packing, &'static str, &'static [&'static str]);

pub(crate) const ENDINGS: [Endings; 8] = [
    (Packing::Gzip, ".gz", &[".tgz", ".taz"]),
    (Packing::Zstd, ".zst", &[".tzst"]),
    (Packing::Xz, ".xz", &[".txz"]),
    (Packing::Bzip2, ".bz2", &[".tbz2", ".tbz", ".tb2", ".tz2"]),
    (Packing::Lz4, ".lz4", &[]),
    (Packing::Lzma, ".lzma", &[".tlz"]),
    (Packing::Lzip, ".lz", &[]),
    (Packing::Compress, ".z", &[]),
];

impl Packing {
    /// The packing that a file name in lower case states; the name without its ending; and the ending that a short one
    /// implies.
    pub(crate) fn of_name(name: &str) -> (Self, &str, Option<&'static str>) {
        let before = |ending: &str| name.strip_suffix(ending).filter(|stem| !stem.is_empty());
        for (packing, ending, short) in ENDINGS {
            if let Some(stem) = before(ending) {
                return (packing, stem, None);
            }
            if let Some(stem) = short.iter().find_map(|ending| before(ending)) {
                return (packing, stem, Some("tar"));
            }
        }
        (Self::Plain, name, None)
    }

    pub(crate) fn ending(self) -> &'static str {
        ENDINGS.iter().find(|(packing, ..)| *packing == self).map_or("", |(_, ending, _)| ending)
    }

    /// The packing that the first bytes of a file show, if they show one.
    pub(crate) fn of_head(head: &[u8]) -> io::Result<Option<Self>> {
        const MAGICS: [(&[u8], Packing); 7] = [
            (b"\x1f\x8b\x08", Packing::Gzip),
            (b"\x28\xb5\x2f\xfd", Packing::Zstd),
            (b"\xfd7zXZ\0", Packing::Xz),
            (b"\x04\x22\x4d\x18", Packing::Lz4),
            (b"\x02\x21\x4c\x18", Packing::Lz4),
            (b"LZIP", Packing::Lzip),
            (b"\x1f\x9d", Packing::Compress),
        ];
        if let Some((_, packing)) = MAGICS.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Ok(Some(*packing));
        }
        if head.starts_with(b"BZh") && head.get(3).is_some_and(u8::is_ascii_digit) {
            return Ok(Some(Self::Bzip2));
        }
        if is_lzma(head) {
            return Ok(Some(Self::Lzma));
        }
        const NOT_READ: [(&[u8], &str); 3] =
            [(b"\x89LZO\0", "lzop"), (b"LRZI", "lrzip"), (b"\xce\xb2\xcf\x81", "brotli")];
        match NOT_READ.iter().find(|(magic, _)| head.starts_with(magic)) {
            Some((_, program)) => Err(unsupported(format!("it is packed by {program}, which is not read"))),
            None => Ok(None),
        }
    }

    /// Reads the unpacked bytes from the start. The end comes only after every checksum held; what follows the packed
    /// data (other than zeros after gzip, which tapes leave) is an error, as it may be a damaged part.
    pub(crate) fn unpack(self, blob: &dyn Blob) -> io::Result<Reading> {
        self.unpack_within(blob, u64::MAX)
    }

    /// The same, but fails after the first `most` unpacked bytes.
    pub(crate) fn unpack_within(self, blob: &dyn Blob, most: u64) -> io::Result<Reading> {
        let packed = blob.read()?;
        if self == Self::Plain {
            return Ok(packed);
        }
        let unpacked = self.decoder(BufReader::with_capacity(PIECE, packed))?;
        Ok(Box::new(Bounded::new(unpacked, blob.len()).at_most(most)))
    }

    fn decoder<R: BufRead + Send + 'static>(self, packed: R) -> io::Result<Reading> {
        Ok(match self {
            Self::Plain => Box::new(packed),
            Self::Gzip => Box::new(Members::<R, GzDecoder<Looked<R>>>::new(packed)),
            Self::Bzip2 => {
                Box::new(Counted::new(BZIP2_MEMORY, || Members::<R, BzDecoder<Looked<R>>>::new(packed))?)
            }
            Self::Lz4 => Box::new(Lz4::new(packed)),
            Self::Zstd => Box::new(Zstd::new(packed)),
            Self::Xz => Box::new(Lzma::xz(packed)?),
            Self::Lzma => Box::new(Lzma::alone(packed)?),
            Self::Lzip => Box::new(Lzma::lzip(packed)?),
            Self::Compress => {
                return Err(unsupported("it is packed by compress, which is not read; `gzip -d` unpacks it"));
            }
        })
    }
}

/// Whether bytes begin like LZMA before xz, which has no magic number: possible properties, a size of the dictionary
/// that encoders use, and a length that is unknown or plausible.
fn is_lzma(head: &[u8]) -> bool {
    let Some((&[properties, a, b, c, d, ref len @ ..], _)) = head.split_first_chunk::<13>() else {
        return false;
    };
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    let len = u64::from_le_bytes(*len);
    properties < 9 * 5 * 5
        && dictionary.is_power_of_two()
        && dictionary >= 1 << 12
        && (len == u64::MAX || len < 1 << 40)
}
