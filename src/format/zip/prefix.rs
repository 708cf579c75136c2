//! What stands before a zip: a program that unpacks it, or members of another zip that it is itself a member of.
//!
//! A zip that lost its end, and whose last member is a stored zip, ends in the directory of that member. Such an inner
//! zip must not pass for the outer one, whose members stand before it.

use memchr::memmem;

use super::Result;
use super::bytes::ZipBytes;
use super::end;
use super::records::{IN_ZIP64, LOCAL, LOCAL_LEN, LocalHeader, SINGLE, SPLIT};

/// How far the beginning of a file is looked through. Programs that unpack the zip after them are shorter.
const SEARCHED: u64 = 16 << 20;

/// The header of a member takes this much at most.
const LONGEST_HEADER: u64 = LOCAL_LEN as u64 + 2 * 0xffff;

/// How many headers are looked at. A program that unpacks a zip has none, or few.
const MOST_HEADERS: usize = 4096;

/// Bytes looked through at once.
const CHUNK: u64 = 64 << 10;

/// Methods that members were ever packed by (APPNOTE.TXT 4.4.5).
const METHODS: [u16; 23] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 19, 20, 93, 94, 95, 96, 97, 98];
const ENCRYPTED: u16 = 99;

/// What the bytes before a zip are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    /// No part of a zip that this one could be in.
    Harmless,
    /// Members of a zip that goes on beyond the beginning of this one.
    Cut,
    /// Another zip, and nothing else.
    Zip,
}

/// Looks at what stands before the zip that begins at `begins`.
pub(super) fn look(bytes: &mut ZipBytes<'_>, begins: u64, is_outermost: bool) -> Result<Prefix> {
    let is_marked = bytes.has(0, &SPLIT)? || bytes.has(0, &SINGLE)?;
    if begins > 4 && bytes.has(if is_marked { 4 } else { 0 }, &LOCAL)? {
        let is_zip = is_outermost && end::is_whole(&mut bytes.first(begins))?;
        return Ok(if is_zip { Prefix::Zip } else { Prefix::Cut });
    }
    // The data of a member whose header ends here begins with the zip, whatever length the header states.
    let mut at = begins.saturating_sub(LONGEST_HEADER);
    for _ in 0..MOST_HEADERS {
        let Some(header) = next_header(bytes, at, begins)? else { break };
        if header.data == begins {
            return Ok(Prefix::Cut);
        }
        at = header.at + 1;
    }
    let mut at = 0;
    for _ in 0..MOST_HEADERS {
        let Some(header) = next_header(bytes, at, begins.min(SEARCHED))? else { return Ok(Prefix::Harmless) };
        match end_of(&header) {
            Some(end) if end <= begins => at = end.max(header.at + 1),
            // The member reaches into the zip, or does not say how far it reaches.
            _ => return Ok(Prefix::Cut),
        }
    }
    Ok(Prefix::Cut)
}

/// Where the data of a member ends, if its header says so.
fn end_of(header: &LocalHeader) -> Option<u64> {
    let follows = header.flags & 0x0008 != 0 && header.packed == 0;
    if follows || header.packed == IN_ZIP64 {
        return None;
    }
    header.data.checked_add(u64::from(header.packed))
}

/// Whether it can be a header, and not bytes of a program that only look like one.
fn is_likely(header: &LocalHeader, begins: u64) -> bool {
    let LocalHeader { version, method, name, data, .. } = header;
    let is_text = |name: &[u8]| !name.is_empty() && !name.iter().any(u8::is_ascii_control);
    version & 0xff <= 63
        && (METHODS.contains(method) || *method == ENCRYPTED)
        && is_text(name)
        && *data <= begins
}

/// The first likely header from `at` on that ends before `end`.
fn next_header(bytes: &mut ZipBytes<'_>, mut at: u64, end: u64) -> Result<Option<LocalHeader>> {
    while at + LOCAL_LEN as u64 <= end {
        let mut chunk = vec![0; usize::try_from(CHUNK.min(end - at)).expect("at most a chunk")];
        let count = bytes.read(at, &mut chunk)?;
        for found in memmem::find_iter(&chunk[..count], &LOCAL) {
            let header = LocalHeader::at(bytes, at + found as u64)?;
            if header.as_ref().is_some_and(|header| is_likely(header, end)) {
                return Ok(header);
            }
        }
        if count < LOCAL.len() {
            return Ok(None);
        }
        // A header that begins in this chunk may end in the next.
        at += (count - (LOCAL.len() - 1)) as u64;
    }
    Ok(None)
}
