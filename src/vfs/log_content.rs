//! `log.jsonl` and `lost/log.jsonl` as files.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::catalog::{self, Database};
use crate::content::{Content, FileEntry, FileKind, Sink, SourceError, Stream};
use crate::engine::Engine;
use crate::model::content_id::ContentId;

/// The name of both.
pub(super) const LOG: &str = "log.jsonl";

/// Writes the lines of a log.
type Lines = fn(&Database) -> Vec<u8>;

/// The file entry of a database's log. Its identity changes with what it shows. So does its time, after a remount too:
/// a tag that is moved changes the bytes, perhaps not their number, and rsync must not miss it.
pub(super) fn entry(engine: &Engine, database: &Arc<Database>) -> FileEntry {
    file(engine, database, LOG, database.fingerprint(), catalog::log_lines)
}

/// The same for the log of its lost commits.
pub(super) fn lost_entry(engine: &Engine, database: &Arc<Database>) -> FileEntry {
    let id = ContentId::of(&[b"lost", database.fingerprint().as_bytes()]);
    file(engine, database, "lost/log.jsonl", id, catalog::lost_log_lines)
}

fn file(
    engine: &Engine,
    database: &Arc<Database>,
    path: &'static str,
    id: ContentId,
    lines: Lines,
) -> FileEntry {
    let content = LogContent { database: database.clone(), path, lines };
    FileEntry {
        path: LOG.into(),
        kind: FileKind::Regular,
        id,
        changed: engine.first_seen(id, database.seen()).into(),
        links: 1,
        access: database.log_audience().into(),
        content: Content::stream(content),
    }
}

struct LogContent {
    database: Arc<Database>,
    /// Below the database's folder.
    path: &'static str,
    lines: Lines,
}

#[async_trait]
impl Stream for LogContent {
    fn describe(&self) -> String {
        format!("{} of {}", self.path, self.database.name)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        // A closed sink only means that nobody wants the rest.
        let _ = sink.push(Bytes::from((self.lines)(&self.database))).await;
        Ok(())
    }
}
