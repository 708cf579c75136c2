//! The schema of a database as a content.

use std::sync::Arc;

use async_trait::async_trait;

use super::SqliteFile;
use crate::content::blocking::on_blocking_thread;
use crate::content::{Sink, SourceError, Stream};

/// `schema.sql`.
pub(crate) struct SchemaContent {
    pub(super) file: Arc<SqliteFile>,
}

#[async_trait]
impl Stream for SchemaContent {
    fn describe(&self) -> String {
        format!("schema of {}", self.file.db.describe())
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let file = Arc::clone(&self.file);
        let text = on_blocking_thread(&self.file.label, move || file.schema_sql()).await?;
        // A closed sink means that nobody wants it, which is no failure.
        let _ = sink.push(text).await;
        Ok(())
    }
}
