//! The thread on which stores are scanned.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::Notify;

use super::scan::scan;
use crate::source::dolt::store::shared::Shared;

/// The lowest priority that there is: a scan takes what nobody else wants.
const NICENESS: i32 = 19;

/// Scans the stores of one source, one after the other, on a thread of its own, which ends when this is
/// dropped.
#[derive(Default)]
pub struct Scanner {
    /// None where there could be no thread, which the log tells.
    queue: OnceLock<Option<Sender<Weak<Shared>>>>,
    stop: Arc<AtomicBool>,
    ended: Arc<Notify>,
}

impl Scanner {
    /// Sees to it that what is new in a store is gone through soon.
    pub fn look(&self, database: &Arc<Shared>) {
        let queue = self.queue.get_or_init(|| start(Arc::clone(&self.stop), Arc::clone(&self.ended)));
        if let Some(queue) = queue
            && database.found.queue(&database.store.view())
        {
            // Nobody takes it only where the thread broke down, which the panic itself told.
            let _ = queue.send(Arc::downgrade(database));
        }
    }

    /// Waits for the end of a scan that found something: it shows at the next poll.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn start(stop: Arc<AtomicBool>, ended: Arc<Notify>) -> Option<Sender<Weak<Shared>>> {
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

fn work(queue: &Receiver<Weak<Shared>>, stop: &AtomicBool, ended: &Notify) {
    // On Linux this is about the calling thread alone. Where it is not allowed, the scan is only less polite.
    let _ = rustix::process::nice(NICENESS);
    while let Ok(database) = queue.recv() {
        if scan(&database, stop) {
            ended.notify_one();
        }
    }
}
