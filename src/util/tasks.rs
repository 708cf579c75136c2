//! Tasks that hold no thread while they wait, and may block when they run.
//!
//! The thread that takes requests from the kernel looks at each request once ([`look`]) and answers it if the data
//! is in memory. A request that must wait becomes a task ([`spawn`]). A task holds no thread until it can go on,
//! and then runs on a thread that may block. So blocking work runs in place ([`in_place`]): handing it to another
//! thread would cost more than most work takes (20 to 40 µs each way). Work for one source uses at most
//! [`MOST_THREADS`] threads, so that a source whose disk hangs takes no more.

use std::collections::HashMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use async_task::{Runnable, Task};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::coop::unconstrained;

use crate::util::locks::lock;

/// The most threads that work for one source at once.
pub const MOST_THREADS: usize = 128;

/// Threads beyond those that all sources may use: a task that continues occupies one until it waits again.
const SPARE_THREADS: usize = 256;

/// The number of blocking threads that a runtime needs for this many sources, so that none can take all.
pub fn most_threads(sources: usize) -> usize {
    SPARE_THREADS + MOST_THREADS * sources
}

/// The waker of [`look`], which wakes nobody.
static LOOKING: LazyLock<Waker> = LazyLock::new(|| Waker::from(Arc::new(Nobody)));

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

/// Polls a future once, without blocking. If it is pending, pass it to [`spawn`].
pub fn look<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&LOOKING))
}

/// Runs a future on threads of `runtime` that may block. Dropping the [`Task`] cancels it, detaching lets it go on.
pub fn spawn<T: Send + 'static>(
    runtime: &Handle,
    future: impl Future<Output = T> + Send + 'static,
) -> Task<T> {
    let runtime = runtime.clone();
    let go_on = move |task: Runnable| {
        // If the runtime has ended, the task is dropped.
        drop(runtime.spawn_blocking(move || task.run()));
    };
    let (runnable, task) = async_task::spawn(future, go_on);
    runnable.schedule();
    task
}

/// Waits for a future on a thread that may block, whether or not the thread belongs to a runtime.
pub fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unparks(std::thread::current())));
    // Unconstrained: otherwise a runtime's cooperative budget could run out, and this loop would spin for ever.
    let (mut future, mut context) = (pin!(unconstrained(future)), Context::from_waker(&waker));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

struct Unparks(Thread);

impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits until the caller is no longer polled by [`look`], before work that may take long.
pub async fn off_the_loop() {
    poll_fn(|context| match context.waker().will_wake(&LOOKING) {
        true => Poll::Pending,
        false => Poll::Ready(()),
    })
    .await;
}

/// Does work for a source on this thread, which must be one that may block: a task's, or one that only waits for
/// this. Waits while all of the source's threads are busy. If the work panics, returns the error of `broken_off`.
pub async fn in_place<T, E>(
    source: &str,
    work: impl FnOnce() -> Result<T, E>,
    broken_off: impl FnOnce(String) -> E,
) -> Result<T, E> {
    off_the_loop().await;
    let _permit = permit(source).await;
    // The panic's own message is in the log.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(broken_off("it panicked".into())))
}

/// A permit to use a thread for a source, by its label.
pub async fn permit(source: &str) -> OwnedSemaphorePermit {
    threads_of(source).acquire_owned().await.expect("it is never closed")
}

fn threads_of(source: &str) -> Arc<Semaphore> {
    /// The permits of sources that have work.
    static THREADS: LazyLock<Mutex<HashMap<String, Weak<Semaphore>>>> = LazyLock::new(Mutex::default);
    let mut threads = lock(&THREADS);
    if let Some(known) = threads.get(source).and_then(Weak::upgrade) {
        return known;
    }
    threads.retain(|_, threads| threads.strong_count() > 0);
    let new = Arc::new(Semaphore::new(MOST_THREADS));
    threads.insert(source.to_owned(), Arc::downgrade(&new));
    new
}

#[cfg(test)]
mod tests {
    use std::sync::RwLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::ThreadId;

    use super::*;

    fn thread() -> Result<ThreadId, String> {
        Ok(std::thread::current().id())
    }

    #[tokio::test]
    async fn a_look_starts_no_blocking_work_and_a_task_does_it_in_place() {
        let mut request = Box::pin(async {
            let before = std::thread::current().id();
            in_place("s", thread, |why| why).await.map(|at| (before, at))
        });
        assert!(look(request.as_mut()).is_pending(), "the loop does not begin it");
        let on = Handle::current();
        let at = spawn(&on, request).await.map(|(_, at)| at).expect("it does not panic");
        assert_ne!(at, std::thread::current().id(), "a task has a thread of its own");
        let again = async { (std::thread::current().id(), in_place("s", thread, |why| why).await) };
        let (before, at) = spawn(&on, again).await;
        assert_eq!(Ok(before), at, "and stays on it");
    }

    #[tokio::test]
    async fn waiting_tasks_hold_no_thread() {
        let (begin, begun) = tokio::sync::watch::channel(false);
        let waiting: Vec<_> = (0..3000)
            .map(|_| {
                let mut begun = begun.clone();
                spawn(&Handle::current(), async move { begun.wait_for(|begun| *begun).await.is_ok() })
            })
            .collect();
        let work = in_place("t", thread, |why| why);
        assert!(spawn(&Handle::current(), work).await.is_ok(), "3,000 wait, and there are 512 threads");
        assert!(!waiting[0].is_finished());
        begin.send_replace(true);
        for task in waiting {
            assert!(task.await);
        }
    }

    // Holds the lock on purpose while others wait for it, to imitate a hanging disk.
    #[allow(clippy::await_holding_lock)]
    #[tokio::test]
    async fn a_source_that_hangs_takes_its_own_threads_only() {
        let (disk, begun) = (Arc::new(RwLock::new(())), Arc::new(AtomicUsize::new(0)));
        let hangs = disk.write().expect("nobody panics");
        let hanging: Vec<_> = (0..MOST_THREADS + 8)
            .map(|_| {
                let (disk, begun) = (Arc::clone(&disk), Arc::clone(&begun));
                let work = move || {
                    begun.fetch_add(1, Ordering::SeqCst);
                    drop(disk.read());
                    Ok(())
                };
                spawn(&Handle::current(), in_place("hangs", work, |why: String| why))
            })
            .collect();
        while begun.load(Ordering::SeqCst) < MOST_THREADS {
            tokio::task::yield_now().await;
        }
        let other = in_place("another", thread, |why| why);
        assert!(spawn(&Handle::current(), other).await.is_ok());
        assert_eq!(begun.load(Ordering::SeqCst), MOST_THREADS, "the others wait for a thread");
        drop(hangs);
        for task in hanging {
            assert_eq!(task.await, Ok(()));
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let panics = || -> Result<(), String> { panic!("on purpose") };
        let outcome = spawn(&Handle::current(), in_place("s", panics, |why| why)).await;
        assert_eq!(outcome, Err("it panicked".to_owned()));
    }
}
