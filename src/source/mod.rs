//! Where databases and their history come from: one folder per kind of source, all of one shape.
//!
//! A [`Source`] finds databases and notices what is new; a [`Database`] is one consistent view of a
//! database's history, which lists the files of a snapshot.
//! Nothing here knows of inodes, caches or FUSE.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::content::{ErrorKind, FileEntry, SourceError};
use crate::model::access::{Audience, Audiences};
use crate::model::history::{History, SnapshotId};

pub mod archive;
pub mod dolt;
pub mod git;
mod repository;
pub mod verify;

/// Time between two looks at a source that does not tell when it changes. A new commit has to show within two
/// seconds.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How many bytes a server has to bring for each second that it is waited for, beyond the time that it has for an answer.
pub const LEAST_RATE: u64 = 64 << 10;

/// Something that holds databases: a Dolt server, a folder of archives.
#[async_trait]
pub trait Source: Send + Sync {
    /// What to call this source in messages and in `log.jsonl`. Never holds a secret.
    fn label(&self) -> &str;

    /// Looks for what is new. `Ok(None)` says that nothing changed since the last call that returned a list;
    /// the first call always returns a list. One database that cannot be read does not fail the
    /// others: it keeps its last known view (or is left out), with a log line.
    ///
    /// Called about once a second, so it has to be cheap when nothing changed.
    async fn poll(&self) -> Result<Option<Vec<Arc<dyn Database>>>, SourceError>;

    /// Databases that the last poll could not read and left out, or gave as they were seen before: each with why, its name
    /// as the place.
    async fn unread(&self) -> Vec<verify::Finding> {
        Vec::new()
    }

    /// Returns when it is worth polling again: soon after something changed, where the source is told of
    /// that, and after a while in any case. What changes while a poll runs is news after it. May be dropped
    /// half-way.
    async fn news(&self) {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// One consistent view of one database: what was known when it was polled. A later poll that finds news
/// returns a new object; views already handed out go on to answer for their own snapshots.
#[async_trait]
pub trait Database: Send + Sync {
    /// The database's name as its source has it, unescaped.
    fn name(&self) -> &str;

    /// All its snapshots, branches and tags.
    fn history(&self) -> &History;

    /// The files of one snapshot, sorted by path, without reading any row or member.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] when the snapshot is not (or no longer) in the source.
    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError>;

    /// The files of the uncommitted working set as of now, sorted by path. Only called where
    /// [`History::has_live`] is set.
    async fn live_files(&self) -> Result<Arc<[FileEntry]>, SourceError> {
        Err(SourceError::new(ErrorKind::Missing, self.name(), "there is no working set to list"))
    }

    /// How many bytes the server behind it has sent so far; `None` where it is on this machine.
    fn received(&self) -> Option<u64> {
        None
    }

    /// Whom the files behind its snapshots let read them. Asked for each attribute of a folder.
    fn audiences(&self) -> Audiences {
        Audiences::default()
    }

    /// Whom one snapshot lets see the names of its files: those who may read some of them.
    fn audience_of(&self, _snapshot: &SnapshotId) -> Audience {
        self.audiences().widest
    }

    /// Whether [`Database::sql_dump`] gives something for a snapshot. Asked for each one when a folder is listed.
    fn dumps_sql(&self, _snapshot: &SnapshotId) -> bool {
        false
    }

    /// The whole of one snapshot as SQL, schema and rows, without reading a row; `None` where the source holds no
    /// database that SQL could make anew. Its path does not count.
    ///
    /// # Errors
    /// As [`Database::files`].
    async fn sql_dump(&self, _snapshot: &SnapshotId) -> Result<Option<FileEntry>, SourceError> {
        Ok(None)
    }

    /// Checks what reading the contents of its snapshots does not: what the source keeps beside them, and about
    /// them. Long, and never called by a mount.
    ///
    /// # Errors
    /// When nothing at all could be checked.
    async fn verify(&self, _progress: &verify::Progress) -> Result<verify::Verdict, SourceError> {
        Ok(verify::Verdict::default())
    }
}
