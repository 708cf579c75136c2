//! Memory that members take while they are unpacked, where it is taken at once: all of them share it.
//!
//! A zip of a few bytes may ask for 256 MiB with PPMd, and there may be many readers.

use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// What they take together at most, in bytes: as much as one may ask for.
const MOST: u64 = 256 << 20;

/// For how long memory is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

static TAKEN: Mutex<u64> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// Memory that is taken until this is dropped.
pub(super) struct Room(u64);

impl Room {
    /// Takes so many bytes, [`MOST`] at most. Blocks while others have them.
    ///
    /// # Errors
    /// When they do not get free.
    pub(super) fn take(bytes: u64) -> io::Result<Self> {
        let bytes = bytes.min(MOST);
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, outcome) = FREED
            .wait_timeout_while(taken, PATIENCE, |taken| *taken + bytes > MOST)
            .unwrap_or_else(PoisonError::into_inner);
        if outcome.timed_out() {
            return Err(io::Error::from_raw_os_error(libc::ENOMEM));
        }
        *taken += bytes;
        Ok(Self(bytes))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
        FREED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_waited_for_and_given_back() {
        let all = Room::take(u64::MAX).expect("nobody keeps it for long");
        assert_eq!(all.0, MOST);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| Room::take(1).map(|room| room.0));
            drop(all);
            assert_eq!(waiting.join().expect("no panic").expect("it is free"), 1);
        });
    }
}
