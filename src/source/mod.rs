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
mod dated_names;
pub mod dolt;
pub mod git;
mod listing_cache;
mod repository;
#[cfg(test)]
mod testing;
pub mod verify;

/// Time between two polls of a source that is not watched. A new commit has to show within two seconds.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes that a server has to send for each second of waiting beyond its time-out.
pub const LEAST_RATE: u64 = 64 << 10;

/// Something that holds databases: a Dolt server, a folder of archives.
#[async_trait]
pub trait Source: Send + Sync {
    /// What to call this source in messages and in `log.jsonl`. Never holds a secret.
    fn label(&self) -> &str;

    /// Looks for news. `Ok(None)` means that nothing changed since the last call that returned a list; the first call
    /// always returns a list. A database that cannot be read does not fail the others: it keeps its last known view (or
    /// is left out), with a log line.
    ///
    /// Called about once a second, so it has to be cheap when nothing changed.
    async fn poll(&self) -> Result<Option<Vec<Arc<dyn Database>>>, SourceError>;

    /// Databases that the last poll could not read: each with the reason, its name as the place.
    async fn unread(&self) -> Vec<verify::Finding> {
        Vec::new()
    }

    /// Whether [`Source::news`] returns as soon as something changes, not only after a while.
    fn is_watched(&self) -> bool {
        false
    }

    /// Returns when it is worth polling again: soon after a change where the source is watched, and after a while in
    /// any case. What changes while a poll runs is news after it. May be dropped half-way.
    async fn news(&self) {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The error of [`Database::live_files`] without [`Capabilities::working_set`].
fn no_working_set(database: &str) -> SourceError {
    SourceError::new(ErrorKind::Missing, format!("database {database}"), "cannot list live files")
        .because("it has no uncommitted working set")
}

/// What a database can do beyond listing its snapshots and reading their files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It has an uncommitted working set now: [`Database::live_files`] lists it.
    pub working_set: bool,
    /// [`Database::sql_dump`] writes some of its snapshots as SQL.
    pub sql_dump: bool,
    /// Its tables share trees, or tell how one version differs from another: a new version costs what is new in it.
    pub versions: bool,
    /// Its snapshots are commits: with a hash, parents, an author and a message.
    pub commits: bool,
    /// Branches name some of its snapshots.
    pub branches: bool,
    /// Tags name some of its snapshots.
    pub tags: bool,
    /// It finds commits that no name reaches any more ([`History::lost`]).
    pub lost_commits: bool,
    /// Whom its files let read them decides who may read what is shown.
    pub permissions: bool,
}

/// One consistent view of one database: what was known when it was polled. A later poll that finds news
/// returns a new object; earlier views go on answering for their own snapshots.
#[async_trait]
pub trait Database: Send + Sync {
    /// The database's name as its source has it, unescaped.
    fn name(&self) -> &str;

    /// What this database can do.
    fn capabilities(&self) -> Capabilities;

    /// All its snapshots, branches and tags.
    fn history(&self) -> &History;

    /// The files of one snapshot, sorted by path. Reads no row and no member.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] when the snapshot is not (or no longer) in the source.
    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError>;

    /// The files of the working set as of now, sorted by path.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] without [`Capabilities::working_set`].
    async fn live_files(&self) -> Result<Arc<[FileEntry]>, SourceError> {
        Err(no_working_set(self.name()))
    }

    /// How many bytes the server behind it has sent so far; `None` where it is on this machine.
    fn received(&self) -> Option<u64> {
        None
    }

    /// Who may read its files. Asked for each attribute of a folder.
    fn audiences(&self) -> Audiences {
        Audiences::default()
    }

    /// Who may see the names of a snapshot's files: those who may read some of them.
    fn audience_of(&self, _snapshot: &SnapshotId) -> Audience {
        self.audiences().widest
    }

    /// Whether [`Database::sql_dump`] returns something for a snapshot. Asked for each one when a folder is listed.
    fn dumps_sql(&self, _snapshot: &SnapshotId) -> bool {
        self.capabilities().sql_dump
    }

    /// The whole of one snapshot as SQL, schema and rows, without reading a row; `None` where the snapshot cannot be
    /// written as SQL. Its path does not count.
    async fn sql_dump(&self, _snapshot: &SnapshotId) -> Result<Option<FileEntry>, SourceError> {
        Ok(None)
    }

    /// Checks what reading the contents of its snapshots does not check: what the source keeps beside them. Takes long;
    /// no mount calls it.
    ///
    /// # Errors
    /// When nothing at all could be checked.
    async fn verify(&self, _progress: &verify::Progress) -> Result<verify::Verdict, SourceError> {
        Ok(verify::Verdict::default())
    }
}
