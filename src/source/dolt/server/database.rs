//! One view of one database: its history as of a poll, and the files of its commits.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::dump::CommitDump;
use super::entries::CommitEntries;
use super::fault::{Fault, QueryError};
use super::server_database::ServerDatabase;
use super::{lineage_load, live};
use crate::content::{Content, FileEntry, FileKind, SourceError, chain};
use crate::model::access::Access;
use crate::model::history::{History, SnapshotId, SnapshotMeta};
use crate::source::dolt::common::lineage::{Lineage, SCHEMA};
use crate::source::dolt::common::listing::Listing;
use crate::source::dolt::common::sql_dump::{DUMP_FILE, Identity, identify};
use crate::source::verify::{Contents, Finding, Progress, Severity, Verdict};
use crate::source::{Capabilities, Database};
use crate::util::locks::lock;

/// A database as it was when it was polled.
pub struct DoltDatabase {
    /// What all views of this database share.
    pub shared: Arc<ServerDatabase>,
    /// The name to show, which `NAME=` may have changed.
    shown_name: String,
    history: History,
    /// Set once the lineage holds all commits of this view.
    lineage_ready: OnceLock<()>,
}

impl DoltDatabase {
    /// A view with this history.
    pub fn new(shared: Arc<ServerDatabase>, shown_name: String, history: History) -> Self {
        Self { shared, shown_name, history, lineage_ready: OnceLock::new() }
    }

    /// The newest commit of the main timeline, whose working set `live/` shows.
    pub fn head(&self) -> Option<&Arc<SnapshotMeta>> {
        self.history.timeline.first()
    }

    /// The files of a commit, and its listing.
    pub async fn files_of(&self, commit: &SnapshotId) -> Result<(Vec<FileEntry>, Arc<Listing>), QueryError> {
        let listing = self.listing_of(commit).await?;
        let mut lineage = lock(&self.shared.lineage);
        let head = self.head().map(|head| &*head.id);
        let mut entries = CommitEntries { database: &self.shared, lineage: &mut lineage, commit, head };
        let mut files = Vec::with_capacity(listing.tables.len() + listing.views.shown.len() + 1);
        for table in &listing.tables {
            files.push(entries.table(table)?);
        }
        for view in &listing.views.shown {
            files.push(entries.view(view)?);
        }
        files.push(entries.schema(&listing)?);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok((files, listing))
    }

    /// A commit as SQL.
    pub async fn dump_of(&self, commit: &SnapshotId) -> Result<FileEntry, QueryError> {
        let listing = self.listing_of(commit).await?;
        let database = Arc::clone(&self.shared);
        let (names, tables) = ((&*database.name, &*database.identity), &listing.tables);
        let identity = identify(&mut lock(&database.lineage), names, commit, tables, &listing.excluded);
        let Identity { subject, id, changed, links } = identity.ok_or(Fault::NoCommit)?;
        let content = Content::stream(CommitDump { database, commit: Arc::clone(commit), listing, subject });
        let (path, kind, access) = (DUMP_FILE.into(), FileKind::Regular, Access::default());
        Ok(FileEntry { path, kind, id, changed, links, access, content })
    }

    /// The tables and views of a commit. Loads the lineage first.
    async fn listing_of(&self, commit: &SnapshotId) -> Result<Arc<Listing>, QueryError> {
        self.load_lineage().await?;
        let schema = lock(&self.shared.lineage).origin(commit, &[SCHEMA]).ok_or(Fault::NoCommit)?;
        self.shared.listing(&schema.commits[0]).await
    }

    /// Adds the commits to the lineage, once.
    async fn load_lineage(&self) -> Result<(), QueryError> {
        if self.lineage_ready.get().is_some() {
            return Ok(());
        }
        let load = self.shared.lineage_loads.begin().await?;
        if self.lineage_ready.get().is_some() {
            return Ok(());
        }
        let loaded = self.extend_lineage().await;
        load.end(loaded)
    }

    async fn extend_lineage(&self) -> Result<(), QueryError> {
        let all = || self.history.timeline.iter().chain(&self.history.off_timeline);
        let has_all = |lineage: &Lineage| all().all(|commit| lineage.contains(&commit.id));
        if !has_all(&lock(&self.shared.lineage)) {
            let mut lease = self.shared.pool.lease(Some(&self.shared.name)).await?;
            lineage_load::extend(&self.shared.lineage, &mut lease, &self.shared.name, &self.history).await?;
            lease.give_back();
        }
        lock(&self.shared.lineage).show(all().map(|commit| &*commit.id));
        self.lineage_ready.get_or_init(|| ());
        Ok(())
    }

    /// Loads what the files of any commit need. Who asks for them gets the reason where that fails.
    pub async fn look_ahead(self: Arc<Self>) {
        if let Err(error) = self.load_lineage().await {
            tracing::debug!(reason = chain(&error.fault), "the changes of commits are not loaded ahead");
        }
    }

    fn failed(&self, what: &str, at: &str, error: QueryError) -> SourceError {
        let database = &self.shared;
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
        &self.history
    }

    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError> {
        match self.files_of(snapshot).await {
            Ok((files, _)) => Ok(files.into()),
            Err(error) => Err(self.failed("tables", &format!(" at {snapshot}"), error)),
        }
    }

    fn received(&self) -> Option<u64> {
        Some(self.shared.pool.received())
    }

    async fn sql_dump(&self, snapshot: &SnapshotId) -> Result<Option<FileEntry>, SourceError> {
        let dump = self.dump_of(snapshot).await;
        dump.map(Some).map_err(|error| self.failed("tables", &format!(" at {snapshot}"), error))
    }

    async fn live_files(&self) -> Result<Arc<[FileEntry]>, SourceError> {
        live::files(self).await.map_err(|error| self.failed("working set", "", error))
    }

    /// A server reads what it is asked for: only its files tell whether all is there.
    async fn verify(&self, _progress: &Progress) -> Result<Verdict, SourceError> {
        let place = format!("{} over {}", self.shared.name, self.shared.label);
        let problem = "over a server only the tables of the newest snapshot are read";
        let hint = "name the server's data folder instead: then every chunk of every snapshot is checked";
        let note = Finding { severity: Severity::Note, ..Finding::wrong(place, problem) }.with_hint(hint);
        let checked = vec!["over a server: the newest snapshot only".to_owned()];
        Ok(Verdict { checked, findings: vec![note], contents: Contents::Newest, proves_bytes: false })
    }
}
