//! What a database is shown as: its tables and views, its schema, and all of it as SQL.

use std::sync::Arc;

use async_trait::async_trait;

use super::file::SqliteFile;
use super::relation::{Relation, RelationKind};
use super::schema::key_columns;
use crate::content::blocking::on_blocking_thread;
use crate::content::{Sink, SourceError, Stream, Wanted};

impl SqliteFile {
    pub(crate) fn rows(self: &Arc<Self>, relation: &Relation) -> RowsContent {
        RowsContent { file: Arc::clone(self), relation: relation.clone() }
    }

    pub(crate) fn dump(self: &Arc<Self>) -> DatabaseDump {
        DatabaseDump { file: Arc::clone(self) }
    }
}

pub(crate) struct RowsContent {
    file: Arc<SqliteFile>,
    relation: Relation,
}

#[async_trait]
impl Stream for RowsContent {
    fn describe(&self) -> String {
        let Relation { name, kind, .. } = &self.relation;
        format!("{} {} of {}", kind.word(), name.escape_debug(), self.file.db.describe())
    }

    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        let (file, relation) = (Arc::clone(&self.file), self.relation.clone());
        if relation.kind != RelationKind::Table {
            return Ok(None);
        }
        on_blocking_thread(&self.file.label, move || {
            file.checked("read the key", || {
                key_columns(&file.connected(&Wanted::default())?.connection, &relation.name)
            })
        })
        .await
        .map(Some)
    }

    fn is_immutable_by_id(&self) -> bool {
        // What is computed may be computed otherwise by another version of SQLite.
        self.relation.kind == RelationKind::Table
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let (file, relation) = (Arc::clone(&self.file), self.relation.clone());
        on_blocking_thread(&self.file.label, move || {
            let wanted = sink.wanted();
            file.read_rows(&relation, &wanted, &mut |piece| sink.push_blocking(piece))
        })
        .await
    }
}

pub(crate) struct DatabaseDump {
    file: Arc<SqliteFile>,
}

#[async_trait]
impl Stream for DatabaseDump {
    fn describe(&self) -> String {
        format!("dump of {}", self.file.db.describe())
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let file = Arc::clone(&self.file);
        on_blocking_thread(&self.file.label, move || {
            let wanted = sink.wanted();
            file.write_dump(&wanted, &mut |piece| sink.push_blocking(piece))
        })
        .await
    }
}
