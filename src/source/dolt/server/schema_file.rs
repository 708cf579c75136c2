//! `schema.sql`: the `CREATE` statements of a commit.

use std::sync::Arc;

use async_trait::async_trait;

use super::answer_columns::needed_text;
use super::fault::QueryError;
use super::lease::Lease;
use super::server_database::ServerDatabase;
use super::sql::Revision;
use crate::content::{Sink, SourceError, Stream};
use crate::source::dolt::common::ident;
use crate::source::dolt::common::listing::Listing;
use crate::source::dolt::common::schema_sql::{SCHEMA_FILE, compose};

pub struct CommitSchema {
    pub database: Arc<ServerDatabase>,
    pub commit: Arc<str>,
    pub listing: Arc<Listing>,
}

impl CommitSchema {
    fn revision(&self) -> Revision {
        Revision::Commit(Arc::clone(&self.commit))
    }

    async fn text(&self) -> Result<String, QueryError> {
        let mut lease = self.database.pool.lease(Some(&self.database.name)).await?;
        let text = write(&mut lease, &self.database.name, &self.revision(), &self.listing).await?;
        lease.give_back();
        Ok(text)
    }
}

#[async_trait]
impl Stream for CommitSchema {
    fn received(&self) -> Option<u64> {
        Some(self.database.pool.received())
    }

    fn describe(&self) -> String {
        let ServerDatabase { name, label, .. } = &*self.database;
        format!("{SCHEMA_FILE} of {name} {} over {label}", self.revision().describe())
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let ServerDatabase { name, label, .. } = &*self.database;
        let operation =
            || format!("cannot read the CREATE statements of {name} {}", self.revision().describe());
        let text = self.text().await.map_err(|error| error.during(label, operation()))?;
        if !text.is_empty() {
            // A closed sink means that nobody wants the text, which is no failure.
            let _ = sink.push(text.into()).await;
        }
        Ok(())
    }
}

/// Writes the file: tables by name, then views, each after those that it reads. Excluded tables are in it, too:
/// they are left out for what their rows hold. `AUTO_INCREMENT=` stays as the server says it, so that a restored
/// table goes on counting where this one was.
pub async fn write(
    lease: &mut Lease,
    database: &str,
    revision: &Revision,
    listing: &Listing,
) -> Result<String, QueryError> {
    let mut names: Vec<_> = listing.tables.iter().chain(&listing.excluded).collect();
    names.sort();
    let mut statements = Vec::with_capacity(names.len());
    for name in names {
        statements.push(create_table(lease, database, name, revision).await?);
    }
    Ok(compose(&statements, listing))
}

pub async fn create_table(
    lease: &mut Lease,
    database: &str,
    table: &str,
    revision: &Revision,
) -> Result<String, QueryError> {
    let query = format!("SHOW CREATE TABLE {}.{}{}", ident(database), ident(table), revision.as_of());
    let rows = lease.rows(&query).await?;
    let statement = rows.first().map(|row| needed_text(row, 1)).transpose();
    Ok(statement.map_err(|error| error.in_query(&query))?.unwrap_or_default())
}
