//! The commits of one view of a database, and the files of each.

use std::sync::{Arc, OnceLock};

use super::dump::CommitDump;
use super::entries::CommitEntries;
use super::fault::{Fault, QueryError};
use super::lineage_load;
use super::server_database::ServerDatabase;
use crate::content::{Content, FileEntry, FileKind};
use crate::model::access::Access;
use crate::model::history::{History, SnapshotId, SnapshotMeta};
use crate::source::dolt::common::lineage::{Lineage, SCHEMA};
use crate::source::dolt::common::listing::Listing;
use crate::source::dolt::common::sql_dump::{DUMP_FILE, Identity, identify};
use crate::util::locks::lock;

/// The commits that a poll saw.
pub struct Commits {
    pub database: Arc<ServerDatabase>,
    pub history: History,
    /// Set once the lineage holds all of the commits.
    lineage_ready: OnceLock<()>,
}

impl Commits {
    /// The commits of this history.
    pub fn new(database: Arc<ServerDatabase>, history: History) -> Self {
        Self { database, history, lineage_ready: OnceLock::new() }
    }

    /// The newest commit of the main timeline, whose working set `live/` shows.
    pub fn head(&self) -> Option<&Arc<SnapshotMeta>> {
        self.history.timeline.first()
    }

    /// The files of a commit, and its listing.
    pub async fn files_of(&self, commit: &SnapshotId) -> Result<(Vec<FileEntry>, Arc<Listing>), QueryError> {
        let listing = self.listing_of(commit).await?;
        let mut lineage = lock(&self.database.lineage);
        let head = self.head().map(|head| &*head.id);
        let mut entries = CommitEntries { database: &self.database, lineage: &mut lineage, commit, head };
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
        let database = Arc::clone(&self.database);
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
        let schema = lock(&self.database.lineage).origin(commit, &[SCHEMA]).ok_or(Fault::NoCommit)?;
        self.database.listing(&schema.commits[0]).await
    }

    /// Adds the commits to the lineage, once.
    async fn load_lineage(&self) -> Result<(), QueryError> {
        if self.lineage_ready.get().is_some() {
            return Ok(());
        }
        let load = self.database.lineage_loads.begin().await?;
        if self.lineage_ready.get().is_some() {
            return Ok(());
        }
        let loaded = self.extend_lineage().await;
        load.end(loaded)
    }

    async fn extend_lineage(&self) -> Result<(), QueryError> {
        let all = || self.history.timeline.iter().chain(&self.history.off_timeline);
        let has_all = |lineage: &Lineage| all().all(|commit| lineage.contains(&commit.id));
        if !has_all(&lock(&self.database.lineage)) {
            let mut lease = self.database.pool.lease(Some(&self.database.name)).await?;
            lineage_load::extend(&self.database.lineage, &mut lease, &self.database.name, &self.history)
                .await?;
            lease.give_back();
        }
        lock(&self.database.lineage).show(all().map(|commit| &*commit.id));
        self.lineage_ready.get_or_init(|| ());
        Ok(())
    }
}
