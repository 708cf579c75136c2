//! Where databases and their history come from: one folder per kind of source, all of one shape.
//!
//! A [`Source`] finds databases and notices what is new; a [`Database`] is one consistent view of a
//! database's history, which lists the files of a snapshot; a [`Content`] is the bytes of one file.
//! Nothing here knows of inodes, caches or FUSE.

use std::sync::Arc;
use std::time::Duration;

use crate::model::time::Timestamp;
use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::memory::sort::LEAST;
use crate::memory::{Budget, Cancel, Sorter};
use crate::model::access::{Access, Audience, Audiences};
use crate::model::content_id::ContentId;
use crate::model::history::{History, SnapshotId};

mod access;
pub mod archive;
pub mod blocking;
mod decoders;
mod dolt;
pub mod dolt_sql;
pub mod dolt_store;
pub mod dump;
pub mod error;
mod form;
pub mod git;
pub mod parts;
mod repository;
pub mod root;
pub mod sqlite;
mod stored;
pub mod text;
pub mod unlisted;
pub mod verify;
pub mod versioned;
mod watch;
pub mod zip;

pub use error::{ErrorKind, SourceError, chain};

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
    async fn live_files(&self) -> Result<Arc<[FileEntry]>, SourceError>;

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

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Bytes.
    Regular,
    /// Bytes that may be run.
    Executable,
    /// A symbolic link, whose content is its target.
    Symlink,
}

/// One file of a snapshot.
#[derive(Clone)]
pub struct FileEntry {
    /// Relative path below the snapshot's folder: components made safe by [`crate::model::names`] and
    /// joined by `/`. No path is a folder of another.
    pub path: Arc<str>,
    /// What kind of file it is. Equal ids are of one kind.
    pub kind: FileKind,
    /// Identity of the content.
    pub id: ContentId,
    /// When this content last changed, as of the snapshot.
    pub changed: Timestamp,
    /// How many snapshots of the source show this very content under this path; at least 1.
    pub links: u32,
    /// Who may read it. Neither part of the identity: where two names of one content differ, the stricter one holds.
    pub access: Access,
    /// Where the bytes come from.
    pub content: Arc<dyn Content>,
}

/// The bytes of one immutable file.
#[async_trait]
pub trait Content: Send + Sync {
    /// Length in bytes where the source states it without reading the content. It is a promise:
    /// [`Content::read`] fails rather than produce another length.
    fn stated_len(&self) -> Option<u64> {
        None
    }

    /// Whether its id alone decides its bytes, whoever reads it and when: then its length may be kept for
    /// later mounts. Not so what a server words (`schema.sql`) or computes (views): its next version may do
    /// it otherwise.
    fn is_for_good(&self) -> bool {
        false
    }

    /// The content as a tree of parts that others share, where it is one. It is read by these alone then, as
    /// far as they are wanted.
    fn in_parts(&self) -> Option<&dyn parts::InParts> {
        None
    }

    /// The content as a version of a table of which there are others, where it is one.
    fn versioned(&self) -> Option<&dyn versioned::Versioned> {
        None
    }

    /// The columns of the key by which the rows of a table are told apart, in the key's order: none for a table without
    /// one. `None` where the source knows of no such thing, and for what is no table.
    ///
    /// # Errors
    /// What the source says.
    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        Ok(None)
    }

    /// Whether it only says why something cannot be read now, which may be read another time. It stands for all that would
    /// be listed in its folder, too.
    fn may_pass(&self) -> bool {
        false
    }

    /// How many bytes the server behind it has sent so far; `None` where it comes from this machine.
    fn received(&self) -> Option<u64> {
        None
    }

    /// What this is, for log lines: which source, which snapshot, which table or member.
    fn describe(&self) -> String;

    /// Pushes the whole content, in order, into `sink`, and checks what the source can check (checksums,
    /// lengths, syntax): success means that every pushed byte is right.
    ///
    /// Pieces may have any size; around 256 KiB is good. Stops with `Ok` when the sink is closed.
    async fn read(&self, sink: Sink) -> Result<(), SourceError>;
}

/// Removes the temporary files of earlier processes of this program that were killed: once, however often it is called.
pub fn remove_leftovers() {
    static SWEPT: std::sync::Once = std::sync::Once::new();
    SWEPT.call_once(stored::sweep);
}

/// The receiving end of a content being read. Slow receivers hold the producer back.
pub struct Sink {
    pieces: mpsc::Sender<Bytes>,
    /// What the reader draws on; none for one that has no limit of its own.
    budget: Option<Arc<Budget>>,
}

/// Tells whether anybody still waits for what is read, also while there is no piece to hand over.
#[derive(Clone, Default)]
pub struct Wanted(Option<mpsc::Sender<Bytes>>);

impl Wanted {
    /// Whether the receiver is still there. Always, for what no sink takes.
    pub fn is_wanted(&self) -> bool {
        self.0.as_ref().is_none_or(|pieces| !pieces.is_closed())
    }
}

/// The receiver has gone away: nobody wants the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl Sink {
    /// Makes a sink that holds up to `depth` pieces, and the receiver of its pieces.
    pub fn new(depth: usize) -> (Self, mpsc::Receiver<Bytes>) {
        let (pieces, receiver) = mpsc::channel(depth);
        (Self { pieces, budget: None }, receiver)
    }

    /// The same for a reader that draws on a budget.
    pub(crate) fn within(depth: usize, budget: &Arc<Budget>) -> (Self, mpsc::Receiver<Bytes>) {
        let (sink, receiver) = Self::new(depth);
        (Self { budget: Some(Arc::clone(budget)), ..sink }, receiver)
    }

    /// Sorts records within the reader's memory, and in a temporary file beyond it: for what has to be handed over in another
    /// order than it comes in.
    pub(crate) fn sorter(&self) -> Sorter {
        let budget = self.budget.clone().unwrap_or_else(|| Budget::new(0));
        // It may be read by work that holds memory already, and so must not wait for any.
        Sorter::new(budget.little_work(LEAST), &Cancel::default())
    }

    /// Tells whether the receiver is still there. Drop it with the sink: the receiver waits for both.
    pub fn wanted(&self) -> Wanted {
        Wanted(Some(self.pieces.clone()))
    }

    /// Hands over the next piece; waits while the receiver is behind.
    ///
    /// # Errors
    /// [`Closed`] when the receiver is gone; stop reading then.
    pub async fn push(&mut self, piece: Bytes) -> Result<(), Closed> {
        self.pieces.send(piece).await.map_err(|_| Closed)
    }

    /// The same from a thread that may block.
    ///
    /// # Errors
    /// [`Closed`] when the receiver is gone; stop reading then.
    pub fn push_blocking(&mut self, piece: Bytes) -> Result<(), Closed> {
        self.pieces.blocking_send(piece).map_err(|_| Closed)
    }
}
