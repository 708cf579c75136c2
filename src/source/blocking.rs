//! Work that may wait for a disk, on threads that may wait.
//!
//! A request is answered on the loop that took it from the kernel as far as all is in memory. As soon as it
//! has to wait it goes on on a thread of its own, which may block: from there on, handing work to yet another
//! thread would cost more than most work.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use super::{ErrorKind, SourceError};

/// What the current thread may do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Here {
    /// It takes requests from the kernel: nothing that blocks is even begun.
    Loop,
    /// It runs many tasks.
    Worker,
    /// It waits for one request only.
    MayBlock,
}

thread_local! {
    static HERE: Cell<Here> = const { Cell::new(Here::Worker) };
}

/// Runs `polls`, which polls futures on a thread that takes requests: what blocks stays pending in them.
pub fn on_loop<T>(polls: impl FnOnce() -> T) -> T {
    with(Here::Loop, polls)
}

/// Runs `waits` on a thread that has nothing else to do.
pub fn on_waiting_thread<T>(waits: impl FnOnce() -> T) -> T {
    with(Here::MayBlock, waits)
}

fn with<T>(here: Here, work: impl FnOnce() -> T) -> T {
    let before = HERE.replace(here);
    let done = work();
    HERE.set(before);
    done
}

/// Does work on this thread if it may block, else on one of the runtime's that may. Not for work that hands
/// pieces to the same task: use [`on_blocking_thread`].
///
/// # Errors
/// Those of `work`; what `broken_off` makes of a panic in it, or of the end of the runtime.
pub async fn in_place<T: Send + 'static, E: Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
    broken_off: impl FnOnce(String) -> E,
) -> Result<T, E> {
    std::future::poll_fn(|_| match HERE.get() {
        // The request is polled anew, elsewhere.
        Here::Loop => Poll::Pending,
        Here::Worker | Here::MayBlock => Poll::Ready(()),
    })
    .await;
    if HERE.get() == Here::MayBlock {
        // The message of the panic itself went to the log.
        return catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err(broken_off("it panicked".into())));
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(broken_off(error.to_string())),
    }
}

/// Does work on a thread of the runtime's that may block.
///
/// # Errors
/// Those of `work`; [`ErrorKind::Unavailable`] when it panicked, or the runtime ends before it ran.
pub async fn on_blocking_thread<T: Send + 'static>(
    label: &str,
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(broken_off(label, error.to_string())))
}

/// The error for work that was broken off.
pub fn broken_off(label: &str, why: String) -> SourceError {
    SourceError::new(ErrorKind::Unavailable, label, format!("the read was broken off: {why}"))
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};
    use std::thread::ThreadId;

    use super::*;

    fn thread() -> Result<ThreadId, String> {
        Ok(std::thread::current().id())
    }

    #[tokio::test]
    async fn work_is_done_where_it_may_be() {
        let here = std::thread::current().id();
        assert_ne!(in_place(thread, |why| why).await, Ok(here), "a worker hands it on");
        let mut request = Box::pin(in_place(thread, |why| why));
        let mut context = Context::from_waker(Waker::noop());
        assert!(on_loop(|| request.as_mut().poll(&mut context)).is_pending(), "a loop does not begin it");
        let done = on_waiting_thread(|| request.as_mut().poll(&mut context));
        assert_eq!(done, Poll::Ready(Ok(here)), "whoever waits does it");
    }

    #[tokio::test]
    async fn a_panic_is_an_error_wherever_it_happens() {
        let panics = || -> Result<(), String> { panic!("on purpose") };
        let away = in_place(panics, |why| why).await;
        assert!(away.is_err_and(|why| why.contains("panic")));
        let mut here = Box::pin(in_place(panics, |why| why));
        let polled = on_waiting_thread(|| here.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        assert_eq!(polled, Poll::Ready(Err("it panicked".to_owned())));
    }
}
