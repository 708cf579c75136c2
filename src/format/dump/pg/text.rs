//! The files that the table of contents alone decides: `schema.sql` and `toc.jsonl`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;

use super::super::error::DumpError;
use super::super::{DumpContent, Hasher, push_all};
use super::schema_sql::schema_sql;
use super::toc::Toc;
use super::toc_jsonl::toc_jsonl;
use crate::content::blocking::on_blocking_thread;
use crate::content::{Sink, SourceError, Stream};
use crate::format::blob::Stored;
use crate::model::content_id::ContentId;

/// Which of the two it is.
#[derive(Debug, Clone)]
pub(super) enum Which {
    SchemaSql,
    /// With the path of each table that is shown, by its place in the table of contents.
    TocJsonl(Arc<BTreeMap<usize, String>>),
}

/// Rendered anew each time it is read: the table of contents is in memory, and this is not needed often.
#[derive(Clone)]
pub(super) struct Text {
    label: Arc<str>,
    stored: Arc<dyn Stored>,
    toc: Arc<Toc>,
    which: Which,
    /// `None` where it cannot be rendered.
    len: Option<u64>,
}

impl Text {
    pub(super) fn new(label: &Arc<str>, stored: &Arc<dyn Stored>, toc: &Arc<Toc>, which: Which) -> Self {
        let (label, stored, toc) = (Arc::clone(label), Arc::clone(stored), Arc::clone(toc));
        let mut text = Self { label, stored, toc, which, len: None };
        text.len = text.render().ok().map(|text| text.len() as u64);
        text
    }

    fn name(&self) -> &'static str {
        match self.which {
            Which::SchemaSql => "schema.sql",
            Which::TocJsonl(_) => "toc.jsonl",
        }
    }

    fn render(&self) -> Result<Vec<u8>, DumpError> {
        match &self.which {
            Which::SchemaSql => Ok(schema_sql(&self.toc)),
            Which::TocJsonl(files) => toc_jsonl(&self.toc, files).map_err(DumpError::Unsupported),
        }
    }

    fn copy(&self, mut sink: Sink) -> Result<(), DumpError> {
        // The table of contents was read from the start of the dump. If that is packed, the checksum that covers it
        // stands at the end.
        self.stored.open()?.check()?;
        self.stored.check()?;
        push_all(&*self.render()?, &mut sink)
    }

    fn fail(&self, error: DumpError) -> SourceError {
        let stored = self.stored.describe();
        error.at(&self.label, format!("cannot make {} of {stored}", self.name()), &stored)
    }
}

#[async_trait]
impl Stream for Text {
    fn stated_len(&self) -> Option<u64> {
        self.len
    }

    fn describe(&self) -> String {
        format!("{} of {}", self.name(), self.stored.describe())
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let text = self.clone();
        on_blocking_thread(&self.label, move || text.copy(sink).map_err(|error| text.fail(error))).await
    }
}

impl DumpContent for Text {
    fn likeness(&self) -> ContentId {
        ContentId::of(&[b"pg_dump text", self.name().as_bytes(), &self.len.unwrap_or(0).to_le_bytes()])
    }

    fn place(&self) -> u64 {
        0
    }

    fn digest(&self) -> io::Result<[u8; 32]> {
        let mut hash = Hasher::new("pg_dump text");
        hash.part(&self.render()?);
        Ok(hash.digest())
    }
}
