//! The worker threads of a command.

use std::ops::Deref;
use std::sync::{Mutex, mpsc};
use std::thread;

use tokio::runtime::{Builder, Runtime};

use super::failure::Failure;
use crate::util::locks::lock;
use crate::util::tasks;

/// Threads that a command needs besides one per core: those that read the kernel's requests, and some that wait.
const OTHERS: usize = 8;

/// The stack of a thread that only waits, in bytes.
const SMALL_STACK: usize = 64 << 10;

/// The runtime of a command. When it is dropped, requests that still wait for a source are abandoned.
pub(super) struct Workers(Option<Runtime>);

impl Workers {
    pub fn start(sources: usize) -> Result<Self, Failure> {
        // The runtime panics if it gets no thread, so check first that there are enough.
        let count = thread::available_parallelism().map_or(1, usize::from) + OTHERS;
        let mut builder = Builder::new_multi_thread();
        builder.max_blocking_threads(tasks::most_threads(sources)).enable_all();
        let runtime = try_threads(count).and_then(|()| builder.build()).map_err(|error| {
            Failure::new("cannot start the worker threads").because(&error).hint(
                "your limit on processes and threads is too low: `ulimit -u` shows it, and `ps -LU \"$USER\" | wc -l` how many \
                 you have",
            )
        })?;
        Ok(Self(Some(runtime)))
    }
}

impl Deref for Workers {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("the runtime is taken only on drop")
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Checks that `count` threads can run at once.
fn try_threads(count: usize) -> std::io::Result<()> {
    let (done, hold) = mpsc::channel::<()>();
    let hold = &Mutex::new(hold);
    thread::scope(|scope| {
        let start = |_| {
            let builder = thread::Builder::new().stack_size(SMALL_STACK);
            let wait = move || {
                // Nothing is ever sent: this returns when `done` is dropped.
                let _ = lock(hold).recv();
            };
            builder.spawn_scoped(scope, wait)
        };
        let started: std::io::Result<Vec<_>> = (0..count).map(start).collect();
        // All of them end now, even if some did not start.
        drop(done);
        started.map(drop)
    })
}
