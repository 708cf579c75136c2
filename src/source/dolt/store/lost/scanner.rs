//! The thread on which stores are scanned.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::Notify;

use super::scan::scan;
use crate::source::dolt::store::shared::SharedDatabase;

/// The lowest priority: a scan takes only time that is left over.
const NICENESS: i32 = 19;

/// Scans the stores of one source, one after the other, on a thread of its own, which ends when this is
/// dropped.
#[derive(Default)]
pub struct CommitScanner {
    /// `None` where no thread could be started, which is logged.
    queue: OnceLock<Option<Sender<Weak<SharedDatabase>>>>,
    stop: Arc<AtomicBool>,
    ended: Arc<Notify>,
}

impl CommitScanner {
    /// Queues a scan of what is new in a store.
    pub fn look(&self, database: &Arc<SharedDatabase>) {
        let queue = self.queue.get_or_init(|| start(Arc::clone(&self.stop), Arc::clone(&self.ended)));
        if let Some(queue) = queue
            && database.found.queue(&database.store.newest())
        {
            // The channel is closed only if the thread panicked, which printed its own message.
            let _ = queue.send(Arc::downgrade(database));
        }
    }

    /// Waits for the end of a scan that found something: it shows at the next poll.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }
}

impl Drop for CommitScanner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn start(stop: Arc<AtomicBool>, ended: Arc<Notify>) -> Option<Sender<Weak<SharedDatabase>>> {
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new().name("lost commits".to_owned());
    match thread.spawn(move || work(&receiver, &stop, &ended)) {
        Ok(_) => Some(sender),
        Err(error) => {
            tracing::warn!("lost commits are not looked for: cannot start a thread: {error}");
            None
        }
    }
}

fn work(queue: &Receiver<Weak<SharedDatabase>>, stop: &AtomicBool, ended: &Notify) {
    // On Linux this is about the calling thread alone. Where it is not allowed, the scan is only less polite.
    let _ = rustix::process::nice(NICENESS);
    while let Ok(database) = queue.recv() {
        if scan(&database, stop) {
            ended.notify_one();
        }
    }
}
