//! Work of a source that blocks, and passes pieces to the task that waits for it.

use super::{ErrorKind, SourceError};
use crate::util::tasks;

/// Does work for the source with this label on a thread that may block. Waits while all of the source's threads are
/// busy. For work with a single answer, [`tasks::in_place`] costs less.
pub async fn on_blocking_thread<T: Send + 'static>(
    label: &str,
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let permit = tasks::permit(label).await;
    let work = move || {
        let _permit = permit;
        work()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(broken_off(label, error.to_string())))
}

/// The error for work that was broken off.
pub fn broken_off(label: &str, why: String) -> SourceError {
    SourceError::new(ErrorKind::Unavailable, label, format!("the read was broken off: {why}"))
}
