//! The threads that work for a command.

use std::sync::{Mutex, mpsc};
use std::thread;

use tokio::runtime::{Builder, Runtime};

use super::Failure;
use crate::util::locks::lock;
use crate::util::tasks;

/// Threads that a command needs beside one for each core: those that read the kernel's requests, and some that wait.
const OTHERS: usize = 8;

/// The stack of a thread that only waits, in bytes.
const SMALL_STACK: usize = 64 << 10;

/// Starts the threads that work for a command that reads so many sources.
///
/// # Errors
/// When the system gives no more threads.
pub(super) fn start(sources: usize) -> Result<Runtime, Failure> {
    let cannot = |error: &std::io::Error| {
        Failure::new("cannot start the worker threads").because(error).hint(
            "the limit on processes and threads of your user is too low: `ulimit -u` shows it, `ps -LU \"$USER\" | wc -l` how many \
             there are",
        )
    };
    // The runtime panics where it gets no thread: so it is tried first whether there are enough.
    try_threads(thread::available_parallelism().map_or(1, usize::from) + OTHERS)
        .map_err(|error| cannot(&error))?;
    Builder::new_multi_thread()
        .max_blocking_threads(tasks::most_threads(sources))
        .enable_all()
        .build()
        .map_err(|error| cannot(&error))
}

/// Whether so many threads can run at once.
fn try_threads(count: usize) -> std::io::Result<()> {
    let (done, hold) = mpsc::channel::<()>();
    let hold = &Mutex::new(hold);
    thread::scope(|scope| {
        let start = |_| {
            let builder = thread::Builder::new().stack_size(SMALL_STACK);
            let wait = move || {
                // Nothing is ever sent: it waits for the end.
                let _ = lock(hold).recv();
            };
            builder.spawn_scoped(scope, wait)
        };
        let started: std::io::Result<Vec<_>> = (0..count).map(start).collect();
        // They all end now, also where not all were started.
        drop(done);
        started.map(drop)
    })
}
