//! The bytes of a stored piece, as they are.

use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::content::blocking::on_blocking_thread;
use crate::content::{Sink, SourceError, Stream};
use crate::format::blob::{PIECE, Stored, read_full, stored_error};

/// A whole piece, unchanged.
pub(crate) struct Raw {
    /// The label of its source.
    pub(crate) label: Arc<str>,
    /// The piece.
    pub(crate) stored: Arc<dyn Stored>,
}

#[async_trait]
impl Stream for Raw {
    fn stated_len(&self) -> Option<u64> {
        Some(self.stored.len())
    }

    fn describe(&self) -> String {
        self.stored.describe()
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let (label, stored) = (Arc::clone(&self.label), Arc::clone(&self.stored));
        on_blocking_thread(&self.label, move || copy(&label, &*stored, sink)).await
    }
}

fn copy(label: &str, stored: &dyn Stored, mut sink: Sink) -> Result<(), SourceError> {
    let what = stored.describe();
    let fail = |error| stored_error(label, format!("cannot read {what}"), &what, error);
    let mut reader = stored.read().map_err(fail)?;
    let mut left = stored.len();
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
    // Whether all of it was right is said in the place of the end.
    reader.read(&mut [0]).map_err(fail)?;
    Ok(())
}
