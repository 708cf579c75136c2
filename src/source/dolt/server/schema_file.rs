//! `schema.sql`: the `CREATE` statements of a commit.

use std::sync::Arc;

use async_trait::async_trait;

use super::fault::QueryError;
use super::schema_sql;
use super::server_database::ServerDatabase;
use super::sql::Revision;
use crate::content::{Sink, SourceError, Stream};
use crate::source::dolt::common::listing::Listing;

/// The file with the `CREATE` statements. No table's file is called so: theirs end in `.jsonl`.
pub const SCHEMA_FILE: &str = "schema.sql";

/// `schema.sql` of a commit.
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
        let text =
            schema_sql::write(&mut lease, &self.database.name, &self.revision(), &self.listing).await?;
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
        format!(
            "{SCHEMA_FILE} of {} {} over {}",
            self.database.name,
            self.revision().describe(),
            self.database.label
        )
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let operation = || {
            format!(
                "cannot read the CREATE statements of {} {}",
                self.database.name,
                self.revision().describe()
            )
        };
        let text = self.text().await.map_err(|error| error.during(&self.database.label, operation()))?;
        if !text.is_empty() {
            // A closed sink means that nobody wants the text, which is no failure.
            let _ = sink.push(text.into()).await;
        }
        Ok(())
    }
}
