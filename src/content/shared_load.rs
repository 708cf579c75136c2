//! Shared loads: one load per key, for which all callers that ask for the key wait.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, Weak};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::blocking::broken_off;
use super::{SourceError, Stream};
use crate::model::content_id::ContentId;
use crate::util::locks::lock;
use crate::util::tasks;

/// The outcome of work that several may wait for.
pub type SharedResult<T> = Result<T, Arc<SourceError>>;

/// A content, and whether it is read through a server or from this machine. The same bytes may come both ways, and a
/// read from a disk must not wait for a stopped server, nor fail with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route {
    id: ContentId,
    is_remote: bool,
}

impl Route {
    /// The route to this content.
    pub fn to(id: ContentId, content: &dyn Stream) -> Self {
        Self { id, is_remote: content.received().is_some() }
    }
}

/// The loads under way. A load that nobody waits for any more is dropped.
pub struct SharedLoads<K, V> {
    under_way: Arc<Mutex<HashMap<K, Weak<SharedLoad<V>>>>>,
}

/// One load. The first of those that wait holds the lock and drives the load; when it leaves, the next one continues.
/// So an event that the load waits for wakes one of them, however many they are.
struct SharedLoad<V>(tokio::sync::Mutex<LoadState<V>>);

enum LoadState<V> {
    UnderWay(BoxFuture<'static, SharedResult<V>>),
    Done(SharedResult<V>),
}

impl<K, V> Default for SharedLoads<K, V> {
    fn default() -> Self {
        Self { under_way: Arc::default() }
    }
}

impl<K, V> SharedLoads<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Waits for the load of `key`, or starts it with `load`. A failure is not kept: the next caller tries again.
    pub async fn join<F>(&self, key: K, load: F) -> SharedResult<V>
    where
        F: Future<Output = SharedResult<V>> + Send + 'static,
    {
        let (load, others) = {
            let mut under_way = lock(&self.under_way);
            match under_way.get(&key).and_then(Weak::upgrade) {
                Some(load) => (load, Vec::new()),
                None => {
                    // Removes loads that were dropped. `others` keeps the rest alive until the lock is free: dropping
                    // the last reference to a load may run any code.
                    let mut others = Vec::new();
                    under_way.retain(|_, other| other.upgrade().map(|other| others.push(other)).is_some());
                    let load = Arc::new(self.start(key.clone(), load));
                    under_way.insert(key, Arc::downgrade(&load));
                    (load, others)
                }
            }
        };
        drop(others);
        load.done().await
    }

    /// The same for a load that blocks, from a thread that may block.
    pub fn join_blocking(
        &self,
        key: K,
        load: impl FnOnce() -> SharedResult<V> + Send + 'static,
    ) -> SharedResult<V> {
        tasks::wait(self.join(key, async move { load() }))
    }

    fn start<F>(&self, key: K, load: F) -> SharedLoad<V>
    where
        F: Future<Output = SharedResult<V>> + Send + 'static,
    {
        let under_way = self.under_way.clone();
        let done = async move {
            let outcome = match AssertUnwindSafe(load).catch_unwind().await {
                Ok(outcome) => outcome,
                Err(_) => Err(Arc::new(broken_off("asof", "it panicked".to_owned()))),
            };
            lock(&under_way).remove(&key);
            outcome
        };
        SharedLoad(tokio::sync::Mutex::new(LoadState::UnderWay(done.boxed())))
    }
}

impl<V: Clone> SharedLoad<V> {
    async fn done(&self) -> SharedResult<V> {
        let mut state = self.0.lock().await;
        match &mut *state {
            LoadState::Done(outcome) => outcome.clone(),
            LoadState::UnderWay(load) => {
                let outcome = load.await;
                *state = LoadState::Done(outcome.clone());
                outcome
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::content::ErrorKind;

    #[tokio::test]
    async fn a_load_that_nobody_waits_for_is_broken_off_and_begun_again_when_asked_for() {
        let shared = Arc::new(SharedLoads::<u8, u32>::default());
        let (held, is_held) = tokio::sync::oneshot::channel::<()>();
        let endless = async move {
            let _held = held;
            std::future::pending().await
        };
        let asked = Arc::new(AtomicU32::new(0));
        let ask = |shared: &Arc<SharedLoads<u8, u32>>, load| {
            let (shared, asked) = (Arc::clone(shared), Arc::clone(&asked));
            tokio::spawn(async move {
                asked.fetch_add(1, Ordering::SeqCst);
                shared.join(1, load).await
            })
        };
        let first = ask(&shared, endless.boxed());
        let second = ask(&shared, async { Ok(8) }.boxed());
        // Both tasks run on this thread: a task that has counted itself waits for the load by now.
        while lock(&shared.under_way).is_empty() || asked.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        first.abort();
        assert!(first.await.is_err());
        assert!(!second.is_finished(), "another waits for it");
        second.abort();
        assert!(second.await.is_err());
        is_held.await.expect_err("what the load held is dropped");
        assert_eq!(shared.join(1, async { Ok(7) }).await.expect("a new load"), 7);
        assert!(lock(&shared.under_way).is_empty());
    }

    #[test]
    fn threads_that_meet_load_once_and_a_failure_is_not_kept() {
        let shared = SharedLoads::<u8, u32>::default();
        let (loads, barrier) = (Arc::new(AtomicU32::new(0)), Barrier::new(8));
        let load = |fail: bool| {
            barrier.wait();
            let (under_way, loads) = (Arc::clone(&shared.under_way), Arc::clone(&loads));
            shared.join_blocking(7, move || {
                // Each of the threads holds the load.
                while lock(&under_way).get(&7).is_none_or(|load| load.strong_count() < 8) {
                    std::thread::yield_now();
                }
                let nth = loads.fetch_add(1, Ordering::SeqCst);
                if fail { Err(Arc::new(SourceError::new(ErrorKind::Damaged, "s", "o"))) } else { Ok(nth) }
            })
        };
        for (fail, loads_then) in [(true, 1), (false, 2)] {
            let outcomes: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| load(fail))).collect();
                threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
            });
            assert!(outcomes.iter().all(|outcome| outcome.is_err() == fail));
            assert_eq!(loads.load(Ordering::SeqCst), loads_then);
        }
        assert!(lock(&shared.under_way).is_empty());
    }

    #[tokio::test]
    async fn a_panicking_load_is_an_error_and_not_a_hang() {
        let shared = SharedLoads::<u8, u32>::default();
        let outcome = shared.join(1, async { panic!("on purpose") }).await;
        assert_eq!(outcome.expect_err("the load panicked").kind, ErrorKind::Unavailable);
        assert_eq!(shared.join(1, async { Ok(7) }).await.expect("a new load starts"), 7);
    }
}
