//! Keeps a catalog up to date: one polling task per source.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Catalog;
use crate::source::{Source, SourceError};

/// Time between two polls of one source. A new commit has to show within two seconds.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The first load failed: nothing can be shown for this source.
#[derive(Debug, thiserror::Error)]
#[error("cannot open {label}")]
pub struct LoadError {
    /// The source's label.
    pub label: String,
    /// What went wrong, with its hint.
    #[source]
    pub cause: SourceError,
}

/// The polling tasks; they end when this is dropped.
pub struct Watcher {
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Watcher {
    /// Loads every source once into a new catalog, then goes on polling in the background.
    ///
    /// # Errors
    /// [`LoadError`] for the first source, in the order given, that does not load.
    pub async fn start(sources: Vec<Arc<dyn Source>>) -> Result<(Arc<Catalog>, Self), LoadError> {
        let catalog = Arc::new(Catalog::new(sources.iter().map(|s| s.label().to_owned())));
        let first = futures_util::future::join_all(sources.iter().map(|s| s.poll())).await;
        for (slot, (source, found)) in sources.iter().zip(first).enumerate() {
            let found = found.map_err(|cause| LoadError { label: source.label().to_owned(), cause })?;
            catalog.update(slot, found.unwrap_or_default());
        }
        let tasks = sources
            .into_iter()
            .enumerate()
            .map(|(slot, source)| tokio::spawn(watch(catalog.clone(), slot, source)))
            .collect();
        Ok((catalog, Self { tasks }))
    }
}

/// Polls for ever. A source that is down keeps what it last reported, and is named in the log once when it
/// goes and once when it is back.
async fn watch(catalog: Arc<Catalog>, slot: usize, source: Arc<dyn Source>) {
    let mut down = false;
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        match source.poll().await {
            Ok(found) => {
                if std::mem::take(&mut down) {
                    tracing::info!(source = source.label(), "the source answers again");
                }
                if let Some(databases) = found {
                    catalog.update(slot, databases);
                }
            }
            Err(error) if !std::mem::replace(&mut down, true) => {
                let hint = error.hint.as_deref().unwrap_or_default();
                let reason = error.chain();
                tracing::warn!(source = source.label(), %reason, hint, "the source does not answer; trying on");
            }
            Err(_) => {}
        }
    }
}
