//! The files of snapshots, kept for a while: a lookup of a table must not ask the source each time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::database_view::DatabaseView;
use crate::content::shared_load::{SharedLoads, SharedResult};
use crate::content::unlisted::is_passing;
use crate::content::{FileEntry, SourceError};
use crate::memory::{Budget, Held, Recent};
use crate::model::access::Access;
use crate::model::history::SnapshotId;
use crate::model::secrets::{Secrets, is_container, is_database};
use crate::util::locks::lock;
use crate::util::repeats;

/// The most entries that are kept, over all listings.
const KEPT_ENTRIES: u64 = 64 * 1024;

/// What each entry takes, in bytes: its path, and what its source needs to read it.
const EACH: u64 = 500;

/// The budget, in bytes, of listings that share no other budget.
const OWN_BUDGET: u64 = 256 << 20;

/// Listings may take the budget divided by this.
const PART: u64 = 8;

/// How old a listing of the working set may be: long enough that `ls -l` of a folder asks once.
const LIVE_AGE: Duration = Duration::from_millis(300);

/// The files of one snapshot, sorted by path.
type SnapshotFiles = Arc<[FileEntry]>;

/// The key of a listing: the version of a view, and a snapshot; `None` for the working set.
type ListingKey = (u64, Option<SnapshotId>);

/// Listings of snapshots and of working sets.
pub struct Listings {
    secrets: Arc<Secrets>,
    kept: Mutex<KeptListings>,
    loads: SharedLoads<ListingKey, SnapshotFiles>,
}

struct KeptListings {
    /// The cost of each listing is the number of its entries.
    listings: Recent<ListingKey, (Instant, SnapshotFiles)>,
    most: u64,
    held: Held,
}

impl Default for Listings {
    /// Listings with the built-in rules for secrets, and a budget of their own.
    fn default() -> Self {
        Self::new(Arc::default(), &Budget::new(OWN_BUDGET))
    }
}

impl Listings {
    /// Listings that mark secret files, and keep as many entries as their part of `budget` has room for.
    pub fn new(secrets: Arc<Secrets>, budget: &Arc<Budget>) -> Self {
        let most = (budget.part(PART) / EACH).min(KEPT_ENTRIES);
        let (listings, held) = (Recent::default(), budget.hold(0));
        Self {
            secrets,
            kept: Mutex::new(KeptListings { listings, most, held }),
            loads: SharedLoads::default(),
        }
    }

    /// The files of a snapshot. Callers that ask while it is being listed share one load.
    pub async fn files(
        &self,
        view: &Arc<DatabaseView>,
        snapshot: &SnapshotId,
    ) -> SharedResult<SnapshotFiles> {
        self.list(view, Some(snapshot.clone())).await
    }

    /// The files of the working set, at most a moment old.
    pub async fn live_files(&self, view: &Arc<DatabaseView>) -> SharedResult<SnapshotFiles> {
        self.list(view, None).await
    }

    /// Forgets a working set's listing: one of its files turned out to have changed.
    pub fn forget_live(&self, view: &DatabaseView) {
        lock(&self.kept).listings.remove(&(view.version, None));
    }

    async fn list(
        &self,
        view: &Arc<DatabaseView>,
        snapshot: Option<SnapshotId>,
    ) -> SharedResult<SnapshotFiles> {
        let key = (view.version, snapshot.clone());
        if let Some((since, files)) = lock(&self.kept).listings.get(&key)
            && (snapshot.is_some() || since.elapsed() < LIVE_AGE)
        {
            return Ok(files.clone());
        }
        let (of, secrets) = (view.clone(), Arc::clone(&self.secrets));
        let list = async move {
            let files = match &snapshot {
                Some(snapshot) => of.database.files(snapshot).await,
                None => of.database.live_files().await,
            };
            let files = files.inspect_err(|error| cannot_list(&of, error)).map_err(Arc::new)?;
            Ok(marked(files, &secrets))
        };
        let files = self.loads.join(key.clone(), list).await?;
        if !is_passing(&files) {
            lock(&self.kept).put(key, files.clone());
        }
        Ok(files)
    }
}

/// Logs that a snapshot cannot be listed: its database, the reason and the hint.
fn cannot_list(view: &DatabaseView, error: &SourceError) {
    let (source, database) = (&*view.label, view.database.name());
    let (reason, hint) = (error.chain(), error.hint.as_deref().unwrap_or_default());
    let line: [&[u8]; 4] = [b"list", source.as_bytes(), database.as_bytes(), reason.as_bytes()];
    if let Some(repeated) = repeats::due(&line) {
        tracing::warn!(source, database, %reason, hint, repeated, "cannot list");
    }
}

/// The files, with a mark on those that are secret by their names: tables, and in a snapshot with such tables also the
/// databases, dumps and tars that may hold them.
fn marked(files: SnapshotFiles, secrets: &Secrets) -> SnapshotFiles {
    let has_secrets = files.iter().any(|file| secrets.of(&file.path).is_some());
    // Without tables, as of a damaged database, nothing says whether there are secrets: its databases count as secret.
    let has_no_table = !files.iter().any(|file| file.path.ends_with(".jsonl"));
    if !(has_secrets || has_no_table && files.iter().any(|file| is_database(&file.path))) {
        return files;
    }
    let mark = |file: &FileEntry| {
        let is_secret = secrets.of(&file.path).is_some()
            || if has_secrets { is_container(&file.path) } else { is_database(&file.path) };
        FileEntry { access: Access { is_secret, ..file.access }, ..file.clone() }
    };
    files.iter().map(mark).collect()
}

impl KeptListings {
    /// Keeps a listing, and drops the longest unused ones until the entries fit.
    fn put(&mut self, key: ListingKey, files: SnapshotFiles) {
        let cost = files.len() as u64;
        self.listings.put(key, (Instant::now(), files), cost);
        while self.listings.cost() > self.most && self.listings.len() > 1 {
            self.listings.drop_oldest();
        }
        self.held.resize(self.listings.cost() * EACH);
    }
}
