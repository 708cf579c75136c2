//! Keeps a catalog up to date: one polling task per source.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Catalog;
use crate::source::{Source, SourceError};

/// Time between two polls of one source. A new commit has to show within two seconds.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A poll that takes long (a folder of 100,000 archives, a slow disk) leaves this many times as long a pause, so
/// that watching takes a tenth of a core at most.
const PAUSE_PER_POLL: u32 = 10;

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
    /// That of the first source, in the order given, that does not load.
    pub async fn start(sources: Vec<Arc<dyn Source>>) -> Result<(Arc<Catalog>, Self), SourceError> {
        let catalog = Arc::new(Catalog::new(sources.iter().map(|s| s.label().to_owned())));
        let first = futures_util::future::join_all(sources.iter().map(|s| s.poll())).await;
        for (slot, found) in first.into_iter().enumerate() {
            catalog.update(slot, found?.unwrap_or_default());
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
    let mut pause = POLL_INTERVAL;
    loop {
        tokio::time::sleep(pause).await;
        let begun = Instant::now();
        let polled = source.poll().await;
        // A failed poll took its time-out: it says nothing of what a poll costs.
        pause =
            if polled.is_ok() { POLL_INTERVAL.max(begun.elapsed() * PAUSE_PER_POLL) } else { POLL_INTERVAL };
        match polled {
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
