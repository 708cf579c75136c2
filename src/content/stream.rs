//! Reading a content from end to end: what produces the bytes, and what takes them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::SourceError;
use crate::memory::sort::LEAST;
use crate::memory::{Budget, Cancel, Sorter};

/// What every content can do.
#[async_trait]
pub trait Stream: Send + Sync {
    /// Length in bytes, if the source states it without reading the content. It is a promise: [`Stream::read`] fails
    /// rather than produce another length.
    fn stated_len(&self) -> Option<u64> {
        None
    }

    /// Whether its id alone decides its bytes, in this and in every later mount: then its length and its bytes may be
    /// kept on disk. This does not hold for what a server words (`schema.sql`) or computes (views): its next version
    /// may do so differently.
    fn is_immutable_by_id(&self) -> bool {
        false
    }

    /// The columns of the key that identifies the rows of a table, in the key's order: none for a table without one.
    /// `None` if the source does not know, or if this is no table.
    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        Ok(None)
    }

    /// How many bytes the server that provides it has sent so far; `None` if it comes from this machine.
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

/// The receiving end of a content being read. A slow receiver slows the producer down.
pub struct Sink {
    pieces: mpsc::Sender<Bytes>,
    /// The budget of the reader; none for one without a limit.
    budget: Option<Arc<Budget>>,
}

/// Says whether the receiver still waits, also while there is no piece to push.
#[derive(Clone, Default)]
pub struct Wanted(Option<mpsc::Sender<Bytes>>);

impl Wanted {
    /// Whether the receiver is still there. Always true without a sink.
    pub fn is_wanted(&self) -> bool {
        self.0.as_ref().is_none_or(|pieces| !pieces.is_closed())
    }
}

/// The receiver is gone: nobody wants the rest.
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

    /// Sorts records within the reader's memory, and in a temporary file beyond it: for bytes that are pushed in
    /// another order than that in which they arrive.
    pub(crate) fn sorter(&self) -> Sorter {
        let budget = self.budget.clone().unwrap_or_else(|| Budget::new(0));
        // The reader may be work that holds memory, and so must not wait for more.
        Sorter::new(budget.little_work(LEAST), &Cancel::default())
    }

    /// Says whether the receiver is still there. Drop it with the sink: the receiver waits for both.
    pub fn wanted(&self) -> Wanted {
        Wanted(Some(self.pieces.clone()))
    }

    /// Pushes the next piece; waits while the receiver is behind.
    pub async fn push(&mut self, piece: Bytes) -> Result<(), Closed> {
        self.pieces.send(piece).await.map_err(|_| Closed)
    }

    /// The same from a thread that may block.
    pub fn push_blocking(&mut self, piece: Bytes) -> Result<(), Closed> {
        self.pieces.blocking_send(piece).map_err(|_| Closed)
    }
}
