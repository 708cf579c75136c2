//! `lost/`, which is found out after the rest of the tree is there.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Vfs;
use super::error::VfsError;
use crate::catalog::{Database, SnapKey, may_be_hash};

/// How long the first search is waited for. It takes a second or two for each 100 MB of a store.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

impl Vfs {
    /// Waits until all lost commits of a database are known: a mirror would take what is not there yet for deleted.
    ///
    /// # Errors
    /// [`VfsError::NotYet`] when that takes too long.
    pub(super) async fn all_lost(&self, db: &Arc<str>) -> Result<(), VfsError> {
        let begun = Instant::now();
        while self.database(db)?.is_lost_partial() {
            if begun.elapsed() > PATIENCE {
                return Err(VfsError::NotYet);
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The snapshot that a text means: whatever may stand under `asof/`, `latest`, and the hash of any commit. All lost
    /// ones are waited for before it is said that there is none.
    ///
    /// # Errors
    /// [`VfsError::NotFound`], or [`VfsError::NotYet`] when that takes too long.
    pub(super) async fn any_snapshot(
        &self,
        db: &Arc<str>,
        text: &str,
    ) -> Result<(Arc<Database>, SnapKey), VfsError> {
        let database = self.database(db)?;
        if let Some(key) = database.snapshot_or_latest(text, &self.now()) {
            return Ok((database, key));
        }
        if !database.is_lost_partial() || !may_be_hash(text) {
            return Err(VfsError::NotFound);
        }
        self.all_lost(db).await?;
        let database = self.database(db)?;
        let key = database.snapshot_or_latest(text, &self.now()).ok_or(VfsError::NotFound)?;
        Ok((database, key))
    }
}
