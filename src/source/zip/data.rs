//! The bytes of one member, as they are stored and unpacked.

use std::io::{self, Read, Seek, SeekFrom, Take};

use super::bytes::Bytes;
use super::directory::{Directory, Member};
use super::records::LocalHeader;
use super::unpack::unpack;
use super::{Remedy, ZipError};

/// General purpose flags (APPNOTE.TXT 4.4.4).
const ENCRYPTED: u16 = 1 << 0;
const STRONGLY_ENCRYPTED: u16 = 1 << 6;

/// The method of members that are encrypted with AES, whose real method an extra field has.
const AES: u16 = 99;

/// The bytes of a member as they are stored: fewer than the directory states where the file ends before.
///
/// # Errors
/// When its header is not in the file.
pub(in crate::source) fn packed<R: Read + Seek>(
    directory: &Directory,
    member: &Member,
    mut reader: R,
) -> Result<Take<R>, ZipError> {
    let mut bytes = Bytes::new(&mut reader)?;
    let data = local(directory, member, &mut bytes)?.data;
    reader.seek(SeekFrom::Start(data))?;
    Ok(reader.take(member.packed))
}

/// The bytes of a member. Their end comes only after as many bytes as the directory states, with the CRC that it states.
///
/// # Errors
/// When it is encrypted, packed by a method that is not known, or its data is not in the file.
pub(in crate::source) fn unpacked<R: Read + Seek + Send + 'static>(
    directory: &Directory,
    member: &Member,
    reader: R,
) -> Result<Unpacked, ZipError> {
    if let Some(error) = encrypted(member) {
        return Err(error);
    }
    let data = unpack(member.method, packed(directory, member, reader)?, member.len)?;
    Ok(Unpacked { data, crc: flate2::Crc::new(), read: 0, len: member.len, expected: member.crc })
}

/// The header before a member's data.
fn local<R: Read + Seek>(
    directory: &Directory,
    member: &Member,
    bytes: &mut Bytes<R>,
) -> Result<LocalHeader, ZipError> {
    // Bytes may be missing, or too many, between this member and the first one: then its place is right as it is stated.
    let stated = member.header.and_then(|place| place.checked_add_signed(directory.base.checked_neg()?));
    for place in [member.header, stated].into_iter().flatten() {
        if let Some(local) = LocalHeader::at(bytes, place)? {
            return Ok(local);
        }
    }
    Err(ZipError::damaged(match member.header {
        Some(place) => format!("there is no header of a member at byte {place}, where the directory puts it"),
        None => "the directory puts it before the beginning of the file".to_owned(),
    }))
}

fn encrypted(member: &Member) -> Option<ZipError> {
    let unsupported =
        |reason: &str, remedy| Some(ZipError::Unsupported { reason: reason.to_owned(), remedy });
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
pub(in crate::source) struct Unpacked {
    data: Box<dyn Read + Send>,
    crc: flate2::Crc,
    read: u64,
    len: u64,
    expected: u32,
}

impl Read for Unpacked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        // One byte more than is left shows what is too long.
        let left = self.len - self.read;
        let room = out.len().min(usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX));
        let count = self.data.read(&mut out[..room])?;
        if count as u64 > left {
            return Err(ZipError::damaged(format!(
                "the zip's directory states {} bytes, its data holds more",
                self.len
            ))
            .into());
        }
        self.read += count as u64;
        self.crc.update(&out[..count]);
        if count == 0 {
            self.check()?;
        }
        Ok(count)
    }
}

impl Unpacked {
    fn check(&self) -> Result<(), ZipError> {
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
