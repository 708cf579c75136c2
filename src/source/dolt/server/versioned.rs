//! Versions of a table as the engine asks for them.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::fault::{Fault, QueryError};
use super::lines::copy_lines;
use super::ranges::KeyRange;
use super::rows::RowsContent;
use super::sql::Revision;
use super::table_version::TableVersion;
use super::{length_deltas, named_row, table_diff};
use crate::content::versioned::{ChangeSink, Family, LengthDelta, NamedRows, Versioned};
use crate::content::{Sink, SourceError, Stream};
use crate::model::jsonl::line_key::LineKey;
use crate::source::dolt::common::ident;
use crate::util::locks::lock;

#[async_trait]
impl Stream for TableVersion {
    fn received(&self) -> Option<u64> {
        Some(self.database.pool.received())
    }

    fn describe(&self) -> String {
        RowsContent::of_version(self).describe()
    }

    fn is_immutable_by_id(&self) -> bool {
        true
    }

    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        let definition = self.definition().await;
        let definition = definition.map_err(|error| self.failed("cannot ask for the key of", error))?;
        Ok(Some(definition.key.clone()))
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        RowsContent::of_version(self).read(sink).await
    }
}

#[async_trait]
impl Versioned for TableVersion {
    async fn family(&self) -> Result<Arc<Family>, SourceError> {
        let definition = self.definition().await.map_err(|error| self.failed("cannot ask for", error))?;
        Ok(Arc::clone(&definition.family))
    }

    fn known_family(&self) -> Option<Arc<Family>> {
        let definition = self.database.known_definition(&self.table, &self.defined_by(&self.commit));
        definition.flatten().map(|definition| Arc::clone(&definition.family))
    }

    fn version(&self) -> &str {
        &self.commit
    }

    fn distance(&self, version: &str) -> Option<u32> {
        lock(&self.database.lineage).distance(&self.commit, version, &self.table)
    }

    async fn read_between(
        &self,
        from: &LineKey,
        to: Option<&LineKey>,
        mut sink: Sink,
    ) -> Result<(), SourceError> {
        let copied = self.copy_between(from, to, &mut sink).await;
        copied.map_err(|error| self.failed("cannot read a part of", error))
    }

    async fn push_changes(&self, version: &str, limit: u64, sink: ChangeSink) -> Result<bool, SourceError> {
        let told = table_diff::push(self, version, limit, sink).await;
        let doing = || format!("cannot compare version {version} with");
        told.map_err(|error| self.failed(&doing(), error))
    }

    async fn length_deltas(
        &self,
        count: usize,
        most_changes: Option<u64>,
    ) -> Result<Vec<LengthDelta>, SourceError> {
        let steps = length_deltas::around(self, count, most_changes).await;
        steps.map_err(|error| self.failed("cannot ask for the history of", error))
    }

    fn named_rows(&self) -> Option<&dyn NamedRows> {
        Some(self)
    }
}

#[async_trait]
impl NamedRows for TableVersion {
    async fn rows_named(
        &self,
        name: &str,
        newest: &str,
        versions: &[&str],
    ) -> Result<HashMap<String, Option<Bytes>>, SourceError> {
        let rows = named_row::rows_named(self, name, newest, versions).await;
        rows.map_err(|error| self.failed("cannot look for a row in the history of", error))
    }
}

impl TableVersion {
    async fn copy_between(
        &self,
        from: &LineKey,
        to: Option<&LineKey>,
        sink: &mut Sink,
    ) -> Result<(), QueryError> {
        let definition = self.definition().await?;
        let order = definition.family.order.as_ref();
        let order = order.ok_or_else(|| Fault::Answer("the table's rows have no known order".to_owned()))?;
        let place = format!("{}.{}", ident(&self.database.name), ident(&self.table));
        let place = format!("{place}{}", Revision::Commit(Arc::clone(&self.commit)).as_of());
        let range = KeyRange::new(order, &definition.key, &place, from, to)?;
        copy_lines(&self.database, &range, sink).await
    }
}
