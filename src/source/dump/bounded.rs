//! A limit on what little packed data may unpack to.

use std::io::{self, Read};

/// Up to this many bytes are unpacked whatever the ratio.
pub(super) const BOMB_LEN: u64 = 1 << 30;

/// Beyond [`BOMB_LEN`], data that unpacks to more than this many times the packed length is refused. It is the limit
/// of zip members, too.
pub(super) const BOMB_RATIO: u64 = 1000;

/// Data unpacks to far more than any real data does.
#[derive(Debug, thiserror::Error)]
#[error("{packed} bytes unpack to more than {unpacked}, which looks like a bomb")]
pub(super) struct LooksLikeABomb {
    packed: u64,
    unpacked: u64,
}

/// Ends unpacked data that grows beyond the limits.
pub(super) struct Bounded<R> {
    inner: R,
    packed: u64,
    unpacked: u64,
}

impl<R> Bounded<R> {
    /// Limits what `packed` bytes may unpack to.
    pub(super) fn new(inner: R, packed: u64) -> Self {
        Self { inner, packed, unpacked: 0 }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.unpacked += count as u64;
        if self.unpacked > BOMB_LEN && self.unpacked / BOMB_RATIO > self.packed {
            let (packed, unpacked) = (self.packed, self.unpacked);
            return Err(io::Error::new(io::ErrorKind::Unsupported, LooksLikeABomb { packed, unpacked }));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_ends_and_real_data_does_not() {
        let unpack = |len: u64, packed: u64| {
            io::copy(&mut Bounded::new(io::repeat(0).take(len), packed), &mut io::sink())
        };
        assert_eq!(unpack(BOMB_LEN, 1).expect("it is short"), BOMB_LEN);
        assert_eq!(unpack(BOMB_LEN + 1, BOMB_LEN / BOMB_RATIO).expect("the ratio is fine"), BOMB_LEN + 1);
        let error = unpack(BOMB_LEN + 1, 1000).expect_err("it is a bomb");
        assert!(error.get_ref().is_some_and(|cause| cause.is::<LooksLikeABomb>()), "{error}");
    }
}
