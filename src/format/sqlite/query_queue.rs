//! Limits how many queries run at once. The others wait, and leave when nobody wants their answer. Sources take turns,
//! so that one with many long queries does not delay others; within a source they run in order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::problem::{Result, SqliteProblem};
use super::ran_out::RanOut;
use crate::content::Wanted;
use crate::util::locks::lock;

/// Most queries of one source that wait: each holds a thread.
const MOST_WAITING: usize = 64;

/// Time between two checks whether anybody wants the answer.
const LOOK: Duration = Duration::from_millis(200);

pub(super) struct QueryQueue {
    state: Mutex<Running>,
    changed: Condvar,
}

struct Running {
    free: usize,
    /// How many queries of each source run; a source without any has no entry.
    running: HashMap<Arc<str>, usize>,
    /// The queries that wait, in order of arrival.
    waiting: VecDeque<WaitingQuery>,
    next: u64,
}

struct WaitingQuery {
    number: u64,
    source: Arc<str>,
}

/// The permit to run a query, until it is dropped.
pub(super) struct QueryPermit<'p> {
    of: &'p QueryQueue,
    source: Arc<str>,
}

impl Running {
    /// The number of the query whose turn it is: the first of the source that runs the fewest.
    fn turn(&self) -> Option<u64> {
        let running = |waiting: &WaitingQuery| self.running.get(&waiting.source).copied().unwrap_or(0);
        self.waiting.iter().min_by_key(|waiting| (running(waiting), waiting.number)).map(|first| first.number)
    }

    fn remove(&mut self, number: u64) {
        self.waiting.retain(|waiting| waiting.number != number);
    }
}

impl QueryQueue {
    pub(super) fn new(count: usize) -> Self {
        let state = Running { free: count, running: HashMap::new(), waiting: VecDeque::new(), next: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits for a permit, for the source with this label: [`SqliteProblem::Closed`] when nobody wants the answer any
    /// more, [`RanOut::Busy`] when too many wait.
    pub(super) fn wait(&self, source: &Arc<str>, wanted: &Wanted) -> Result<QueryPermit<'_>> {
        let mut state = lock(&self.state);
        let others = state.waiting.iter().filter(|waiting| waiting.source == *source).count();
        if others >= MOST_WAITING {
            return Err(SqliteProblem::RanOut(RanOut::Busy(others)));
        }
        let number = state.next;
        state.next += 1;
        state.waiting.push_back(WaitingQuery { number, source: Arc::clone(source) });
        loop {
            if state.free > 0 && state.turn() == Some(number) {
                state.remove(number);
                state.free -= 1;
                *state.running.entry(Arc::clone(source)).or_default() += 1;
                // Two permits may have become free at once.
                self.changed.notify_all();
                return Ok(QueryPermit { of: self, source: Arc::clone(source) });
            }
            if !wanted.is_wanted() {
                state.remove(number);
                self.changed.notify_all();
                return Err(SqliteProblem::Closed);
            }
            let waited = self.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }
}

impl Drop for QueryPermit<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.of.state);
        state.free += 1;
        if let Some(running) = state.running.get_mut(&self.source) {
            *running -= 1;
            if *running == 0 {
                state.running.remove(&self.source);
            }
        }
        drop(state);
        self.of.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Sink;

    fn wait_for(places: &QueryQueue, waiting: usize) {
        while lock(&places.state).waiting.len() < waiting {
            std::thread::yield_now();
        }
    }

    #[test]
    fn so_many_run_and_who_is_not_waited_for_gives_its_turn_up() {
        let (places, source) = (QueryQueue::new(1), Arc::from("s"));
        let first = places.wait(&source, &Wanted::default()).expect("it is free");
        let (sink, pieces) = Sink::new(1);
        std::thread::scope(|scope| {
            let abandoned = scope.spawn(|| places.wait(&source, &sink.wanted()).map(drop));
            wait_for(&places, 1);
            let last = scope.spawn(|| places.wait(&source, &Wanted::default()).map(drop));
            wait_for(&places, 2);
            drop(pieces);
            assert!(matches!(abandoned.join().expect("no panic"), Err(SqliteProblem::Closed)));
            assert!(!last.is_finished(), "there is one place");
            drop(first);
            last.join().expect("no panic").expect("it is its turn");
        });
        assert!(lock(&places.state).running.is_empty());
    }

    #[test]
    fn sources_take_turns() {
        let (places, many, few) = (QueryQueue::new(2), Arc::from("many"), Arc::from("few"));
        let running = [(); 2].map(|()| places.wait(&many, &Wanted::default()).expect("it is free"));
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for (number, source) in [&many, &many, &many, &few].into_iter().enumerate() {
                let (places, order) = (&places, &order);
                scope.spawn(move || {
                    let place = places.wait(source, &Wanted::default()).expect("it is its turn at last");
                    lock(order).push(source.to_string());
                    drop(place);
                });
                wait_for(places, number + 1);
            }
            let [first, second] = running;
            drop(first);
            while lock(&order).is_empty() {
                std::thread::yield_now();
            }
            assert_eq!(lock(&order)[0], "few", "it came last, and nothing of its source runs");
            drop(second);
        });
        assert_eq!(lock(&order).len(), 4);
    }

    #[test]
    fn not_all_of_a_source_may_wait() {
        let (places, source) = (QueryQueue::new(0), Arc::<str>::from("s"));
        let waiting = |number| WaitingQuery { number, source: Arc::clone(&source) };
        lock(&places.state).waiting.extend((0..MOST_WAITING as u64).map(waiting));
        assert!(matches!(
            places.wait(&source, &Wanted::default()),
            Err(SqliteProblem::RanOut(RanOut::Busy(_)))
        ));
        let (sink, pieces) = Sink::new(1);
        drop(pieces);
        let other = places.wait(&Arc::from("another"), &sink.wanted());
        assert!(matches!(other, Err(SqliteProblem::Closed)), "it waited");
    }
}
