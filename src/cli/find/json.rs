//! `asof find --json`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::cli::snapshot_meta::MetaJson;
use crate::query::{FoundRow, SourceFindings, table_name};

/// A row that contains the text for a while; the field order is the order in the line.
#[derive(Serialize)]
pub(super) struct FoundRowJson<'f> {
    database: &'f str,
    source: &'f str,
    table: &'f str,
    file: &'f str,
    key: BTreeMap<&'f str, Value>,
    from: SnapshotJson<'f>,
    to: SnapshotJson<'f>,
    gone: Option<SnapshotJson<'f>>,
    still_there: bool,
    versions: Vec<RowVersionJson<'f>>,
}

#[derive(Serialize)]
struct SnapshotJson<'f> {
    name: String,
    #[serde(flatten)]
    meta: MetaJson<'f>,
}

/// The row's line from a snapshot on.
#[derive(Serialize)]
struct RowVersionJson<'f> {
    #[serde(flatten)]
    from: SnapshotJson<'f>,
    line: String,
}

pub(super) fn row<'f>(findings: &'f SourceFindings, row: &'f FoundRow) -> FoundRowJson<'f> {
    let snapshot = |at| SnapshotJson { name: findings.name(at), meta: MetaJson::from(&*findings.line[at]) };
    let version = |at, line: &[u8]| RowVersionJson {
        from: snapshot(at),
        line: String::from_utf8_lossy(line).into_owned(),
    };
    FoundRowJson {
        database: &findings.database.name,
        source: &findings.view.label,
        table: table_name(&row.path),
        file: &row.path,
        key: row.key.iter().map(|(column, value)| (column.as_str(), json_value(value))).collect(),
        from: snapshot(row.lines.first().map_or(0, |version| version.at)),
        to: snapshot(findings.last_step(row)),
        gone: row.gone.map(snapshot),
        still_there: row.gone.is_none(),
        versions: row.lines.iter().map(|found| version(found.at, &found.line)).collect(),
    }
}

/// A value as in its line; as text if it is a number that would lose digits.
fn json_value(value: &str) -> Value {
    let parsed: Option<Value> = serde_json::from_str(value).ok();
    parsed
        .filter(|parsed| serde_json::to_string(parsed).is_ok_and(|text| text == value))
        .unwrap_or_else(|| Value::from(value))
}
