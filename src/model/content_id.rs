//! The content id, which decides a file's inode, mtime, size and cache entry.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::jsonl::RENDER_VERSION;

/// Identifies one immutable content. Files with equal ids have equal bytes, equal mtimes and one inode. Equal bytes
/// may have different ids, because a source may not know that two contents are equal.
///
/// The id is derived from facts that the source knows before it reads the content, such as a commit hash and a table
/// name, or an archive's file and a member's name. So it survives a remount.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId([u8; 16]);

impl ContentId {
    /// Derives an id from the parts that name the content. Each part follows its length, so that `["ab", "c"]` and
    /// `["a", "bc"]` differ. [`RENDER_VERSION`] is mixed in, so that no rendering meets cached bytes of another.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update(RENDER_VERSION.to_le_bytes());
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(*hash.finalize().first_chunk().expect("a SHA-256 has 32 bytes"))
    }

    /// Restores an id from the bytes that [`Self::as_bytes`] returned in an earlier run of the same version.
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
