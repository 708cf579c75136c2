//! The bytes of a table or view: one query, rendered line by line as its rows arrive.
//!
//! A plain `SELECT *` needs no `ORDER BY`: Dolt reads a table by its primary index, which is its storage
//! order (the key's, by each column's collation; the row hash's for a table without a key), and uses another
//! index only for a condition or an order (`EXPLAIN PLAN` shows a plain table scan also where a secondary
//! index holds all columns).

use std::io;
use std::sync::Arc;

use async_trait::async_trait;

use super::answer_columns::needed_text;
use super::definitions::key_columns;
use super::fault::{Fault, QueryError};
use super::lease::{Answer, Lease};
use super::lines::{CopyEnd, CopyLines, LineWriter, copy_lines};
use super::row_reader::RowReader;
use super::server_database::ServerDatabase;
use super::sql::{ALL_ROWS, Revision};
use super::table_hashes::check_hashes;
use super::table_version::TableVersion;
use crate::content::{Sink, SourceError, Stream};
use crate::source::dolt::common::ident;
use crate::util::tasks::in_place;

/// The rows of one query as a file.
pub struct RowsContent {
    pub database: Arc<ServerDatabase>,
    /// What the rows are selected from, at which revision.
    pub place: String,
    /// Whether they are those of a table, not of a view.
    pub is_table: bool,
    /// For the working set: tables with their hashes when they were listed. Reading fails where one changed.
    pub guard: Vec<(String, String)>,
    /// For a table of the working set, its name.
    pub working_table: Option<String>,
    /// Whether the lines are sorted here: a view without ORDER BY must not depend on the server's plan.
    pub is_sorted_here: bool,
    /// What it is, for messages: `table issues of beads at 3fk…`.
    pub what: String,
}

#[async_trait]
impl Stream for RowsContent {
    fn received(&self) -> Option<u64> {
        Some(self.database.pool.received())
    }

    fn describe(&self) -> String {
        format!("{} over {}", self.what, self.database.label)
    }

    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        let key = self.working_key().await;
        key.map_err(|error| {
            error.during(&self.database.label, format!("cannot ask for the key of {}", self.what))
        })
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let copied = copy_lines(&self.database, self, &mut sink).await;
        copied.map_err(|error| error.during(&self.database.label, format!("cannot read {}", self.what)))
    }
}

impl RowsContent {
    /// The rows of a view, as they come from `place`.
    pub fn new(database: Arc<ServerDatabase>, place: String, what: String) -> Self {
        let (guard, working_table) = (Vec::new(), None);
        Self { database, place, is_table: false, guard, working_table, is_sorted_here: false, what }
    }

    /// The rows of a version of a table.
    pub fn of_version(version: &TableVersion) -> Self {
        let (database, table) = (Arc::clone(&version.database), &version.table);
        let revision = Revision::Commit(Arc::clone(&version.shown_at));
        let place = format!("{}.{}{}", ident(&database.name), ident(table), revision.as_of());
        let what = format!("table {table} of {} {}", database.name, revision.describe());
        Self { is_table: true, ..Self::new(database, place, what) }
    }

    /// The query for all rows. A limit costs the server a fifth more, and only some types need it, on some servers. So the
    /// columns of a table are queried first there. For a view that takes as long as its rows.
    async fn query(&self, lease: &mut Lease) -> Result<String, QueryError> {
        let query = format!("SELECT * FROM {}", self.place);
        if lease.sends_all() || self.is_table && are_all_sent(lease, &self.place).await? {
            return Ok(query);
        }
        Ok(query + ALL_ROWS)
    }

    /// The key of a table of the working set. Fails where the table changed since it was listed.
    async fn working_key(&self) -> Result<Option<Vec<String>>, QueryError> {
        let Some(table) = &self.working_table else { return Ok(None) };
        let mut lease = self.database.pool.fresh_lease(Some(&self.database.name)).await?;
        check_hashes(&mut lease, &self.guard).await?;
        let key = key_columns(&mut lease, &self.database.name, table, &Revision::Working).await?;
        lease.give_back();
        Ok(Some(key))
    }
}

impl CopyLines for RowsContent {
    async fn copy(&self, lease: &mut Lease, lines: &mut LineWriter<'_>) -> Result<CopyEnd, QueryError> {
        if !self.guard.is_empty() {
            lease.refresh().await?;
            check_hashes(lease, &self.guard).await?;
        }
        let query = self.query(lease).await?;
        let mut answer = lease.start(&query).await?;
        let end = if self.is_sorted_here {
            copy_sorted(&mut answer, lines).await?
        } else {
            copy_as_read(&mut answer, lines).await?
        };
        Ok(end)
    }
}

/// Whether any server sends the values of all columns without a limit: see [`ALL_ROWS`].
async fn are_all_sent(lease: &mut Lease, place: &str) -> Result<bool, QueryError> {
    const SENT: &str = "tinyint smallint mediumint int bigint bit bool boolean year decimal float double char varchar \
        tinytext text mediumtext longtext enum set binary varbinary tinyblob blob mediumblob longblob date time datetime \
        timestamp";
    let query = format!("DESCRIBE {place}");
    for row in lease.rows(&query).await? {
        let kind = needed_text(&row, 1).map_err(|error| error.in_query(&query))?;
        let name = kind.split(['(', ' ']).next().unwrap_or_default();
        if SENT.split(' ').all(|sent| sent != name) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn copy_as_read(answer: &mut Answer<'_>, lines: &mut LineWriter<'_>) -> Result<CopyEnd, QueryError> {
    let reader = RowReader::new(answer.columns()).map_err(Fault::from)?;
    while let Some(row) = answer.next().await? {
        reader.line(&row, lines.buffer()).map_err(Fault::from)?;
        if lines.is_full() && lines.push().await == CopyEnd::Closed {
            return Ok(CopyEnd::Closed);
        }
    }
    Ok(lines.push().await)
}

async fn copy_sorted(answer: &mut Answer<'_>, lines: &mut LineWriter<'_>) -> Result<CopyEnd, QueryError> {
    let reader = RowReader::new(answer.columns()).map_err(Fault::from)?;
    let (mut line, mut sorter) = (Vec::new(), lines.sorter());
    while let Some(row) = answer.next().await? {
        line.clear();
        reader.line(&row, &mut line).map_err(Fault::from)?;
        sorter.push(&line, &[]).map_err(temporary)?;
    }
    let broken_off = |why| temporary(io::Error::other(why));
    let finish = move || sorter.finish(u64::MAX).map_err(temporary);
    let mut sorted = in_place("asof", finish, broken_off).await?;
    while let Some((line, _)) = sorted.next().map_err(temporary)? {
        lines.add(line);
        if lines.is_full() && lines.push().await == CopyEnd::Closed {
            return Ok(CopyEnd::Closed);
        }
    }
    Ok(lines.push().await)
}

fn temporary(error: io::Error) -> Fault {
    Fault::Temporary(Arc::new(error))
}
