//! A source at work: the bytes of a content as they come.

use std::future::Future;
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

/// Pieces that a source may produce ahead of us; and where the budget is short.
const AHEAD: usize = 4;
const AHEAD_IF_SHORT: usize = 1;

/// What a piece takes, in bytes: most sources make pieces of this length.
const PIECE: u64 = 256 << 10;

/// A read counts as one part in so many of the budget at most: under a small one its pieces are small, too.
const PART: u64 = 32;

/// A read under way. It is ended when this is dropped.
pub(super) struct Reading {
    pieces: mpsc::Receiver<Bytes>,
    /// `None` where the source panicked. Contents made of others block in it, so it is none of the runtime's own tasks.
    task: Task<Option<Result<(), SourceError>>>,
    _in_flight: Option<Held>,
}

impl Reading {
    /// Starts what `read` does with the sink that it is given.
    pub fn start<F>(budget: &Arc<Budget>, read: impl FnOnce(Sink) -> F) -> Self
    where
        F: Future<Output = Result<(), SourceError>> + Send + 'static,
    {
        let ahead = if budget.is_short() { AHEAD_IF_SHORT } else { AHEAD };
        let (sink, pieces) = Sink::within(ahead, budget);
        // One more is being made, and one is being taken apart.
        let bytes = (ahead as u64 + 2) * PIECE;
        let in_flight = budget.hold(bytes.min(budget.part(PART)));
        Self { pieces, task: spawn(read(sink)), _in_flight: Some(in_flight) }
    }

    /// One that has nothing to give.
    pub fn ended() -> Self {
        let (_, pieces) = Sink::new(AHEAD_IF_SHORT);
        Self { pieces, task: spawn(std::future::ready(Ok(()))), _in_flight: None }
    }

    /// The next bytes; `None` after the last.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.pieces.recv().await
    }

    /// What the source says in the end: only after `Ok` every byte is known to be right. For when
    /// [`Self::next`] gave `None`.
    ///
    /// # Errors
    /// That of the source.
    pub async fn verdict(mut self, content: &dyn Stream) -> Result<(), SourceError> {
        match (&mut self.task).await {
            Some(verdict) => verdict,
            // The message of the panic itself went to the log.
            None => Err(SourceError::new(ErrorKind::Damaged, content.describe(), "the reader panicked")),
        }
    }
}

fn spawn(
    read: impl Future<Output = Result<(), SourceError>> + Send + 'static,
) -> Task<Option<Result<(), SourceError>>> {
    tasks::spawn(&Handle::current(), AssertUnwindSafe(read).catch_unwind().map(Result::ok))
}
