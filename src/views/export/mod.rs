//! `export/<name>.jsonl`: Beads' tables as of a snapshot, as `bd export --all` writes them, for `bd import` and
//! `bd init --from-jsonl` (ADR 10).
//!
//! The format is that of Beads 1.1 (`cmd/bd/export.go`, `internal/types`, `internal/storage/issueops`): a line for
//! each issue with its labels, dependencies and comments, then one for each memory. Columns are found by name,
//! because versions of the schema have different ones. Unlike `bd export --all`, it has no wisps: `dolt_ignore` keeps
//! their tables out of Dolt's history, so no snapshot has them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::derived::{TABLE, entry, last_change};
use super::error::{DerivedError, ViewError};
use super::rows::lines::LineBlocks;
use super::rows::steps::{last_step, step};
use super::view::{Item, Ttl, View, ViewFolder, ViewRequest};
use crate::catalog::SnapshotOrLive;
use crate::content::{Content, Sink, SourceError, Stream};
use crate::engine::Engine;
use crate::memory::sort::LEAST;
use crate::memory::{Cancel, Sorted};

mod cells;
mod issue;
mod json;
mod plan;
mod related;
mod tables;
#[cfg(test)]
mod tests;

use plan::Making;
use tables::{Tables, id_of};

/// The version of this format, part of the content id. Increment it with any change to the bytes.
const VERSION: u8 = 1;

/// How many bytes are written at once.
const PIECE: usize = 256 * 1024;

/// The memory that an export needs, in bytes: it sorts two things.
const MEMORY: u64 = 2 * LEAST;

/// It lists nothing: a mirror would read the whole database once for each snapshot.
pub(super) struct ExportView;

#[async_trait]
impl View for ExportView {
    fn name(&self) -> &'static str {
        "export"
    }

    async fn lookup(&self, request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
        let text = name.strip_suffix(TABLE).ok_or(ViewError::NotFound)?;
        let (database, key) = request.context.any_snapshot(request.database, text).await?;
        let files = request.context.files(&database, &SnapshotOrLive::Snapshot(key)).await?;
        let tables = Tables::find(&files).ok_or(ViewError::NotFound)?;
        if !tables.are_of_beads(&request.context.engine).await? {
            return Err(ViewError::NotFound);
        }
        let (id, changed) = (id_of(&tables, VERSION), last_change(tables.files()));
        let access = tables.access(&request.context.secrets);
        let content = ExportContent { engine: Arc::clone(&request.context.engine), tables };
        Ok(Item::File(entry(name.into(), id, changed, access, Content::stream(content))))
    }

    fn ttl(&self, _folder: &ViewFolder, _item: &Item) -> Ttl {
        Ttl::Short
    }
}

struct ExportContent {
    engine: Arc<Engine>,
    tables: Tables,
}

#[async_trait]
impl Stream for ExportContent {
    fn is_immutable_by_id(&self) -> bool {
        self.tables.files().all(|file| file.content.is_immutable_by_id())
    }

    fn describe(&self) -> String {
        let issues = self.tables.files().next().map(|file| file.content.describe());
        format!("the export for bd of {}", issues.unwrap_or_default())
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        self.write(&mut sink, MEMORY).await.map_err(|error| error.of(&self.describe()))
    }
}

impl ExportContent {
    async fn write(&self, sink: &mut Sink, memory: u64) -> Result<(), DerivedError> {
        let readers = self.tables.open(&self.engine).await?;
        let cancel = Cancel::default();
        let _wanted = cancel.on_drop();
        let mut making = Making::new(self.engine.budget().work(memory).await, &cancel);
        for (table, reader) in readers {
            let mut blocks = LineBlocks::from(&reader, 0);
            while let Some(rows) = blocks.next().await? {
                (making, ()) = step(making, move |making| making.take(table, &rows)).await?;
            }
        }
        let mut lines = last_step(making, Making::finish).await?;
        loop {
            let piece;
            (lines, piece) = step(lines, next_piece).await?;
            // A closed sink means that nobody wants the rest.
            if piece.is_empty() || sink.push(piece).await.is_err() {
                return Ok(());
            }
        }
    }
}

fn next_piece(lines: &mut Sorted) -> Result<Bytes, DerivedError> {
    let mut out = Vec::new();
    while out.len() < PIECE
        && let Some((_, line)) = lines.next()?
    {
        out.extend_from_slice(line);
    }
    Ok(out.into())
}
