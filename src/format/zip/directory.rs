//! The central directory: the headers of all members, and where they point.

use std::collections::HashSet;
use std::io::{self, Read, Seek};
use std::sync::Arc;

use super::ZipError;
use super::bytes::Bytes;
use super::end::Found;
use super::extra::Numbers;
use super::names::Host;
use super::places::{Counting, WRAP, places};
use super::records::{CENTRAL, CENTRAL_LEN, LOCAL_LEN, u16_at, u32_at};
use crate::content::FileKind;
use crate::format::zip::end;
use crate::format::zip::extra;
use crate::format::zip::names;

/// Members of one zip at most: each takes about 200 bytes of memory.
pub(super) const MOST_MEMBERS: usize = 4_000_000;

/// The longest target of a symbolic link that Linux takes (`PATH_MAX`, without its NUL).
const LONGEST_TARGET: u64 = 4095;

/// What is in a zip.
#[derive(Debug)]
pub(crate) struct Directory {
    /// The members that are files, sorted by path.
    pub(crate) members: Vec<Member>,
    /// What contradicts the directory, though its members can be listed: the zip is damaged.
    pub(crate) flaws: Vec<String>,
    /// What may have to be added to the places that the directory states, the likeliest first: bytes may be missing or too
    /// many between one member and the next.
    pub(super) shifts: [i64; 3],
}

/// A member that is a file.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Its path in the tree.
    pub(crate) path: Arc<str>,
    /// Its place in the central directory.
    pub(crate) index: usize,
    /// Where its local header is; `None` where that place is not in the file.
    pub(crate) header: Option<u64>,
    /// Length in bytes, unpacked.
    pub(crate) len: u64,
    /// Length in bytes, as it is stored.
    pub(crate) packed: u64,
    /// CRC-32 of the unpacked bytes.
    pub(crate) crc: u32,
    /// By which method it is packed (APPNOTE.TXT 4.4.5).
    pub(crate) method: u16,
    /// Its general purpose flags (APPNOTE.TXT 4.4.4).
    pub(crate) flags: u16,
    /// What kind of file it is.
    pub(crate) kind: FileKind,
    /// Whether its data lies within that of another one, as in bombs that unpack one piece of data many times.
    pub(crate) overlaps: bool,
    /// Whether so much space follows its data that its lengths lack their upper bits: a program without zip64 wrote a member
    /// of 4 GiB or more.
    pub(crate) lacks_bits: bool,
}

/// A header of the central directory.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) host: Host,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) numbers: Numbers,
    /// What the system that packed it says of the file.
    pub(super) attributes: u32,
    /// The name as it stands there.
    pub(super) name: Box<[u8]>,
    /// The name that an extra field gives.
    pub(super) unicode: Option<Box<str>>,
}

/// The headers that follow each other.
pub(super) struct Walk {
    pub(super) start: u64,
    pub(super) headers: Vec<Header>,
    /// Where the last one ends.
    pub(super) end: u64,
    /// Whether the comment of the last one would reach beyond the limit.
    pub(super) is_cut: bool,
}

impl Walk {
    /// Reads headers from `start` on, up to the first place where there is none, or one that reaches beyond `limit`. Each
    /// takes one from `patience`.
    pub(super) fn through<R: Read + Seek>(
        bytes: &mut Bytes<R>,
        start: u64,
        limit: u64,
        patience: &mut usize,
    ) -> Result<Self, ZipError> {
        let mut walk = Self { start, headers: Vec::new(), end: start, is_cut: false };
        while *patience > 0 && walk.end < limit {
            let Some((header, [comment, end])) = Header::at(bytes, walk.end)? else { break };
            if comment > limit {
                break;
            }
            if walk.headers.len() == MOST_MEMBERS {
                return Err(ZipError::Unsupported {
                    reason: format!("it has more than {MOST_MEMBERS} members"),
                    remedy: super::Remedy::SevenZip,
                });
            }
            *patience -= 1;
            walk.headers.push(header);
            walk.end = end.min(limit);
            walk.is_cut = end > limit;
        }
        Ok(walk)
    }
}

