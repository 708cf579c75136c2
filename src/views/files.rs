//! Differences and histories as files.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::time::Timestamp;
use async_trait::async_trait;
use bytes::Bytes;

use super::diff::diff;
use super::history::RowIndexes;
use super::lines::each_line;
use super::{Counts, DerivedError, Version, VersionIndex};
use crate::catalog::Database;
use crate::content::unlisted::complete;
use crate::content::{Content, FileEntry, FileKind, Sink, SourceError, Stream};
use crate::engine::Engine;
use crate::model::access::Access;
use crate::model::content_id::ContentId;

/// The file with the number of changes of each table.
const SUMMARY: &str = "summary.json";

/// What the paths of tables end in.
const TABLE: &str = ".jsonl";

/// Two snapshots that are compared, by the names that they are shown under.
#[derive(Debug, Clone)]
pub struct DiffSides {
    /// The earlier one's name.
    pub from: String,
    /// The later one's name.
    pub to: String,
}

/// The files of a difference, sorted by path: one for each table whose content differs, and the number of changes.
pub fn diff_files(
    engine: &Arc<Engine>,
    sides: &DiffSides,
    from: &[FileEntry],
    to: &[FileEntry],
) -> Vec<FileEntry> {
    let (from, to) = (complete(from, to), complete(to, from));
    let mut tables: BTreeMap<Arc<str>, Pair> = BTreeMap::new();
    for file in from.iter().filter(|file| file.path.ends_with(TABLE)) {
        tables.entry(Arc::clone(&file.path)).or_default().from = Some(file.clone());
    }
    for file in to.iter().filter(|file| file.path.ends_with(TABLE)) {
        tables.entry(Arc::clone(&file.path)).or_default().to = Some(file.clone());
    }
    tables.retain(|_, pair| pair.from.as_ref().map(|file| file.id) != pair.to.as_ref().map(|file| file.id));
    let mut files: Vec<FileEntry> = tables
        .iter()
        .map(|(path, pair)| {
            let content = Content::stream(DiffContent {
                engine: Arc::clone(engine),
                path: Arc::clone(path),
                pair: pair.clone(),
            });
            entry(Arc::clone(path), pair.id(), pair.changed(), pair.access(), content)
        })
        .collect();
    let ids: Vec<ContentId> = tables.values().map(Pair::id).collect();
    let mut parts: Vec<&[u8]> = vec![b"diff summary", sides.from.as_bytes(), sides.to.as_bytes()];
    parts.extend(ids.iter().map(|id| &id.as_bytes()[..]));
    let changed = tables.values().map(Pair::changed).max().unwrap_or(Timestamp::UNIX_EPOCH);
    let id = ContentId::of(&parts);
    let summary = Summary { engine: Arc::clone(engine), sides: sides.clone(), files: files.clone() };
    let access = tables.values().map(Pair::access).fold(Access::default(), Access::and).without_values();
    files.push(entry(SUMMARY.into(), id, changed, access, Content::stream(summary)));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// A regular file that is made of others.
pub(super) fn entry(
    path: Arc<str>,
    id: ContentId,
    changed: Timestamp,
    access: Access,
    content: Content,
) -> FileEntry {
    FileEntry { path, kind: FileKind::Regular, id, changed, links: 1, access, content }
}

/// A table in two snapshots.
#[derive(Clone, Default)]
struct Pair {
    from: Option<FileEntry>,
    to: Option<FileEntry>,
}

impl Pair {
    fn id(&self) -> ContentId {
        let bytes = |file: &Option<FileEntry>| file.as_ref().map_or([0; 16], |file| *file.id.as_bytes());
        ContentId::of(&[b"diff", &bytes(&self.from), &bytes(&self.to)])
    }

    /// Who may read both.
    fn access(&self) -> Access {
        let sides = [&self.from, &self.to].into_iter().flatten();
        sides.map(|file| file.access).fold(Access::default(), Access::and)
    }

    fn changed(&self) -> Timestamp {
        let times = [&self.from, &self.to].into_iter().flatten().map(|file| file.changed);
        times.max().unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The changed rows of one table.
struct DiffContent {
    engine: Arc<Engine>,
    path: Arc<str>,
    pair: Pair,
}

#[async_trait]
impl Stream for DiffContent {
    fn describe(&self) -> String {
        format!("the differences of {}", self.path)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let found = diff(&self.engine, self.pair.from.as_ref(), self.pair.to.as_ref()).await;
        let mut found = found.map_err(|error| error.of(&self.describe()))?;
        while let Some(lines) = found.next_lines().await.map_err(|error| error.of(&self.describe()))? {
            // A closed sink means that nobody wants the rest.
            if sink.push(lines).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// How many rows of each table differ.
struct Summary {
    engine: Arc<Engine>,
    sides: DiffSides,
    /// The files of the difference.
    files: Vec<FileEntry>,
}

impl Summary {
    async fn counts(&self, file: &FileEntry) -> Result<Counts, DerivedError> {
        let changes = self.engine.open(file.id, &file.content).await?;
        let mut counts = Counts::default();
        each_line(&changes, |line| {
            counts.add_line(line);
            Ok(())
        })
        .await?;
        Ok(counts)
    }
}

#[derive(serde::Serialize)]
struct SummaryText<'s> {
    from: &'s str,
    to: &'s str,
    tables: BTreeMap<&'s str, Counts>,
}

#[async_trait]
impl Stream for Summary {
    fn describe(&self) -> String {
        format!("the summary of {}..{}", self.sides.from, self.sides.to)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let mut tables = BTreeMap::new();
        for file in &self.files {
            // The very file that shows them: whoever asks for both has it made once.
            let counts = self.counts(file).await.map_err(|error| error.of(&self.describe()))?;
            tables.insert(file.path.strip_suffix(TABLE).unwrap_or(&file.path), counts);
        }
        let text = SummaryText { from: &self.sides.from, to: &self.sides.to, tables };
        let mut text = serde_json::to_vec(&text).expect("plain values always serialise into memory");
        text.push(b'\n');
        let _ = sink.push(Bytes::from(text)).await;
        Ok(())
    }
}

/// The history of one row as a file. It is another one with every version of the table that there is.
pub fn history_file(
    engine: &Arc<Engine>,
    rows: &Arc<RowIndexes>,
    database: &Arc<Database>,
    index: &Arc<VersionIndex>,
    path: &Arc<str>,
    name: &str,
) -> FileEntry {
    let (state, changed) = index.state_of(path).unwrap_or((ContentId::of(&[]), Timestamp::UNIX_EPOCH));
    let id = ContentId::of(&[b"history", database.name.as_bytes(), state.as_bytes(), name.as_bytes()]);
    // Which versions had the row is seen when it is read: those who may read all of them may read this.
    let files = index.of(path).iter().flat_map(Version::sides).flatten();
    let access = files.map(|file| file.access).fold(Access::default(), Access::and);
    let content = HistoryContent {
        engine: Arc::clone(engine),
        rows: Arc::clone(rows),
        database: Arc::clone(database),
        index: Arc::clone(index),
        path: Arc::clone(path),
        name: name.to_owned(),
    };
    entry(format!("{name}{TABLE}").into(), id, changed, access, Content::stream(content))
}

struct HistoryContent {
    engine: Arc<Engine>,
    rows: Arc<RowIndexes>,
    database: Arc<Database>,
    index: Arc<VersionIndex>,
    path: Arc<str>,
    name: String,
}

#[async_trait]
impl Stream for HistoryContent {
    fn describe(&self) -> String {
        format!("the history of {} in {}", self.name, self.path)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let made: Result<Vec<u8>, DerivedError> =
            self.rows.history(&self.engine, &self.database, &self.index, &self.path, &self.name).await;
        let text = made.map_err(|error| error.of(&self.describe()))?;
        let _ = sink.push(Bytes::from(text)).await;
        Ok(())
    }
}
