//! A read of a source that is under way: the bytes of a content as they come.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_task::Task;
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::content::{ErrorKind, Sink, SourceError, Stream};
use crate::memory::{Budget, Held};
use crate::util::tasks;

/// How many pieces a source may produce ahead of the reader, usually and when the budget is short.
const AHEAD: usize = 4;
const AHEAD_IF_SHORT: usize = 1;

/// What a piece takes, in bytes: most sources make pieces of this length.
const PIECE: u64 = 256 << 10;

/// A read counts as one part in this many of the budget at most: under a small budget its pieces are small as well.
const PART: u64 = 32;

/// A read under way. Dropping it ends it.
pub(crate) struct SourceRead {
    pieces: mpsc::Receiver<Bytes>,
    /// `None` if the source panicked. A read may block, as that of a content made of others does, so it is not a task
    /// of the runtime itself.
    task: Task<Option<Result<(), SourceError>>>,
    _in_flight: Held,
}

impl SourceRead {
    pub fn start<F>(budget: &Arc<Budget>, read: impl FnOnce(Sink) -> F) -> Self
    where
        F: Future<Output = Result<(), SourceError>> + Send + 'static,
    {
        let ahead = if budget.is_short() { AHEAD_IF_SHORT } else { AHEAD };
        let (sink, pieces) = Sink::within(ahead, budget);
        // One more piece is being made, and one is being cut into segments.
        let bytes = (ahead as u64 + 2) * PIECE;
        let in_flight = budget.hold(bytes.min(budget.part(PART)));
        let read = AssertUnwindSafe(read(sink)).catch_unwind().map(Result::ok);
        Self { pieces, task: tasks::spawn(&Handle::current(), read), _in_flight: in_flight }
    }

    pub async fn next(&mut self) -> Option<Bytes> {
        self.pieces.recv().await
    }

    /// The outcome of the read, asked for once [`Self::next`] gave `None`: only after `Ok` every byte is known to be right.
    pub async fn verdict(&mut self, content: &dyn Stream) -> Result<(), SourceError> {
        match (&mut self.task).await {
            Some(verdict) => verdict,
            // The message of the panic itself went to the log.
            None => Err(SourceError::new(ErrorKind::Damaged, content.describe(), "the reader panicked")),
        }
    }
}