impl Header {
    /// The header at `at`, where one is, where its comment begins, and where it ends.
    fn at<R: Read + Seek>(bytes: &mut Bytes<R>, at: u64) -> io::Result<Option<(Self, [u64; 2])>> {
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

    /// The mode of the file where Unix packed it, else 0.
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

    fn kind(&self) -> FileKind {
        match self.mode() {
            mode if mode & 0o170_000 == 0o120_000 && (1..=LONGEST_TARGET).contains(&self.numbers.len) => {
                FileKind::Symlink
            }
            mode if mode & 0o170_100 == 0o100_100 => FileKind::Executable,
            _ => FileKind::Regular,
        }
    }
}

impl Directory {
    /// Reads the directory of a zip, and proves that it is that of the whole file.
    ///
    /// # Errors
    /// [`ZipError::Damaged`] where it is not there, or not whole; [`ZipError::Unsupported`] for a part of a split zip, and
    /// two zips in one file.
    pub(crate) fn read<R: Read + Seek>(reader: &mut R) -> Result<Self, ZipError> {
        let mut bytes = Bytes::new(reader)?;
        let Found { headers, start, counting, shift, mut flaws, .. } = end::find(&mut bytes)?;
        let places = places(&mut bytes, &headers, counting, start)?;
        let spans = spans(&headers, &places);
        let last = spans.last().map(|span| span.start);
        let (spans, beyond): (Vec<Span>, Vec<Span>) = spans.into_iter().partition(|span| span.end <= start);
        let mut overlapping = overlapping(&headers, &spans);
        let lacking = lacking_bits(&spans, start);
        if !beyond.is_empty() {
            flaws.push(format!("the data of {} members would reach into its directory", beyond.len()));
            // They say nothing of where others are, and may not share what others have.
            let shares = |span: &&Span| Some(span.start) != last || beyond.len() > 1;
            overlapping.extend(beyond.iter().filter(shares).map(|span| span.index));
        }
        let member = |(index, path): (usize, String)| {
            let header = &headers[index];
            let Numbers { len, packed, .. } = header.numbers;
            Member {
                path: path.into(),
                index,
                header: places[index],
                len,
                packed,
                crc: header.crc,
                method: header.method,
                flags: header.flags,
                kind: header.kind(),
                overlaps: overlapping.contains(&index),
                lacks_bits: lacking.contains(&index),
            }
        };
        let mut members: Vec<Member> = names::paths(&headers).into_iter().map(member).collect();
        members.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let base = match counting {
            Counting::From(base) => base,
            Counting::Wrapped | Counting::Parts => 0,
        };
        Ok(Self { members, flaws, shifts: [base, 0, shift] })
    }
}

/// The bytes that a member takes at least, and its place in the directory.
struct Span {
    start: u64,
    end: u64,
    index: usize,
}

/// The spans of all members, in the order of the file.
fn spans(headers: &[Header], places: &[Option<u64>]) -> Vec<Span> {
    let span = |(index, (header, place)): (usize, (&Header, &Option<u64>))| {
        let start = (*place)?;
        // How long the extra fields are is said in the local header alone.
        let fixed = (LOCAL_LEN + header.name.len()) as u64;
        let end = start.saturating_add(fixed).saturating_add(header.numbers.packed);
        Some(Span { start, end, index })
    };
    let mut spans: Vec<Span> = headers.iter().zip(places).enumerate().filter_map(span).collect();
    spans.sort_unstable_by_key(|span| (span.start, span.end, span.index));
    spans
}

/// The members whose data is within that of another one. Programs that pack write one after the other. A header that stands
/// twice in the directory is one member.
fn overlapping(headers: &[Header], spans: &[Span]) -> HashSet<usize> {
    let mut overlapping = HashSet::new();
    let mut last: Option<&Span> = None;
    for span in spans {
        match last {
            Some(before) if span.start < before.end => {
                let is_same = (span.start, span.end) == (before.start, before.end)
                    && headers[span.index].name == headers[before.index].name;
                if !is_same {
                    overlapping.extend([before.index, span.index]);
                }
                last = Some(if span.end > before.end { span } else { before });
            }
            _ => last = Some(span),
        }
    }
    overlapping
}

/// The members behind whose data 4 GiB or more belong to no other one. The directory begins at `end`.
fn lacking_bits(spans: &[Span], end: u64) -> HashSet<usize> {
    let next = spans.iter().skip(1).map(|span| span.start).chain([end]);
    let gaps = spans.iter().zip(next).map(|(span, next)| (span.index, next.saturating_sub(span.end)));
    gaps.filter(|(_, gap)| *gap >= WRAP).map(|(index, _)| index).collect()
}
