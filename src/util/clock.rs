//! The wall clock, passed to the code that depends on it.
//!
//! Nothing below `cli` reads the system time: it receives a [`WallClock`] or `now`, so that tests set the time.
//! `Instant` measures durations, which no test needs to change.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;

/// Returns the present time.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl WallClock {
    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// The present, to compare with file times.
    pub fn system_time(&self) -> SystemTime {
        self.now().into()
    }
}

impl Default for WallClock {
    fn default() -> Self {
        Self::system()
    }
}

impl<F: Fn() -> Timestamp + Send + Sync + 'static> From<F> for WallClock {
    fn from(now: F) -> Self {
        Self(Arc::new(now))
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WallClock").field(&self.now()).finish()
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use super::*;

    /// A clock for tests that stands still until it is moved. Clones show the same time.
    #[derive(Debug, Clone)]
    pub(crate) struct TestClock(Arc<AtomicI64>);

    impl TestClock {
        /// Shows the machine's time, when test files are created.
        pub(crate) fn of_now() -> Self {
            Self(Arc::new(AtomicI64::new(Timestamp::now().as_microsecond())))
        }

        pub(crate) fn show(&self, time: SystemTime) {
            let time = Timestamp::try_from(time).expect("a time of our days");
            self.0.store(time.as_microsecond(), Ordering::SeqCst);
        }

        pub(crate) fn advance(&self, by: Duration) {
            self.0.fetch_add(i64::try_from(by.as_micros()).expect("a short time"), Ordering::SeqCst);
        }

        /// The clock as tested code takes it.
        pub(crate) fn clock(&self) -> WallClock {
            let shown = Arc::clone(&self.0);
            let now = move || Timestamp::from_microsecond(shown.load(Ordering::SeqCst)).expect("a time");
            now.into()
        }
    }
}
