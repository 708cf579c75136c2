//! Work on all cores that waits for nothing.
//!
//! The global pool of rayon also reads stores. If the disk of one hangs, so do all of its threads, and other sources must not
//! wait for them.

use std::sync::LazyLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let pool = ThreadPoolBuilder::new().thread_name(|number| format!("compute-{number}")).build();
    pool.inspect_err(|error| tracing::warn!(%error, "no threads for work on all cores: it runs on one")).ok()
});

/// Runs work whose parallel parts read no file and ask no server.
pub fn compute<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match &*POOL {
        Some(pool) => pool.install(work),
        None => work(),
    }
}
