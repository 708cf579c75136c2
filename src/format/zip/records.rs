//! The records of a zip, as APPNOTE.TXT 4.3 lays them out. All numbers are little-endian.

use std::io;

use super::bytes::ZipBytes;

/// What the records begin with.
pub(super) const LOCAL: [u8; 4] = *b"PK\x03\x04";
pub(super) const CENTRAL: [u8; 4] = *b"PK\x01\x02";
pub(super) const END: [u8; 4] = *b"PK\x05\x06";
pub(super) const END_64: [u8; 4] = *b"PK\x06\x06";
pub(super) const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
/// A signature over the directory, after its last header.
pub(super) const SIGNATURE: [u8; 4] = *b"PK\x05\x05";
/// What the first part of a split zip begins with; also a data descriptor.
pub(super) const SPLIT: [u8; 4] = *b"PK\x07\x08";
/// What a zip begins with that was meant to be split, but fitted into one part.
pub(super) const SINGLE: [u8; 4] = *b"PK00";

/// Lengths of the records without what varies.
pub(super) const LOCAL_LEN: usize = 30;
pub(super) const CENTRAL_LEN: usize = 46;
pub(super) const END_LEN: usize = 22;
pub(super) const END_64_LEN: usize = 56;
pub(super) const LOCATOR_64_LEN: usize = 20;

/// Stands for a number that is in the zip64 field.
pub(super) const IN_ZIP64: u32 = u32::MAX;

/// The two-byte number at `at`, which must be within `bytes`.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// The header before the data of a member.
#[derive(Debug)]
pub(super) struct LocalHeader {
    /// Where it stands itself.
    pub(super) at: u64,
    pub(super) version: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    /// As this header states them: 0 if they follow the data.
    pub(super) crc: u32,
    pub(super) packed: u32,
    pub(super) len: u32,
    pub(super) name: Vec<u8>,
    /// Where the data begins.
    pub(super) data: u64,
}

impl LocalHeader {
    /// The header at `offset`, if there is one. Its name may be cut off by the end of the file.
    pub(super) fn at(bytes: &mut ZipBytes<'_>, offset: u64) -> io::Result<Option<Self>> {
        let Some(fixed) = bytes.array::<LOCAL_LEN>(offset)? else { return Ok(None) };
        if !fixed.starts_with(&LOCAL) {
            return Ok(None);
        }
        let (name_len, extra_len) = (u16_at(&fixed, 26), u16_at(&fixed, 28));
        let name = bytes.vec(offset + LOCAL_LEN as u64, usize::from(name_len))?.unwrap_or_default();
        Ok(Some(Self {
            at: offset,
            version: u16_at(&fixed, 4),
            flags: u16_at(&fixed, 6),
            method: u16_at(&fixed, 8),
            crc: u32_at(&fixed, 14),
            packed: u32_at(&fixed, 18),
            len: u32_at(&fixed, 22),
            name,
            data: offset + LOCAL_LEN as u64 + u64::from(name_len) + u64::from(extra_len),
        }))
    }
}

/// What an end record says, with what a zip64 end record before it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EndRecord {
    /// Where the end record stands.
    pub(super) at: u64,
    /// Where the directory has to end: at the first of both records.
    pub(super) directory_end: u64,
    /// Number of the part that holds the record; 0 in a zip that is not split.
    pub(super) part: u32,
    /// Number of the part in which the directory begins.
    pub(super) directory_part: u32,
    /// How many headers the directory has.
    pub(super) count: u64,
    /// Length of the directory in bytes.
    pub(super) size: u64,
    /// Where the directory begins, counted from the beginning of the zip or of the part.
    pub(super) offset: u64,
    /// Whether the numbers are those of a zip64 record, which has room for them.
    pub(super) is_zip64: bool,
    /// Length of the comment that follows.
    pub(super) comment: u16,
}

impl EndRecord {
    /// The readings of the record at `at`: with a zip64 record before it, and without. Empty if there is no record.
    pub(super) fn at(bytes: &mut ZipBytes<'_>, at: u64) -> io::Result<Vec<Self>> {
        let Some(fixed) = bytes.array::<END_LEN>(at)? else { return Ok(Vec::new()) };
        if !fixed.starts_with(&END) {
            return Ok(Vec::new());
        }
        let plain = Self {
            at,
            directory_end: at,
            part: u16_at(&fixed, 4).into(),
            directory_part: u16_at(&fixed, 6).into(),
            count: u16_at(&fixed, 10).into(),
            size: u32_at(&fixed, 12).into(),
            offset: u32_at(&fixed, 16).into(),
            is_zip64: false,
            comment: u16_at(&fixed, 20),
        };
        let large = plain.zip64(bytes)?;
        Ok(large.into_iter().chain([plain]).collect())
    }

    /// The same with the numbers of the zip64 record.
    fn zip64(&self, bytes: &mut ZipBytes<'_>) -> io::Result<Option<Self>> {
        let Some(locator_at) = self.at.checked_sub(LOCATOR_64_LEN as u64) else { return Ok(None) };
        let Some(locator) = bytes.array::<LOCATOR_64_LEN>(locator_at)? else { return Ok(None) };
        if !locator.starts_with(&LOCATOR_64) {
            return Ok(None);
        }
        // Right before the locator, if the record has the usual length, or where the locator puts it. It is proven
        // later.
        let places = [locator_at.checked_sub(END_64_LEN as u64), Some(u64_at(&locator, 8))];
        for at in places.into_iter().flatten() {
            let Some(fixed) = bytes.array::<END_64_LEN>(at)? else { continue };
            if fixed.starts_with(&END_64) && at + END_64_LEN as u64 <= locator_at {
                return Ok(Some(Self {
                    directory_end: at,
                    part: u32_at(&fixed, 16),
                    directory_part: u32_at(&fixed, 20),
                    count: u64_at(&fixed, 32),
                    size: u64_at(&fixed, 40),
                    offset: u64_at(&fixed, 48),
                    is_zip64: true,
                    ..self.clone()
                }));
            }
        }
        Ok(None)
    }

    /// Whether the directory has as many headers as this says. A record without zip64 has room for 16 bits; macOS, .NET
    /// and others write the lower bits of larger numbers.
    pub(super) fn counts(&self, headers: u64) -> bool {
        if self.is_zip64 { self.count == headers } else { self.count == headers % (1 << 16) }
    }
}
