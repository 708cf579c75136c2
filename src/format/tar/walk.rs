//! Walks from member to member: headers, the long names and extended headers before them, and the end.
//!
//! Reads as tolerantly as GNU tar, but a block that cannot be a header ends the walk: searching for the next header, as
//! GNU tar does, could find one within the data of a damaged member.

use std::io::{self, BufReader, Read};

use sha2::{Digest, Sha256};

use super::forward::Forward;
use super::header::{BLOCK, TarBlock, TarHeader, sparse_extension};
use super::pax::ExtendedHeader;
use crate::format::error::FormatError;

/// Bytes that a name may take at most.
const LONGEST_NAME: u64 = 1 << 20;

/// A member; the walk is past its data.
pub(super) struct TarEntry {
    pub(super) name: Vec<u8>,
    /// What a link leads to.
    pub(super) link: Vec<u8>,
    /// Its type, as in the header.
    pub(super) kind: u8,
    pub(super) executable: bool,
    /// Where its header is.
    pub(super) header: u64,
    /// Where its data begins, and how many bytes it takes.
    pub(super) start: u64,
    pub(super) stored: u64,
    /// The length of a sparse file, by its header.
    pub(super) real_size: Option<u64>,
    pub(super) extended: ExtendedHeader,
    /// Why its data cannot be read.
    pub(super) problem: Option<String>,
    /// Where the archive ends, if that is within this member.
    pub(super) cut_at: Option<u64>,
    /// The hash of its data, if that was read.
    pub(super) sha256: Option<[u8; 32]>,
}

impl TarEntry {
    /// Whether it is a folder: old archives mark one by a trailing slash alone.
    pub(super) fn is_folder(&self) -> bool {
        self.kind == b'5' || self.kind == b'D' || is_file(self.kind) && self.name.ends_with(b"/")
    }
}

pub(super) enum WalkStep {
    Entry(Box<TarEntry>),
    End(TarEnd),
}

/// How an archive ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TarEnd {
    /// With blocks of zeros.
    Mark,
    /// With one block of zeros, and something after it.
    LoneBlock,
    /// With blocks of zeros, after a header that describes a member that is missing.
    LoneHeader,
    /// After the data of a member, without an end mark.
    NoMark,
    /// Within the data of the last member, whose `problem` says so.
    Cut,
    /// With damage where a header should be, or within a header.
    Damaged(String),
}

pub(super) struct TarWalk {
    forward: Forward,
    /// The extended header of all members that follow.
    global: ExtendedHeader,
    /// Whether the archive ended within the data of the last member.
    is_cut: bool,
}

/// What precedes the header of a member.
#[derive(Default)]
struct Before {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    extended: Option<ExtendedHeader>,
}

impl TarWalk {
    pub(super) fn new(forward: Forward) -> Self {
        Self { forward, global: ExtendedHeader::default(), is_cut: false }
    }

    pub(super) fn into_rest(self) -> Forward {
        self.forward
    }

    pub(super) fn next(&mut self) -> io::Result<WalkStep> {
        match self.step() {
            Ok(step) => Ok(step),
            Err(FormatError::Damaged(what)) => Ok(WalkStep::End(TarEnd::Damaged(what))),
            Err(error) => Err(error.into()),
        }
    }

    fn step(&mut self) -> Result<WalkStep, FormatError> {
        let mut before: Option<Before> = None;
        loop {
            let at = self.forward.position();
            let bytes = self.forward.block()?;
            let header = match TarBlock::of(&bytes) {
                _ if self.is_cut => return Ok(WalkStep::End(TarEnd::Cut)),
                TarBlock::Header(header) => header,
                TarBlock::Zeros if before.is_some() && bytes.is_empty() => return Err(self.cut()),
                TarBlock::Zeros if before.is_some() => return Ok(WalkStep::End(TarEnd::LoneHeader)),
                TarBlock::Zeros if bytes.is_empty() => return Ok(WalkStep::End(TarEnd::NoMark)),
                TarBlock::Zeros if at == 0 && bytes.len() < BLOCK => {
                    return Err(FormatError::damaged("it is not a tar archive"));
                }
                TarBlock::Zeros => return Ok(WalkStep::End(self.end()?)),
                TarBlock::Other if at == 0 => return Err(FormatError::damaged("it is not a tar archive")),
                TarBlock::Other if bytes.len() < BLOCK => return Err(self.cut()),
                TarBlock::Other => {
                    return Err(FormatError::Damaged(format!("at byte {at} there is no header")));
                }
            };
            match header.kind() {
                b'L' => before.get_or_insert_default().name = Some(self.long_name(&header)?),
                b'K' => before.get_or_insert_default().link = Some(self.long_name(&header)?),
                b'x' | b'X' => {
                    let extended = self.extended(&header, self.global.clone())?;
                    before.get_or_insert_default().extended = Some(extended);
                }
                b'g' => {
                    let global = std::mem::take(&mut self.global);
                    self.global = self.extended(&header, global)?;
                }
                _ => {
                    let entry = self.entry(at, &header, before.unwrap_or_default())?;
                    return Ok(WalkStep::Entry(Box::new(entry)));
                }
            }
        }
    }

    /// How the archive ends, once its first block of zeros was read.
    fn end(&mut self) -> io::Result<TarEnd> {
        let next = self.forward.peek()?;
        Ok(if next.iter().all(|&byte| byte == 0) { TarEnd::Mark } else { TarEnd::LoneBlock })
    }

