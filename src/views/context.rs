//! What views are made of: databases, their files, and what engine and clock say.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::time::{Instant, sleep};

use super::change_index::{ChangeIndex, ChangeIndexes};
use super::error::ViewError;
use crate::catalog::{self, Catalog, Database, Listings, SnapshotKey, SnapshotOrLive, may_be_hash};
use crate::content::{ErrorKind, FileEntry};
use crate::engine::Engine;
use crate::model::secrets::Secrets;
use crate::model::time_expr::Clock;
use crate::util::clock::WallClock;

/// How long the first search for lost commits is waited for. It takes a second or two for each 100 MB of a store.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// What views are made of.
pub struct ViewContext {
    catalog: Arc<Catalog>,
    /// Reads contents.
    pub engine: Arc<Engine>,
    /// The files of snapshots.
    pub listings: Arc<Listings>,
    /// Which tables and columns are secret.
    pub secrets: Arc<Secrets>,
    changes: ChangeIndexes,
    zone: TimeZone,
    clock: WallClock,
}

impl ViewContext {
    /// Views of the databases of `catalog`, whose contents `engine` reads. `zone` is the time zone of time expressions
    /// that name none.
    pub fn new(
        catalog: Arc<Catalog>,
        engine: Engine,
        secrets: Arc<Secrets>,
        zone: TimeZone,
        clock: WallClock,
    ) -> Self {
        let listings = Arc::new(Listings::new(Arc::clone(&secrets), engine.budget()));
        let changes = ChangeIndexes::default();
        Self { catalog, engine: Arc::new(engine), listings, secrets, changes, zone, clock }
    }

    /// What time expressions are relative to.
    pub fn now(&self) -> Clock<'_> {
        Clock { now: self.clock.now(), zone: &self.zone }
    }

    /// All databases as of now.
    pub fn databases(&self) -> Arc<catalog::Databases> {
        self.catalog.state()
    }

    /// The database that is shown as `name`, as of now.
    pub fn database(&self, name: &str) -> Result<Arc<Database>, ViewError> {
        self.databases().database(name).cloned().ok_or(ViewError::NotFound)
    }

    /// The files of a snapshot or of the working set, sorted by path.
    pub async fn files(
        &self,
        database: &Database,
        of: &SnapshotOrLive,
    ) -> Result<Arc<[FileEntry]>, ViewError> {
        let SnapshotOrLive::Snapshot(key) = of else {
            let view = database.live_view().ok_or(ViewError::NotFound)?;
            return Ok(self.listings.live_files(view).await?);
        };
        // The snapshot's source may have left, or rewritten its history, while the kernel kept the inode.
        let view = database.view(key.slot).ok_or(ViewError::Stale)?;
        // The snapshot may have been collected although its source still has what it shares with others.
        view.snapshot(&key.id).ok_or(ViewError::Stale)?;
        self.listings.files(view, &key.id).await.map_err(|error| match error.kind {
            ErrorKind::Missing => ViewError::Stale,
            _ => ViewError::Source(error),
        })
    }

    /// Which snapshots of a database changed which files.
    pub async fn change_index(&self, database: &Arc<Database>) -> Result<Arc<ChangeIndex>, ViewError> {
        Ok(self.changes.of(database, &self.listings).await?)
    }

    /// The snapshot that a text means: what may stand under `asof/`, `latest`, or the hash of any commit. Waits for all lost
    /// commits before it says that there is none.
    pub async fn any_snapshot(
        &self,
        database: &Arc<Database>,
        text: &str,
    ) -> Result<(Arc<Database>, SnapshotKey), ViewError> {
        let find = |database: &Database| database.snapshot_or_latest(text, &self.now());
        self.find_with_lost(database, find, || may_be_hash(text)).await
    }

    /// What `find` finds in a database. If it finds nothing and `may_be_lost` holds, searches once more with all lost
    /// commits.
    pub async fn find_with_lost<T>(
        &self,
        database: &Arc<Database>,
        find: impl Fn(&Database) -> Option<T>,
        may_be_lost: impl FnOnce() -> bool,
    ) -> Result<(Arc<Database>, T), ViewError> {
        if let Some(found) = find(database) {
            return Ok((Arc::clone(database), found));
        }
        if !database.is_lost_partial() || !may_be_lost() {
            return Err(ViewError::NotFound);
        }
        let database = self.with_all_lost(&database.name).await?;
        let found = find(&database).ok_or(ViewError::NotFound)?;
        Ok((database, found))
    }

    /// The database once all of its lost commits are known: a mirror would treat those that are not found yet as
    /// deleted.
    pub async fn with_all_lost(&self, name: &str) -> Result<Arc<Database>, ViewError> {
        let begun = Instant::now();
        loop {
            let database = self.database(name)?;
            if !database.is_lost_partial() {
                return Ok(database);
            }
            if begun.elapsed() > PATIENCE {
                return Err(ViewError::NotYet);
            }
            sleep(PAUSE).await;
        }
    }
}
