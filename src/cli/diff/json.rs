//! `asof diff --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalog::FileChange;
use crate::model::secrets::TableSecrets;
use crate::query::{DiffSides, FileSizes, table_name};
use crate::views::{RowChange, RowCounts, write_change};

/// What begins the line of a changed row; after it comes the line of `diff/` in a mount, without its brace.
#[derive(Serialize)]
struct Table<'o> {
    database: &'o str,
    table: &'o str,
}

/// The line of a changed row, as it is in `diff/`, with the names of the database and the table before it. What is secret
/// is masked.
pub(super) fn row(
    sides: &DiffSides,
    file: &FileChange,
    key: &[String],
    change: &RowChange,
    secrets: Option<&TableSecrets<'_>>,
) -> Vec<u8> {
    let table = Table { database: &sides.to.database.name, table: table_name(&file.path) };
    let mut line = serde_json::to_vec(&table).expect("plain strings always serialise into memory");
    line.pop();
    let start = line.len();
    write_change(key, change, secrets, &mut line);
    line[start] = b',';
    line
}

/// The line of a file that is no table.
#[derive(Serialize)]
pub(super) struct OtherFile<'o> {
    database: &'o str,
    file: &'o str,
    change: &'static str,
    from: Option<Bytes>,
    to: Option<Bytes>,
}

#[derive(Serialize)]
struct Bytes {
    bytes: u64,
}

pub(super) fn file<'o>(sides: &'o DiffSides, file: &'o FileChange, sizes: FileSizes) -> OtherFile<'o> {
    let change = match (&file.before, &file.after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "modified",
    };
    let bytes = |size: Option<u64>| size.map(|bytes| Bytes { bytes });
    OtherFile {
        database: &sides.to.database.name,
        file: &file.path,
        change,
        from: bytes(sizes.before),
        to: bytes(sizes.after),
    }
}

/// What `summary.json` holds, with the name of the database before it.
#[derive(Serialize)]
pub(super) struct Summary<'o> {
    database: &'o str,
    from: String,
    to: String,
    tables: BTreeMap<String, RowCounts>,
}

pub(super) fn summary(sides: &DiffSides, tables: BTreeMap<String, RowCounts>) -> Summary<'_> {
    Summary { database: &sides.to.database.name, from: sides.from.name(), to: sides.to.name(), tables }
}
