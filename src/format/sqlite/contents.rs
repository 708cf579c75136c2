//! What a database is shown as: its tables and views, and all of it as SQL.

use std::sync::Arc;

use async_trait::async_trait;

use super::file::SqliteFile;
use super::query::Query;
use super::relation::{Relation, RelationKind};
use super::schema::key_columns;
use crate::content::blocking::on_blocking_thread;
use crate::content::{Sink, SourceError, Stream, Wanted};

impl SqliteFile {
    pub(crate) fn rows(self: &Arc<Self>, relation: &Relation) -> SqliteContent {
        SqliteContent { file: Arc::clone(self), query: Query::Rows(relation.clone()) }
    }

    pub(crate) fn dump(self: &Arc<Self>) -> SqliteContent {
        SqliteContent { file: Arc::clone(self), query: Query::Dump }
    }
}

/// The answer to a query of one file.
pub(crate) struct SqliteContent {
    file: Arc<SqliteFile>,
    query: Query,
}

impl SqliteContent {
    /// The table whose rows it is, if they are stored: another version of SQLite may compute other values.
    fn stored_table(&self) -> Option<&Relation> {
        match &self.query {
            Query::Rows(relation) => Some(relation).filter(|relation| relation.kind == RelationKind::Table),
            _ => None,
        }
    }
}

#[async_trait]
impl Stream for SqliteContent {
    fn describe(&self) -> String {
        let what = match &self.query {
            Query::Rows(relation) => relation.describe(),
            _ => "dump".to_owned(),
        };
        format!("{what} of {}", self.file.db.describe())
    }

    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        let Some(table) = self.stored_table() else { return Ok(None) };
        let (file, name) = (Arc::clone(&self.file), Arc::clone(&table.name));
        let key = move || {
            file.checked("read the key", || {
                key_columns(&file.connected(&Wanted::default())?.connection, &name)
            })
        };
        on_blocking_thread(&self.file.label, key).await.map(Some)
    }

    fn is_immutable_by_id(&self) -> bool {
        self.stored_table().is_some()
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let (file, query) = (Arc::clone(&self.file), self.query.clone());
        on_blocking_thread(&self.file.label, move || {
            let wanted = sink.wanted();
            file.ask(&query, &wanted, &mut |piece| sink.push_blocking(piece))
        })
        .await
    }
}
