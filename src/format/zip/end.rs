//! Finds the directory of a zip. An end record is believed only if the directory that it leads to proves it.
//!
//! Any bytes may look like an end record: those of a comment, of data, of a zip that is stored within another one. So
//! from each record, the last one first, its directory is walked through. Three of four things have to hold: the walk
//! ends where the record begins, and the number of headers, the length and the place that the record states are right.
//! And what stands before the zip must not show that it is a member of a zip that was cut off (`prefix`).

use crate::model::number::to_usize;
use std::io;

use memchr::memmem;

use super::bytes::ZipBytes;
use super::central::{CentralHeader, HeaderWalk, MOST_MEMBERS};
use super::member_offsets::OffsetBase;
use super::prefix::Prefix;
use super::records::{END, END_LEN, EndRecord, LOCAL, LocalHeader, SIGNATURE, SPLIT};
use super::{Remedy, Result, ZipError};
use crate::format::zip::prefix;

/// How far before the last byte that is not zero an end record is looked for: more bytes may follow its comment of up
/// to 64 KiB.
const SEARCHED: u64 = (1 << 20) + (64 << 10) + END_LEN as u64;

/// How many zeros may follow, such as padding to the size of a device.
const MOST_ZEROS: u64 = 256 << 20;

/// Bytes looked through at once.
const CHUNK: u64 = 64 << 10;

/// Headers walked through for records that prove to be none.
const PATIENCE: usize = 2 * MOST_MEMBERS;

/// The directory of a zip, found and proven.
pub(super) struct FoundDirectory {
    pub(super) headers: Vec<CentralHeader>,
    /// Where the first of them is.
    pub(super) start: u64,
    /// What the offsets in the headers are counted from.
    pub(super) counting: OffsetBase,
    /// How many bytes the directory is after the place that the record gives it.
    pub(super) shift: i64,
    /// What contradicts the record, though the members are all there.
    pub(super) flaws: Vec<String>,
    /// Where the zip ends: after its comment.
    end: u64,
}

/// Why a record does not lead to the directory of the file.
enum Refused {
    /// It leads nowhere.
    Unproven,
    /// It belongs to a zip at this byte, which is a member of another one.
    Inner(u64),
    /// It belongs to a zip at this byte, which follows another one.
    Second(u64),
    /// It belongs to the last part of a split zip: this one, counted from 0.
    Part(u32),
}

pub(super) fn find(bytes: &mut ZipBytes<'_>) -> Result<FoundDirectory> {
    let mut worst = Refused::Unproven;
    match look(bytes, true, &mut worst)? {
        Some(found) => Ok(found),
        None => Err(explained(bytes, &worst)?),
    }
}

/// Whether `bytes`, which stand before another zip, are one zip from the first to the last.
pub(super) fn is_whole(bytes: &mut ZipBytes<'_>) -> Result<bool> {
    let found = look(bytes, false, &mut Refused::Unproven)?;
    Ok(found.is_some_and(|found| found.end == bytes.len() && found.counting == OffsetBase::From(0)))
}

/// The directory of the first record, from the end on, that is proven. `worst` says what was wrong with the others.
fn look(bytes: &mut ZipBytes<'_>, is_outermost: bool, worst: &mut Refused) -> Result<Option<FoundDirectory>> {
    let Some(last) = last_byte(bytes)? else { return Ok(None) };
    let mut search = Search { before: bytes.len(), floor: (last + 1).saturating_sub(SEARCHED) };
    let mut patience = PATIENCE;
    while let Some(at) = search.next(bytes)? {
        for record in EndRecord::at(bytes, at)? {
            match proven(bytes, &record, is_outermost, &mut patience)? {
                Ok(found) => return Ok(Some(found)),
                Err(Refused::Unproven) => {}
                // The zip before it is whole, but is not the whole file either.
                Err(refused @ Refused::Second(_)) => {
                    *worst = refused;
                    return Ok(None);
                }
                Err(refused) if matches!(worst, Refused::Unproven) => *worst = refused,
                Err(_) => {}
            }
        }
    }
    Ok(None)
}

/// Goes from one end record to the one before it.
struct Search {
    /// The part that was not searched yet ends here.
    before: u64,
    floor: u64,
}

