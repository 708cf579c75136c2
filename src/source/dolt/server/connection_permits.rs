//! Limits how many connections may be in use, and how long callers wait for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::fault::{Fault, QueryError};

/// Permits for connections. Callers get them in the order in which they came.
pub struct ConnectionPermits {
    free: Arc<Semaphore>,
    /// Counts how often a permit came free or its holder made progress.
    progress: AtomicU64,
}

/// The permit to use one connection, until it is dropped.
pub struct ConnectionPermit {
    of: Arc<ConnectionPermits>,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionPermits {
    /// So many permits, all free.
    pub fn new(number: usize) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(number));
        Arc::new(Self { free, progress: AtomicU64::new(0) })
    }

    /// Waits for a permit as long as one comes free, or the holder of another makes progress, within each `limit`.
    pub async fn take(self: &Arc<Self>, limit: Duration) -> Result<ConnectionPermit, QueryError> {
        let mut taking = std::pin::pin!(Arc::clone(&self.free).acquire_owned());
        loop {
            let before = self.progress.load(Ordering::Relaxed);
            match timeout(limit, taking.as_mut()).await {
                Ok(Ok(permit)) => return Ok(ConnectionPermit { of: Arc::clone(self), _permit: permit }),
                Err(_) if self.progress.load(Ordering::Relaxed) != before => {}
                // The semaphore is never closed.
                Ok(Err(_)) | Err(_) => return Err(Fault::Busy(limit).into()),
            }
        }
    }

    fn note_progress(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }
}

impl ConnectionPermit {
    /// Notes that its holder makes progress, so that callers go on waiting.
    pub fn note_progress(&self) {
        self.of.note_progress();
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.of.note_progress();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(400);

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_moves_is_waited_for() {
        let permits = ConnectionPermits::new(2);
        let begun = Instant::now();
        let users: Vec<_> = (0..16)
            .map(|_| {
                let permits = Arc::clone(&permits);
                tokio::spawn(async move {
                    let place = permits.take(LIMIT).await;
                    tokio::time::sleep(LIMIT / 4).await;
                    place.is_ok()
                })
            })
            .collect();
        for user in users {
            assert!(user.await.expect("waiting does not panic"), "the queue moved all the time");
        }
        assert!(begun.elapsed() > LIMIT, "the last ones waited longer than the limit");
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_whose_holder_makes_progress_is_waited_for() {
        let permits = ConnectionPermits::new(1);
        let permit = permits.take(LIMIT).await.expect("it is free");
        let waiting = tokio::spawn({
            let permits = Arc::clone(&permits);
            async move { permits.take(LIMIT).await.is_ok() }
        });
        for _ in 0..20 {
            tokio::time::sleep(LIMIT / 2).await;
            permit.note_progress();
        }
        assert!(!waiting.is_finished(), "rows came all the time");
        drop(permit);
        assert!(waiting.await.expect("waiting does not panic"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_stands_is_given_up() {
        let permits = ConnectionPermits::new(1);
        let permit = permits.take(LIMIT).await.expect("all are free");
        let begun = Instant::now();
        let error = permits.take(LIMIT).await.err().expect("none comes free");
        assert!(matches!(error.fault, Fault::Busy(LIMIT)), "{error:?}");
        assert!((LIMIT..LIMIT * 3).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        drop(permit);
        assert!(permits.take(LIMIT).await.is_ok());
    }
}
