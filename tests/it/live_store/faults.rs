//! The connection from the mount to the server, which fails every 20 seconds in another way.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::proxy::{Proxy, Weather};

/// From the end of one fault to the beginning of the next.
const EVERY: Duration = Duration::from_secs(20);

/// A proxy in front of the server that fails again and again.
pub struct Way {
    pub proxy: Proxy,
    faults: AtomicUsize,
}

impl Way {
    pub fn to(server: u16) -> Self {
        Self { proxy: Proxy::start(server), faults: AtomicUsize::new(0) }
    }

    /// Fails in one way after the other until it is over; then all is well again.
    pub fn fail(&self, is_over: &AtomicBool) {
        let kinds: [(Weather, u64); 4] =
            [(Weather::Fair, 0), (Weather::Still, 8), (Weather::Closed, 5), (Weather::Trickle, 8)];
        for (weather, seconds) in kinds.iter().cycle() {
            if !goes_on(EVERY, is_over) {
                break;
            }
            self.proxy.set(*weather);
            // Only what waits now is cut in the middle; the other faults are met by connections as they are.
            if matches!(weather, Weather::Fair | Weather::Closed) {
                self.proxy.cut();
            }
            self.faults.fetch_add(1, Ordering::SeqCst);
            let goes_on = goes_on(Duration::from_secs(*seconds), is_over);
            self.proxy.set(Weather::Fair);
            if !goes_on {
                break;
            }
        }
    }

    /// How many faults there were.
    pub fn faults(&self) -> usize {
        self.faults.load(Ordering::SeqCst)
    }
}

/// Waits; gives whether it is not over.
fn goes_on(time: Duration, is_over: &AtomicBool) -> bool {
    let begun = std::time::Instant::now();
    while begun.elapsed() < time && !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
    }
    !is_over.load(Ordering::Relaxed)
}
