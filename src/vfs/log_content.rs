//! `log.jsonl` as a file.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::catalog::{self, Database};
use crate::source::{Content, FileEntry, Sink, SourceError};

/// The file entry of a database's log. Its identity changes with what it shows. So does its time, after a remount too:
/// a tag that is moved changes the bytes, perhaps not their number, and rsync must not miss it.
pub(super) fn entry(database: &Arc<Database>) -> FileEntry {
    FileEntry {
        path: "log.jsonl".into(),
        id: database.fingerprint(),
        changed: database.seen(),
        links: 1,
        content: Arc::new(LogContent { database: database.clone() }),
    }
}

struct LogContent {
    database: Arc<Database>,
}

#[async_trait]
impl Content for LogContent {
    fn describe(&self) -> String {
        format!("log.jsonl of {}", self.database.name)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        // A closed sink only means that nobody wants the rest.
        let _ = sink.push(Bytes::from(catalog::log_lines(&self.database))).await;
        Ok(())
    }
}
