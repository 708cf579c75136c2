//! Shrink, Reduce and Implode, which programs packed with until 1993.
//!
//! The `zip` crate unpacks them, in memory, and only as members of a zip: so it gets the data after a header that is
//! made here.

use std::io::{self, BufRead, Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::records::LOCAL;
use super::{Remedy, Result, ZipError, ZipMember};
use crate::format::blob::Reading;
use crate::format::decoders::Counted;
use crate::format::hasher::crc32;
use crate::memory::unpacking::window;

const IMPLODE: u16 = 6;

/// The flags of Implode: the length of its dictionary, and the number of its trees.
const LARGE_DICTIONARY: u16 = 0b010;
const THREE_TREES: u16 = 0b100;
const FLAGS: u16 = LARGE_DICTIONARY | THREE_TREES;

/// The first of January 1980, which is the first date that a header can state.
const DATE: u16 = 0x21;

pub(super) fn unpack<R: BufRead>(what: &ZipMember, packed: R) -> Result<Reading> {
    // Once packed, and twice unpacked: in the decoder, and here.
    let memory = what.packed.saturating_add(what.len.saturating_mul(2));
    let window = window(memory).map_err(io::Error::from)?;
    let mut zip = Cursor::new(header(what)?).chain(packed);
    // The decoders were written for sound data, and may panic on other data.
    let bytes = catch_unwind(AssertUnwindSafe(|| all_of(&mut zip, what.len)));
    let bytes = bytes.unwrap_or_else(|_| Err(ZipError::damaged("its decoder gave up on its data")));
    let is_sound = bytes.as_ref().is_ok_and(|bytes| crc32(bytes) == what.crc);
    if !is_sound && may_be_of_pkzip_1_01(what) {
        let reason = "it is damaged, or PKZIP 1.01 packed it, whose Implode is not read here";
        return Err(ZipError::unsupported(reason, Remedy::SevenZip));
    }
    Ok(Box::new(Counted::with(window, Cursor::new(bytes?))))
}

/// Whether a member may have been packed by PKZIP 1.01 or 1.02. These chose the least length of a match by the length
/// of the dictionary; all others choose it by the number of trees (Info-ZIP's `explode.c`).
fn may_be_of_pkzip_1_01(what: &ZipMember) -> bool {
    what.method == IMPLODE && (what.flags & LARGE_DICTIONARY == 0) != (what.flags & THREE_TREES == 0)
}

fn all_of(zip: &mut impl Read, len: u64) -> Result<Vec<u8>> {
    let member = zip::read::read_zipfile_from_stream(zip).map_err(|error| match error {
        zip::result::ZipError::Io(error) => ZipError::from(error),
        other => ZipError::damaged(other.to_string()),
    })?;
    let member = member.ok_or_else(|| ZipError::damaged("its data does not begin as it should"))?;
    let mut bytes = Vec::new();
    member.take(len).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A local header before the data.
fn header(what: &ZipMember) -> Result<Vec<u8>> {
    const VERSION: u16 = 20;
    let length = |length: u64| {
        let reason = "it has 4 GiB or more, which no program of its time packed";
        u32::try_from(length).map_err(|_| ZipError::unsupported(reason, Remedy::SevenZip))
    };
    let numbers = [what.crc, length(what.packed)?, length(what.len)?];
    let before = [VERSION, what.flags & FLAGS, what.method, 0, DATE];
    let name_and_extra = [1_u16, 0];
    Ok([
        &LOCAL[..],
        &before.map(u16::to_le_bytes).concat(),
        &numbers.map(u32::to_le_bytes).concat(),
        &name_and_extra.map(u16::to_le_bytes).concat(),
        b"x",
    ]
    .concat())
}
