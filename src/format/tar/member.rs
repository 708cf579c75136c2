//! The bytes of one member.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::forward::cut_short;
use super::sparse::{SparseMap, SparseReader};
use crate::format::blob::{Blob, Filling, Opened, Reading, Spool, Spools, has_no_room, seek_position};
use crate::format::decoders::{BOMB_LEN, BOMB_RATIO};
use crate::format::error::{invalid, unsupported};
use crate::format::packed::Packing;
use crate::format::tar::sparse;
use crate::model::content_id::ContentId;

/// The archive that holds the members.
pub(super) struct TarBlob {
    pub(super) blob: Arc<dyn Blob>,
    pub(super) packing: Packing,
    /// For members that are read in any order.
    pub(super) spools: Arc<Spools>,
    /// The unpacked length of the archive, once it is known.
    pub(super) len: OnceLock<u64>,
}

/// To read a member that begins before this offset, a packed archive is unpacked from its start.
const NEAR: u64 = 1 << 20;

/// A longer archive is not unpacked as a whole: each member is read by unpacking from the start.
const LONGEST_WHOLE: u64 = 1 << 30;

impl TarBlob {
    /// Unpacks a packed archive into a temporary file, for a member at `start`: otherwise each member would cost
    /// unpacking all before it. `None` if the member is read by unpacking from the start, because there is no room for
    /// the file, or no need for it.
    fn unpacked(&self, start: u64) -> io::Result<Option<Arc<Spool>>> {
        let Some(len) = self.len.get().copied().filter(|len| *len <= LONGEST_WHOLE) else { return Ok(None) };
        if start < NEAR {
            return Ok(None);
        }
        self.blob.check()?;
        let key = ContentId::of(&[b"unpacked tar", self.blob.key().as_bytes(), &[self.packing as u8]]);
        let fill = |file: &mut Filling| {
            let mut unpacked = self.packing.unpack(&*self.blob)?.take(len);
            io::copy(&mut unpacked, file)
        };
        match self.spools.filled(key, || Spool::filled(len, fill)) {
            Ok(spool) => Ok(Some(spool)),
            Err(error) if has_no_room(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Where a member is in the unpacked archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MemberPlace {
    /// All its bytes, from here.
    Whole { start: u64 },
    /// A sparse file in GNU tar's or star's own form. Its map is in the header at `header`; its parts take `stored`
    /// bytes.
    GnuSparse { header: u64, stored: u64 },
    /// A sparse file in form 1.0: its map and parts begin at `start` and take `stored` bytes together.
    PaxSparse { start: u64, stored: u64 },
    /// A sparse file in form 0.0 or 0.1, with its map: its parts begin at `start` and take `stored` bytes.
    MappedSparse { start: u64, stored: u64, parts: Arc<[(u64, u64)]> },
    /// A member that is not read, with the reason.
    NotRead { header: u64, reason: &'static str },
    /// A member of which nothing can be read, with the reason.
    Damaged { header: u64, problem: Arc<str> },
    /// Nowhere in the data: these are the bytes (the target of a symbolic link).
    Inline(Arc<[u8]>),
}

/// Where the bytes of a member are, and what is known of them.
#[derive(Debug, Clone)]
pub(super) struct MemberData {
    place: MemberPlace,
    /// Length in bytes, holes and all.
    len: u64,
    /// The hash of the bytes, if they were read when the members were found.
    sha256: Option<[u8; 32]>,
}

impl MemberData {
    pub(super) fn at(place: MemberPlace, len: u64) -> Self {
        Self { place, len, sha256: None }
    }

    pub(super) fn inline(bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        Self::at(MemberPlace::Inline(bytes.into()), len)
    }

    /// Where in the unpacked archive it begins.
    pub(super) fn offset(&self) -> u64 {
        match self.place {
            MemberPlace::Whole { start }
            | MemberPlace::PaxSparse { start, .. }
            | MemberPlace::MappedSparse { start, .. } => start,
            MemberPlace::GnuSparse { header, .. }
            | MemberPlace::NotRead { header, .. }
            | MemberPlace::Damaged { header, .. } => header,
            MemberPlace::Inline(_) => 0,
        }
    }

    pub(super) fn sha256(&self) -> Option<[u8; 32]> {
        self.sha256
    }

    pub(super) fn with_sha256(self, sha256: Option<[u8; 32]>) -> Self {
        Self { sha256, ..self }
    }
}

pub(crate) struct TarMember {
    pub(super) archive: Arc<TarBlob>,
    pub(super) data: MemberData,
}

impl TarMember {
    /// The unpacked archive from `start` on.
    fn archive_from(&self, start: u64) -> io::Result<Reading> {
        if self.archive.packing == Packing::Plain {
            let mut file = self.archive.blob.open()?;
            file.seek(SeekFrom::Start(start))?;
            return Ok(Box::new(CheckedAtEnd(file)));
        }
        if let Some(unpacked) = self.archive.unpacked(start)? {
            let mut file = unpacked.open();
            file.seek(SeekFrom::Start(start))?;
            return Ok(Box::new(file));
        }
        let mut stream = self.archive.packing.unpack(&*self.archive.blob)?;
        if io::copy(&mut (&mut stream).take(start), &mut io::sink())? < start {
            return Err(cut_short());
        }
        Ok(stream)
    }

    /// Reads a sparse file whose parts begin at the position of `archive` and take `stored` bytes.
    fn sparse(&self, archive: Reading, map: SparseMap, stored: u64) -> io::Result<Reading> {
        if map.stored() > stored {
            return Err(invalid("the map of a sparse file does not fit its length"));
        }
        self.refuse_bombs(map.stored())?;
        Ok(Box::new(SparseReader::new(archive, map, self.data.len)?))
    }

    /// A sparse file may claim any length: one that is nearly all holes is refused as other bombs are.
    fn refuse_bombs(&self, stored: u64) -> io::Result<()> {
        if self.data.len > BOMB_LEN && self.data.len / BOMB_RATIO > stored {
            return Err(unsupported(format!(
                "{stored} bytes stand for a sparse file of {} bytes; tar unpacks it",
                self.data.len
            )));
        }
        Ok(())
    }
}

impl Blob for TarMember {
    fn describe(&self) -> String {
        let archive = self.archive.blob.describe();
        match &self.data.place {
            MemberPlace::Inline(_) => format!("a symbolic link in {archive}"),
            _ => format!("the member at byte {} of {archive}", self.data.offset()),
        }
    }

    fn key(&self) -> ContentId {
        let archive = self.archive.blob.key();
        let parts = |kind: &[u8], place: &[u8]| {
            ContentId::of(&[
                b"tar member",
                archive.as_bytes(),
                &[self.archive.packing as u8],
                kind,
                place,
                &self.data.len.to_le_bytes(),
            ])
        };
        match &self.data.place {
            MemberPlace::Whole { start } => parts(b"whole", &start.to_le_bytes()),
            MemberPlace::GnuSparse { header, .. } => parts(b"gnu", &header.to_le_bytes()),
            MemberPlace::PaxSparse { start, .. } => parts(b"pax", &start.to_le_bytes()),
            MemberPlace::MappedSparse { start, .. } => parts(b"mapped", &start.to_le_bytes()),
            MemberPlace::NotRead { header, .. } => parts(b"not read", &header.to_le_bytes()),
            MemberPlace::Damaged { header, .. } => parts(b"damaged", &header.to_le_bytes()),
            MemberPlace::Inline(bytes) => parts(b"inline", bytes),
        }
    }

    fn len(&self) -> u64 {
        self.data.len
    }

    fn read(&self) -> io::Result<Reading> {
        match &self.data.place {
            MemberPlace::Inline(bytes) => Ok(Box::new(io::Cursor::new(Arc::clone(bytes)))),
            MemberPlace::Whole { .. } if self.data.len == 0 => {
                self.archive.blob.check()?;
                Ok(Box::new(io::empty()))
            }
            MemberPlace::Whole { start } => {
                let archive = self.archive_from(*start)?;
                let expected = self.data.sha256.map(|sha256| (Sha256::new(), sha256));
                Ok(Box::new(MemberReader { archive, left: self.data.len, expected }))
            }
            MemberPlace::GnuSparse { header, stored } => {
                let mut archive = self.archive_from(*header)?;
                let map = sparse::header_map(&mut archive)?;
                self.sparse(archive, map, *stored)
            }
            MemberPlace::MappedSparse { start, stored, parts } => {
                let archive = self.archive_from(*start)?;
                self.sparse(archive, SparseMap::of(parts)?, *stored)
            }
            MemberPlace::PaxSparse { start, stored } => {
                self.refuse_bombs(*stored)?;
                let mut archive = self.archive_from(*start)?;
                let map = sparse::pax_map(&mut archive, *stored)?;
                Ok(Box::new(SparseReader::new(archive, map, self.data.len)?))
            }
            MemberPlace::NotRead { reason, .. } => Err(unsupported(*reason)),
            MemberPlace::Damaged { problem, .. } => Err(invalid(&**problem)),
        }
    }

    fn open(&self) -> io::Result<Box<dyn Opened>> {
        match self.data.place {
            MemberPlace::Whole { start } if self.archive.packing == Packing::Plain => {
                let file = self.archive.blob.open()?;
                Ok(Box::new(Section { file, start, len: self.data.len, position: 0 }))
            }
            _ => Ok(self.archive.spools.unpacked(self)?.open()),
        }
    }

    fn check(&self) -> io::Result<()> {
        self.archive.blob.check()
    }
}

/// A file that checks after each read, and on request, that it has not changed.
struct CheckedAtEnd(Box<dyn Opened>);

impl Read for CheckedAtEnd {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(out)?;
        self.0.check()?;
        Ok(count)
    }
}

/// The bytes of a member that is stored in one piece.
struct MemberReader {
    archive: Reading,
    left: u64,
    /// The hash so far, and the expected one.
    expected: Option<(Sha256, [u8; 32])>,
}

impl Read for MemberReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        let count = self.archive.read(&mut out[..room])?;
        if count == 0 {
            return Err(cut_short());
        }
        self.left -= count as u64;
        if let Some((hash, expected)) = &mut self.expected {
            hash.update(&out[..count]);
            if self.left == 0 && hash.finalize_reset().as_slice() != expected {
                return Err(invalid("it reads otherwise than when it was listed"));
            }
        }
        Ok(count)
    }
}

/// A member of a plain archive, read in any order.
struct Section {
    file: Box<dyn Opened>,
    start: u64,
    len: u64,
    position: u64,
}

impl Read for Section {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.len.saturating_sub(self.position);
        let room = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        self.file.seek(SeekFrom::Start(self.start + self.position))?;
        let count = self.file.read(&mut out[..room])?;
        if count == 0 {
            return Err(cut_short());
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = seek_position(to, self.len, self.position)?;
        Ok(self.position)
    }
}

impl Opened for Section {
    fn check(&self) -> io::Result<()> {
        self.file.check()
    }
}
