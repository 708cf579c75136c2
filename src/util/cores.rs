//! Runs computations on all cores.
//!
//! The global pool of rayon also reads stores. If the disk of one store hangs, so do all threads of that pool, and
//! computations for other sources must not wait for them.

use std::sync::LazyLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let pool = ThreadPoolBuilder::new().thread_name(|number| format!("compute-{number}")).build();
    pool.inspect_err(|error| tracing::warn!(%error, "no threads for work on all cores: it runs on one")).ok()
});

/// Runs work on a pool of its own. Its parallel parts must read no file and ask no server.
pub fn compute<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match &*POOL {
        Some(pool) => pool.install(work),
        None => work(),
    }
}
