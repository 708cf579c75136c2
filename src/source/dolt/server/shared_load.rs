//! A load that many callers wait for. One loads at a time. Where the server does not answer, all callers that waited fail
//! together instead of timing out one by one.

use std::sync::Mutex;
use std::time::Instant;

use super::fault::QueryError;
use crate::util::locks::lock;

/// When and why the server last failed to answer, so that callers that waited since then fail as well.
type LastFailure = Mutex<Option<(Instant, QueryError)>>;

/// A value that one caller at a time loads.
#[derive(Default)]
pub struct SharedLoad<T> {
    value: tokio::sync::Mutex<T>,
    failure: LastFailure,
}

/// The guard of one load.
pub struct LoadGuard<'t, T> {
    /// The value as it was loaded so far.
    pub value: tokio::sync::MutexGuard<'t, T>,
    failure: &'t LastFailure,
}

impl<T> SharedLoad<T> {
    /// Waits until nobody else loads; fails where the server did not answer a load that was waited for.
    pub async fn begin(&self) -> Result<LoadGuard<'_, T>, QueryError> {
        let begun = Instant::now();
        let value = self.value.lock().await;
        match &*lock(&self.failure) {
            Some((at, error)) if *at >= begun => Err(error.clone()),
            _ => Ok(LoadGuard { value, failure: &self.failure }),
        }
    }
}

impl<T> LoadGuard<'_, T> {
    /// Ends the load. Callers that wait get its failure.
    pub fn end<R>(self, result: Result<R, QueryError>) -> Result<R, QueryError> {
        result.inspect_err(|error| {
            if let Some(error) = error.for_others() {
                *lock(self.failure) = Some((Instant::now(), error));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::super::fault::Fault;
    use super::*;
    use crate::content::{ErrorKind, SourceError};

    const LIMIT: Duration = Duration::from_secs(30);

    /// Eight who ask at once for what fails with `fault`: how often it was tried, and what they are told.
    async fn ask(load: &Arc<SharedLoad<()>>, fault: fn() -> Fault) -> (u32, Vec<SourceError>) {
        let (tries, asked) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let asking: Vec<_> = (0..8)
            .map(|_| {
                let (load, tries, asked) = (Arc::clone(load), Arc::clone(&tries), Arc::clone(&asked));
                tokio::spawn(async move {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let guard = load.begin().await?;
                    tries.fetch_add(1, Ordering::SeqCst);
                    // All tasks run on this thread: each that has counted itself waits for its turn by now.
                    while asked.load(Ordering::SeqCst) < 8 {
                        tokio::task::yield_now().await;
                    }
                    guard.end::<()>(Err(QueryError::from(fault()).in_query("SELECT 1")))
                })
            })
            .collect();
        let mut errors = Vec::new();
        for asker in asking {
            let error = asker.await.expect("asking does not panic").expect_err("it always fails");
            errors.push(error.during("dolt://h", "cannot list"));
        }
        (tries.load(Ordering::SeqCst), errors)
    }

    #[tokio::test]
    async fn who_waited_for_a_load_without_an_answer_is_told_the_same() {
        let load = Arc::new(SharedLoad::<()>::default());
        let (tries, errors) = ask(&load, || Fault::Stalled(LIMIT)).await;
        assert_eq!(tries, 1);
        for error in errors {
            assert_eq!(error.kind, ErrorKind::TimedOut);
            assert_eq!(error.chain(), "dolt://h: cannot list (SELECT 1): no answer within 30s");
            assert!(error.hint.is_some_and(|hint| hint.contains("SHOW PROCESSLIST")));
        }
        assert!(load.begin().await.is_ok(), "who comes later tries again");
        assert_eq!(ask(&load, || Fault::ConnectTimeout(LIMIT)).await.0, 1);
    }

    #[tokio::test]
    async fn what_is_wrong_with_one_load_alone_is_not_told_to_others() {
        let load = Arc::new(SharedLoad::<()>::default());
        assert_eq!(ask(&load, || Fault::Moved).await.0, 8);
    }
}
