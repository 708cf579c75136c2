//! Reads any bytes as a commit and as a tag: what the fuzz target `commit` does, and a test with all that it ever found.

use gix::hash::Kind as HashKind;

use super::commit::{CommitText, tag_target};

/// Bytes as a commit, and as an annotated tag, under both kinds of hashes.
pub fn commit(bytes: &[u8]) {
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let _ = CommitText::parse(bytes, hash);
        let _ = tag_target(bytes, hash);
    }
}
