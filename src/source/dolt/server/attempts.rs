//! Connects to a server: one attempt at a time, with longer pauses the more often it fails. During a pause every caller gets
//! the last failure at once.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::fault::{Fault, LONGEST_PAUSE, QueryError};
use crate::util::locks::lock;

/// The first pause; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Failures to connect in a row without a pause: a server that was restarted closes what was open.
const FREE_TO_CONNECT: u32 = 1;
/// The same for connections that break later: one query may break them and others may not.
const FREE_TO_BREAK: u32 = 4;

/// Attempts to connect to one server.
#[derive(Default)]
pub struct Attempts {
    turn: tokio::sync::Mutex<()>,
    failing: Mutex<Option<Failing>>,
}

/// What is known of a server that fails.
struct Failing {
    last: QueryError,
    /// When connecting last failed.
    connecting: Option<Instant>,
    next: Instant,
    in_a_row: u32,
}

impl Attempts {
    /// Runs `connect` for a caller that waits since `begun`; where the server failed just now, fails as it did then.
    pub async fn make<T>(
        &self,
        begun: Instant,
        connect: impl Future<Output = Result<T, QueryError>>,
    ) -> Result<T, QueryError> {
        let _turn = self.turn.lock().await;
        if let Some(error) = self.failure(begun, Instant::now()) {
            return Err(error);
        }
        connect.await.inspect_err(|error| self.failed(error, true, Instant::now()))
    }

    /// The failure to return without an attempt: during a pause, or where the server failed since `begun`.
    pub fn failure(&self, begun: Instant, now: Instant) -> Option<QueryError> {
        let failing = lock(&self.failing);
        let Failing { last, connecting, next, .. } = failing.as_ref()?;
        if now >= *next {
            return connecting.is_some_and(|at| at >= begun).then(|| last.clone());
        }
        let fault = Fault::Failing { last: Arc::new(last.fault.clone()) };
        Some(QueryError { fault, query: last.query.clone() })
    }

    /// Notes that a new connection broke before it answered.
    pub fn broke(&self, error: &QueryError) {
        self.failed(error, false, Instant::now());
    }

    /// Notes that a connection worked.
    pub fn succeeded(&self) {
        *lock(&self.failing) = None;
    }

    fn failed(&self, error: &QueryError, in_connecting: bool, now: Instant) {
        let mut failing = lock(&self.failing);
        let (before, connecting) = failing.as_ref().map_or((0, None), |f| (f.in_a_row, f.connecting));
        let pause = match before.checked_sub(if in_connecting { FREE_TO_CONNECT } else { FREE_TO_BREAK }) {
            None => Duration::ZERO,
            Some(pauses) => FIRST_PAUSE.saturating_mul(1 << pauses.min(16)).min(LONGEST_PAUSE),
        };
        *failing = Some(Failing {
            last: error.clone(),
            connecting: if in_connecting { Some(now) } else { connecting },
            next: now + pause,
            in_a_row: before.saturating_add(1),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::ClientError;
    use super::*;

    fn closed() -> QueryError {
        ClientError::Closed.into()
    }

    fn text(error: QueryError) -> String {
        error.during("h", "cannot look").chain()
    }

    #[test]
    fn a_failing_server_is_tried_later_and_later_and_told_of_at_once() {
        let (attempts, begun) = (Attempts::default(), Instant::now());
        let mut tries = 0;
        // Somebody asks each millisecond, for 12 s.
        let mut texts = std::collections::HashSet::new();
        for millisecond in 1..=12_000 {
            let now = begun + Duration::from_millis(millisecond);
            match attempts.failure(now, now) {
                None => {
                    tries += 1;
                    attempts.failed(&closed(), true, now);
                }
                Some(error) => {
                    let text = text(error);
                    assert!(text.contains("the server closed the connection; the next attempt"));
                    texts.insert(text);
                }
            }
        }
        assert_eq!(texts.len(), 1, "the log writes it once: {texts:?}");
        assert!((5..10).contains(&tries), "{tries} connections in 12 s");
        let later = begun + Duration::from_secs(12) + LONGEST_PAUSE;
        assert!(attempts.failure(later, later).is_none(), "it is tried again");
        attempts.succeeded();
        assert!(attempts.failure(begun, begun).is_none(), "one that was of use ends it");
    }

    #[tokio::test]
    async fn one_failure_is_told_to_who_waited_and_holds_up_nobody_else() {
        let (attempts, begun) = (Attempts::default(), Instant::now());
        let error = attempts.make(begun, async { Err::<(), _>(closed()) }).await.expect_err("it fails");
        assert!(!text(error).contains("next attempt"));
        attempts.make(begun, async { Ok(()) }).await.expect_err("who waited meanwhile meets the same");
        let later = begun + Duration::from_secs(60);
        attempts.make(later, async { Ok(()) }).await.expect("who comes later does not");
    }

    #[tokio::test]
    async fn there_is_one_attempt_at_a_time() {
        let attempts = Arc::<Attempts>::default();
        let (fail, failing) = tokio::sync::oneshot::channel::<()>();
        let first = {
            let attempts = Arc::clone(&attempts);
            let connect = async {
                let _ = failing.await;
                Err::<(), _>(closed())
            };
            tokio::spawn(async move { attempts.make(Instant::now(), connect).await })
        };
        while attempts.turn.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (0..100)
            .map(|_| {
                let (attempts, begun) = (Arc::clone(&attempts), Instant::now());
                let connect = async { panic!("a second attempt") };
                tokio::spawn(async move { attempts.make::<()>(begun, connect).await })
            })
            .collect();
        tokio::task::yield_now().await;
        fail.send(()).expect("it is waited for");
        assert!(first.await.expect("it does not panic").is_err());
        for other in others {
            assert!(other.await.expect("it does not panic").is_err());
        }
    }

    #[test]
    fn connections_that_break_count_like_those_that_do_not_stand() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..FREE_TO_BREAK {
            attempts.failed(&closed(), false, now);
            assert!(attempts.failure(now, now).is_none(), "it may have been the question");
        }
        attempts.failed(&closed(), false, now);
        assert!(attempts.failure(now, now).is_some());
    }
}
