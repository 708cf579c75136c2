//! A version of a table: how it is defined, and a connection to read it.

use std::sync::Arc;

use super::definitions::TableDefinition;
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::server_database::ServerDatabase;
use super::sql::Revision;
use crate::content::SourceError;
use crate::util::locks::lock;

/// A version of a table, by the commit that made it.
pub struct TableVersion {
    pub database: Arc<ServerDatabase>,
    pub table: Arc<str>,
    /// The origin of the table: the commit that made this version.
    pub commit: Arc<str>,
    /// A commit that shows it: its rows are read there.
    pub shown_at: Arc<str>,
}

impl TableVersion {
    /// How this version is defined; [`Fault::Moved`] where it has no such table.
    pub async fn definition(&self) -> Result<Arc<TableDefinition>, QueryError> {
        self.definition_at(&self.commit).await?.ok_or_else(|| Fault::Moved.into())
    }

    /// How the table is defined at a commit; none where it is not there.
    pub async fn definition_at(&self, commit: &Arc<str>) -> Result<Option<Arc<TableDefinition>>, QueryError> {
        self.database.definition(&self.table, &self.defined_by(commit)).await
    }

    /// The commit that defined the table as it is at a commit. One that the lineage does not know stands for itself.
    pub fn defined_by(&self, commit: &Arc<str>) -> Arc<str> {
        let known = lock(&self.database.lineage).definition(commit, &self.table);
        known.unwrap_or_else(|| Arc::clone(commit))
    }

    /// Reads rows on a connection of its own; once more where it is dead.
    pub async fn reading<R: ReadRows>(&self, rows: &R) -> Result<R::Value, QueryError> {
        loop {
            let mut lease = self.database.pool.reader_lease(Some(&self.database.name)).await?;
            let is_reused = lease.is_reused();
            match rows.read(&mut lease).await {
                Ok(RowsRead::Whole(value)) => {
                    lease.give_back();
                    return Ok(value);
                }
                // Dropping the lease closes the connection, which ends the query.
                Ok(RowsRead::CutShort(value)) => return Ok(value),
                Err(error) if is_reused && error.is_broken_connection() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The error of what was done with this version.
    pub fn failed(&self, doing: &str, error: QueryError) -> SourceError {
        let at = Revision::Commit(Arc::clone(&self.commit)).describe();
        let operation = format!("{doing} table {} of {} {at}", self.table, self.database.name);
        error.during(&self.database.label, operation)
    }
}

/// Something that reads the rows of a query. May be called again from the beginning.
pub trait ReadRows: Sync {
    type Value;

    fn read(
        &self,
        lease: &mut Lease,
    ) -> impl Future<Output = Result<RowsRead<Self::Value>, QueryError>> + Send;
}

/// The outcome of reading rows.
pub enum RowsRead<T> {
    /// The answer was read to its end.
    Whole(T),
    /// The rest of the answer is not wanted.
    CutShort(T),
}
