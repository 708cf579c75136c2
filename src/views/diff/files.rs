//! The files of a difference: one for each table whose content differs, and the number of changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::catalog::{FileChange, file_changes};
use crate::content::{Content, FileEntry, Sink, SourceError, Stream};
use crate::engine::Engine;
use crate::model::content_id::ContentId;
use crate::views::derived::{TABLE, access_of_all, entry, last_change};
use crate::views::error::DerivedError;
use crate::views::rows::change::RowCounts;
use crate::views::rows::diff::diff;
use crate::views::rows::lines::each_line;

/// The file with the number of changes of each table.
const SUMMARY: &str = "summary.json";

/// The files of a difference, sorted by path. `names` are those of both snapshots.
pub(super) fn diff_files(
    engine: &Arc<Engine>,
    names: [String; 2],
    from: &[FileEntry],
    to: &[FileEntry],
) -> Vec<FileEntry> {
    let changes = file_changes(from, to).into_iter().filter(|change| change.path.ends_with(TABLE));
    let mut files: Vec<FileEntry> = changes.map(|change| table_file(engine, change)).collect();
    let mut parts: Vec<&[u8]> = vec![b"diff summary"];
    parts.extend(names.iter().map(|name| name.as_bytes()));
    parts.extend(files.iter().map(|file| &file.id.as_bytes()[..]));
    let (id, changed) = (ContentId::of(&parts), last_change(&files));
    let access = access_of_all(&files).without_values();
    let summary = Summary { engine: Arc::clone(engine), names, files: files.clone() };
    files.push(entry(SUMMARY.into(), id, changed, access, Content::stream(summary)));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn table_file(engine: &Arc<Engine>, change: FileChange) -> FileEntry {
    let [before, after] = change.sides().map(|file| file.map_or([0; 16], |file| *file.id.as_bytes()));
    let id = ContentId::of(&[b"diff", &before, &after]);
    let sides = || change.sides().into_iter().flatten();
    let (access, changed) = (access_of_all(sides()), last_change(sides()));
    let path = Arc::clone(&change.path);
    entry(path, id, changed, access, Content::stream(TableDiffContent { engine: Arc::clone(engine), change }))
}

/// The changed rows of one table.
struct TableDiffContent {
    engine: Arc<Engine>,
    change: FileChange,
}

#[async_trait]
impl Stream for TableDiffContent {
    fn describe(&self) -> String {
        format!("the differences of {}", self.change.path)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let [from, to] = self.change.sides();
        let failed = |error: DerivedError| error.of(&self.describe());
        let mut found = diff(&self.engine, from, to).await.map_err(failed)?;
        while let Some(lines) = found.next_lines().await.map_err(failed)? {
            for lines in lines {
                // A closed sink means that nobody wants the rest.
                if sink.push(lines).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// How many rows of each table differ.
struct Summary {
    engine: Arc<Engine>,
    names: [String; 2],
    /// The files of the difference.
    files: Vec<FileEntry>,
}

impl Summary {
    async fn counts(&self, file: &FileEntry) -> Result<RowCounts, DerivedError> {
        let changes = self.engine.open(file.id, &file.content).await?;
        let mut counts = RowCounts::default();
        each_line(&changes, |line| counts.add_line(line)).await?;
        Ok(counts)
    }
}

#[derive(serde::Serialize)]
struct SummaryText<'s> {
    from: &'s str,
    to: &'s str,
    tables: BTreeMap<&'s str, RowCounts>,
}

#[async_trait]
impl Stream for Summary {
    fn describe(&self) -> String {
        let [from, to] = &self.names;
        format!("the summary of {from}..{to}")
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let mut tables = BTreeMap::new();
        for file in &self.files {
            // From the same file that shows the changes, so that it is made only once for a caller that asks for both.
            let counts = self.counts(file).await.map_err(|error| error.of(&self.describe()))?;
            tables.insert(file.path.strip_suffix(TABLE).unwrap_or(&file.path), counts);
        }
        let [from, to] = &self.names;
        let mut text = serde_json::to_vec(&SummaryText { from, to, tables })
            .expect("plain values always serialise into memory");
        text.push(b'\n');
        let _ = sink.push(Bytes::from(text)).await;
        Ok(())
    }
}
