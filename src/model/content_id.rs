//! The identity of a file's content: what inode, mtime, size and cache all hang on.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::jsonl::RENDER_VERSION;

/// Identity of one immutable content. Two files with equal ids have equal bytes, equal mtimes and one
/// inode; the reverse need not hold (a source may not know that two contents are equal).
///
/// The id is derived from what the source knows without reading the content (a commit hash and a table
/// name, an archive's file and a member's name), so it is the same after a remount.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId([u8; 16]);

impl ContentId {
    /// Derives an id from the parts that name the content. Each part is length-prefixed, so that
    /// `["ab", "c"]` and `["a", "bc"]` differ, and [`RENDER_VERSION`] is mixed in, so that a changed
    /// rendering never meets bytes of the old one.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update(RENDER_VERSION.to_le_bytes());
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }

    /// The id with these bytes, which [`Self::as_bytes`] gave in an earlier run of the same version.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The raw bytes, for deriving further ids and inode numbers.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Debug for ContentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ContentId({})", HEXLOWER.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_between_parts_count() {
        assert_ne!(ContentId::of(&[b"ab", b"c"]), ContentId::of(&[b"a", b"bc"]));
        assert_ne!(ContentId::of(&[b"ab"]), ContentId::of(&[b"ab", b""]));
        assert_eq!(ContentId::of(&[b"ab", b"c"]), ContentId::of(&[b"ab", b"c"]));
    }
}
