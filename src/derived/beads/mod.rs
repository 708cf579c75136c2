//! A snapshot of Beads' tables as `bd export --all` writes it, for `bd import` and `bd init --from-jsonl` (ADR 34).
//!
//! The format is that of Beads 1.1 (`cmd/bd/export.go`, `internal/types`, `internal/storage/issueops`): a line for each issue with
//! what belongs to it, then one for each memory. Versions of the schema differ in columns, which are taken by name. Other than
//! `bd export --all`, it has no wisps: their tables are kept out of Dolt's history (`dolt_ignore`), so that no snapshot has
//! them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::time::Timestamp;
use async_trait::async_trait;
use bytes::Bytes;

use super::DerivedError;
use super::files::entry;
use crate::engine::Engine;
use crate::model::secrets::Secrets;
use crate::source::{Content, FileEntry, Sink, SourceError};

mod cells;
mod issue;
mod json;
mod plan;
mod related;
mod tables;
#[cfg(test)]
mod tests;

use cells::Cells;
use issue::write_issue;
use json::Object;
use plan::{Place, Plan};
use related::{Related, fill};
use tables::{Readers, Table, Tables, id_of};

/// Version of what is written here; part of its identity. A change to any byte takes a new one.
const VERSION: u8 = 1;

/// The path of the file by itself, which does not count.
const EXPORT: &str = "export";

/// How much is handed out at once, in bytes.
const PIECE: usize = 256 * 1024;

/// Rows of so many bytes are held at a time; where there are more, the tables are read several times.
const WINDOW: u64 = 64 << 20;

/// Memories are held, up to so many bytes.
const MOST_MEMORIES: usize = 64 << 20;

/// What the keys of memories in `config` begin with (`kvPrefix` and `memoryPrefix`).
const MEMORY: &str = "kv.memory.";

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
    Ok(Some(entry(EXPORT.into(), id, changed, access, Arc::new(content))))
}

struct Export {
    engine: Arc<Engine>,
    tables: Tables,
}

#[async_trait]
impl Content for Export {
    fn is_for_good(&self) -> bool {
        self.tables.files().all(|file| file.content.is_for_good())
    }

    fn describe(&self) -> String {
        let issues = self.tables.files().next().map(|file| file.content.describe());
        format!("the export for bd of {}", issues.unwrap_or_default())
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        self.write(&mut sink, WINDOW).await.map_err(|error| error.of(&self.describe()))
    }
}

impl Export {
    async fn write(&self, sink: &mut Sink, window: u64) -> Result<(), DerivedError> {
        let readers = self.tables.open(&self.engine).await?;
        let plan = Plan::of(&readers).await?;
        let mut out = Vec::new();
        for places in plan.windows(window) {
            let held = Window::read(&readers, places).await?;
            for place in places {
                held.write(place, plan.dependents(&place.id), &mut out)?;
                if out.len() >= PIECE && sink.push(Bytes::from(std::mem::take(&mut out))).await.is_err() {
                    return Ok(());
                }
            }
        }
        for (key, value) in memories(&readers).await? {
            let mut object = Object::begin(&mut out);
            object.text("_type", "memory");
            object.text("key", &key);
            object.text("value", &value);
            object.end();
            out.push(b'\n');
        }
        // A closed sink means that nobody wants the rest.
        let _ = sink.push(Bytes::from(out)).await;
        Ok(())
    }
}

/// Some issues, with all that belongs to them.
struct Window {
    rows: HashMap<usize, Vec<u8>>,
    related: HashMap<String, Related>,
}

impl Window {
    async fn read(readers: &Readers, places: &[Place]) -> Result<Self, DerivedError> {
        let mut rows: HashMap<usize, Vec<u8>> = places.iter().map(|place| (place.row, Vec::new())).collect();
        let mut row = 0;
        readers
            .each_line(Table::Issues, |line| {
                if let Some(held) = rows.get_mut(&row) {
                    held.extend_from_slice(line);
                }
                row += 1;
                Ok(())
            })
            .await?;
        let mut related = places.iter().map(|place| (place.id.to_string(), Related::default())).collect();
        fill(readers, &mut related).await?;
        Ok(Self { rows, related })
    }

    fn write(&self, place: &Place, dependents: u64, out: &mut Vec<u8>) -> Result<(), DerivedError> {
        let line = self.rows.get(&place.row).map_or(&[][..], Vec::as_slice);
        let cells = Cells::parse(Table::Issues.name(), line)?;
        let none = Related::default();
        write_issue(&cells, self.related.get(&*place.id).unwrap_or(&none), dependents, out)
    }
}

/// What `bd remember` keeps, by key.
async fn memories(readers: &Readers) -> Result<Vec<(String, String)>, DerivedError> {
    let (mut memories, mut bytes) = (Vec::new(), 0);
    readers
        .each(Table::Config, |cells| {
            let key = cells.must("key")?;
            let Some(name) = key.strip_prefix(MEMORY) else { return Ok(()) };
            let value = cells.text("value").unwrap_or_default();
            bytes += name.len() + value.len();
            if bytes > MOST_MEMORIES {
                return Err(DerivedError::TooMuch(format!("memories take more than {MOST_MEMORIES} bytes")));
            }
            memories.push((name.to_owned(), value.into_owned()));
            Ok(())
        })
        .await?;
    memories.sort();
    Ok(memories)
}
