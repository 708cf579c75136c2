//! `asof diff --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalog::FileChange;
use crate::cli::changed_files;
use crate::model::secrets::TableSecrets;
use crate::query::{DiffSides, FileSizes, table_name};
use crate::views::{RowChange, RowCounts, write_change};

/// The start of the line of a changed row. The line of `diff/` in a mount follows, without its opening brace.
#[derive(Serialize)]
struct RowPrefix<'o> {
    database: &'o str,
    table: &'o str,
}

/// The line of a changed row: as in `diff/`, with the names of the database and the table in front. Masks secrets.
pub(super) fn row(
    sides: &DiffSides,
    file: &FileChange,
    key: &[String],
    change: &RowChange,
    secrets: Option<&TableSecrets<'_>>,
) -> Vec<u8> {
    let prefix = RowPrefix { database: &sides.to.database.name, table: table_name(&file.path) };
    let mut line = serde_json::to_vec(&prefix).expect("plain strings always serialise into memory");
    line.pop();
    let start = line.len();
    write_change(key, change.borrowed(), secrets, &mut line);
    line[start] = b',';
    line
}

/// The line of a file that is not a table.
#[derive(Serialize)]
pub(super) struct OtherFileJson<'o> {
    database: &'o str,
    file: &'o str,
    change: &'static str,
    from: Option<ByteCount>,
    to: Option<ByteCount>,
}

#[derive(Serialize)]
struct ByteCount {
    bytes: u64,
}

pub(super) fn file<'o>(sides: &'o DiffSides, file: &'o FileChange, sizes: FileSizes) -> OtherFileJson<'o> {
    let bytes = |size: Option<u64>| size.map(|bytes| ByteCount { bytes });
    OtherFileJson {
        database: &sides.to.database.name,
        file: &file.path,
        change: changed_files::word(file),
        from: bytes(sizes.before),
        to: bytes(sizes.after),
    }
}

/// The content of `summary.json`, with the name of the database in front.
#[derive(Serialize)]
pub(super) struct SummaryJson<'o> {
    database: &'o str,
    from: String,
    to: String,
    tables: BTreeMap<String, RowCounts>,
}

pub(super) fn summary(sides: &DiffSides, tables: BTreeMap<String, RowCounts>) -> SummaryJson<'_> {
    SummaryJson { database: &sides.to.database.name, from: sides.from.name(), to: sides.to.name(), tables }
}
