//! `log.jsonl` and `lost/log.jsonl`: every snapshot of a database, one line each.

use std::sync::Arc;

use crate::model::time::Timestamp;

use super::database::{Database, SnapKey};
use crate::model::history::SnapshotMeta;

/// One line of a log; the field order is the order in the file.
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
    /// Only of lost commits: what else is known of their place in the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    parents: Option<Vec<&'a str>>,
}

impl<'a> LogLine<'a> {
    /// A line of a snapshot that no name leads to.
    fn new(
        database: &'a Database,
        name: &'a str,
        path: String,
        key: &SnapKey,
        meta: &'a SnapshotMeta,
    ) -> Self {
        Self {
            name,
            path,
            time: meta.time,
            commit: meta.commit.as_deref(),
            author: &meta.author,
            email: &meta.email,
            message: &meta.message,
            source: database.view(key.slot).map_or("", |v| &v.label),
            branches: &[],
            tags: &[],
            parents: None,
        }
    }

    fn write_to(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self).expect("plain strings always serialise into memory");
        out.push(b'\n');
    }
}

/// The lines of `log.jsonl`: the timeline oldest first, then the commits beside it, oldest first.
pub fn log_lines(database: &Database) -> Vec<u8> {
    let refs = database.refs_by_key();
    let mut out = Vec::new();
    let mut push = |name: &str, path: String, key: &SnapKey, meta: &SnapshotMeta| {
        let (branches, tags) = refs.get(key).map_or((&[][..], &[][..]), |(b, t)| (&b[..], &t[..]));
        LogLine { branches, tags, ..LogLine::new(database, name, path, key, meta) }.write_to(&mut out);
    };
    for s in database.snapshots() {
        push(&s.name, format!("asof/{}", s.name), &s.key, &s.meta);
    }
    let beside = database.commits().iter().filter(|(_, key)| database.listed(key).is_none());
    for (commit, key, meta) in by_time(database, beside) {
        push(commit, format!("commits/{commit}"), key, meta);
    }
    out
}

/// The lines of `lost/log.jsonl`: the lost commits, oldest first.
pub fn lost_log_lines(database: &Database) -> Vec<u8> {
    let mut out = Vec::new();
    for (commit, key, meta) in by_time(database, database.lost().into_iter().flatten()) {
        let line = LogLine::new(database, commit, format!("lost/{commit}"), key, meta);
        let parents = meta.parents.iter().map(|parent| &**parent).collect();
        LogLine { parents: Some(parents), ..line }.write_to(&mut out);
    }
    out
}

/// Commits with what is known of them, oldest first.
fn by_time<'d>(
    database: &'d Database,
    commits: impl Iterator<Item = (&'d Arc<str>, &'d SnapKey)>,
) -> Vec<(&'d Arc<str>, &'d SnapKey, &'d Arc<SnapshotMeta>)> {
    let known = commits.filter_map(|(commit, key)| Some((commit, key, database.meta(key)?)));
    let mut known: Vec<_> = known.collect();
    known.sort_by_key(|(commit, _, meta)| (meta.time, *commit));
    known
}
