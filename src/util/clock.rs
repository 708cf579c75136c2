//! The clock on the wall, handed to whatever decides by it.
//!
//! Nothing below `cli` asks the operating system for the time: it is given a [`WallClock`], or `now`, so that a test says
//! what time it is. How long something takes is measured by `Instant`, which no test has to move.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;

/// Says what time it is.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl WallClock {
    /// The clock of the machine.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// The same, to compare with the times of files.
    pub fn system_time(&self) -> SystemTime {
        self.now().into()
    }
}

/// The clock of the machine.
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

/// A clock for tests, which stands still until it is moved.
#[cfg(test)]
pub(crate) mod testing {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use super::*;

    /// Stands still until it is moved. Clones show the same time.
    #[derive(Debug, Clone)]
    pub(crate) struct TestClock(Arc<AtomicI64>);

    impl TestClock {
        /// One that shows the time of the machine, as files are made then.
        pub(crate) fn of_now() -> Self {
            Self(Arc::new(AtomicI64::new(Timestamp::now().as_microsecond())))
        }

        /// Has it show another time.
        pub(crate) fn show(&self, time: SystemTime) {
            let time = Timestamp::try_from(time).expect("a time of our days");
            self.0.store(time.as_microsecond(), Ordering::SeqCst);
        }

        /// Moves it.
        pub(crate) fn advance(&self, by: Duration) {
            self.0.fetch_add(i64::try_from(by.as_micros()).expect("a short time"), Ordering::SeqCst);
        }

        /// The clock as what is tested takes it.
        pub(crate) fn clock(&self) -> WallClock {
            let shown = Arc::clone(&self.0);
            let now = move || Timestamp::from_microsecond(shown.load(Ordering::SeqCst)).expect("a time");
            now.into()
        }
    }
}
