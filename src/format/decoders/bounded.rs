//! Limits on what packed data may unpack to, and on how long that takes.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Up to this many bytes are unpacked whatever the ratio.
pub(crate) const BOMB_LEN: u64 = 1 << 30;

/// Beyond [`BOMB_LEN`], data that unpacks to more than this many times the packed length is refused. Deflate itself
/// reaches 1032 at most, on runs of one byte.
pub(crate) const BOMB_RATIO: u64 = 1000;

/// Unpacking may take this long in any case.
const GRACE: Duration = Duration::from_secs(60);

/// Beyond [`GRACE`], it may take a second for every [`SLOWEST`] bytes, packed and unpacked.
const SLOWEST: u64 = 64 << 10;

/// Why unpacking was given up. It does not mean that the data is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GaveUp {
    #[error("{packed} bytes unpack to more than {unpacked}, which looks like a bomb")]
    Bomb { packed: u64, unpacked: u64 },
    #[error("it unpacks to more than {most} bytes")]
    TooLong { most: u64 },
    #[error(
        "it took {} s to unpack {unpacked} bytes of it, which is less than {} KiB a second",
        .took.as_secs(), SLOWEST >> 10
    )]
    Slow { unpacked: u64, took: Duration },
}

impl From<GaveUp> for io::Error {
    fn from(gave_up: GaveUp) -> Self {
        let kind = match gave_up {
            GaveUp::Bomb { .. } | GaveUp::TooLong { .. } => io::ErrorKind::Unsupported,
            // The storage may have been slow.
            GaveUp::Slow { .. } => io::ErrorKind::TimedOut,
        };
        Self::new(kind, gave_up)
    }
}

/// Stops unpacking data that grows beyond the limits or takes too long.
pub(crate) struct Bounded<R> {
    inner: R,
    packed: u64,
    unpacked: u64,
    most: u64,
    /// Time spent within `inner` alone: a reader may take its time.
    took: Duration,
    now: fn() -> Instant,
}

impl<R> Bounded<R> {
    /// Limits what `packed` bytes may unpack to.
    pub(crate) fn new(inner: R, packed: u64) -> Self {
        Self { inner, packed, unpacked: 0, most: u64::MAX, took: Duration::ZERO, now: Instant::now }
    }

    /// The same with another limit on what it unpacks to.
    pub(crate) fn at_most(self, most: u64) -> Self {
        Self { most, ..self }
    }

    fn check(&self) -> Result<(), GaveUp> {
        let &Self { packed, unpacked, most, took, .. } = self;
        if unpacked > most {
            return Err(GaveUp::TooLong { most });
        }
        if unpacked > BOMB_LEN && unpacked / BOMB_RATIO > packed {
            return Err(GaveUp::Bomb { packed, unpacked });
        }
        let allowed = Duration::from_secs(packed.saturating_add(unpacked) / SLOWEST);
        if took > GRACE.saturating_add(allowed) {
            return Err(GaveUp::Slow { unpacked, took });
        }
        Ok(())
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let begun = (self.now)();
        let count = self.inner.read(out)?;
        self.took += (self.now)().saturating_duration_since(begun);
        self.unpacked += count as u64;
        self.check()?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn gave_up(error: &io::Error) -> Option<GaveUp> {
        error.get_ref().and_then(|cause| cause.downcast_ref::<GaveUp>()).copied()
    }

    #[test]
    fn a_bomb_ends_and_real_data_does_not() {
        let unpack = |len: u64, packed: u64| {
            io::copy(&mut Bounded::new(io::repeat(0).take(len), packed), &mut io::sink())
        };
        assert_eq!(unpack(BOMB_LEN, 1).expect("it is short"), BOMB_LEN);
        assert_eq!(unpack(BOMB_LEN + 1, BOMB_LEN / BOMB_RATIO).expect("the ratio is fine"), BOMB_LEN + 1);
        let error = unpack(BOMB_LEN + 1, 1000).expect_err("it is a bomb");
        assert!(matches!(gave_up(&error), Some(GaveUp::Bomb { packed: 1000, .. })), "{error}");
    }

    thread_local! {
        static CLOCK: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    fn clock() -> Instant {
        CLOCK.get().unwrap_or_else(|| {
            let begun = Instant::now();
            CLOCK.set(Some(begun));
            begun
        })
    }

    /// Makes a byte in a second.
    struct Slow;

    impl Read for Slow {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            CLOCK.set(Some(clock() + Duration::from_secs(1)));
            out[0] = 0;
            Ok(1)
        }
    }

    #[test]
    fn unpacking_that_makes_no_progress_ends_and_a_slow_reader_does_not_count() {
        let mut slow = Bounded { now: clock, ..Bounded::new(Slow, 2 * SLOWEST) };
        for _ in 0..62 {
            // The reader's own time.
            CLOCK.set(Some(clock() + Duration::from_secs(1000)));
            slow.read_exact(&mut [0]).expect("62 s are allowed");
        }
        let error = slow.read_exact(&mut [0]).expect_err("it takes too long");
        assert!(matches!(gave_up(&error), Some(GaveUp::Slow { unpacked: 63, .. })), "{error}");
    }
}
