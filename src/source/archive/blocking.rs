//! File work on threads that may wait for a disk.

use crate::source::{ErrorKind, SourceError};

/// Runs `work` on a thread of the runtime's blocking pool.
///
/// # Errors
/// Those of `work`; [`ErrorKind::Unavailable`] when the runtime shuts down before it ran.
pub(super) async fn on_blocking_thread<T: Send + 'static>(
    label: &str,
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(SourceError::new(ErrorKind::Unavailable, label, "the read was stopped half-way")
                .because(error))
        }
    }
}
