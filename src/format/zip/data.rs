//! The bytes of one member, as they are stored and unpacked.

use std::io::{self, Read, Seek, SeekFrom, Take};

use super::bytes::ZipBytes;
use super::directory::{Directory, ZipMember};
use super::member_offsets::WRAP;
use super::records::{IN_ZIP64, LocalHeader};
use super::unpack::unpack;
use super::{Remedy, Result, ZipError};

/// General purpose flags (APPNOTE.TXT 4.4.4).
const ENCRYPTED: u16 = 1 << 0;
const STRONGLY_ENCRYPTED: u16 = 1 << 6;
/// The lengths and the CRC follow the data.
const FOLLOW: u16 = 1 << 3;
/// What the header states is masked.
const MASKED: u16 = 1 << 13;

/// The method of members that are encrypted with AES, whose real method an extra field has.
const AES: u16 = 99;

/// The bytes of a member as they are stored: fewer than the directory states if the file ends early.
pub(crate) fn packed<R: Read + Seek>(
    directory: &Directory,
    member: &ZipMember,
    mut reader: R,
) -> Result<Take<R>> {
    let mut bytes = ZipBytes::new(&mut reader)?;
    let data = local(directory, member, &mut bytes)?.data;
    reader.seek(SeekFrom::Start(data))?;
    Ok(reader.take(member.packed))
}

/// The bytes of a member. They end only after as many bytes as the directory states, with the CRC that it states.
pub(crate) fn unpacked<R: Read + Seek + Send + 'static>(
    directory: &Directory,
    member: &ZipMember,
    reader: R,
) -> Result<Unpacked> {
    if let Some(error) = encrypted(member) {
        return Err(error);
    }
    Ok(Unpacked {
        data: unpack(member, packed(directory, member, reader)?)?,
        crc: flate2::Crc::new(),
        read: 0,
        len: member.len,
        expected: member.crc,
        packed: member.packed,
        wrap: WRAP,
        lacks_bits: member.lacks_bits,
    })
}

/// The header before a member's data.
fn local(directory: &Directory, member: &ZipMember, bytes: &mut ZipBytes<'_>) -> Result<LocalHeader> {
    let [base, others @ ..] = directory.shifts;
    let other = |shift: i64| member.header?.checked_add_signed(shift.checked_sub(base)?);
    for place in [member.header, other(others[0]), other(others[1])].into_iter().flatten() {
        if let Some(local) = LocalHeader::at(bytes, place)? {
            return Ok(local);
        }
    }
    Err(ZipError::damaged(match member.header {
        Some(place) => format!("there is no header of a member at byte {place}, where the directory puts it"),
        None => "the directory puts it before the beginning of the file".to_owned(),
    }))
}

/// How the header before a member's data contradicts the directory: one of the two is damaged. Names may differ, and
/// numbers may be missing. A missing header is found when the member is read.
pub(crate) fn contradiction<R: Read + Seek>(
    directory: &Directory,
    member: &ZipMember,
    mut reader: R,
) -> io::Result<Option<String>> {
    let Ok(local) = local(directory, member, &mut ZipBytes::new(&mut reader)?) else { return Ok(None) };
    let number = |what, stated, known, may_be_in_zip64| StatedNumber { what, stated, known, may_be_in_zip64 };
    let numbers = [
        // Only lengths may be in the extra field for zip64.
        number("the CRC-32", local.crc, u64::from(member.crc), false),
        number("the packed length", local.packed, member.packed, true),
        number("the length", local.len, member.len, true),
    ];
    let is_unstated = numbers.iter().all(|number| number.stated == 0);
    if local.flags & (FOLLOW | MASKED) != 0 || is_unstated {
        return Ok(None);
    }
    if local.method != member.method {
        return Ok(Some(format!("method {}, and the directory {}", local.method, member.method)));
    }
    let found = numbers.into_iter().find(StatedNumber::differs);
    Ok(found.map(|StatedNumber { what, stated, known, .. }| {
        format!("{what} {stated:#x}, and the directory {known:#x}")
    }))
}

/// A number as the header of a member states it, and as the directory has it.
struct StatedNumber {
    what: &'static str,
    stated: u32,
    known: u64,
    may_be_in_zip64: bool,
}

impl StatedNumber {
    /// Whether the two differ. The header has room for the lower 32 bits only.
    fn differs(&self) -> bool {
        let is_in_zip64 = self.may_be_in_zip64 && self.stated == IN_ZIP64;
        !is_in_zip64 && u64::from(self.stated) != self.known % WRAP
    }
}

