//! How many queries of files run at once: the others wait in order, and leave when nobody wants their answer.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::problem::Problem;
use super::ran_out::RanOut;
use crate::locks::lock;
use crate::source::Wanted;

/// Most that wait for a place: each holds a thread.
const MOST_WAITING: usize = 128;

/// Time between two looks at whether anybody still wants the answer.
const LOOK: Duration = Duration::from_millis(200);

/// Places for queries.
pub(super) struct Places {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    free: usize,
    /// Who waits, by number, first come first.
    waiting: VecDeque<u64>,
    next: u64,
}

/// One place, free again when this is dropped.
pub(super) struct Place<'p>(&'p Places);

impl Places {
    pub(super) fn new(count: usize) -> Self {
        let state = State { free: count, waiting: VecDeque::new(), next: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// [`Problem::Closed`] when nobody wants the answer any more; [`RanOut::Busy`] when too many wait.
    pub(super) fn wait(&self, wanted: &Wanted) -> Result<Place<'_>, Problem> {
        let mut state = lock(&self.state);
        if state.waiting.len() >= MOST_WAITING {
            return Err(Problem::RanOut(RanOut::Busy(state.waiting.len())));
        }
        let ours = state.next;
        state.next += 1;
        state.waiting.push_back(ours);
        loop {
            if state.free > 0 && state.waiting.front() == Some(&ours) {
                state.waiting.pop_front();
                state.free -= 1;
                // Two may have become free at once.
                self.changed.notify_all();
                return Ok(Place(self));
            }
            if !wanted.is_wanted() {
                state.waiting.retain(|number| *number != ours);
                self.changed.notify_all();
                return Err(Problem::Closed);
            }
            let waited = self.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).free += 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sink;

    #[test]
    fn so_many_run_and_who_is_not_waited_for_gives_its_turn_up() {
        let places = Places::new(1);
        let first = places.wait(&Wanted::default()).expect("it is free");
        let (sink, pieces) = Sink::new(1);
        std::thread::scope(|scope| {
            let abandoned = scope.spawn(|| places.wait(&sink.wanted()).map(drop));
            while lock(&places.state).waiting.is_empty() {
                std::thread::yield_now();
            }
            let last = scope.spawn(|| places.wait(&Wanted::default()).map(drop));
            while lock(&places.state).waiting.len() < 2 {
                std::thread::yield_now();
            }
            drop(pieces);
            assert!(matches!(abandoned.join().expect("no panic"), Err(Problem::Closed)));
            assert!(!last.is_finished(), "there is one place");
            drop(first);
            last.join().expect("no panic").expect("it is its turn");
        });
    }

    #[test]
    fn not_all_may_wait() {
        let places = Places::new(0);
        lock(&places.state).waiting.extend(0..MOST_WAITING as u64);
        assert!(matches!(places.wait(&Wanted::default()), Err(Problem::RanOut(RanOut::Busy(_)))));
    }
}
