//! `asof find --json`.

use std::collections::BTreeMap;

use crate::model::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::query::{FoundRow, SourceFindings, table_name};

/// A row that holds the text for a while; the field order is the order in the line.
#[derive(Serialize)]
pub(super) struct Object<'o> {
    database: &'o str,
    source: &'o str,
    table: &'o str,
    file: &'o str,
    key: BTreeMap<&'o str, Value>,
    from: Step<'o>,
    to: Step<'o>,
    gone: Option<Step<'o>>,
    still_there: bool,
    versions: Vec<Version<'o>>,
}

/// A snapshot.
#[derive(Serialize)]
struct Step<'o> {
    name: String,
    time: Timestamp,
    commit: Option<&'o str>,
    author: &'o str,
    email: &'o str,
    message: &'o str,
}

/// What the row says from a snapshot on.
#[derive(Serialize)]
struct Version<'o> {
    #[serde(flatten)]
    from: Step<'o>,
    line: String,
}

/// The line of a row.
pub(super) fn object<'o>(searched: &'o SourceFindings, found: &'o FoundRow) -> Object<'o> {
    let step = |at| step(searched, at);
    let version =
        |at, line: &[u8]| Version { from: step(at), line: String::from_utf8_lossy(line).into_owned() };
    Object {
        database: &searched.database.name,
        source: &searched.view.label,
        table: table_name(&found.path),
        file: &found.path,
        key: found.key.iter().map(|(column, value)| (column.as_str(), json_value(value))).collect(),
        from: step(found.lines.first().map_or(0, |seen| seen.at)),
        to: step(searched.last_step(found)),
        gone: found.gone.map(step),
        still_there: found.gone.is_none(),
        versions: found.lines.iter().map(|seen| version(seen.at, &seen.line)).collect(),
    }
}

fn step<'o>(searched: &'o SourceFindings, at: usize) -> Step<'o> {
    let meta = &searched.line[at];
    Step {
        name: searched.name(at),
        time: meta.time,
        commit: meta.commit.as_deref(),
        author: &meta.author,
        email: &meta.email,
        message: &meta.message,
    }
}

/// A value as it stands in its line; as text where a number would lose digits.
fn json_value(value: &str) -> Value {
    let parsed: Option<Value> = serde_json::from_str(value).ok();
    let spelt = |parsed: &Value| parsed.to_string();
    parsed.filter(|parsed| spelt(parsed).as_str() == value).unwrap_or_else(|| Value::from(value))
}
