//! The bytes of a blob, as they are.

use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;

use crate::content::blocking::on_blocking_thread;
use crate::content::{Sink, SourceError, Stream};
use crate::format::blob::{Blob, blob_error};
use crate::format::pieces::push_all;

/// A whole blob, unchanged.
pub(crate) struct Raw {
    pub(crate) label: Arc<str>,
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
    if !push_all(&mut reader, blob.len(), &mut sink).map_err(fail)? {
        return Ok(());
    }
    // Reads at the end, where errors of the whole blob are found.
    reader.read(&mut [0]).map_err(fail)?;
    Ok(())
}
