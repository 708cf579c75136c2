//! A snapshot of Beads' tables as `bd export --all` writes it, for `bd import` and `bd init --from-jsonl` (ADR 34).
//!
//! The format is that of Beads 1.1 (`cmd/bd/export.go`, `internal/types`, `internal/storage/issueops`): a line for each issue with
//! what belongs to it, then one for each memory. Versions of the schema differ in columns, which are taken by name. Other than
//! `bd export --all`, it has no wisps: their tables are kept out of Dolt's history (`dolt_ignore`), so that no snapshot has
//! them.

use std::sync::Arc;

use crate::model::time::Timestamp;
use async_trait::async_trait;
use bytes::Bytes;

use super::DerivedError;
use super::files::entry;
use super::steps::step;
use crate::content::{Content, FileEntry, Sink, SourceError, Stream};
use crate::engine::Engine;
use crate::memory::sort::LEAST;
use crate::memory::{Cancel, Sorted};
use crate::model::secrets::Secrets;

mod cells;
mod issue;
mod json;
mod plan;
mod related;
mod tables;
#[cfg(test)]
mod tests;

use plan::Making;
use tables::{Table, Tables, id_of};

/// Version of what is written here; part of its identity. A change to any byte takes a new one.
const VERSION: u8 = 1;

/// The path of the file by itself, which does not count.
const EXPORT: &str = "export";

/// How much is handed out at once, in bytes.
const PIECE: usize = 256 * 1024;

/// The memory that an export waits for, in bytes: two things are sorted.
const MEMORY: u64 = 2 * LEAST;

/// The export of a snapshot that has these files; `None` where they are not the tables of Beads.
///
/// # Errors
/// Why the first of its issues cannot be read.
pub async fn beads_export(
    engine: &Arc<Engine>,
    secrets: &Secrets,
    files: &[FileEntry],
) -> Result<Option<FileEntry>, DerivedError> {
    let Some(tables) = Tables::find(files) else { return Ok(None) };
    if !tables.are_of_beads(engine).await? {
        return Ok(None);
    }
    let changed = tables.files().map(|file| file.changed).max().unwrap_or(Timestamp::UNIX_EPOCH);
    let id = id_of(&tables, VERSION);
    let access = tables.access(secrets);
    let content = Export { engine: Arc::clone(engine), tables };
    Ok(Some(entry(EXPORT.into(), id, changed, access, Content::stream(content))))
}

struct Export {
    engine: Arc<Engine>,
    tables: Tables,
}

#[async_trait]
impl Stream for Export {
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

impl Export {
    async fn write(&self, sink: &mut Sink, memory: u64) -> Result<(), DerivedError> {
        let readers = self.tables.open(&self.engine).await?;
        let cancel = Cancel::default();
        let _wanted = cancel.on_drop();
        let mut making = Making::new(self.engine.budget().work(memory).await, &cancel);
        for table in Table::ALL {
            let mut blocks = readers.blocks(table);
            while let Some(rows) = blocks.next().await? {
                (making, ()) = step(making, move |making| making.take(table, &rows)).await?;
            }
        }
        let (_, mut lines) = step(Some(making), |making| match making.take() {
            Some(making) => making.finish(),
            None => unreachable!("nothing took it before"),
        })
        .await?;
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

/// The next lines; none after the last.
fn next_piece(lines: &mut Sorted) -> Result<Bytes, DerivedError> {
    let mut out = Vec::new();
    while out.len() < PIECE
        && let Some((_, line)) = lines.next()?
    {
        out.extend_from_slice(line);
    }
    Ok(out.into())
}
