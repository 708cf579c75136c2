//! `log.jsonl` and `lost/log.jsonl`: every snapshot of a database, one line each.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::context::ViewContext;
use super::view::{Item, View};
use crate::catalog::{Database, SnapshotFolder, SnapshotKey};
use crate::content::{Content, FileEntry, Sink, SourceError, Stream};
use crate::model::content_id::ContentId;
use crate::model::history::SnapshotMeta;
use crate::model::time::Timestamp;

/// The file name of both logs.
pub(super) const LOG: &str = "log.jsonl";

pub(super) struct LogView;

#[async_trait]
impl View for LogView {
    fn name(&self) -> &'static str {
        LOG
    }

    fn open(&self, context: &ViewContext, database: &Arc<Database>) -> Option<Item> {
        Some(Item::File(log_file(context, database, LOG, database.fingerprint(), log_lines)))
    }
}

/// The log of a database's lost commits.
pub(super) fn lost_log(context: &ViewContext, database: &Arc<Database>) -> FileEntry {
    let id = ContentId::of(&[b"lost", database.fingerprint().as_bytes()]);
    log_file(context, database, "lost/log.jsonl", id, lost_log_lines)
}

/// A log. Its content id changes with what it shows, and so does its time, even across a remount: moving a tag changes
/// the bytes but perhaps not their number, and rsync must not miss that.
fn log_file(
    context: &ViewContext,
    database: &Arc<Database>,
    path: &'static str,
    id: ContentId,
    lines: fn(&Database) -> Vec<u8>,
) -> FileEntry {
    let changed = context.engine.first_seen(id, database.seen()).into();
    let content = LogContent { database: database.clone(), path, lines };
    let access = database.log_audience().into();
    super::derived::entry(LOG.into(), id, changed, access, Content::stream(content))
}

struct LogContent {
    database: Arc<Database>,
    /// Below the database's folder.
    path: &'static str,
    lines: fn(&Database) -> Vec<u8>,
}

#[async_trait]
impl Stream for LogContent {
    fn describe(&self) -> String {
        format!("{} of {}", self.path, self.database.name)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        // A closed sink only means that nobody wants the rest.
        let _ = sink.push(Bytes::from((self.lines)(&self.database))).await;
        Ok(())
    }
}

/// One line of a log. The order of the fields is their order in the file.
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
    /// For lost commits only: some of their parents may be lost too.
    #[serde(skip_serializing_if = "Option::is_none")]
    parents: Option<Vec<&'a str>>,
}

impl<'a> LogLine<'a> {
    /// The line of a snapshot without branches and tags.
    fn new(
        database: &'a Database,
        folder: &'a SnapshotFolder,
        key: &SnapshotKey,
        meta: &'a SnapshotMeta,
    ) -> Self {
        Self {
            name: folder.name(),
            path: folder.path(),
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
    let mut push = |folder: &SnapshotFolder, key: &SnapshotKey, meta: &SnapshotMeta| {
        let (branches, tags) = refs.get(key).map_or((&[][..], &[][..]), |(b, t)| (&b[..], &t[..]));
        LogLine { branches, tags, ..LogLine::new(database, folder, key, meta) }.write_to(&mut out);
    };
    for snapshot in database.snapshots() {
        push(&SnapshotFolder::Listed(snapshot.name.clone()), &snapshot.key, &snapshot.meta);
    }
    let beside = database.commits().iter().filter(|(_, key)| database.listed(key).is_none());
    for (commit, key, meta) in by_time(database, beside) {
        push(&SnapshotFolder::Beside(commit.clone()), key, meta);
    }
    out
}

/// The lines of `lost/log.jsonl`: the lost commits, oldest first.
pub fn lost_log_lines(database: &Database) -> Vec<u8> {
    let mut out = Vec::new();
    for (commit, key, meta) in by_time(database, database.lost().into_iter().flatten()) {
        let folder = SnapshotFolder::Lost(commit.clone());
        let line = LogLine::new(database, &folder, key, meta);
        let parents = meta.parents.iter().map(|parent| &**parent).collect();
        LogLine { parents: Some(parents), ..line }.write_to(&mut out);
    }
    out
}

/// Who made a snapshot, in the form of git: `<author> <<email>>`, or the author alone.
pub fn committer(meta: &SnapshotMeta) -> String {
    match (&*meta.author, &*meta.email) {
        (author, "") => author.to_owned(),
        (author, email) => format!("{author} <{email}>"),
    }
}

/// Commits with what is known of them, oldest first.
fn by_time<'d>(
    database: &'d Database,
    commits: impl Iterator<Item = (&'d Arc<str>, &'d SnapshotKey)>,
) -> Vec<(&'d Arc<str>, &'d SnapshotKey, &'d Arc<SnapshotMeta>)> {
    let known = commits.filter_map(|(commit, key)| Some((commit, key, database.meta(key)?)));
    let mut known: Vec<_> = known.collect();
    known.sort_by_key(|(commit, _, meta)| (meta.time, *commit));
    known
}
