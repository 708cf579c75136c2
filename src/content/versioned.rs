//! Contents that are versions of one table, and how they differ.
//!
//! A server reports what changed from one version to another at the cost of the changes alone. That is enough to make
//! the next version from one in memory, and to know its length.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Closed, Content, Sink, SourceError, Stream};
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::{KeyOrder, LineKey};

/// A version of a table. Its lines are those that [`super::Stream::read`] gives.
#[async_trait]
pub trait Versioned: Stream {
    /// The table family: the versions that can be derived from each other, because the table has one definition in all
    /// of them.
    async fn family(&self) -> Result<Arc<Family>, SourceError>;

    /// The same if it is known without asking the source.
    fn known_family(&self) -> Option<Arc<Family>>;

    /// Which version it is, as its source names it.
    fn version(&self) -> &str;

    /// How many versions this one is away from another: those on the way back from both, along first parents, to their
    /// newest common version. 0 for the same one. Asks nothing of the source. `None` if the number is not known, or too
    /// large to count.
    fn distance(&self, _version: &str) -> Option<u32> {
        None
    }

    /// Pushes the lines from `from` up to, but without, `to`, or up to the end, in order. Only for a family with an
    /// order.
    async fn read_between(&self, from: &LineKey, to: Option<&LineKey>, sink: Sink)
    -> Result<(), SourceError>;

    /// Pushes how this version differs from another one of its family, in no order. Returns false if the source cannot
    /// say, or if the lines come to more than `limit` bytes: then what was pushed does not count.
    async fn push_changes(&self, version: &str, limit: u64, changes: ChangeSink)
    -> Result<bool, SourceError>;

    /// The same, collected; `None` for false.
    async fn changes_since(&self, version: &str, limit: u64) -> Result<Option<Vec<LineChange>>, SourceError> {
        let (sink, mut batches) = ChangeSink::new();
        let collect = async {
            let mut all = Vec::new();
            while let Some(batch) = batches.recv().await {
                all.extend(batch);
            }
            all
        };
        let (are_told, all) = tokio::join!(self.push_changes(version, limit, sink), collect);
        Ok(are_told?.then_some(all))
    }

    /// How the lengths of versions near this one differ from those before them: about `count` length deltas, first
    /// those to this version and to later ones. With `most_changes` each comes with its changes, and all of these come
    /// to at most that many bytes. None if the source cannot say.
    async fn length_deltas(
        &self,
        count: usize,
        most_changes: Option<u64>,
    ) -> Result<Vec<LengthDelta>, SourceError>;

    /// The version's rows by their keys, if the source finds them without reading the versions.
    fn named_rows(&self) -> Option<&dyn NamedRows> {
        None
    }
}

/// Finds one row in many versions of a table.
#[async_trait]
pub trait NamedRows: Send + Sync {
    /// Finds the row with a key of this name ([`crate::model::row::key_name`]) in some versions of the table, which are
    /// all in the history of the commit `newest`: its line without the line feed, `None` if there is no such row. A
    /// version for which the source has no quick answer is left out.
    async fn rows_named(
        &self,
        name: &str,
        newest: &str,
        versions: &[&str],
    ) -> Result<HashMap<String, Option<Bytes>>, SourceError>;
}

/// Versions of one table with one definition.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub id: ContentId,
    /// The order of the lines, if it follows exactly from their keys.
    pub order: Option<KeyOrder>,
}

/// How one line differs. At least one side is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineChange {
    /// The earlier line, with its line feed; none for a line that was added.
    pub from: Option<Bytes>,
    /// The later line; none for a line that was removed.
    pub to: Option<Bytes>,
}

impl LineChange {
    /// The length of both lines, in bytes.
    pub fn bytes(&self) -> u64 {
        [&self.from, &self.to].into_iter().flatten().map(|line| line.len() as u64).sum()
    }
}

/// Changes are passed on once they come to this many bytes.
const BATCH: u64 = 256 << 10;

/// How many batches a source may produce ahead.
const AHEAD: usize = 2;

/// The receiving end of changes, in batches. A slow receiver slows the source down.
pub struct ChangeSink {
    batches: mpsc::Sender<Vec<LineChange>>,
}

/// Changes on their way into a [`ChangeSink`].
#[derive(Default)]
pub struct ChangeBatch {
    changes: Vec<LineChange>,
    bytes: u64,
}

impl ChangeSink {
    /// A sink, and the receiver of its batches.
    pub fn new() -> (Self, mpsc::Receiver<Vec<LineChange>>) {
        let (batches, receiver) = mpsc::channel(AHEAD);
        (Self { batches }, receiver)
    }

    /// Passes on the changes of a batch, and leaves it empty.
    pub async fn push(&self, batch: &mut ChangeBatch) -> Result<(), Closed> {
        let batch = std::mem::take(batch);
        if batch.changes.is_empty() {
            return Ok(());
        }
        self.batches.send(batch.changes).await.map_err(|_| Closed)
    }
}

impl ChangeBatch {
    /// Adds a change.
    pub fn add(&mut self, change: LineChange) {
        self.bytes += change.bytes();
        self.changes.push(change);
    }

    /// Whether it is time to push.
    pub fn is_full(&self) -> bool {
        self.bytes >= BATCH
    }
}

/// By how many bytes one version differs from the next.
#[derive(Clone)]
pub struct LengthDelta {
    /// The earlier version's id.
    pub from: ContentId,
    /// The later version's id.
    pub to: ContentId,
    /// The content of the later version.
    pub content: Content,
    /// Bytes of the lines of `to` that are not in `from`.
    pub added: u64,
    /// Bytes of the lines of `from` that are not in `to`.
    pub removed: u64,
    /// These lines, if they were asked for.
    pub changes: Vec<LineChange>,
}
