//! One rendering per part: whoever wants a part that is being rendered waits for that.

use crate::content::SourceError;
use crate::content::parts::Part;
use crate::util::locks::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

type Outcome<T> = Result<T, Arc<SourceError>>;

/// The parts that are being rendered, each by the thread that came first.
pub(super) struct PartFlights<T> {
    under_way: Mutex<HashMap<Part, Arc<OnceLock<Outcome<T>>>>>,
}

impl<T> Default for PartFlights<T> {
    fn default() -> Self {
        Self { under_way: Mutex::default() }
    }
}

impl<T: Clone> PartFlights<T> {
    /// What `render` gives, or what it gave to a thread that was first. Nothing is kept afterwards: a failure is tried
    /// again by the next who asks. Blocks.
    pub fn join(&self, part: &Part, render: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let flight = Arc::clone(lock(&self.under_way).entry(*part).or_default());
        let _landing = Landing { flights: self, part, flight: &flight };
        // A thread that panics in `render` leaves the cell empty, and the next one renders.
        flight.get_or_init(render).clone()
    }
}

/// Takes a flight off the list, however it ended, unless it was taken off and another one started.
struct Landing<'f, T> {
    flights: &'f PartFlights<T>,
    part: &'f Part,
    flight: &'f Arc<OnceLock<Outcome<T>>>,
}

impl<T> Drop for Landing<'_, T> {
    fn drop(&mut self) {
        let mut under_way = lock(&self.flights.under_way);
        if under_way.get(self.part).is_some_and(|listed| Arc::ptr_eq(listed, self.flight)) {
            under_way.remove(self.part);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::content::ErrorKind;
    use crate::content::parts::{Lines, Rendering};

    fn part() -> Part {
        Part { node: [7; 20], rendering: Rendering::of(&[0; 20]), level: 0, lines: Lines::ALL }
    }

    #[test]
    fn threads_that_meet_render_once_and_a_failure_is_not_kept() {
        let flights = PartFlights::default();
        let (renders, barrier) = (AtomicU32::new(0), Barrier::new(8));
        // Each holds the flight, as the list does.
        let have_met = || lock(&flights.under_way).get(&part()).is_some_and(|f| Arc::strong_count(f) == 9);
        let render = |fail: bool| {
            barrier.wait();
            flights.join(&part(), || {
                while !have_met() {
                    std::thread::yield_now();
                }
                let nth = renders.fetch_add(1, Ordering::SeqCst);
                match fail {
                    true => Err(Arc::new(SourceError::new(ErrorKind::Damaged, "s", "o"))),
                    false => Ok(nth),
                }
            })
        };
        for (fail, renders_then) in [(true, 1), (false, 2)] {
            let outcomes: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| render(fail))).collect();
                threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
            });
            assert!(outcomes.iter().all(|outcome| outcome.is_err() == fail));
            assert_eq!(renders.load(Ordering::SeqCst), renders_then);
        }
        assert!(lock(&flights.under_way).is_empty());
    }
}
