//! Recognises a SQLite file by its first bytes (sqlite.org/fileformat2.html, 1.3).

/// What every SQLite file of at least one page starts with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Bytes of the header of every file that is not empty.
pub(super) const HEADER: usize = 100;

/// How many bytes of the magic a damaged file has at least.
const MOST_OF_MAGIC: usize = 12;

/// What a file with the name of a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    /// A SQLite database; also a file without bytes, which is an empty one.
    Yes,
    /// A SQLite database whose first bytes are broken.
    Damaged,
    /// Something else: what is encrypted looks like noise, and other programs have databases of their own.
    No,
}

/// What a file is that has `len` bytes and begins with `head`.
pub(crate) fn is_plain(head: &[u8], len: u64) -> Plain {
    if len == 0 || head.starts_with(MAGIC) {
        return Plain::Yes;
    }
    let has_magic = head.iter().zip(MAGIC).filter(|(byte, magic)| byte == magic).count() >= MOST_OF_MAGIC;
    // The page size is a power of two, and three payload fractions are always the same.
    let page_size = head.get(16..18).map_or(0, |size| u32::from(size[0]) << 8 | u32::from(size[1]));
    let has_pages = matches!(page_size, 1 | 512..=32768) && page_size.is_power_of_two();
    let has_header = has_pages && head.get(21..24) == Some(&[64, 32, 32]);
    let is_cut = !head.is_empty() && MAGIC.starts_with(head);
    let is_blank = head.iter().all(|byte| *byte == 0);
    if has_magic || has_header || is_cut || is_blank { Plain::Damaged } else { Plain::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_told_from_what_is_something_else() {
        let mut sound = [7; HEADER];
        sound[..16].copy_from_slice(MAGIC);
        sound[16..24].copy_from_slice(&[16, 0, 1, 1, 0, 64, 32, 32]);
        assert_eq!(is_plain(&sound, 8192), Plain::Yes);
        assert_eq!(is_plain(b"", 0), Plain::Yes);
        let mut flipped = sound;
        flipped[3] ^= 0xff;
        let mut overwritten = sound;
        overwritten[..16].fill(0xee);
        for (damaged, what) in [
            (&flipped[..], "a byte"),
            (&overwritten, "the magic"),
            (&[0; HEADER], "all"),
            (&sound[..7], "cut"),
        ] {
            assert_eq!(is_plain(damaged, damaged.len() as u64), Plain::Damaged, "{what}");
        }
        // As SQLCipher writes it: the first bytes are a salt.
        let noise: Vec<u8> =
            (0..HEADER as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for other in [&noise[..], b"version https://git-lfs.github.com/spec/v1", b"-- dump", b"x"] {
            assert_eq!(is_plain(other, other.len() as u64), Plain::No, "{other:?}");
        }
    }
}
