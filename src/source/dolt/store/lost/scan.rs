//! Searches the chunks of stores for commits, on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use dolt_store::message::{COMMIT_ID, Message};
use dolt_store::objects::Commit;
use dolt_store::{Address, InChunk, Store, StoreError};
use tokio::sync::Notify;

use super::found::{ScanNews, ScanTotals};
use crate::source::dolt::store::shared::SharedDatabase;
use crate::util::locks::lock;

/// Between two lines in the log about one scan.
const PROGRESS: Duration = Duration::from_secs(5);
/// How many chunks are read between two looks at the clock and at the signal to stop.
const STRIDE: usize = 256;
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

/// Reads those chunks of a store that no scan has read yet, until `stop` is set or the database is not shown any more.
/// Returns whether other commits may be lost than before.
pub fn scan(database: &Weak<SharedDatabase>, stop: &AtomicBool) -> bool {
    let Some(shared) = database.upgrade() else { return false };
    let earlier = shared.found.begin();
    let view = shared.store.newest();
    let total = view.count_since(earlier.as_deref());
    let mut progress = ScanProgress::new(&shared, total, earlier.is_none());
    drop(shared);
    let mut news = ScanNews::default();
    for (done, address) in view.possible_commits_since(earlier.as_deref()).enumerate() {
        if done % STRIDE == 0 {
            if stop.load(Ordering::Relaxed) || database.strong_count() == 0 {
                return false;
            }
            progress.tell(done, news.commits.len());
        }
        match address.and_then(|address| commit(&view, &address)) {
            Ok(Some((address, commit))) => {
                let Some(shared) = database.upgrade() else { return false };
                take(&shared, &view, &mut news, address, commit);
            }
            Ok(None) => {}
            Err(error) => progress.pass_over(&error),
        }
    }
    let Some(shared) = database.upgrade() else { return false };
    let totals = shared.found.end(view, news);
    progress.end(&totals);
    totals.is_news
}

/// The commit in a chunk, if it is one, with its address.
fn commit(view: &Store, address: &Address) -> Result<Option<(Address, Commit)>, StoreError> {
    match view.get(address)? {
        Some(chunk) if Message::id_of(&chunk) == Some(COMMIT_ID) => {
            let commit = Commit::parse(chunk).in_chunk(address, "commit")?;
            Ok(Some((*address, commit)))
        }
        _ => Ok(None),
    }
}

/// Notes a commit. One without its root value has nothing to show: garbage collection took it, or never got
/// to it.
fn take(shared: &SharedDatabase, view: &Store, news: &mut ScanNews, address: Address, commit: Commit) {
    if !view.has(&commit.root) {
        return;
    }
    news.commits.push((address, commit.root));
    if lock(&shared.graph).known(&address).is_none() {
        news.read.push((address, commit));
    }
}

/// Logs the progress of a scan, but not of short ones that only follow a store as it grows.
struct ScanProgress {
    database: String,
    label: Arc<str>,
    total: usize,
    begun: Instant,
    told: Instant,
    is_told_of: bool,
    unreadable: usize,
}

impl ScanProgress {
    fn new(shared: &SharedDatabase, total: usize, is_first: bool) -> Self {
        let now = Instant::now();
        let (database, label) = (shared.database.clone(), Arc::clone(&shared.label));
        if is_first {
            tracing::info!(source = &*label, database, chunks = total, "looking for lost commits");
        }
        Self { database, label, total, begun: now, told: now, is_told_of: is_first, unreadable: 0 }
    }

    fn tell(&mut self, done: usize, commits: usize) {
        if self.told.elapsed() >= PROGRESS {
            let Self { total, label, database, .. } = &*self;
            let so_far = format!("{done} of at most {total} chunks looked through for lost commits");
            tracing::info!(source = &**label, database, commits, "{so_far}");
            (self.told, self.is_told_of) = (Instant::now(), true);
        }
    }

    /// The first chunk that cannot be read stands for all of them: a broken file may hold thousands.
    fn pass_over(&mut self, error: &StoreError) {
        if self.unreadable == 0 {
            let reason = crate::content::chain(error);
            let said = "a chunk that may be a lost commit cannot be read, and is passed over";
            tracing::warn!(source = &*self.label, database = self.database, %reason, "{said}");
        }
        self.unreadable += 1;
    }

    fn end(&self, totals: &ScanTotals) {
        if self.is_told_of || self.unreadable > 0 {
            let ScanTotals { commits, lost, .. } = totals;
            let Self { total, unreadable, .. } = self;
            tracing::info!(
                source = &*self.label,
                database = self.database,
                commits,
                lost,
                unreadable,
                seconds = self.begun.elapsed().as_secs_f64(),
                "looked through all {total} chunks for lost commits"
            );
        }
    }
}
