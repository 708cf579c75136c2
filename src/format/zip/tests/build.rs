//! Puts zips together.

use crate::format::hasher::crc32;
use crate::format::zip::records::{CENTRAL, END, END_64, LOCAL, LOCATOR_64};

/// A member to be put into a zip.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    pub(crate) name: Vec<u8>,
    /// Its name in the local header, if that differs.
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) host: u8,
    pub(crate) attributes: u32,
    /// As it is stored.
    pub(crate) data: Vec<u8>,
    /// Unpacked.
    pub(crate) len: u32,
    pub(crate) crc: u32,
    /// Extra fields in the local header and in the directory.
    pub(crate) extra: [Vec<u8>; 2],
    pub(crate) comment: Vec<u8>,
    /// The lengths and the CRC follow the data, with a signature before them or without.
    pub(crate) descriptor: Option<bool>,
}

impl Packed {
    /// A member as it is, by a program on Unix.
    pub(crate) fn stored(name: impl AsRef<[u8]>, bytes: &[u8]) -> Self {
        Self::by(0, name, bytes, bytes.to_vec())
    }

    pub(crate) fn deflated(name: impl AsRef<[u8]>, bytes: &[u8]) -> Self {
        use std::io::Read;
        let mut data = Vec::new();
        flate2::read::DeflateEncoder::new(bytes, flate2::Compression::best())
            .read_to_end(&mut data)
            .expect("memory does not fail");
        Self::by(8, name, bytes, data)
    }

    /// A member that is packed by a method.
    pub(crate) fn by(method: u16, name: impl AsRef<[u8]>, bytes: &[u8], data: Vec<u8>) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            local_name: None,
            method,
            flags: 0,
            host: 3,
            attributes: 0o100_644 << 16,
            data,
            len: u32::try_from(bytes.len()).expect("short"),
            crc: crc32(bytes),
            extra: [Vec::new(), Vec::new()],
            comment: Vec::new(),
            descriptor: None,
        }
    }

    /// The same with its lengths after the data, as programs write that do not know them before.
    pub(crate) fn streamed(self) -> Self {
        Self { descriptor: Some(true), ..self }
    }
}

/// How a zip is put together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Zip {
    /// What stands before the zip.
    pub(crate) prefix: Vec<u8>,
    /// Whether offsets count the prefix.
    pub(crate) counts_prefix: bool,
    pub(crate) comment: Vec<u8>,
    /// Whether it has the records of zip64, too.
    pub(crate) zip64: bool,
    /// What stands after the directory's last header.
    pub(crate) behind_directory: Vec<u8>,
    /// Number of the part that the end record is said to be in.
    pub(crate) part: u16,
}

impl Zip {
    /// A zip of these members: the members, the directory, the end records.
    pub(crate) fn build(&self, members: &[Packed]) -> Vec<u8> {
        let mut zip = self.prefix.clone();
        let start = if self.counts_prefix { 0 } else { zip.len() };
        let mut directory = Vec::new();
        for member in members {
            let place = zip.len() - start;
            member.header(&mut zip, None);
            zip.extend(&member.data);
            if let Some(is_signed) = member.descriptor {
                zip.extend(if is_signed { &b"PK\x07\x08"[..] } else { b"" });
                zip.extend([member.crc, member.data.len() as u32, member.len].map(u32::to_le_bytes).concat());
            }
            member.header(&mut directory, Some(u32::try_from(place).expect("short")));
        }
        let place = zip.len() - start;
        zip.extend(&directory);
        zip.extend(&self.behind_directory);
        self.end(&mut zip, start, members.len(), (directory.len(), place));
        zip
    }

    fn end(&self, zip: &mut Vec<u8>, start: usize, count: usize, (size, place): (usize, usize)) {
        if self.zip64 {
            let at = (zip.len() - start) as u64;
            zip.extend(END_64);
            zip.extend(44_u64.to_le_bytes());
            zip.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            zip.extend([count, count, size, place].map(|number| (number as u64).to_le_bytes()).concat());
            zip.extend(LOCATOR_64);
            zip.extend(0_u32.to_le_bytes());
            zip.extend(at.to_le_bytes());
            zip.extend(1_u32.to_le_bytes());
        }
        let short = |number: usize| (number as u16).to_le_bytes();
        zip.extend(END);
        zip.extend([self.part.to_le_bytes(), self.part.to_le_bytes(), short(count), short(count)].concat());
        zip.extend([size, place].map(|number| (number as u32).to_le_bytes()).concat());
        zip.extend(short(self.comment.len()));
        zip.extend(&self.comment);
    }
}

impl Packed {
    /// The header in the directory, with the offset of the local one; the local header if `place` is `None`.
    fn header(&self, out: &mut Vec<u8>, place: Option<u32>) {
        let flags = self.flags | if self.descriptor.is_some() { 8 } else { 0 };
        let follows = place.is_none() && self.descriptor.is_some();
        let [crc, packed, len] = if follows { [0; 3] } else { [self.crc, self.data.len() as u32, self.len] };
        let name = match (&self.local_name, place) {
            (Some(name), None) => name,
            _ => &self.name,
        };
        let extra = &self.extra[usize::from(place.is_some())];
        match place {
            Some(_) => out.extend([&CENTRAL[..], &[20, self.host, 20, 0]].concat()),
            None => out.extend([&LOCAL[..], &[20, 0]].concat()),
        }
        out.extend([flags.to_le_bytes(), self.method.to_le_bytes(), [0, 0], [0x21, 0]].concat());
        out.extend([crc, packed, len].map(u32::to_le_bytes).concat());
        out.extend([name.len(), extra.len()].map(|len| (len as u16).to_le_bytes()).concat());
        if let Some(place) = place {
            out.extend((self.comment.len() as u16).to_le_bytes());
            out.extend([0; 4]);
            out.extend([self.attributes, place].map(u32::to_le_bytes).concat());
        }
        out.extend(name);
        out.extend(extra);
        if place.is_some() {
            out.extend(&self.comment);
        }
    }
}

/// A zip of these members and nothing odd.
pub(crate) fn zip(members: &[Packed]) -> Vec<u8> {
    Zip::default().build(members)
}
