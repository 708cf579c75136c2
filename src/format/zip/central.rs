//! The headers of the central directory.

use std::io;

use super::bytes::ZipBytes;
use super::extra::{self, Numbers};
use super::records::{CENTRAL, CENTRAL_LEN, u16_at, u32_at};
use super::{Result, ZipError};
use crate::content::FileKind;

/// Members of one zip at most: each takes about 200 bytes of memory.
pub(super) const MOST_MEMBERS: usize = 4_000_000;

/// The longest target of a symbolic link that Linux takes (`PATH_MAX`, without its NUL).
const LONGEST_TARGET: u64 = 4095;

/// The kind of system on which a member was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// MS-DOS, and programs on Windows that write the same as those of MS-DOS.
    Dos,
    /// Windows and OS/2, whose programs write the names of DOS.
    Windows,
    Unix,
    /// Any other, such as macOS.
    Other,
}

impl Host {
    /// The system with this number (APPNOTE.TXT 4.4.2.2; 11 is NTFS, too, for Info-ZIP).
    pub(super) fn of(number: u8) -> Self {
        match number {
            0 => Self::Dos,
            6 | 10 | 11 | 14 => Self::Windows,
            3 => Self::Unix,
            _ => Self::Other,
        }
    }
}

#[derive(Debug)]
pub(super) struct CentralHeader {
    pub(super) host: Host,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) numbers: Numbers,
    /// The file's attributes, in the form of the system that packed it.
    pub(super) attributes: u32,
    /// The name as it stands in the header.
    pub(super) name: Box<[u8]>,
    /// The name that an extra field gives.
    pub(super) unicode: Option<Box<str>>,
}

/// Headers that follow each other.
pub(super) struct HeaderWalk {
    pub(super) start: u64,
    pub(super) headers: Vec<CentralHeader>,
    /// Where the last one ends.
    pub(super) end: u64,
    /// Whether the comment of the last one would reach beyond the limit.
    pub(super) is_cut: bool,
}

impl HeaderWalk {
    /// Reads headers from `start` on, up to where there is none, or one reaches beyond `limit`. Each takes one from
    /// `patience`.
    pub(super) fn through(
        bytes: &mut ZipBytes<'_>,
        start: u64,
        limit: u64,
        patience: &mut usize,
    ) -> Result<Self> {
        let mut walk = Self { start, headers: Vec::new(), end: start, is_cut: false };
        while *patience > 0 && walk.end < limit {
            let Some((header, [comment, end])) = CentralHeader::at(bytes, walk.end)? else { break };
            if comment > limit {
                break;
            }
            if walk.headers.len() == MOST_MEMBERS {
                let reason = format!("it has more than {MOST_MEMBERS} members");
                return Err(ZipError::unsupported(reason, super::Remedy::SevenZip));
            }
            *patience -= 1;
            walk.headers.push(header);
            walk.end = end.min(limit);
            walk.is_cut = end > limit;
        }
        Ok(walk)
    }
}

impl CentralHeader {
    /// The header at `at`, if there is one, with where its comment begins and where it ends.
    fn at(bytes: &mut ZipBytes<'_>, at: u64) -> io::Result<Option<(Self, [u64; 2])>> {
        let Some(fixed) = bytes.array::<CENTRAL_LEN>(at)? else { return Ok(None) };
        if !fixed.starts_with(&CENTRAL) {
            return Ok(None);
        }
        let [name_len, extra_len, comment_len] = [28, 30, 32].map(|at| usize::from(u16_at(&fixed, at)));
        let Some(varying) = bytes.vec(at + CENTRAL_LEN as u64, name_len + extra_len)? else {
            return Ok(None);
        };
        let (name, extra) = varying.split_at(name_len);
        let numbers = Numbers {
            packed: u32_at(&fixed, 20).into(),
            len: u32_at(&fixed, 24).into(),
            part: u16_at(&fixed, 34).into(),
            offset: u32_at(&fixed, 42).into(),
        };
        let header = Self {
            host: Host::of(fixed[5]),
            flags: u16_at(&fixed, 8),
            method: u16_at(&fixed, 10),
            crc: u32_at(&fixed, 16),
            numbers: extra::with_zip64(numbers, extra),
            attributes: u32_at(&fixed, 38),
            unicode: extra::unicode_path(extra, name),
            name: name.into(),
        };
        let comment = at + (CENTRAL_LEN + name_len + extra_len) as u64;
        Ok(Some((header, [comment, comment + comment_len as u64])))
    }

    /// The mode of the file if Unix packed it, else 0.
    fn mode(&self) -> u32 {
        if self.host == Host::Unix { self.attributes >> 16 } else { 0 }
    }

    /// Whether it is marked as a folder. Its name says so in most zips, by a slash at its end.
    pub(super) fn is_marked_as_folder(&self) -> bool {
        const FOLDER_OF_DOS: u32 = 0x10;
        let is_folder = match self.host {
            Host::Unix => self.mode() & 0o170_000 == 0o040_000,
            _ => self.attributes & FOLDER_OF_DOS != 0,
        };
        is_folder && self.numbers.len == 0
    }

    pub(super) fn kind(&self) -> FileKind {
        match self.mode() {
            mode if mode & 0o170_000 == 0o120_000 && (1..=LONGEST_TARGET).contains(&self.numbers.len) => {
                FileKind::Symlink
            }
            mode if mode & 0o170_100 == 0o100_100 => FileKind::Executable,
            _ => FileKind::Regular,
        }
    }
}
