//! The files that depend on the table of contents alone: `schema.sql` and `toc.jsonl`.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::schema_sql::schema_sql;
use super::toc::Toc;
use super::toc_jsonl::toc_jsonl;
use crate::content::blocking::on_blocking_thread;
use crate::content::{ErrorKind, Sink, SourceError, Stream};
use crate::format::blob::{Blob, io_kind};
use crate::format::error::FormatError;
use crate::format::hasher::Hasher;
use crate::format::pieces::push_all;
use crate::format::shown::Fingerprint;
use crate::model::content_id::ContentId;

/// Which of the two it is.
#[derive(Debug, Clone)]
pub(super) enum Which {
    SchemaSql,
    /// With the path of each table that is shown, by its place in the table of contents.
    TocJsonl(Arc<BTreeMap<usize, String>>),
}

/// Rendered at each read: the table of contents is in memory, and reads are rare.
#[derive(Clone)]
pub(super) struct Text {
    label: Arc<str>,
    blob: Arc<dyn Blob>,
    toc: Arc<Toc>,
    which: Which,
    /// `None` if it cannot be rendered.
    len: Option<u64>,
}

impl Text {
    pub(super) fn new(label: &Arc<str>, blob: &Arc<dyn Blob>, toc: &Arc<Toc>, which: Which) -> Self {
        let (label, blob, toc) = (Arc::clone(label), Arc::clone(blob), Arc::clone(toc));
        let mut text = Self { label, blob, toc, which, len: None };
        text.len = text.render().ok().map(|text| text.len() as u64);
        text
    }

    fn name(&self) -> &'static str {
        match self.which {
            Which::SchemaSql => "schema.sql",
            Which::TocJsonl(_) => "toc.jsonl",
        }
    }

    fn render(&self) -> Result<Vec<u8>, FormatError> {
        match &self.which {
            Which::SchemaSql => Ok(schema_sql(&self.toc)),
            Which::TocJsonl(files) => toc_jsonl(&self.toc, files).map_err(FormatError::Unsupported),
        }
    }

    fn copy(&self, mut sink: Sink) -> Result<(), FormatError> {
        // If the dump is packed, the checksum that covers its table of contents is at the end.
        self.blob.open()?.check()?;
        self.blob.check()?;
        push_all(&*self.render()?, u64::MAX, &mut sink)?;
        Ok(())
    }

    fn fail(&self, error: FormatError) -> SourceError {
        let stored = self.blob.describe();
        error.at(&self.label, format!("cannot make {} of {stored}", self.name()), &stored)
    }
}

#[async_trait]
impl Stream for Text {
    fn stated_len(&self) -> Option<u64> {
        self.len
    }

    fn describe(&self) -> String {
        format!("{} of {}", self.name(), self.blob.describe())
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let text = self.clone();
        on_blocking_thread(&self.label, move || text.copy(sink).map_err(|error| text.fail(error))).await
    }
}

impl Fingerprint for Text {
    fn likeness(&self) -> ContentId {
        ContentId::of(&[b"pg_dump text", self.name().as_bytes(), &self.len.unwrap_or(0).to_le_bytes()])
    }

    fn digest(&self) -> Result<[u8; 32], ErrorKind> {
        let mut hash = Hasher::new("pg_dump text");
        hash.part(&self.render().map_err(|error| io_kind(&error.into()))?);
        Ok(hash.digest())
    }
}
