//! What a mounted database says of its own snapshots.

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::files::read_text;

/// One line of `log.jsonl`.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub name: String,
    pub path: String,
    pub time: Timestamp,
    pub commit: String,
    pub line: Value,
}

#[track_caller]
pub fn log(database: &Path) -> Vec<Snapshot> {
    let text = read_text(database.join("log.jsonl"));
    assert!(text.is_empty() || text.ends_with('\n'), "every line of log.jsonl ends");
    text.lines().map(snapshot).collect()
}

fn snapshot(line: &str) -> Snapshot {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("log.jsonl: {e}: {line}"));
    let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    Snapshot {
        name: field("name"),
        path: field("path"),
        time: field("time").parse().unwrap_or_else(|e| panic!("log.jsonl: {e}: {line}")),
        commit: field("commit"),
        line: value,
    }
}

/// The snapshot with this message.
#[track_caller]
pub fn with_message<'a>(log: &'a [Snapshot], message: &str) -> &'a Snapshot {
    let found = log.iter().find(|s| s.line["message"] == message);
    found.unwrap_or_else(|| panic!("no snapshot has the message {message:?}"))
}

/// A time in SQL, to the millisecond.
pub fn sql_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// A time as a path may name it, to the millisecond.
pub fn path_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
