//! `asof log --json`.

use serde::Serialize;

use super::entry::LogEntry;
use crate::cli::changed_files;
use crate::cli::snapshot_meta::MetaJson;
use crate::content::chain;
use crate::query::{ChangeSize, CountedChange, table_name};

/// A snapshot; the field order is the order in the line.
#[derive(Serialize)]
pub(super) struct LogEntryJson<'e> {
    database: &'e str,
    name: &'e str,
    path: String,
    #[serde(flatten)]
    meta: MetaJson<'e>,
    source: &'e str,
    names: &'e [String],
    changes: Option<Vec<FileChangeJson<'e>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct FileChangeJson<'e> {
    table: &'e str,
    file: &'e str,
    change: &'static str,
    rows_added: Option<u64>,
    rows_removed: Option<u64>,
    rows_modified: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) fn entry<'e>(entry: &'e LogEntry) -> LogEntryJson<'e> {
    let LogEntry { database, snapshot, names, changes } = entry;
    LogEntryJson {
        database: &database.name,
        name: &snapshot.name,
        path: format!("{}/asof/{}", database.name, snapshot.name),
        meta: MetaJson::from(&*snapshot.meta),
        source: database.view(snapshot.key.slot).map_or("", |view| &view.label),
        names,
        changes: matches!(changes, Ok(Some(_))).then(|| entry.files().iter().map(file_change).collect()),
        error: changes.as_ref().err().map(|error| error.chain()),
    }
}

fn file_change(change: &CountedChange) -> FileChangeJson<'_> {
    let CountedChange { file, size } = change;
    let (rows, error) = match size {
        ChangeSize::Rows(counts) => (Some(counts), None),
        ChangeSize::Failed(error) => (None, Some(chain(error))),
        ChangeSize::NotCounted | ChangeSize::Binary => (None, None),
    };
    FileChangeJson {
        table: table_name(&file.path),
        file: &file.path,
        change: changed_files::word(file),
        rows_added: rows.map(|counts| counts.added),
        rows_removed: rows.map(|counts| counts.removed),
        rows_modified: rows.map(|counts| counts.modified),
        error,
    }
}
