//! The bytes of a table or view: one query, rendered line by line as its rows come.
//!
//! A plain `SELECT *` needs no `ORDER BY`: Dolt reads a table by its primary index, which is its storage
//! order (the key's, by each column's collation; the row hash's for a table without a key), and uses another
//! index only for a condition or an order (`EXPLAIN PLAN` shows a plain table scan also where a secondary
//! index holds all columns).

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::fault::{Fault, QueryError};
use super::lease::{Answer, Lease};
use super::live::check_hashes;
use super::sql::Revision;
use super::store::Store;
use super::versions::TableVersion;
use super::wire::RowReader;
use crate::source::dolt::identifier::ident;
use crate::source::versioned::Versioned;
use crate::source::{Content, Sink, SourceError};

/// Size of the pieces handed on, in bytes.
const PIECE: usize = 256 * 1024;
/// Most bytes of a view without an order that are held to be sorted.
const MOST_SORTED: usize = 256 * 1024 * 1024;

/// The rows of one query as a file.
pub struct RowsContent {
    /// The database.
    pub store: Arc<Store>,
    /// What selects the rows.
    pub query: String,
    /// For the rows of one table at one commit, which nothing can change: which version of it they are.
    pub version: Option<TableVersion>,
    /// For the working set: tables and the hashes that they had when they were listed. The rows count only if
    /// they still have them.
    pub guard: Vec<(String, String)>,
    /// Whether the lines have to be sorted: those of a view that states no order, which the server's plan
    /// must not decide.
    pub is_sorted_here: bool,
    /// What it is, for messages: `table issues of beads at 3fk…`.
    pub what: String,
}

#[async_trait]
impl Content for RowsContent {
    fn describe(&self) -> String {
        format!("{} over {}", self.what, self.store.label)
    }

    fn is_for_good(&self) -> bool {
        self.version.is_some()
    }

    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        match &self.version {
            Some(version) => version.key().await.map(Some),
            None => Ok(None),
        }
    }

    fn versioned(&self) -> Option<&dyn Versioned> {
        self.version.as_ref().map(|version| version as &dyn Versioned)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let mut lines = Lines::new(&mut sink);
        let mut result = self.attempt(&mut lines).await;
        if matches!(&result, Err((error, true)) if error.is_broken_connection()) && lines.restart() {
            result = self.attempt(&mut lines).await;
        }
        result.map_err(|(error, _)| error.during(&self.store.label, format!("cannot read {}", self.what)))
    }
}

impl RowsContent {
    /// The rows of a version of a table, read at a commit that shows it.
    pub fn of_table(version: TableVersion, commit: &Arc<str>) -> Self {
        let (store, table) = (Arc::clone(&version.store), &version.table);
        let revision = Revision::Commit(Arc::clone(commit));
        let query = format!("SELECT * FROM {}.{}{}", ident(&store.database), ident(table), revision.as_of());
        let what = format!("table {table} of {} {}", store.database, revision.describe());
        Self { store, query, version: Some(version), guard: Vec::new(), is_sorted_here: false, what }
    }

    /// One try. An error comes with whether the connection had been used before.
    async fn attempt(&self, lines: &mut Lines<'_>) -> Result<(), (QueryError, bool)> {
        let lease = self.store.pool.reader_lease(Some(&self.store.database)).await;
        let mut lease = lease.map_err(|error| (error, false))?;
        let reused = lease.is_reused();
        match self.copy(&mut lease, lines).await {
            Ok(End::Whole) => lease.give_back(),
            // Dropping the lease closes the connection, which ends the query.
            Ok(End::Closed) => {}
            Err(error) => return Err((error, reused)),
        }
        Ok(())
    }

    async fn copy(&self, lease: &mut Lease, lines: &mut Lines<'_>) -> Result<End, QueryError> {
        if !self.guard.is_empty() {
            lease.execute("START TRANSACTION").await?;
            check_hashes(lease, &self.guard).await?;
        }
        let mut answer = lease.start(&self.query).await?;
        let end = if self.is_sorted_here {
            copy_sorted(&mut answer, lines).await?
        } else {
            copy_as_read(&mut answer, lines).await?
        };
        drop(answer);
        if !self.guard.is_empty() && end == End::Whole {
            lease.execute("ROLLBACK").await?;
        }
        Ok(end)
    }
}

/// How a copy ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// With the last row.
    Whole,
    /// Nobody wants the rest.
    Closed,
}

/// Lines on their way into the sink.
pub struct Lines<'s> {
    sink: &'s mut Sink,
    buffer: Vec<u8>,
    pushed: bool,
}

impl<'s> Lines<'s> {
    /// None yet.
    pub fn new(sink: &'s mut Sink) -> Self {
        Self { sink, buffer: Vec::with_capacity(PIECE), pushed: false }
    }

    /// Forgets what was added, to begin anew. False where some of it was handed on already.
    pub fn restart(&mut self) -> bool {
        self.buffer.clear();
        !self.pushed
    }

    /// Adds a line.
    pub fn add(&mut self, line: &[u8]) {
        self.buffer.extend_from_slice(line);
    }

    /// What was added and not handed on yet, to add to.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Whether it is time to push.
    pub fn is_full(&self) -> bool {
        self.buffer.len() >= PIECE
    }

    /// Hands on what was added.
    pub async fn push(&mut self) -> End {
        if self.buffer.is_empty() {
            return End::Whole;
        }
        self.pushed = true;
        // Copied, so that a piece takes the memory that its length says: the cache counts lengths.
        let piece = Bytes::copy_from_slice(&self.buffer);
        self.buffer.clear();
        match self.sink.push(piece).await {
            Ok(()) => End::Whole,
            Err(_) => End::Closed,
        }
    }
}

async fn copy_as_read(answer: &mut Answer<'_>, lines: &mut Lines<'_>) -> Result<End, QueryError> {
    let reader = RowReader::new(answer.columns()).map_err(Fault::from)?;
    while let Some(row) = answer.next().await? {
        reader.line(&row, &mut lines.buffer).map_err(Fault::from)?;
        if lines.is_full() && lines.push().await == End::Closed {
            return Ok(End::Closed);
        }
    }
    Ok(lines.push().await)
}

async fn copy_sorted(answer: &mut Answer<'_>, lines: &mut Lines<'_>) -> Result<End, QueryError> {
    let reader = RowReader::new(answer.columns()).map_err(Fault::from)?;
    let mut text = Vec::new();
    let mut ends = Vec::new();
    while let Some(row) = answer.next().await? {
        reader.line(&row, &mut text).map_err(Fault::from)?;
        ends.push(text.len());
        if text.len() > MOST_SORTED {
            return Err(Fault::TooLarge(MOST_SORTED).into());
        }
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let mut sorted: Vec<_> = starts.zip(&ends).map(|(start, &end)| &text[start..end]).collect();
    sorted.sort_unstable();
    for line in sorted {
        lines.add(line);
        if lines.is_full() && lines.push().await == End::Closed {
            return Ok(End::Closed);
        }
    }
    Ok(lines.push().await)
}
