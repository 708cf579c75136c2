//! A source at work: the bytes of a content as they come.

use std::future::Future;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::source::{Content, ErrorKind, Sink, SourceError};

/// Pieces that a source may produce ahead of us.
const AHEAD: usize = 4;

/// A read under way. It is ended when this is dropped.
pub(super) struct Reading {
    pieces: mpsc::Receiver<Bytes>,
    task: JoinHandle<Result<(), SourceError>>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reading {
    /// Starts what `read` does with the sink that it is given.
    pub fn start<F>(read: impl FnOnce(Sink) -> F) -> Self
    where
        F: Future<Output = Result<(), SourceError>> + Send + 'static,
    {
        let (sink, pieces) = Sink::new(AHEAD);
        Self { pieces, task: tokio::spawn(read(sink)) }
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
