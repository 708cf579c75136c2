//! A source at work: the bytes of a content as they come.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::memory::{Budget, Held};
use crate::source::{Content, ErrorKind, Sink, SourceError};

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
    task: JoinHandle<Result<(), SourceError>>,
    _in_flight: Option<Held>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
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
        Self { pieces, task: tokio::spawn(read(sink)), _in_flight: Some(in_flight) }
    }

    /// One that has nothing to give.
    pub fn ended() -> Self {
        let (_, pieces) = Sink::new(AHEAD_IF_SHORT);
        Self { pieces, task: tokio::spawn(std::future::ready(Ok(()))), _in_flight: None }
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
    pub async fn verdict(mut self, content: &dyn Content) -> Result<(), SourceError> {
        match (&mut self.task).await {
            Ok(verdict) => verdict,
            Err(join) => {
                let what = "the reader broke off";
                Err(SourceError::new(ErrorKind::Damaged, content.describe(), what).because(join))
            }
        }
    }
}
