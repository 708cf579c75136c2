//! The rows of one table as a file: each leaf of its tree, rendered, is a segment that other versions share.

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use dolt_store::Address;
use dolt_store::objects::StoredTable;

use super::shared::{ReadError, SharedDatabase};
use super::table_rows::TableRows;
use crate::content::blocking::on_blocking_thread;
use crate::content::tree::{Nodes, Tree};
use crate::content::{Sink, SourceError, Stream};

/// The rows of a table.
#[derive(Clone)]
pub struct TableContent {
    pub shared: Arc<SharedDatabase>,
    pub name: Arc<str>,
    pub table: Address,
    /// At which moment: `at <hash>`, `in the working set`.
    pub when: String,
}

impl TableContent {
    pub fn failed(&self, error: ReadError) -> SourceError {
        let operation = format!("cannot read table {} of {} {}", self.name, self.shared.database, self.when);
        error.during(&self.shared.label, operation)
    }
}

impl Tree for TableContent {
    fn source(&self) -> &str {
        &self.shared.label
    }

    fn open(&self) -> Result<Box<dyn Nodes>, SourceError> {
        Ok(Box::new(TableRows::open(self).map_err(|error| self.failed(error))?))
    }
}

#[async_trait]
impl Stream for TableContent {
    fn describe(&self) -> String {
        format!("table {} of {} {} in {}", self.name, self.shared.database, self.when, self.shared.label)
    }

    fn is_immutable_by_id(&self) -> bool {
        true
    }

    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        let content = self.clone();
        let read = move || {
            let schema = StoredTable::read(&content.shared.store, &content.table)
                .map_err(ReadError::from)
                .and_then(|table| content.shared.schema(&content.name, &table.schema))
                .map_err(|error| content.failed(error))?;
            Ok(schema.primary_key.iter().map(|&place| schema.columns[place].name.clone()).collect())
        };
        on_blocking_thread(&self.shared.label, read).await.map(Some)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let content = self.clone();
        on_blocking_thread(&self.shared.label, move || {
            let push = |lines| match sink.push_blocking(lines) {
                Ok(()) => ControlFlow::Continue(()),
                // Nobody wants the rest, which is no failure.
                Err(_) => ControlFlow::Break(()),
            };
            let read = TableRows::open(&content).and_then(|rows| rows.each_segment(push));
            read.map_err(|error| content.failed(error))
        })
        .await
    }
}
