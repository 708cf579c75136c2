//! The bytes of a blob, as they are.

use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::content::blocking::on_blocking_thread;
use crate::content::{Sink, SourceError, Stream};
use crate::format::blob::{Blob, PIECE, blob_error, read_full};

/// A whole blob, unchanged.
pub(crate) struct Raw {
    /// The label of its source.
    pub(crate) label: Arc<str>,
    /// The blob.
    pub(crate) blob: Arc<dyn Blob>,
}

#[async_trait]
impl Stream for Raw {
    fn stated_len(&self) -> Option<u64> {
        Some(self.blob.len())
    }

    fn describe(&self) -> String {
        self.blob.describe()
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let (label, blob) = (Arc::clone(&self.label), Arc::clone(&self.blob));
        on_blocking_thread(&self.label, move || copy(&label, &*blob, sink)).await
    }
}

fn copy(label: &str, blob: &dyn Blob, mut sink: Sink) -> Result<(), SourceError> {
    let what = blob.describe();
    let fail = |error| blob_error(label, format!("cannot read {what}"), &what, error);
    let mut reader = blob.read().map_err(fail)?;
    let mut left = blob.len();
    while left > 0 {
        let mut piece = vec![0; usize::try_from(left.min(PIECE as u64)).expect("at most PIECE")];
        let count = read_full(&mut reader, &mut piece).map_err(fail)?;
        piece.truncate(count);
        left -= count as u64;
        let is_short = count == 0;
        if sink.push_blocking(Bytes::from(piece)).is_err() {
            return Ok(());
        }
        if is_short {
            break;
        }
    }
    // The end, where errors of the whole are found.
    reader.read(&mut [0]).map_err(fail)?;
    Ok(())
}
