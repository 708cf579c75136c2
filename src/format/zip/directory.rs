//! What is in a zip: its members, by the central directory.

use std::collections::HashSet;
use std::io::{Read, Seek};
use std::sync::Arc;

use super::Result;
use super::bytes::ZipBytes;
use super::central::CentralHeader;
use super::end::{self, FoundDirectory};
use super::extra::Numbers;
use super::member_offsets::{OffsetBase, WRAP, member_offsets};
use super::names;
use super::records::LOCAL_LEN;
use crate::content::FileKind;

#[derive(Debug)]
pub(crate) struct Directory {
    /// The members that are files, sorted by path.
    pub(crate) members: Vec<ZipMember>,
    /// What contradicts the directory, though its members can be listed: the zip is damaged.
    pub(crate) flaws: Vec<String>,
    /// What may have to be added to the offsets in the directory, the likeliest first: bytes may be missing or too many
    /// between one member and the next.
    pub(super) shifts: [i64; 3],
}

/// A member that is a file.
#[derive(Debug, Clone)]
pub(crate) struct ZipMember {
    /// Its path in the tree.
    pub(crate) path: Arc<str>,
    /// Its place in the central directory.
    pub(crate) index: usize,
    /// Where its local header is; `None` if that place is not in the file.
    pub(crate) header: Option<u64>,
    /// Length in bytes, unpacked.
    pub(crate) len: u64,
    /// Length in bytes, as it is stored.
    pub(crate) packed: u64,
    pub(crate) crc: u32,
    /// By which method it is packed (APPNOTE.TXT 4.4.5).
    pub(crate) method: u16,
    /// Its general purpose flags (APPNOTE.TXT 4.4.4).
    pub(crate) flags: u16,
    pub(crate) kind: FileKind,
    /// Whether its data is within that of another member, as in bombs that unpack one piece of data many times.
    pub(crate) overlaps: bool,
    /// Whether so much space follows its data that its lengths lack their upper bits: it has 4 GiB or more, without
    /// zip64.
    pub(crate) lacks_bits: bool,
}

impl Directory {
    /// Reads the directory of a zip, and proves that it is that of the whole file. [`super::ZipError::Unsupported`] for
    /// a part of a split zip, and two zips in one file.
    pub(crate) fn read<R: Read + Seek>(reader: &mut R) -> Result<Self> {
        let mut bytes = ZipBytes::new(reader)?;
        let FoundDirectory { headers, start, counting: base_of_offsets, shift, mut flaws, .. } =
            end::find(&mut bytes)?;
        let offsets = member_offsets(&mut bytes, &headers, base_of_offsets, start)?;
        let spans = spans(&headers, &offsets);
        let last = spans.last().map(|span| span.start);
        let (spans, beyond): (Vec<Span>, Vec<Span>) = spans.into_iter().partition(|span| span.end <= start);
        let mut overlapping = overlapping(&headers, &spans);
        let lacking = lacking_bits(&spans, start);
        if !beyond.is_empty() {
            flaws.push(format!("the data of {} members would reach into its directory", beyond.len()));
            // Such a member reaches over all that follow it, so it overlaps them, unless it is the last one and the
            // only such one.
            let shares = |span: &&Span| Some(span.start) != last || beyond.len() > 1;
            overlapping.extend(beyond.iter().filter(shares).map(|span| span.index));
        }
        let member = |(index, path): (usize, String)| {
            let header = &headers[index];
            let Numbers { len, packed, .. } = header.numbers;
            ZipMember {
                path: path.into(),
                index,
                header: offsets[index],
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
        let mut members: Vec<ZipMember> = names::paths(&headers).into_iter().map(member).collect();
        members.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let base = match base_of_offsets {
            OffsetBase::From(base) => base,
            OffsetBase::Wrapped | OffsetBase::Parts => 0,
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
fn spans(headers: &[CentralHeader], offsets: &[Option<u64>]) -> Vec<Span> {
    let span = |(index, (header, offset)): (usize, (&CentralHeader, &Option<u64>))| {
        let start = (*offset)?;
        // Only the local header has the length of the extra fields.
        let fixed = (LOCAL_LEN + header.name.len()) as u64;
        let end = start.saturating_add(fixed).saturating_add(header.numbers.packed);
        Some(Span { start, end, index })
    };
    let mut spans: Vec<Span> = headers.iter().zip(offsets).enumerate().filter_map(span).collect();
    spans.sort_unstable_by_key(|span| (span.start, span.end, span.index));
    spans
}

/// The members whose data is within that of another one, although programs write one after the other. A header that is
/// there twice is one member.
fn overlapping(headers: &[CentralHeader], spans: &[Span]) -> HashSet<usize> {
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

/// The members after whose data 4 GiB or more belong to no other member. The directory begins at `end`.
fn lacking_bits(spans: &[Span], end: u64) -> HashSet<usize> {
    let next = spans.iter().skip(1).map(|span| span.start).chain([end]);
    let gaps = spans.iter().zip(next).map(|(span, next)| (span.index, next.saturating_sub(span.end)));
    gaps.filter(|(_, gap)| *gap >= WRAP).map(|(index, _)| index).collect()
}
