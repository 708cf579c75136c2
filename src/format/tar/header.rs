//! One block of an archive, read as the header of a member: POSIX.1 (ustar, pax), GNU tar, star, and the tars before
//! them.
//!
//! Only name, type, size, target, mode and the map of a sparse file are read. Owners, times and devices may say
//! anything.

/// Length of a block in bytes.
pub(super) const BLOCK: usize = 512;

pub(super) enum TarBlock {
    /// Zeros, of which two end an archive.
    Zeros,
    /// A header whose checksum is right.
    Header(Box<TarHeader>),
    Other,
}

impl TarBlock {
    /// Reads a block. An incomplete one is no header.
    pub(super) fn of(bytes: &[u8]) -> Self {
        if bytes.iter().all(|&byte| byte == 0) {
            return Self::Zeros;
        }
        let Ok(bytes) = <[u8; BLOCK]>::try_from(bytes) else { return Self::Other };
        let header = TarHeader(bytes);
        if header.checksum_is_right() { Self::Header(Box::new(header)) } else { Self::Other }
    }
}

pub(super) struct TarHeader([u8; BLOCK]);

impl TarHeader {
    /// The type of the member: a digit or a letter; NUL in the oldest archives.
    pub(super) fn kind(&self) -> u8 {
        self.0[156]
    }

    /// The member's name, after the prefix that POSIX puts before it.
    pub(super) fn name(&self) -> Vec<u8> {
        let (prefix, name) = (text(&self.0[345..500]), text(&self.0[..100]));
        if prefix.is_empty() || !self.is_posix() { name.to_owned() } else { [prefix, b"/", name].concat() }
    }

    /// What a link leads to.
    pub(super) fn link(&self) -> Vec<u8> {
        text(&self.0[157..257]).to_owned()
    }

    /// How many bytes follow. `None` if that is not a number.
    pub(super) fn size(&self) -> Option<u64> {
        number(&self.0[124..136])
    }

    /// Whether its owner may execute it.
    pub(super) fn is_executable(&self) -> bool {
        number(&self.0[100..108]).is_some_and(|mode| mode & 0o100 != 0)
    }

    /// The map of a sparse file, if the header is one of GNU tar's or star's.
    pub(super) fn sparse(&self) -> Option<SparseHeader> {
        let is_star = self.is_posix() && self.0[508..] == *b"tar\0";
        if !is_star && self.is_posix() || !self.0[257..].starts_with(b"ustar") {
            return None;
        }
        let (parts, extended, real_size) = match is_star {
            true => (&self.0[356..452], self.0[355], &self.0[452..464]),
            false => (&self.0[386..482], self.0[482], &self.0[483..495]),
        };
        // A star that writes a prefix has no room for parts here: all of them are in the blocks that follow.
        let has_parts = !is_star || self.0[345] == 0 && self.0[366] != 0;
        Some(SparseHeader {
            parts: if has_parts { sparse_parts(parts) } else { Some(Vec::new()) },
            is_extended: !has_parts || extended != 0,
            real_size: number(real_size),
            counts_extensions: is_star,
        })
    }

    fn is_posix(&self) -> bool {
        let magic = &self.0[257..265];
        magic.starts_with(b"ustar") && magic != b"ustar  \0"
    }

    /// Whether the checksum is right: the sum of all bytes, with those of the checksum itself taken as spaces. Some
    /// tars add signed bytes.
    fn checksum_is_right(&self) -> bool {
        let bytes = self.0[..148].iter().chain(&self.0[156..]).copied();
        let unsigned: u32 = bytes.clone().map(u32::from).sum::<u32>() + 8 * 32;
        let signed: i32 = bytes.map(|byte| i32::from(byte.cast_signed())).sum::<i32>() + 8 * 32;
        let Some(noted) = number(&self.0[148..156]) else { return false };
        noted == u64::from(unsigned) || u64::try_from(signed) == Ok(noted)
    }
}

pub(super) struct SparseHeader {
    /// Offset and length of each part that is stored; `None` if these are not numbers.
    pub(super) parts: Option<Vec<(u64, u64)>>,
    /// Whether more parts are in the block that follows.
    pub(super) is_extended: bool,
    /// How long the file is.
    pub(super) real_size: Option<u64>,
    /// Whether the blocks with more parts count as data of the member.
    pub(super) counts_extensions: bool,
}

/// The parts in a block after a header, and whether one more block of them follows.
pub(super) fn sparse_extension(block: &[u8; BLOCK]) -> (Option<Vec<(u64, u64)>>, bool) {
    (sparse_parts(&block[..504]), block[504] != 0)
}

/// Offsets and lengths, up to the first empty part.
fn sparse_parts(bytes: &[u8]) -> Option<Vec<(u64, u64)>> {
    let (parts, _) = bytes.as_chunks::<24>();
    let used = parts.iter().take_while(|part| part[12] != 0);
    used.map(|part| number(&part[..12]).zip(number(&part[12..]))).collect()
}

/// A text up to its NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A number: octal digits between spaces or NULs, or binary after a first bit that is set. A blank field is zero.
/// `None` for what is negative, is too large or is no number.
fn number(field: &[u8]) -> Option<u64> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        let negative = first & 0x40 != 0;
        let digits = rest.iter().try_fold(u64::from(first & 0x3f), |value, &byte| {
            Some(value.checked_mul(256)? | u64::from(byte))
        });
        return digits.filter(|_| !negative);
    }
    // As for GNU tar, one NUL may precede the number; after a second there is no number.
    let text = field.strip_prefix(b"\0").unwrap_or(field).trim_ascii_start();
    let digits = text.split(|byte| matches!(byte, b' ' | 0)).next().unwrap_or_default();
    digits.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'7' => Some(value.checked_mul(8)? | u64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_all_their_forms() {
        for (field, expected) in [
            (&b"00000000006\0"[..], Some(6)),
            (b"          6 ", Some(6)),
            (b"6           ", Some(6)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"\x0000000000006", Some(6)),
            (b"\0\0\0\0\0\0\0\0\0\0\0\0", Some(0)),
            (b"            ", Some(0)),
            (b"6\x009999999999", Some(6)),
            (b"\0\0\0\0\0\0\x000016\0", Some(0)),
            (b"\x80\0\0\0\0\0\0\0\0\x01\x02\x03", Some(0x01_0203)),
            (b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", Some(u64::MAX)),
            (b"\x80\0\0\x01\0\0\0\0\0\0\0\0", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", None),
            (b"999999999999", None),
            (b"-0000000006\0", None),
            (b"0x6\0", None),
        ] {
            assert_eq!(number(field), expected, "{}", field.escape_ascii());
        }
    }

    #[test]
    fn a_block_of_other_length_is_no_header() {
        assert!(matches!(TarBlock::of(&[b'a'; 511]), TarBlock::Other));
        assert!(matches!(TarBlock::of(&[0; 100]), TarBlock::Zeros));
        assert!(matches!(TarBlock::of(&[b'a'; BLOCK]), TarBlock::Other));
    }
}
