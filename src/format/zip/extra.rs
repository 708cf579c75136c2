//! Extra fields: what a header says beyond its fixed part (APPNOTE.TXT 4.5).
//!
//! Only what is needed is looked at, and a malformed list ends where it is malformed: programs differ in what they
//! leave there, and none of it decides what a member holds.

use super::records::{IN_ZIP64, u16_at, u32_at, u64_at};
use crate::format::hasher::crc32;

/// Sizes and places that need more than 32 bits.
const ZIP64: u16 = 0x0001;
/// A name in UTF-8 beside one in another encoding (Info-ZIP).
const UNICODE_PATH: u16 = 0x7075;

/// The numbers of a header in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) len: u64,
    pub(super) packed: u64,
    pub(super) offset: u64,
    pub(super) part: u32,
}

/// The fields of a list, each with its id.
fn fields(mut extra: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = extra.split_at_checked(4)?;
        let (data, rest) = rest.split_at_checked(usize::from(u16_at(head, 2)))?;
        extra = rest;
        Some((u16_at(head, 0), data))
    })
}

/// Replaces the numbers that do not fit by those of the zip64 field, which has only these, in this order.
pub(super) fn with_zip64(mut numbers: Numbers, extra: &[u8]) -> Numbers {
    let Some((_, mut data)) = fields(extra).find(|(id, _)| *id == ZIP64) else { return numbers };
    for number in [&mut numbers.len, &mut numbers.packed, &mut numbers.offset] {
        if *number == u64::from(IN_ZIP64)
            && let Some((value, rest)) = data.split_at_checked(8)
        {
            (*number, data) = (u64_at(value, 0), rest);
        }
    }
    if numbers.part == u32::from(u16::MAX)
        && let Some(value) = data.get(..4)
    {
        numbers.part = u32_at(value, 0);
    }
    numbers
}

/// The name in UTF-8 that belongs to `name`: the field has the CRC of the name that it was made for, and is ignored if
/// a program has changed the name since.
pub(super) fn unicode_path(extra: &[u8], name: &[u8]) -> Option<Box<str>> {
    let (_, data) = fields(extra).find(|(id, _)| *id == UNICODE_PATH)?;
    let (head, path) = data.split_at_checked(5)?;
    if head[0] != 1 || u32_at(head, 1) != crc32(name) || path.is_empty() {
        return None;
    }
    std::str::from_utf8(path).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: Numbers = Numbers { len: u32::MAX as u64, packed: 7, offset: u32::MAX as u64, part: 0 };

    fn field(id: u16, data: &[u8]) -> Vec<u8> {
        [&id.to_le_bytes()[..], &u16::try_from(data.len()).expect("short").to_le_bytes(), data].concat()
    }

    #[test]
    fn the_zip64_field_has_the_numbers_that_do_not_fit_and_no_others() {
        let values: Vec<u8> = [5_000_000_000_u64, 6_000_000_000].map(u64::to_le_bytes).concat();
        let extra = [field(0x5455, b"\x03abcdefgh"), field(ZIP64, &values)].concat();
        let numbers = with_zip64(LARGE, &extra);
        assert_eq!(numbers, Numbers { len: 5_000_000_000, offset: 6_000_000_000, ..LARGE });
        let small = Numbers { len: 1, packed: 2, offset: 3, part: 0 };
        assert_eq!(with_zip64(small, &extra), small, "an unasked field does not count");
        assert_eq!(with_zip64(LARGE, &field(ZIP64, &values[..12])).len, 5_000_000_000, "the first fits");
        assert_eq!(with_zip64(LARGE, &field(ZIP64, &values[..4])), LARGE);
    }

    #[test]
    fn lists_that_do_not_add_up_end_there() {
        for odd in [&b"\0"[..], b"\0\0\0", b"\x55\x54\x56\x30xxxxxxxxxxxx"] {
            assert_eq!(with_zip64(LARGE, odd), LARGE);
            assert_eq!(unicode_path(odd, b"a"), None);
        }
        let path = [&b"\x01"[..], &crc32(b"\x81").to_le_bytes(), "ü".as_bytes()].concat();
        let extra =
            [field(0x7875, b"\x01\x04abcd\x04abcd"), field(UNICODE_PATH, &path), vec![0, 0, 0]].concat();
        assert_eq!(unicode_path(&extra, b"\x81").as_deref(), Some("ü"));
        assert_eq!(unicode_path(&extra, b"\x82"), None, "made for another name");
    }
}