    fn cut(&self) -> FormatError {
        FormatError::Damaged(format!("it was cut off at byte {}", self.forward.position()))
    }

    /// How many bytes follow a header whose data is a long name or an extended header.
    fn size_of(&self, header: &TarHeader) -> Result<u64, FormatError> {
        let at = self.forward.position() - BLOCK as u64;
        header.size().ok_or_else(|| FormatError::Damaged(format!("the header at byte {at} has no size")))
    }

    fn long_name(&mut self, header: &TarHeader) -> Result<Vec<u8>, FormatError> {
        let size = self.size_of(header)?;
        if size > LONGEST_NAME {
            return Err(FormatError::Damaged(format!(
                "the headers of a member take more than {LONGEST_NAME} bytes"
            )));
        }
        let mut name = Vec::new();
        (&mut self.forward).take(size).read_to_end(&mut name)?;
        self.pass(size - name.len() as u64, size)?;
        name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(name.len()));
        Ok(name)
    }

    /// Adds the records of an extended header to `known`.
    fn extended(
        &mut self,
        header: &TarHeader,
        mut known: ExtendedHeader,
    ) -> Result<ExtendedHeader, FormatError> {
        let size = self.size_of(header)?;
        let mut records = (&mut self.forward).take(size);
        known.add(BufReader::with_capacity(BLOCK, &mut records))?;
        let left = records.limit();
        self.pass(left, size)?;
        Ok(known)
    }

    /// Skips the rest of a header's data, and what fills its last block.
    fn pass(&mut self, left: u64, size: u64) -> Result<(), FormatError> {
        let there = self.forward.skip(left, &mut Sha256::new())?;
        self.forward.skip(filling(size), &mut Sha256::new())?;
        if there < left { Err(self.cut()) } else { Ok(()) }
    }

    fn entry(&mut self, at: u64, header: &TarHeader, before: Before) -> Result<TarEntry, FormatError> {
        let extended = before.extended.unwrap_or_else(|| self.global.clone());
        let sparse_name = extended.sparse.as_ref().and_then(|sparse| sparse.name.clone());
        let name = sparse_name.or_else(|| extended.path.clone()).or(before.name);
        let link = extended.link.clone().or(before.link);
        let mut entry = TarEntry {
            name: name.unwrap_or_else(|| header.name()),
            link: link.unwrap_or_else(|| header.link()),
            kind: header.kind(),
            executable: header.is_executable(),
            header: at,
            start: 0,
            stored: 0,
            real_size: None,
            problem: extended.problem.clone(),
            cut_at: None,
            extended,
            sha256: None,
        };
        let mut extensions = 0;
        if entry.kind == b'S' {
            extensions = self.sparse_header(header, &mut entry)?;
        }
        let size = match entry.extended.size.or_else(|| header.size()) {
            Some(size) => size.saturating_sub(extensions),
            // A volume label or a link needs no data, so it needs no valid size.
            None if may_lack_data(&entry) => 0,
            None => return Err(FormatError::Damaged(format!("the header at byte {at} has no size"))),
        };
        let has_data = size > 0 && (!may_lack_data(&entry) || !self.header_follows()?);
        entry.start = self.forward.position();
        entry.stored = if has_data { size } else { 0 };
        let mut hash = Sha256::new();
        let there = self.forward.skip(entry.stored, &mut hash)?;
        if there < entry.stored {
            self.is_cut = true;
            let end = self.forward.position();
            entry.problem = Some(format!("the archive was cut off within it, at byte {end}"));
            entry.cut_at = Some(end);
        } else if self.forward.is_packed() {
            entry.sha256 = Some(hash.finalize().into());
        }
        self.forward.skip(filling(entry.stored), &mut Sha256::new())?;
        Ok(entry)
    }

    /// Skips the blocks with more of a sparse file's map. Returns how many of their bytes count as data.
    fn sparse_header(&mut self, header: &TarHeader, entry: &mut TarEntry) -> Result<u64, FormatError> {
        let Some(sparse) = header.sparse() else { return Ok(0) };
        entry.real_size = sparse.real_size;
        let (mut is_extended, mut passed) = (sparse.is_extended, 0);
        while is_extended {
            let block = self.forward.block()?;
            let block = <[u8; BLOCK]>::try_from(block).map_err(|_| self.cut())?;
            (_, is_extended) = sparse_extension(&block);
            passed += BLOCK as u64;
        }
        Ok(if sparse.counts_extensions { passed } else { 0 })
    }

    /// Whether a header or the end is next.
    fn header_follows(&mut self) -> io::Result<bool> {
        Ok(!matches!(TarBlock::of(self.forward.peek()?), TarBlock::Other))
    }
}

/// Whether a member of this type is a file.
pub(super) fn is_file(kind: u8) -> bool {
    matches!(kind, b'0' | 0 | b'7')
}

/// Whether a member's data may be missing although it has a size: writers differ in what the size of a link or a folder
/// means. The data is there unless a header is in its place.
fn may_lack_data(entry: &TarEntry) -> bool {
    matches!(entry.kind, b'1'..=b'6' | b'V') || entry.is_folder() && entry.kind != b'D'
}

/// How many bytes fill the last block of data of this length.
fn filling(len: u64) -> u64 {
    len.wrapping_neg() % BLOCK as u64
}
