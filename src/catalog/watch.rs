//! Keeps a catalog up to date: one task per source, which polls it when it may have news.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Catalog;
use crate::content::SourceError;
use crate::source::{POLL_INTERVAL, Source};
use crate::util::clock::WallClock;

/// The shortest time between two polls of one source: a burst of news costs a few polls a second.
const PAUSE: Duration = Duration::from_millis(250);

/// After a slow poll (a folder of 100,000 archives, a slow disk) the pause is this many times as long, so that
/// polling takes a tenth of a core at most.
const PAUSE_PER_POLL: u32 = 10;

/// The longest pause after a poll that failed: a source that is back has to show soon.
const LONGEST_AFTER_FAILURE: Duration = Duration::from_secs(5);

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
    /// Loads every source once into a new catalog, then polls in the background. Drops what `loading` returns for a
    /// label when that source is loaded. Returns the error of the first source, in the order given, that does not load.
    pub async fn start<G>(
        sources: Vec<Arc<dyn Source>>,
        clock: WallClock,
        loading: impl Fn(&str) -> G,
    ) -> Result<(Arc<Catalog>, Self), SourceError> {
        let catalog = Arc::new(Catalog::new(sources.iter().map(|s| s.label().to_owned()), clock));
        let load = async |source: &Arc<dyn Source>| {
            let _loading = loading(source.label());
            source.poll().await
        };
        let first = futures_util::future::join_all(sources.iter().map(load)).await;
        for (slot, found) in first.into_iter().enumerate() {
            catalog.update(slot, found?.unwrap_or_default());
            catalog.answers(slot);
        }
        let tasks = sources
            .into_iter()
            .enumerate()
            .map(|(slot, source)| tokio::spawn(watch(catalog.clone(), slot, source)))
            .collect();
        Ok((catalog, Self { tasks }))
    }
}

/// The pause after a poll that took `took`, when the previous one took `took_before`. The shorter of both counts: a
/// single slow poll may have waited for a stopped server, whose next news must show soon.
fn pause_after(took: Duration, took_before: Duration) -> Duration {
    PAUSE.max(took.min(took_before) * PAUSE_PER_POLL)
}

/// Polls whenever there may be news. A source that is down keeps what it last reported; the log names it once when it
/// goes down and once when it is back.
async fn watch(catalog: Arc<Catalog>, slot: usize, source: Arc<dyn Source>) {
    let mut down = false;
    let mut pause = PAUSE;
    let mut took_before = Duration::ZERO;
    loop {
        let news = async {
            match down {
                // The source may answer again without any news.
                true => drop(tokio::time::timeout(POLL_INTERVAL, source.news()).await),
                false => source.news().await,
            }
        };
        tokio::join!(tokio::time::sleep(pause), news);
        let begun = Instant::now();
        let polled = source.poll().await;
        // A failed poll may have waited for a timeout, which costs nothing, or have worked all the time.
        let took = begun.elapsed();
        pause = match polled {
            Ok(_) => pause_after(took, std::mem::replace(&mut took_before, took)),
            Err(_) => took.clamp(PAUSE, LONGEST_AFTER_FAILURE),
        };
        match polled {
            Ok(found) => {
                if std::mem::take(&mut down) {
                    tracing::info!(source = source.label(), "the source answers again");
                }
                catalog.answers(slot);
                if let Some(databases) = found {
                    catalog.update(slot, databases);
                }
            }
            Err(error) if catalog.fails(slot, &error) => {
                down = true;
                let hint = error.hint.as_deref().unwrap_or_default();
                let reason = error.chain();
                tracing::warn!(source = source.label(), %reason, hint, "the source does not answer; still trying");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_poll_that_waited_for_its_server_does_not_hold_up_the_next() {
        let (long, short) = (Duration::from_secs(8), Duration::from_millis(3));
        assert_eq!(pause_after(long, short), PAUSE);
        assert_eq!(pause_after(short, long), PAUSE);
        assert_eq!(pause_after(long, long), long * PAUSE_PER_POLL, "a folder that takes long each time does");
    }
}
