//! The real history that `ASOF_REAL_HISTORY` names: a git bundle of an issue tracker's JSONL file, loaded into its own
//! server with one Dolt commit per git commit, at the same date.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::command::run;
use super::sql::{Client, ident, quote};
use super::temp_dir;

pub const DATABASE: &str = "beads";

const DDL: &[&str] = &[
    "CREATE TABLE issues (
       id varchar(255) NOT NULL PRIMARY KEY, title varchar(500) NOT NULL, description text NOT NULL,
       design text NOT NULL, acceptance_criteria text NOT NULL, notes text NOT NULL,
       status varchar(32) NOT NULL DEFAULT 'open', priority int NOT NULL DEFAULT 2,
       issue_type varchar(32) NOT NULL DEFAULT 'task', assignee varchar(255), owner varchar(255),
       estimated_minutes int, created_at datetime NOT NULL, created_by varchar(255), updated_at datetime NOT NULL,
       closed_at datetime, close_reason text, external_ref varchar(255), compaction_level int,
       ephemeral tinyint(1) DEFAULT 0, pinned tinyint(1) DEFAULT 0, is_template tinyint(1) DEFAULT 0,
       timeout_ns bigint, waiters text, metadata json DEFAULT (json_object()), due_at datetime,
       defer_until datetime)",
    "CREATE TABLE labels (issue_id varchar(255) NOT NULL, label varchar(255) NOT NULL,
       PRIMARY KEY (issue_id, label))",
    "CREATE TABLE dependencies (issue_id varchar(255) NOT NULL, depends_on_id varchar(255) NOT NULL,
       type varchar(32) NOT NULL, created_at datetime, created_by varchar(255), metadata json,
       PRIMARY KEY (issue_id, depends_on_id))",
    "CREATE TABLE comments (id char(36) NOT NULL PRIMARY KEY, issue_id varchar(255) NOT NULL,
       author varchar(255), text text NOT NULL, created_at datetime)",
    "CREATE TABLE config (`key` varchar(255) NOT NULL PRIMARY KEY, value text)",
];

/// Tables with the columns of their keys.
const KEYS: &[(&str, &[&str])] = &[
    ("issues", &["id"]),
    ("labels", &["issue_id", "label"]),
    ("dependencies", &["issue_id", "depends_on_id"]),
    ("comments", &["id"]),
    ("config", &["key"]),
];

