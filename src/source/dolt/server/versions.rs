//! Versions of a table: what they have in common, and how they are read.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::changes;
use super::definitions::TableDefinition;
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::lines::copy_lines;
use super::named_row;
use super::ranges::Range;
use super::rows::RowsContent;
use super::sql::Revision;
use super::steps;
use super::store::Store;
use crate::content::versioned::{ChangeSink, Family, NamedRows, Step, Versioned};
use crate::content::{Sink, SourceError, Stream};
use crate::model::jsonl::line_key::LineKey;
use crate::source::dolt::common::identifier::ident;
use crate::util::locks::lock;

/// A version of a table, by the commit that made it.
pub struct TableVersion {
    /// The database.
    pub store: Arc<Store>,
    /// The table's name.
    pub table: Arc<str>,
    /// The origin of the table: the commit that made this version.
    pub commit: Arc<str>,
    /// A commit that shows it: its rows are read there.
    pub shown_at: Arc<str>,
}

#[async_trait]
impl Stream for TableVersion {
    fn received(&self) -> Option<u64> {
        Some(self.store.pool.received())
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

    fn version(&self) -> &str {
        &self.commit
    }

    fn distance(&self, version: &str) -> Option<u32> {
        lock(&self.store.lineage).distance(&self.commit, version, &self.table)
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
        let told = changes::push(self, version, limit, sink).await;
        let doing = || format!("cannot compare version {version} with");
        told.map_err(|error| self.failed(&doing(), error))
    }

    async fn steps(&self, count: usize) -> Result<Vec<Step>, SourceError> {
        let steps = steps::around(self, count).await;
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
    /// How this version is defined.
    ///
    /// # Errors
    /// What the server or the connection said; [`Fault::Moved`] where it has no such table.
    pub async fn definition(&self) -> Result<Arc<TableDefinition>, QueryError> {
        self.definition_at(&self.commit).await?.ok_or_else(|| Fault::Moved.into())
    }

    /// How the table is defined at a commit; none where it is not there.
    ///
    /// # Errors
    /// What the server or the connection said.
    pub async fn definition_at(&self, commit: &Arc<str>) -> Result<Option<Arc<TableDefinition>>, QueryError> {
        let defined_by = lock(&self.store.lineage).definition(commit, &self.table);
        // A commit that the lineage does not know stands for itself.
        let defined_by = defined_by.unwrap_or_else(|| Arc::clone(commit));
        self.store.definition(&self.table, &defined_by).await
    }

    /// Reads rows on a connection for that; once more where it turns out to be dead.
    ///
    /// # Errors
    /// Those of the reading, and where there is no connection.
    pub async fn reading<R: ReadRows>(&self, rows: &R) -> Result<R::Value, QueryError> {
        loop {
            let mut lease = self.store.pool.reader_lease(Some(&self.store.database)).await?;
            let is_reused = lease.is_reused();
            match rows.read(&mut lease).await {
                Ok(Reading::Whole(value)) => {
                    lease.give_back();
                    return Ok(value);
                }
                // Dropping the lease closes the connection, which ends the query.
                Ok(Reading::CutShort(value)) => return Ok(value),
                Err(error) if is_reused && error.is_broken_connection() => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn copy_between(
        &self,
        from: &LineKey,
        to: Option<&LineKey>,
        sink: &mut Sink,
    ) -> Result<(), QueryError> {
        let definition = self.definition().await?;
        let order = definition.family.order.as_ref();
        let order = order.ok_or_else(|| Fault::Answer("the table's rows have no known order".to_owned()))?;
        let place = format!("{}.{}", ident(&self.store.database), ident(&self.table));
        let place = format!("{place}{}", Revision::Commit(Arc::clone(&self.commit)).as_of());
        let range = Range::new(order, &definition.key, &place, from, to)?;
        copy_lines(&self.store, &range, sink).await
    }

    fn failed(&self, doing: &str, error: QueryError) -> SourceError {
        let at = Revision::Commit(Arc::clone(&self.commit)).describe();
        let operation = format!("{doing} table {} of {} {at}", self.table, self.store.database);
        error.during(&self.store.label, operation)
    }
}

/// Something that reads the rows of a query. May be asked to begin anew.
pub trait ReadRows: Sync {
    /// What comes of it.
    type Value;

    /// Reads them.
    ///
    /// # Errors
    /// What the server or the connection said.
    fn read(
        &self,
        lease: &mut Lease,
    ) -> impl Future<Output = Result<Reading<Self::Value>, QueryError>> + Send;
}

/// What came of reading.
pub enum Reading<T> {
    /// The answer was read to its end.
    Whole(T),
    /// The rest of the answer is not wanted.
    CutShort(T),
}
