//! How many may do something at once, and how long the others wait.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use super::fault::{Fault, QueryError};
use crate::locks::lock;

/// A number of places. Who came first is served first.
pub struct Places {
    free: Arc<Semaphore>,
    last_return: Mutex<Instant>,
}

/// One of them, until it is dropped.
pub struct Place {
    of: Arc<Places>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// So many places, all free.
    pub fn new(number: usize) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(number));
        Arc::new(Self { free, last_return: Mutex::new(Instant::now()) })
    }

    /// Waits for a place, as long as others come free: `limit` counts from the last that did.
    ///
    /// # Errors
    /// [`Fault::Busy`] where none came free for so long.
    pub async fn take(self: &Arc<Self>, limit: Duration) -> Result<Place, QueryError> {
        let begun = Instant::now();
        let mut taking = std::pin::pin!(Arc::clone(&self.free).acquire_owned());
        loop {
            let waiting_since = begun.max(*lock(&self.last_return));
            match timeout_at((waiting_since + limit).into(), taking.as_mut()).await {
                Ok(Ok(permit)) => return Ok(Place { of: Arc::clone(self), _permit: permit }),
                Err(_) if *lock(&self.last_return) > waiting_since => {}
                // The semaphore is never closed; were it, no place could be had either.
                Ok(Err(_)) | Err(_) => return Err(Fault::Busy(limit).into()),
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *lock(&self.of.last_return) = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(400);

    #[tokio::test]
    async fn a_queue_that_moves_is_waited_for() {
        let places = Places::new(2);
        let begun = Instant::now();
        let users: Vec<_> = (0..16)
            .map(|_| {
                let places = Arc::clone(&places);
                tokio::spawn(async move {
                    let place = places.take(LIMIT).await;
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

    #[tokio::test]
    async fn a_queue_that_stands_is_given_up() {
        let places = Places::new(1);
        let held = places.take(LIMIT).await.expect("all are free");
        let begun = Instant::now();
        let error = places.take(LIMIT).await.err().expect("none comes free");
        assert!(matches!(error.fault, Fault::Busy(LIMIT)), "{error:?}");
        assert!((LIMIT..LIMIT * 3).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        drop(held);
        assert!(places.take(LIMIT).await.is_ok());
    }
}
