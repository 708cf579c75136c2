//! One flight per key: whoever asks for what is being loaded waits for that load.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, Weak};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::content::blocking::broken_off;
use crate::content::{SourceError, Stream};
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// What one flight is for: a content, read over a server or from this machine. The same bytes may come both ways, and who reads them
/// from a disk must not wait for a server that is stopped, nor fail with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Way {
    id: ContentId,
    is_remote: bool,
}

impl Way {
    /// The way to this content.
    pub fn to(id: ContentId, content: &dyn Stream) -> Self {
        Self { id, is_remote: content.received().is_some() }
    }
}

type Outcome<V> = Result<V, Arc<SourceError>>;

/// The loads under way. One that nobody waits for any more is broken off.
pub(super) struct Flights<K, V> {
    under_way: Arc<Mutex<HashMap<K, Weak<Flight<V>>>>>,
}

/// One of them. The first of those that wait holds the lock and drives the load; where it leaves, the next one goes on with
/// it. So what the load waits for wakes one of them, however many they are.
struct Flight<V>(tokio::sync::Mutex<State<V>>);

enum State<V> {
    UnderWay(BoxFuture<'static, Outcome<V>>),
    Landed(Outcome<V>),
}

impl<K, V> Flights<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub fn new() -> Self {
        Self { under_way: Arc::default() }
    }

    /// Joins the flight for `key`, or starts one with `load`.
    pub async fn join<F>(&self, key: K, load: F) -> Outcome<V>
    where
        F: Future<Output = Outcome<V>> + Send + 'static,
    {
        let (flight, others) = {
            let mut under_way = lock(&self.under_way);
            match under_way.get(&key).and_then(Weak::upgrade) {
                Some(flight) => (flight, Vec::new()),
                None => {
                    // Those that were broken off leave here. Whatever ends with the last hold on it does so without the lock.
                    let mut others = Vec::new();
                    under_way.retain(|_, other| other.upgrade().map(|other| others.push(other)).is_some());
                    let flight = Arc::new(self.start(key.clone(), load));
                    under_way.insert(key, Arc::downgrade(&flight));
                    (flight, others)
                }
            }
        };
        drop(others);
        flight.landed().await
    }

    fn start<F>(&self, key: K, load: F) -> Flight<V>
    where
        F: Future<Output = Outcome<V>> + Send + 'static,
    {
        let under_way = self.under_way.clone();
        let landed = async move {
            let outcome = match AssertUnwindSafe(load).catch_unwind().await {
                Ok(outcome) => outcome,
                Err(_) => Err(Arc::new(broken_off("asof", "it panicked".to_owned()))),
            };
            lock(&under_way).remove(&key);
            outcome
        };
        Flight(tokio::sync::Mutex::new(State::UnderWay(landed.boxed())))
    }
}

impl<V: Clone> Flight<V> {
    async fn landed(&self) -> Outcome<V> {
        let mut state = self.0.lock().await;
        match &mut *state {
            State::Landed(outcome) => outcome.clone(),
            State::UnderWay(load) => {
                let outcome = load.await;
                *state = State::Landed(outcome.clone());
                outcome
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::content::ErrorKind;

    #[tokio::test]
    async fn many_who_ask_at_once_cause_one_load_and_errors_are_not_kept() {
        let flights = Arc::new(Flights::<u8, u32>::new());
        let (loads, asked) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let ask = |fail: bool| {
            let (flights, loads, asked) = (flights.clone(), loads.clone(), asked.clone());
            tokio::spawn(async move {
                let all = (asked.fetch_add(1, Ordering::SeqCst) / 10 + 1) * 10;
                let load = async move {
                    let n = loads.fetch_add(1, Ordering::SeqCst);
                    // All tasks run on this thread: each that has counted itself waits for the load by now.
                    while asked.load(Ordering::SeqCst) < all {
                        tokio::task::yield_now().await;
                    }
                    if fail { Err(Arc::new(SourceError::new(ErrorKind::Damaged, "s", "o"))) } else { Ok(n) }
                };
                flights.join(1, load).await
            })
        };
        let failing: Vec<_> = (0..10).map(|_| ask(true)).collect();
        for asker in failing {
            assert!(asker.await.expect("the task ran").is_err());
        }
        let succeeding: Vec<_> = (0..10).map(|_| ask(false)).collect();
        for asker in succeeding {
            assert_eq!(asker.await.expect("the task ran").expect("the second load succeeds"), 1);
        }
        assert_eq!(loads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_load_that_nobody_waits_for_is_broken_off_and_begun_again_when_asked_for() {
        let flights = Arc::new(Flights::<u8, u32>::new());
        let (held, is_held) = tokio::sync::oneshot::channel::<()>();
        let endless = async move {
            let _held = held;
            std::future::pending().await
        };
        let asked = Arc::new(AtomicU32::new(0));
        let ask = |flights: &Arc<Flights<u8, u32>>, load| {
            let (flights, asked) = (Arc::clone(flights), Arc::clone(&asked));
            tokio::spawn(async move {
                asked.fetch_add(1, Ordering::SeqCst);
                flights.join(1, load).await
            })
        };
        let first = ask(&flights, endless.boxed());
        let second = ask(&flights, async { Ok(8) }.boxed());
        // Both tasks run on this thread: what has counted itself waits for the load by now.
        while lock(&flights.under_way).is_empty() || asked.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        first.abort();
        assert!(first.await.is_err());
        assert!(!second.is_finished(), "another waits for it");
        second.abort();
        assert!(second.await.is_err());
        is_held.await.expect_err("what the load held is dropped");
        assert_eq!(flights.join(1, async { Ok(7) }).await.expect("a new load"), 7);
        assert!(lock(&flights.under_way).is_empty());
    }

    #[tokio::test]
    async fn a_panicking_load_is_an_error_and_not_a_hang() {
        let flights = Flights::<u8, u32>::new();
        let outcome = flights.join(1, async { panic!("on purpose") }).await;
        assert_eq!(outcome.expect_err("the load panicked").kind, ErrorKind::Unavailable);
        assert_eq!(flights.join(1, async { Ok(7) }).await.expect("a new flight starts"), 7);
    }
}
