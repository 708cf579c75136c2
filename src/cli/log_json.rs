//! `asof log --json`.

use crate::model::time::Timestamp;
use serde::Serialize;

use super::log::LogEntry;
use crate::content::chain;
use crate::query::{ChangeSize, CountedChange, table_name};

/// A snapshot; the field order is the order in the line.
#[derive(Serialize)]
pub(super) struct Object<'o> {
    database: &'o str,
    name: &'o str,
    path: String,
    time: Timestamp,
    commit: Option<&'o str>,
    author: &'o str,
    email: &'o str,
    message: &'o str,
    source: &'o str,
    names: &'o [String],
    changes: Option<Vec<Change<'o>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A file that it changed.
#[derive(Serialize)]
struct Change<'o> {
    table: &'o str,
    file: &'o str,
    change: &'static str,
    rows_added: Option<u64>,
    rows_removed: Option<u64>,
    rows_modified: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The line of a snapshot.
pub(super) fn object<'o>(entry: &'o LogEntry) -> Object<'o> {
    let LogEntry { database, snapshot, names, changes } = entry;
    let meta = &snapshot.meta;
    Object {
        database: &database.name,
        name: &snapshot.name,
        path: format!("{}/asof/{}", database.name, snapshot.name),
        time: meta.time,
        commit: meta.commit.as_deref(),
        author: &meta.author,
        email: &meta.email,
        message: &meta.message,
        source: database.view(snapshot.key.slot).map_or("", |view| &view.label),
        names,
        changes: changes
            .as_ref()
            .ok()
            .and_then(Option::as_ref)
            .map(|all| all.files.iter().map(change).collect()),
        error: changes.as_ref().err().map(|error| error.chain()),
    }
}

fn change(change: &CountedChange) -> Change<'_> {
    let CountedChange { file, size } = change;
    let what = match (&file.before, &file.after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "modified",
    };
    let (rows, error) = match size {
        ChangeSize::Rows(counts) => (Some(counts), None),
        ChangeSize::Failed(error) => (None, Some(chain(error))),
        ChangeSize::NotCounted | ChangeSize::Binary => (None, None),
    };
    Change {
        table: table_name(&file.path),
        file: &file.path,
        change: what,
        rows_added: rows.map(|counts| counts.added),
        rows_removed: rows.map(|counts| counts.removed),
        rows_modified: rows.map(|counts| counts.modified),
        error,
    }
}
