//! The files of snapshots, kept for a while: a look-up of a table must not ask the source each time.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use super::lock;
use crate::catalog::View;
use crate::model::history::SnapshotId;
use crate::source::{FileEntry, SourceError};

/// Listings kept; each is a few hundred bytes per table.
const KEPT: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// How old a listing of the working set may be: long enough that `ls -l` of a folder asks once.
const LIVE_AGE: Duration = Duration::from_millis(300);

/// The files of one snapshot, sorted by path.
type Files = Arc<[FileEntry]>;

/// Listings of snapshots and of working sets.
pub struct Listings {
    snapshots: Mutex<LruCache<(u64, SnapshotId), Files>>,
    live: Mutex<LruCache<u64, (Instant, Files)>>,
}

impl Default for Listings {
    fn default() -> Self {
        Self { snapshots: Mutex::new(LruCache::new(KEPT)), live: Mutex::new(LruCache::new(KEPT)) }
    }
}

impl Listings {
    /// The files of a snapshot.
    ///
    /// # Errors
    /// What the source says when it cannot list it.
    pub async fn files(&self, view: &View, snapshot: &SnapshotId) -> Result<Files, Arc<SourceError>> {
        let key = (view.version, snapshot.clone());
        if let Some(files) = lock(&self.snapshots).get(&key) {
            return Ok(files.clone());
        }
        let files = view.database.files(snapshot).await.map_err(|error| cannot_list(view, error))?;
        lock(&self.snapshots).put(key, files.clone());
        Ok(files)
    }

    /// The files of the working set, at most a moment old.
    ///
    /// # Errors
    /// What the source says when it cannot list them.
    pub async fn live_files(&self, view: &View) -> Result<Files, Arc<SourceError>> {
        if let Some((since, files)) = lock(&self.live).get(&view.version)
            && since.elapsed() < LIVE_AGE
        {
            return Ok(files.clone());
        }
        let files = view.database.live_files().await.map_err(|error| cannot_list(view, error))?;
        lock(&self.live).put(view.version, (Instant::now(), files.clone()));
        Ok(files)
    }

    /// Forgets a working set's listing: one of its files turned out to have changed.
    pub fn forget_live(&self, view: &View) {
        lock(&self.live).pop(&view.version);
    }
}

fn cannot_list(view: &View, error: SourceError) -> Arc<SourceError> {
    let (reason, hint) = (error.chain(), error.hint.as_deref().unwrap_or_default());
    tracing::warn!(source = &*view.label, database = view.database.name(), %reason, hint, "cannot list");
    Arc::new(error)
}
