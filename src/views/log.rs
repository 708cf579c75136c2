//! `log.jsonl` and `lost/log.jsonl`: every snapshot of a database, one line each.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::context::ViewContext;
use super::log_lines::{log_lines, lost_log_lines};
use super::view::{Item, View};
use crate::catalog::Database;
use crate::content::{Content, FileEntry, Sink, SourceError, Stream};
use crate::model::content_id::ContentId;

/// The name of both.
pub(super) const LOG: &str = "log.jsonl";

pub(super) struct LogView;

#[async_trait]
impl View for LogView {
    fn name(&self) -> &'static str {
        LOG
    }

    fn open(&self, context: &ViewContext, database: &Arc<Database>) -> Option<Item> {
        Some(Item::File(log_file(context, database, LOG, database.fingerprint(), log_lines)))
    }
}

/// The log of a database's lost commits.
pub(super) fn lost_log(context: &ViewContext, database: &Arc<Database>) -> FileEntry {
    let id = ContentId::of(&[b"lost", database.fingerprint().as_bytes()]);
    log_file(context, database, "lost/log.jsonl", id, lost_log_lines)
}

/// A log. Its identity changes with what it shows. So does its time, after a remount too: a tag that is moved changes the
/// bytes, perhaps not their number, and rsync must not miss it.
fn log_file(
    context: &ViewContext,
    database: &Arc<Database>,
    path: &'static str,
    id: ContentId,
    lines: fn(&Database) -> Vec<u8>,
) -> FileEntry {
    let changed = context.engine.first_seen(id, database.seen()).into();
    let content = LogContent { database: database.clone(), path, lines };
    let access = database.log_audience().into();
    super::derived::entry(LOG.into(), id, changed, access, Content::stream(content))
}

struct LogContent {
    database: Arc<Database>,
    /// Below the database's folder.
    path: &'static str,
    lines: fn(&Database) -> Vec<u8>,
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