/// The error for a member whose length is not known.
fn lacks_bits() -> ZipError {
    ZipError::unsupported(
        "it has 4 GiB or more, and a program without zip64 wrote only the lower 32 bits of its length",
        Remedy::SevenZip,
    )
}

fn encrypted(member: &ZipMember) -> Option<ZipError> {
    let unsupported = |reason: &str, remedy| Some(ZipError::unsupported(reason, remedy));
    match member.flags {
        _ if member.method == AES => unsupported("it is encrypted with AES", Remedy::SevenZipPassword),
        flags if flags & ENCRYPTED == 0 => None,
        flags if flags & STRONGLY_ENCRYPTED != 0 => {
            unsupported("it is encrypted by PKWARE's own method", Remedy::Packer)
        }
        _ => unsupported("it is encrypted", Remedy::Password),
    }
}

/// Reads a member, and checks it at its end.
pub(crate) struct Unpacked {
    data: Box<dyn Read + Send>,
    crc: flate2::Crc,
    read: u64,
    len: u64,
    expected: u32,
    /// Length in bytes, as it is stored.
    packed: u64,
    /// The modulus of lengths that lack their upper bits.
    wrap: u64,
    /// Whether its lengths seem to lack those bits: that explains data that is not as long as they state.
    lacks_bits: bool,
}

/// No method that programs without zip64 know packs better than this.
const BEST_RATIO: u64 = 1032;

impl Read for Unpacked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.checked(out).map_err(|error| {
            let is_damage = matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
            );
            if self.lacks_bits && is_damage { lacks_bits().into() } else { error }
        })
    }
}

impl Unpacked {
    fn checked(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        // One byte more than is left shows whether the data is too long.
        let left = self.len - self.read;
        let room = out.len().min(usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX));
        let count = self.data.read(&mut out[..room])?;
        if count as u64 > left {
            return Err(self.too_long(&out[..count])?.into());
        }
        self.read += count as u64;
        self.crc.update(&out[..count]);
        if count == 0 {
            self.check()?;
        }
        Ok(count)
    }

    /// The error for data that is longer than the directory states; `more` is what was read last. The member is
    /// damaged, unless reading all of it shows that only the upper bits of its length are missing.
    fn too_long(&mut self, more: &[u8]) -> io::Result<ZipError> {
        let damaged =
            ZipError::damaged(format!("the zip's directory states {} bytes, its data holds more", self.len));
        if self.len >= self.wrap || self.packed.saturating_mul(BEST_RATIO) < self.wrap {
            return Ok(damaged);
        }
        self.crc.update(more);
        let mut read = self.read + more.len() as u64;
        let mut piece = vec![0; 64 << 10];
        loop {
            let count = self.data.read(&mut piece)?;
            if count == 0 {
                break;
            }
            self.crc.update(&piece[..count]);
            read += count as u64;
        }
        let is_whole = read % self.wrap == self.len && self.crc.sum() == self.expected;
        Ok(if is_whole { lacks_bits() } else { damaged })
    }

    fn check(&self) -> Result<()> {
        if self.read != self.len {
            return Err(ZipError::damaged(format!(
                "the zip's directory states {} bytes, its data holds {}",
                self.len, self.read
            )));
        }
        let found = self.crc.sum();
        if found != self.expected {
            return Err(ZipError::damaged(format!(
                "its CRC-32 is {found:08x}, the zip's directory states {:08x}",
                self.expected
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(expected: u32) -> ZipError {
        // As if lengths had eight bits.
        let mut member = Unpacked {
            data: Box::new(io::Cursor::new(b"x".repeat(300))),
            crc: flate2::Crc::new(),
            read: 0,
            len: 300 - 256,
            expected,
            packed: 300,
            wrap: 256,
            lacks_bits: false,
        };
        member.read_to_end(&mut Vec::new()).expect_err("it is longer than the directory states").into()
    }

    #[test]
    fn what_is_longer_by_the_upper_bits_of_its_length_and_has_its_crc_is_no_damage() {
        let crc = crate::format::hasher::crc32(&b"x".repeat(300));
        assert!(matches!(read(crc), ZipError::Unsupported { .. }));
        assert!(matches!(read(!crc), ZipError::Damaged(_)));
    }
}