/// Column names with SQL literals.
type Row = Vec<(&'static str, String)>;
/// Table to key to row. States share the rows of the lines that they share.
type State = BTreeMap<&'static str, BTreeMap<Vec<String>, Rc<Row>>>;
/// The rows of one line, with their tables and keys.
type Line = Vec<(&'static str, Vec<String>, Rc<Row>)>;

/// The bundle to load, if one is named.
pub fn bundle() -> Option<PathBuf> {
    std::env::var_os("ASOF_REAL_HISTORY").filter(|v| !v.is_empty()).map(PathBuf::from)
}

/// Loads the bundle into a new database of the server. Returns the number of commits.
pub fn load(client: &mut Client, bundle: &Path) -> usize {
    let dir = temp_dir();
    let git = |args: &[&str]| run("git").arg("-C").arg(dir.path()).args(args);
    run("git").args(["clone", "-q", "--bare"]).arg(bundle).arg(dir.path()).ok();
    let file = git(&["ls-tree", "--name-only", "main"]).ok();
    let file = file.lines().next().expect("the history holds a file").to_owned();
    let log = git(&["log", "--reverse", "--format=%H %ct", "main"]).ok();
    let commits: Vec<(&str, i64)> = log.lines().map(commit_line).collect();
    let wanted: String = commits.iter().map(|(hash, _)| format!("{hash}:{file}\n")).collect();
    let blobs = git(&["cat-file", "--batch"]).input(wanted).outcome().expect_status(0).stdout;
    let texts = blobs_of_batch(&blobs);
    assert_eq!(texts.len(), commits.len(), "git gives one file for each commit");

    client.new_database(DATABASE);
    client.run(DDL);
    client.run(&["SET autocommit = 0"]);
    let mut old = State::new();
    let mut known = HashMap::new();
    let mut made = 0;
    for ((hash, seconds), text) in commits.into_iter().zip(texts) {
        let new = rows_of(text, &mut known);
        if write_changes(client, &old, &new) {
            let date = jiff::Timestamp::from_second(seconds).expect("git dates are within range");
            let date = date.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            let message = format!("snapshot {}", &hash[..10]);
            client.rows(&format!("CALL DOLT_COMMIT('-Am', {}, '--date', {})", quote(&message), quote(&date)));
            made += 1;
        }
        old = new;
    }
    client.run(&["SET autocommit = 1"]);
    made
}

fn commit_line(line: &str) -> (&str, i64) {
    let (hash, seconds) = line.split_once(' ').expect("the format has a blank");
    (hash, seconds.parse().expect("git writes seconds"))
}

/// The contents in the output of `git cat-file --batch`: a line `<hash> blob <size>`, the bytes, a newline.
fn blobs_of_batch(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut blobs = Vec::new();
    while let Some(end) = rest.iter().position(|&b| b == b'\n') {
        let header = std::str::from_utf8(&rest[..end]).expect("headers are ASCII");
        let size = header.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok());
        let size = size.unwrap_or_else(|| panic!("git: {header}"));
        blobs.push(&rest[end + 1..end + 1 + size]);
        rest = &rest[end + 1 + size + 1..];
    }
    blobs
}

/// Writes the difference between two states. Returns whether there is one.
fn write_changes(client: &mut Client, old: &State, new: &State) -> bool {
    let nothing = BTreeMap::new();
    let mut changed = false;
    for &(table, keys) in KEYS {
        let (old, new) = (old.get(table).unwrap_or(&nothing), new.get(table).unwrap_or(&nothing));
        let gone: Vec<&Vec<String>> = old.keys().filter(|key| !new.contains_key(*key)).collect();
        let put: Vec<&Rc<Row>> =
            new.iter().filter(|(key, row)| old.get(*key) != Some(*row)).map(|(_, r)| r).collect();
        let columns = |names: &mut dyn Iterator<Item = &str>| names.map(ident).collect::<Vec<_>>().join(",");
        for some in gone.chunks(200) {
            let tuples: Vec<String> = some.iter().map(|key| key_condition(keys, key)).collect();
            client.rows(&format!("DELETE FROM {table} WHERE {}", tuples.join(" OR ")));
        }
        for some in put.chunks(200) {
            let names = columns(&mut some[0].iter().map(|(name, _)| *name));
            let values = |row: &Row| row.iter().map(|(_, v)| v.as_str()).collect::<Vec<_>>().join(",");
            let tuples: Vec<String> = some.iter().map(|row| format!("({})", values(row))).collect();
            client.rows(&format!("REPLACE INTO {table} ({names}) VALUES {}", tuples.join(",")));
        }
        changed |= !gone.is_empty() || !put.is_empty();
    }
    changed
}

fn key_condition(columns: &[&str], key: &[String]) -> String {
    let parts: Vec<String> =
        columns.iter().zip(key).map(|(c, v)| format!("{}={}", ident(c), quote(v))).collect();
    format!("({})", parts.join(" AND "))
}

/// The rows of one version of the JSONL file. `known` holds the lines of earlier versions.
fn rows_of<'text>(text: &'text [u8], known: &mut HashMap<&'text [u8], Line>) -> State {
    let mut state = State::new();
    let config = vec![("key", quote("issue_prefix")), ("value", quote("bd"))];
    state.entry("config").or_default().insert(vec!["issue_prefix".into()], Rc::new(config));
    for line in text.split(|&byte| byte == b'\n') {
        let rows = known.entry(line).or_insert_with(|| rows_of_line(&String::from_utf8_lossy(line)));
        for (table, key, row) in rows {
            state.entry(*table).or_default().insert(key.clone(), Rc::clone(row));
        }
    }
    state
}

fn rows_of_line(line: &str) -> Line {
    // Some versions of the real file contain merge conflict markers.
    let Ok(issue) = serde_json::from_str::<Value>(line) else { return Line::new() };
    if issue["id"].is_string() && issue["status"] != "tombstone" {
        rows_of_issue(&issue)
    } else {
        Line::new()
    }
}

