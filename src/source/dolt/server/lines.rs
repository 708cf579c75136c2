//! Copies lines from a connection into a sink.

use bytes::Bytes;

use super::fault::QueryError;
use super::lease::Lease;
use super::server_database::ServerDatabase;
use crate::content::Sink;
use crate::memory::Sorter;

/// Size of a piece, in bytes.
const PIECE: usize = 256 * 1024;

/// Something that is copied line by line. May be called again from the beginning.
pub trait CopyLines: Sync {
    /// Copies all of it.
    fn copy(
        &self,
        lease: &mut Lease,
        lines: &mut LineWriter<'_>,
    ) -> impl Future<Output = Result<CopyEnd, QueryError>> + Send;
}

/// Copies into a sink over a connection of its own; once more where it is dead before anything was pushed.
pub async fn copy_lines(
    database: &ServerDatabase,
    from: &impl CopyLines,
    sink: &mut Sink,
) -> Result<(), QueryError> {
    let mut lines = LineWriter::new(sink);
    loop {
        let mut lease = database.pool.reader_lease(Some(&database.name)).await?;
        let is_reused = lease.is_reused();
        match from.copy(&mut lease, &mut lines).await {
            Ok(CopyEnd::Whole) => lease.give_back(),
            // Dropping the lease closes the connection, which ends the query.
            Ok(CopyEnd::Closed) => {}
            Err(error) if is_reused && error.is_broken_connection() && lines.restart() => continue,
            Err(error) => return Err(error),
        }
        return Ok(());
    }
}

/// How a copy ended.
#[derive(Debug, PartialEq, Eq)]
pub enum CopyEnd {
    /// With the last row.
    Whole,
    /// The reader left.
    Closed,
}

/// Collects lines and hands them to the sink in pieces.
pub struct LineWriter<'s> {
    sink: &'s mut Sink,
    buffer: Vec<u8>,
    pushed: bool,
}

impl<'s> LineWriter<'s> {
    pub fn new(sink: &'s mut Sink) -> Self {
        Self { sink, buffer: Vec::with_capacity(PIECE), pushed: false }
    }

    /// Sorts lines within the reader's memory.
    pub fn sorter(&self) -> Sorter {
        self.sink.sorter()
    }

    /// Forgets what was added, to start again. False where some of it was already pushed.
    pub fn restart(&mut self) -> bool {
        self.buffer.clear();
        !self.pushed
    }

    pub fn add(&mut self, line: &[u8]) {
        self.buffer.extend_from_slice(line);
    }

    /// The lines that were not pushed yet, to append to.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Whether there is enough to push.
    pub fn is_full(&self) -> bool {
        self.buffer.len() >= PIECE
    }

    /// Pushes what was added.
    pub async fn push(&mut self) -> CopyEnd {
        if self.buffer.is_empty() {
            return CopyEnd::Whole;
        }
        self.pushed = true;
        // Copied, so that a piece takes no more memory than its length: the cache counts lengths.
        let piece = Bytes::copy_from_slice(&self.buffer);
        self.buffer.clear();
        match self.sink.push(piece).await {
            Ok(()) => CopyEnd::Whole,
            Err(_) => CopyEnd::Closed,
        }
    }
}
