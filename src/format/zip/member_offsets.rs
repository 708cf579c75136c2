//! Where the local headers of members are: writers count offsets from different things.

use std::collections::BTreeMap;
use std::io;

use super::bytes::ZipBytes;
use super::central::CentralHeader;
use super::extra::Numbers;
use super::records::LocalHeader;

/// What the offsets in a directory are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OffsetBase {
    /// A place in the file. Less than 0 if bytes are missing.
    From(i64),
    /// The beginning of the file, without the upper bits of places beyond 4 GiB.
    Wrapped,
    /// The beginning of the part that a member begins in, of a split zip whose parts were joined.
    Parts,
}

/// The modulus of offsets and lengths without zip64.
pub(super) const WRAP: u64 = 1 << 32;

/// Lengths of what may follow data: nothing, or its lengths and its CRC, with a signature or without, in 32 or in 64
/// bits.
const DESCRIPTORS: [u64; 5] = [0, 12, 16, 20, 24];

/// The offset of each member in the file, if it can be found. The directory begins at `end`.
pub(super) fn member_offsets(
    bytes: &mut ZipBytes<'_>,
    headers: &[CentralHeader],
    base: OffsetBase,
    end: u64,
) -> io::Result<Vec<Option<u64>>> {
    match base {
        OffsetBase::From(base) => {
            Ok(headers.iter().map(|header| header.numbers.offset.checked_add_signed(base)).collect())
        }
        OffsetBase::Wrapped => unwrapped(bytes, headers, end),
        OffsetBase::Parts => {
            let starts = part_starts(bytes, headers)?;
            let place =
                |header: &CentralHeader| starts.get(&header.numbers.part)?.checked_add(header.numbers.offset);
            Ok(headers.iter().map(place).collect())
        }
    }
}

/// The offsets with their upper bits: members are in the order of the directory, and each is found under its name.
fn unwrapped(bytes: &mut ZipBytes<'_>, headers: &[CentralHeader], end: u64) -> io::Result<Vec<Option<u64>>> {
    let mut before = 0;
    let mut places = Vec::with_capacity(headers.len());
    for header in headers {
        let upper = before - before % WRAP;
        let mut place = upper + header.numbers.offset % WRAP;
        if place < before {
            place += WRAP;
        }
        while place < end && !is_at(bytes, place, header)? {
            place += WRAP;
        }
        let found = (place < end).then_some(place);
        before = found.unwrap_or(before);
        places.push(found);
    }
    Ok(places)
}

/// Where each part begins in which a member begins. Nothing says how long the parts were: all have one length at most,
/// and a part ends early if a header would not fit. But the first member of a part follows the last one of the part
/// before.
fn part_starts(bytes: &mut ZipBytes<'_>, headers: &[CentralHeader]) -> io::Result<BTreeMap<u32, u64>> {
    let mut starts = BTreeMap::from([(0, 0)]);
    let mut order: Vec<&CentralHeader> = headers.iter().collect();
    order.sort_by_key(|header| (header.numbers.part, header.numbers.offset));
    // Where the data of the member before ends.
    let mut end: u64 = 0;
    for header in order {
        let Numbers { part, offset, packed, .. } = header.numbers;
        for place in DESCRIPTORS.map(|descriptor| end.saturating_add(descriptor)) {
            if starts.contains_key(&part) {
                break;
            }
            if let Some(start) = place.checked_sub(offset)
                && is_at(bytes, place, header)?
            {
                starts.insert(part, start);
            }
        }
        let Some(start) = starts.get(&part) else { break };
        let Some(local) = LocalHeader::at(bytes, start.saturating_add(offset))? else { break };
        end = local.data.saturating_add(packed);
    }
    Ok(starts)
}

/// Whether a member with this name is at a place.
fn is_at(bytes: &mut ZipBytes<'_>, place: u64, header: &CentralHeader) -> io::Result<bool> {
    Ok(LocalHeader::at(bytes, place)?.is_some_and(|local| local.name == *header.name))
}
