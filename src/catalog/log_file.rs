//! `log.jsonl`: every snapshot of a database, one line each.

use std::sync::Arc;

use jiff::Timestamp;

use super::database::{Database, SnapKey};
use crate::model::history::SnapshotMeta;

/// One line of `log.jsonl`; the field order is the order in the file.
#[derive(serde::Serialize)]
struct LogLine<'a> {
    name: &'a str,
    path: String,
    time: Timestamp,
    commit: Option<&'a str>,
    author: &'a str,
    email: &'a str,
    message: &'a str,
    source: &'a str,
    branches: &'a [&'a str],
    tags: &'a [&'a str],
}

/// The lines of `log.jsonl`: the timeline oldest first, then the commits beside it, oldest first.
pub fn log_lines(database: &Database) -> Vec<u8> {
    let refs = database.refs_by_key();
    let mut out = Vec::new();
    let mut push = |name: &str, path: String, key: &SnapKey, meta: &SnapshotMeta| {
        let (branches, tags) = refs.get(key).map_or((&[][..], &[][..]), |(b, t)| (&b[..], &t[..]));
        let source = database.view(key.slot).map_or("", |v| &v.label);
        let line = LogLine {
            name,
            path,
            time: meta.time,
            commit: meta.commit.as_deref(),
            author: &meta.author,
            email: &meta.email,
            message: &meta.message,
            source,
            branches,
            tags,
        };
        serde_json::to_writer(&mut out, &line).expect("plain strings always serialise into memory");
        out.push(b'\n');
    };
    for s in database.snapshots() {
        push(&s.name, format!("asof/{}", s.name), &s.key, &s.meta);
    }
    for (commit, key, meta) in beside(database) {
        push(&commit, format!("commits/{commit}"), &key, &meta);
    }
    out
}

/// The commits that `asof/` does not list, oldest first.
fn beside(database: &Database) -> Vec<(Arc<str>, SnapKey, Arc<SnapshotMeta>)> {
    let mut beside: Vec<_> = database
        .commits()
        .iter()
        .filter(|(_, key)| database.listed(key).is_none())
        .filter_map(|(commit, key)| Some((commit.clone(), key.clone(), database.meta(key)?.clone())))
        .collect();
    beside.sort_by(|a, b| (a.2.time, &a.0).cmp(&(b.2.time, &b.0)));
    beside
}