fn rows_of_issue(issue: &Value) -> Line {
    let id = text(&issue["id"]);
    let mut rows = vec![("issues", vec![id.clone()], Rc::new(issue_row(issue)))];
    for label in list(&issue["labels"]) {
        let row = vec![("issue_id", quote(&id)), ("label", quote(&text(label)))];
        rows.push(("labels", vec![id.clone(), text(label)], Rc::new(row)));
    }
    for link in list(&issue["dependencies"]) {
        let other = text(&link["depends_on_id"]);
        let kind = if link["type"].is_null() { "blocks".into() } else { text(&link["type"]) };
        let row = vec![
            ("issue_id", quote(&id)),
            ("depends_on_id", quote(&other)),
            ("type", quote(&kind)),
            ("created_at", when(&link["created_at"])),
            ("created_by", nullable(&link["created_by"])),
            ("metadata", quote("{}")),
        ];
        rows.push(("dependencies", vec![id.clone(), other], Rc::new(row)));
    }
    for (at, comment) in list(&issue["comments"]).iter().enumerate() {
        let own = if comment["id"].is_null() { at.to_string() } else { text(&comment["id"]) };
        let key = comment_key(&format!("{id}/{own}"));
        let row = vec![
            ("id", quote(&key)),
            ("issue_id", quote(&id)),
            ("author", nullable(&comment["author"])),
            ("text", quote(&text(&comment["text"]))),
            ("created_at", when(&comment["created_at"])),
        ];
        rows.push(("comments", vec![key], Rc::new(row)));
    }
    rows
}

fn issue_row(issue: &Value) -> Row {
    let or = |value: &Value, other: &str| quote(&if value.is_null() { other.into() } else { text(value) });
    let flag = |value: &Value| u8::from(value.as_bool() == Some(true)).to_string();
    let created = match when(&issue["created_at"]) {
        absent if absent == "NULL" => quote("2025-01-01 00:00:00"),
        known => known,
    };
    let updated = match when(&issue["updated_at"]) {
        absent if absent == "NULL" => created.clone(),
        known => known,
    };
    let title: String = text(&issue["title"]).chars().take(500).collect();
    let metadata = if issue["metadata"].is_null() { "{}".into() } else { issue["metadata"].to_string() };
    let waiters = list(&issue["waiters"]);
    let waiters = if waiters.is_empty() { String::new() } else { issue["waiters"].to_string() };
    vec![
        ("id", quote(&text(&issue["id"]))),
        ("title", quote(&title)),
        ("description", quote(&text(&issue["description"]))),
        ("design", quote(&text(&issue["design"]))),
        ("acceptance_criteria", quote(&text(&issue["acceptance_criteria"]))),
        ("notes", quote(&text(&issue["notes"]))),
        ("status", or(&issue["status"], "open")),
        ("priority", or(&issue["priority"], "2")),
        ("issue_type", or(&issue["issue_type"], "task")),
        ("assignee", nullable(&issue["assignee"])),
        ("owner", nullable(&issue["owner"])),
        ("estimated_minutes", nullable(&issue["estimated_minutes"])),
        ("created_at", created),
        ("created_by", nullable(&issue["created_by"])),
        ("updated_at", updated),
        ("closed_at", when(&issue["closed_at"])),
        ("close_reason", nullable(&issue["close_reason"])),
        ("external_ref", nullable(&issue["external_ref"])),
        ("compaction_level", nullable(&issue["compaction_level"])),
        ("ephemeral", flag(&issue["ephemeral"])),
        ("pinned", flag(&issue["pinned"])),
        ("is_template", flag(&issue["is_template"])),
        ("timeout_ns", nullable(&issue["timeout"])),
        ("waiters", quote(&waiters)),
        ("metadata", quote(&metadata)),
        ("due_at", when(&issue["due_at"])),
        ("defer_until", when(&issue["defer_until"])),
    ]
}

/// The text of a string, empty for an absent one; any other value as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn nullable(value: &Value) -> String {
    if value.is_null() { "NULL".into() } else { quote(&text(value)) }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A DATETIME literal in UTC without its fraction; `NULL` for an absent time and for Go's zero time.
fn when(value: &Value) -> String {
    let text = text(value);
    if text.is_empty() || text.starts_with("0001") {
        return "NULL".into();
    }
    let time: jiff::Timestamp = text.parse().unwrap_or_else(|e| panic!("the history's time {text:?}: {e}"));
    quote(&time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// A key in the form of a UUID, the same for the same name.
fn comment_key(name: &str) -> String {
    let hex: String = Sha256::digest(name.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}
