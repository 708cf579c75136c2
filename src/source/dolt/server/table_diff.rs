//! How two versions of a table differ: `dolt_diff`, rendered as a full read renders rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use mysql_common::packets::Column;
use mysql_common::row::Row;

use super::answer_columns::needed_text;
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::row_reader::RowReader;
use super::sql::literals;
use super::table_version::{ReadRows, RowsRead, TableVersion};
use crate::content::versioned::{ChangeBatch, ChangeSink, LineChange};

/// Pushes how `to` differs from version `from`; false where `dolt_diff` does not report it or it exceeds `limit` bytes.
pub async fn push(to: &TableVersion, from: &str, limit: u64, sink: ChangeSink) -> Result<bool, QueryError> {
    let definition = to.definition().await?;
    let other = to.definition_at(&Arc::from(from)).await?;
    // Only within one family: across a changed key dolt_diff returns nothing.
    let is_same = other.is_some_and(|other| other.family.id == definition.family.id);
    if !is_same || !definition.is_told {
        return Ok(false);
    }
    // Both versions are named by their commits, so the function renders each by its own definition.
    let arguments = literals([from, &to.commit, &to.table]);
    let query = format!("SELECT * FROM dolt_diff({arguments})");
    let pushed = AtomicBool::new(false);
    to.reading(&DiffQuery { query, columns: &definition.columns, limit, sink, pushed }).await
}

struct DiffQuery<'c> {
    query: String,
    columns: &'c [String],
    limit: u64,
    sink: ChangeSink,
    /// Whether some of it was already pushed.
    pushed: AtomicBool,
}

impl ReadRows for DiffQuery<'_> {
    type Value = bool;

    async fn read(&self, lease: &mut Lease) -> Result<RowsRead<Self::Value>, QueryError> {
        if self.pushed.load(Ordering::Relaxed) {
            // The connection broke in the middle: what was pushed cannot be told from what comes now.
            return Ok(RowsRead::CutShort(false));
        }
        let mut answer = lease.start(&self.query).await?;
        let Some(reader) = DiffReader::new(answer.columns(), self.columns)? else {
            return Ok(RowsRead::CutShort(false));
        };
        let (mut batch, mut total) = (ChangeBatch::default(), 0);
        let mut change = ChangedLine::default();
        while let Some(row) = answer.next().await? {
            if !reader.read(&row, &mut change)? {
                continue;
            }
            total += (change.from.len() + change.to.len()) as u64;
            if total > self.limit {
                return Ok(RowsRead::CutShort(false));
            }
            batch.add(change.to_owned());
            if batch.is_full() {
                self.pushed.store(true, Ordering::Relaxed);
                if self.sink.push(&mut batch).await.is_err() {
                    return Ok(RowsRead::CutShort(false));
                }
            }
        }
        // A closed sink means that the reader left.
        let _ = self.sink.push(&mut batch).await;
        Ok(RowsRead::Whole(true))
    }
}

/// Reads rows of `dolt_diff`: the columns of the new row, its commit and that one's date, the columns of the old
/// row, its commit and date, and `diff_type`. They are told by their places: their names may be anything.
pub struct DiffReader {
    /// For both sides: they have the same columns.
    lines: RowReader,
    width: usize,
}

/// The lines of one row of `dolt_diff`; empty where there is none on that side.
#[derive(Default)]
pub struct ChangedLine {
    pub from: Vec<u8>,
    pub to: Vec<u8>,
}

impl ChangedLine {
    /// A copy.
    pub fn to_owned(&self) -> LineChange {
        let line = |line: &[u8]| (!line.is_empty()).then(|| Bytes::copy_from_slice(line));
        LineChange { from: line(&self.from), to: line(&self.to) }
    }
}

impl DiffReader {
    /// A reader for these columns of an answer; none unless both sides are as the table is.
    pub fn new(answer: &[Column], table: &[String]) -> Result<Option<Self>, QueryError> {
        let width = table.len();
        if answer.len() != 2 * width + 5 {
            return Ok(None);
        }
        let (to, from) = (&answer[..width], &answer[width + 2..2 * width + 2]);
        let is_named =
            |sent: &Column, prefix: &str, name: &String| sent.name_str().strip_prefix(prefix) == Some(name);
        let is_typed = |to: &Column, from: &Column| {
            (to.column_type(), to.flags(), to.character_set())
                == (from.column_type(), from.flags(), from.character_set())
        };
        let is_same = to.iter().zip(from).zip(table).all(|((to, from), name)| {
            is_named(to, "to_", name) && is_named(from, "from_", name) && is_typed(to, from)
        });
        if !is_same {
            return Ok(None);
        }
        let lines = RowReader::named(table, to).map_err(Fault::from)?;
        Ok(Some(Self { lines, width }))
    }

    /// Reads one row. False where nothing differs that is shown.
    pub fn read(&self, row: &Row, change: &mut ChangedLine) -> Result<bool, QueryError> {
        change.from.clear();
        change.to.clear();
        let (has_from, has_to) = match needed_text(row, 2 * self.width + 4)?.as_str() {
            "added" => (false, true),
            "removed" => (true, false),
            "modified" => (true, true),
            other => return Err(Fault::Answer(format!("a difference of the kind {other:?}")).into()),
        };
        if has_to {
            self.lines.line_from(row, 0, &mut change.to).map_err(Fault::from)?;
        }
        if has_from {
            self.lines.line_from(row, self.width + 2, &mut change.from).map_err(Fault::from)?;
        }
        Ok(change.from != change.to)
    }

    /// The commits of the old and the new row.
    pub fn commits(&self, row: &Row) -> Result<(String, String), QueryError> {
        Ok((needed_text(row, 2 * self.width + 2)?, needed_text(row, self.width)?))
    }
}
