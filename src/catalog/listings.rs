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

/// Entries kept over all listings, at most.
const KEPT_ENTRIES: u64 = 64 * 1024;

/// What each entry takes, in bytes: its path, and what its source needs to read it.
const EACH: u64 = 500;

/// The budget of listings that share none, in bytes.
const OWN_BUDGET: u64 = 256 << 20;

/// Listings take up to one part in this many of the budget.
const PART: u64 = 8;

/// How old a listing of the working set may be: long enough that `ls -l` of a folder asks once.
const LIVE_AGE: Duration = Duration::from_millis(300);

/// The files of one snapshot, sorted by path.
type SnapshotFiles = Arc<[FileEntry]>;

/// The name of a listing: a view by its version, and a snapshot, or none for the working set.
type ListingKey = (u64, Option<SnapshotId>);

/// Listings of snapshots and of working sets.
pub struct Listings {
    secrets: Arc<Secrets>,
    kept: Mutex<KeptListings>,
    loads: SharedLoads<ListingKey, SnapshotFiles>,
}

struct KeptListings {
    /// Each costs its entries.
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
    /// Listings that mark secret files, as many as `budget` has room for.
    pub fn new(secrets: Arc<Secrets>, budget: &Arc<Budget>) -> Self {
        let most = (budget.part(PART) / EACH).min(KEPT_ENTRIES);
        let (listings, held) = (Recent::default(), budget.hold(0));
        Self {
            secrets,
            kept: Mutex::new(KeptListings { listings, most, held }),
            loads: SharedLoads::default(),
        }
    }

    /// The files of a snapshot, listed once for all who ask meanwhile.
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

/// Logs a snapshot that cannot be listed: of which database, why, and what to do.
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
    // The tables of a damaged database, for example, are not known.
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
