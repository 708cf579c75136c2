//! Makes the lines of an export, in order.
//!
//! It sorts twice: all rows by the issue they belong to, so that an issue is made in one place, and then the lines in
//! the order of `bd`. Neither has to fit into memory.

use jiff::Timestamp;

use super::cells::{Cells, unset_time};
use super::issue::write_issue;
use super::json::ObjectWriter;
use super::related::{Related, blocker};
use super::tables::BeadsTable;
use crate::memory::sort::LEAST;
use crate::memory::{Cancel, Held, Sorted, Sorter, Work};
use crate::views::error::DerivedError;
use crate::views::rows::lines::lines_of;
use crate::views::rows::order::write_text;
use crate::views::rows::steps::is_wanted;

/// The prefix of keys of memories in `config` (`kvPrefix` and `memoryPrefix`).
const MEMORY: &str = "kv.memory.";

/// The part of the budget that the rows of one issue may take: one in this many.
const PART: u64 = 4;

/// The rows of one issue may always take this many bytes.
const LEAST_OF_ONE: u64 = 4 << 20;

/// The kind of a key that counts a dependent issue. It sorts behind the kinds of tables, which start with the issue's
/// own row.
const WAITS: u8 = 4;

/// Memories come after all issues.
const ISSUES: u8 = 0;
const MEMORIES: u8 = 1;

pub struct Making {
    /// Rows, by the issue they belong to.
    by_issue: Sorter,
    /// Lines, in order.
    lines: Sorter,
    limit: u64,
    held: Held,
    cancel: Cancel,
}

impl Making {
    pub fn new(mut work: Work, cancel: &Cancel) -> Self {
        let budget = work.budget();
        let (limit, held) = (budget.part(PART).max(LEAST_OF_ONE), budget.hold(0));
        let by_issue = Sorter::new(work.halve(), cancel);
        Self { by_issue, lines: Sorter::new(work, cancel), limit, held, cancel: cancel.clone() }
    }

    pub fn take(&mut self, table: BeadsTable, rows: &[u8]) -> Result<(), DerivedError> {
        let mut key = Vec::new();
        for line in lines_of(rows) {
            let cells = Cells::parse(table.name(), line)?;
            if table == BeadsTable::Config {
                self.take_memory(&cells)?;
                continue;
            }
            let id = cells.must(if table == BeadsTable::Issues { "id" } else { "issue_id" })?;
            if table == BeadsTable::Issues {
                // A row that cannot be sorted is reported before anything else about its issue.
                order_of(&cells)?;
            }
            write_key(&id, table as u8, &mut key);
            self.by_issue.push(&key, line)?;
            if table == BeadsTable::Dependencies
                && let Some(blocker) = blocker(&cells)?
            {
                write_key(&blocker, WAITS, &mut key);
                self.by_issue.push(&key, &[])?;
            }
        }
        Ok(())
    }

    /// Adds a memory of `bd remember`.
    fn take_memory(&mut self, cells: &Cells<'_>) -> Result<(), DerivedError> {
        let key = cells.must("key")?;
        let Some(name) = key.strip_prefix(MEMORY) else { return Ok(()) };
        let value = cells.text("value").unwrap_or_default();
        let (mut order, mut line) = (vec![MEMORIES], Vec::new());
        write_text(name, &mut order);
        order.extend_from_slice(value.as_bytes());
        let mut object = ObjectWriter::begin(&mut line);
        object.text("_type", "memory");
        object.text("key", name);
        object.text("value", &value);
        object.end();
        line.push(b'\n');
        Ok(self.lines.push(&order, &line)?)
    }

    /// Makes the lines of all issues, and returns all lines in order.
    pub fn finish(self) -> Result<Sorted, DerivedError> {
        let Self { by_issue, mut lines, limit, mut held, cancel } = self;
        let mut rows = by_issue.finish(u64::MAX)?;
        let mut issue = Issue::default();
        let mut id = Vec::new();
        while let Some((key, line)) = rows.next()? {
            let (of, kind) = key.split_at(key.len() - 1);
            if of != id {
                issue.end(&mut lines)?;
                is_wanted(&cancel)?;
                (issue, id) = (Issue::default(), of.to_vec());
                held.resize(0);
            }
            issue.take(kind[0], line)?;
            if issue.bytes > limit {
                return Err(issue.too_much(limit));
            }
            if issue.bytes > held.bytes() {
                held.resize(2 * issue.bytes);
            }
        }
        issue.end(&mut lines)?;
        drop(rows);
        // Keeps little memory, because the reader of the lines may be slow.
        Ok(lines.finish(LEAST)?)
    }
}

/// One issue and the rows that belong to it.
#[derive(Default)]
struct Issue {
    /// Its rows: more than one if the table has an id twice.
    rows: Vec<Vec<u8>>,
    related: Related,
    dependents: u64,
    bytes: u64,
}

impl Issue {
    fn take(&mut self, kind: u8, line: &[u8]) -> Result<(), DerivedError> {
        if kind == WAITS {
            self.dependents += 1;
            return Ok(());
        }
        if kind == BeadsTable::Issues as u8 {
            self.rows.push(line.to_vec());
        } else if self.rows.is_empty() {
            // There is no such issue.
            return Ok(());
        } else {
            let tables = [BeadsTable::Labels, BeadsTable::Dependencies, BeadsTable::Comments];
            if let Some(table) = tables.into_iter().find(|table| *table as u8 == kind) {
                self.related.add(table, &Cells::parse(table.name(), line)?)?;
            }
        }
        self.bytes += line.len() as u64;
        Ok(())
    }

    fn end(&mut self, lines: &mut Sorter) -> Result<(), DerivedError> {
        self.related.sort();
        let (mut order, mut line) = (Vec::new(), Vec::new());
        for row in &self.rows {
            let cells = Cells::parse(BeadsTable::Issues.name(), row)?;
            line.clear();
            write_issue(&cells, &self.related, self.dependents, &mut line)?;
            write_order(order_of(&cells)?, &mut order);
            order.extend_from_slice(cells.must("id")?.as_bytes());
            lines.push(&order, &line)?;
        }
        Ok(())
    }

    fn too_much(&self, limit: u64) -> DerivedError {
        let id = self.rows.first().and_then(|row| {
            let cells = Cells::parse(BeadsTable::Issues.name(), row).ok()?;
            Some(cells.must("id").ok()?.into_owned())
        });
        DerivedError::Unfit(format!(
            "issue {} has more than {limit} bytes of labels, dependencies and comments: a larger --cache-size holds more",
            id.unwrap_or_default()
        ))
    }
}

fn write_key(id: &str, kind: u8, out: &mut Vec<u8>) {
    out.clear();
    write_text(id, out);
    out.push(kind);
}

/// What issues are sorted by before their ids: priority and time of creation.
fn order_of(cells: &Cells<'_>) -> Result<(i64, Timestamp), DerivedError> {
    let priority = cells.whole("priority")?.unwrap_or_default();
    Ok((priority, cells.time("created_at")?.unwrap_or_else(unset_time)))
}

/// As in the query of `bd export`: ORDER BY priority ASC, created_at DESC, id ASC.
fn write_order((priority, created): (i64, Timestamp), out: &mut Vec<u8>) {
    out.clear();
    out.push(ISSUES);
    out.extend_from_slice(&(priority.cast_unsigned() ^ 1 << 63).to_be_bytes());
    out.extend_from_slice(&(!(created.as_nanosecond().cast_unsigned() ^ 1 << 127)).to_be_bytes());
}
