//! One view of one database: its history as of a poll.

use std::sync::Arc;

use async_trait::async_trait;

use super::commits::Commits;
use super::fault::QueryError;
use super::live;
use super::server_database::ServerDatabase;
use crate::content::{FileEntry, SourceError};
use crate::model::history::{History, SnapshotId};
use crate::source::verify::{Contents, Finding, Progress, Severity, Verdict};
use crate::source::{Capabilities, Database};

/// A database as it was when it was polled.
pub struct DoltDatabase {
    /// The name to show, which `NAME=` may have changed.
    shown_name: String,
    commits: Commits,
}

impl DoltDatabase {
    /// A view with this history.
    pub fn new(database: Arc<ServerDatabase>, shown_name: String, history: History) -> Self {
        Self { shown_name, commits: Commits::new(database, history) }
    }

    /// What all views of this database share.
    pub fn shared(&self) -> &Arc<ServerDatabase> {
        &self.commits.database
    }

    fn failed(&self, what: &str, at: &str, error: QueryError) -> SourceError {
        let database = self.shared();
        error.during(&database.label, format!("cannot list the {what} of {}{at}", database.name))
    }
}

#[async_trait]
impl Database for DoltDatabase {
    fn name(&self) -> &str {
        &self.shown_name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            working_set: self.history().has_live,
            sql_dump: true,
            versions: true,
            commits: true,
            branches: true,
            tags: true,
            lost_commits: false,
            permissions: false,
        }
    }

    fn history(&self) -> &History {
        &self.commits.history
    }

    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError> {
        match self.commits.files_of(snapshot).await {
            Ok((files, _)) => Ok(files.into()),
            Err(error) => Err(self.failed("tables", &format!(" at {snapshot}"), error)),
        }
    }

    fn received(&self) -> Option<u64> {
        Some(self.shared().pool.received())
    }

    async fn sql_dump(&self, snapshot: &SnapshotId) -> Result<Option<FileEntry>, SourceError> {
        let dump = self.commits.dump_of(snapshot).await;
        dump.map(Some).map_err(|error| self.failed("tables", &format!(" at {snapshot}"), error))
    }

    async fn live_files(&self) -> Result<Arc<[FileEntry]>, SourceError> {
        live::files(&self.commits).await.map_err(|error| self.failed("working set", "", error))
    }

    /// A server reads what it is asked for: only its files tell whether all is there.
    async fn verify(&self, _progress: &Progress) -> Result<Verdict, SourceError> {
        let place = format!("{} over {}", self.shared().name, self.shared().label);
        let problem = "over a server only the tables of the newest snapshot are read";
        let hint = "name the server's data folder instead: then every chunk of every snapshot is checked";
        let note = Finding { severity: Severity::Note, ..Finding::wrong(place, problem) }.with_hint(hint);
        let checked = vec!["over a server: the newest snapshot only".to_owned()];
        Ok(Verdict { checked, findings: vec![note], contents: Contents::Newest, proves_bytes: false })
    }
}