impl Search {
    fn next(&mut self, bytes: &mut ZipBytes<'_>) -> io::Result<Option<u64>> {
        while self.before > self.floor {
            let start = self.before.saturating_sub(CHUNK).max(self.floor);
            // A record that begins in the chunk may end after it.
            let len = to_usize(self.before - start) + END.len() - 1;
            let mut chunk = vec![0; len];
            let count = bytes.read(start, &mut chunk)?;
            match memmem::rfind(&chunk[..count], &END) {
                Some(at) => {
                    self.before = start + at as u64;
                    return Ok(Some(self.before));
                }
                None => self.before = start,
            }
        }
        Ok(None)
    }
}

/// Where the last byte that is not zero is. `None` if there is none, or too many zeros follow.
fn last_byte(bytes: &mut ZipBytes<'_>) -> io::Result<Option<u64>> {
    let mut end = bytes.len();
    let floor = end.saturating_sub(MOST_ZEROS);
    while end > floor {
        let start = end.saturating_sub(CHUNK);
        let mut chunk = vec![0; to_usize(end - start)];
        let count = bytes.read(start, &mut chunk)?;
        if let Some(at) = chunk[..count].iter().rposition(|&byte| byte != 0) {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}

/// The directory that a record leads to, if that proves the record.
fn proven(
    bytes: &mut ZipBytes<'_>,
    record: &EndRecord,
    is_outermost: bool,
    patience: &mut usize,
) -> Result<Result<FoundDirectory, Refused>> {
    let is_split = record.part != 0 || record.directory_part != 0;
    let end = record.at + END_LEN as u64 + u64::from(record.comment);
    let Some((walk, mut flaws)) = walked(bytes, record, patience)? else {
        // A directory may begin in the part before the last one.
        let is_last_part = is_split && record.directory_part < record.part && end == bytes.len();
        return Ok(Err(if is_last_part { Refused::Part(record.part) } else { Refused::Unproven }));
    };
    let base = Base::of(bytes, record, &walk)?;
    let is_joined = is_split && bytes.has(0, &SPLIT)? && walk.start > record.offset;
    if is_split && !is_joined && !base.is_sure {
        return Ok(Err(Refused::Part(record.part)));
    }
    let begins = u64::try_from(base.value).unwrap_or(0);
    if begins > 0 || walk.headers.is_empty() {
        let begins = if begins > 0 { begins } else { walk.start };
        match prefix::look(bytes, begins, is_outermost)? {
            Prefix::Harmless => {}
            Prefix::Cut => return Ok(Err(Refused::Inner(begins))),
            Prefix::Zip => return Ok(Err(Refused::Second(begins))),
        }
    }
    if base.value < 0 {
        flaws.push(format!("{} bytes are missing at its beginning, or within it", -base.value));
    } else if base.value == 0 && walk.start != record.offset && !base.wraps && !is_joined {
        flaws.push(format!(
            "its end record puts the directory at byte {}, where it is at {}",
            record.offset, walk.start
        ));
    }
    if end > bytes.len() {
        flaws.push(format!(
            "it is cut off: its comment has {} bytes fewer than its end record says",
            end - bytes.len()
        ));
    } else if bytes.has(end, &LOCAL)? {
        flaws.push(format!(
            "{} bytes follow its end that begin like another member: of another zip, or of this one, cut off",
            bytes.len() - end
        ));
    }
    let counting = match base {
        Base { wraps: true, .. } => OffsetBase::Wrapped,
        _ if is_joined => OffsetBase::Parts,
        Base { value, .. } => OffsetBase::From(value),
    };
    let shift = shift(record, &walk);
    Ok(Ok(FoundDirectory { headers: walk.headers, start: walk.start, counting, shift, flaws, end }))
}

/// Walks through the directory of a record, by its length or its place. Also returns what in the record contradicts it.
fn walked(
    bytes: &mut ZipBytes<'_>,
    record: &EndRecord,
    patience: &mut usize,
) -> Result<Option<(HeaderWalk, Vec<String>)>> {
    let by_size = record.directory_end.checked_sub(record.size);
    let by_place = Some(record.offset).filter(|offset| Some(*offset) != by_size);
    for start in by_size.into_iter().chain(by_place).filter(|start| *start <= record.directory_end) {
        let walk = HeaderWalk::through(bytes, start, record.directory_end, patience)?;
        let reaches_end =
            walk.end == record.directory_end || is_signed(bytes, walk.end, record.directory_end)?;
        let has_count = record.counts(walk.headers.len() as u64);
        let has_size = [walk.end, record.directory_end].contains(&start.saturating_add(record.size));
        let has_place = start == record.offset;
        if [reaches_end, has_count, has_size, has_place].iter().filter(|holds| **holds).count() < 3 {
            continue;
        }
        let mut flaws = Vec::new();
        if !reaches_end {
            let between = record.directory_end - walk.end;
            flaws.push(format!("{between} bytes stand between its directory and its end record"));
        }
        if !has_count {
            let headers = walk.headers.len();
            flaws
                .push(format!("its end record counts {} members, its directory has {headers}", record.count));
        }
        if !has_size {
            flaws.push(format!(
                "its end record gives its directory {} bytes, it has {}",
                record.size,
                walk.end - start
            ));
        }
        if walk.is_cut {
            flaws.push("the comment of its last member would reach into its end record".to_owned());
        }
        return Ok(Some((walk, flaws)));
    }
    Ok(None)
}

/// Whether a signature over the directory, and nothing else, is between the two places.
fn is_signed(bytes: &mut ZipBytes<'_>, start: u64, end: u64) -> io::Result<bool> {
    let Some(head) = bytes.array::<6>(start)? else { return Ok(false) };
    let len = u64::from(u16::from_le_bytes([head[4], head[5]]));
    Ok(head.starts_with(&SIGNATURE) && start + 6 + len == end)
}

/// How many bytes the directory is after the place that its end record gives it.
fn shift(record: &EndRecord, walk: &HeaderWalk) -> i64 {
    i64::try_from(i128::from(walk.start) - i128::from(record.offset)).unwrap_or(0)
}

/// What the offsets in the headers are counted from.
struct Base {
    value: i64,
    wraps: bool,
    /// Whether the first member was found that way, under its name.
    is_sure: bool,
}

impl Base {
    /// Finds out where the first member is: after what was put before the zip, or where its header says.
    fn of(bytes: &mut ZipBytes<'_>, record: &EndRecord, walk: &HeaderWalk) -> io::Result<Self> {
        let shift = shift(record, walk);
        let first = walk.headers.iter().min_by_key(|header| (header.numbers.part, header.numbers.offset));
        let Some(first) = first else { return Ok(Self { value: shift, wraps: false, is_sure: false }) };
        let mut is_there = [false; 2];
        for (base, is_there) in [shift, 0].into_iter().zip(&mut is_there) {
            let Some(at) = first.numbers.offset.checked_add_signed(base) else { continue };
            match LocalHeader::at(bytes, at)? {
                Some(local) if local.name == *first.name => {
                    let wraps = base == 0 && shift > 0 && shift % (1 << 32) == 0 && !record.is_zip64;
                    return Ok(Self { value: base, wraps, is_sure: true });
                }
                local => *is_there = local.is_some(),
            }
        }
        let value = if is_there == [false, true] { 0 } else { shift };
        Ok(Self { value, wraps: false, is_sure: false })
    }
}

/// The error for a file in which no record is proven.
fn explained(bytes: &mut ZipBytes<'_>, refused: &Refused) -> io::Result<ZipError> {
    let split = |which: &str| {
        let reason = format!("it is {which} part of a split zip, and the others hold the rest of it");
        ZipError::unsupported(reason, Remedy::Join)
    };
    Ok(match *refused {
        Refused::Inner(at) => ZipError::CutOff(format!(
            "it is cut off: the directory at its end is missing. The one that is found belongs to a zip at byte {at}, \
             which is a member of it"
        )),
        Refused::Second(at) => ZipError::unsupported(
            format!(
                "it is two zips, one behind the other: the second begins at byte {at}, and nothing says which of them counts"
            ),
            Remedy::CutAt(at),
        ),
        Refused::Part(part) => split(&format!("number {}, the last", u64::from(part) + 1)),
        Refused::Unproven if bytes.has(0, &SPLIT)? && bytes.has(4, &LOCAL)? => split("the first"),
        Refused::Unproven if bytes.has(0, &LOCAL)? => ZipError::damaged(
            "it is cut off: the directory that stands at the end of a zip is missing or damaged",
        ),
        Refused::Unproven => {
            ZipError::damaged("it has no central directory at its end: it is cut off, or no zip")
        }
    })
}
