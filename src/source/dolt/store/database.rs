//! One view of one database: its history as of a poll, and the files of its commits.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use dolt_store::objects::RootValue;
use dolt_store::schema::SchemaOf;
use dolt_store::{Address, StoreError};

use super::content::TableContent;
use super::dump::StoreDumpContent;
use super::schema_file::StoreSchemaContent;
use super::shared::{ReadError, SharedDatabase};
use super::{lineage, live, verify};
use crate::content::blocking::{broken_off, on_blocking_thread};
use crate::content::{Content, ErrorKind, FileEntry, FileKind, SourceError};
use crate::model::access::{Audience, Audiences};
use crate::model::content_id::ContentId;
use crate::model::history::{History, SnapshotId, SnapshotMeta};
use crate::model::time::Timestamp;
use crate::source::dolt::common::lineage::{Lineage, SCHEMA};
use crate::source::dolt::common::listing::{rows_path, table_id};
use crate::source::dolt::common::schema_sql::{SCHEMA_FILE, schema_id};
use crate::source::dolt::common::sql_dump::{DUMP_FILE, Identity, identify};
use crate::source::verify::{Progress, Verdict};
use crate::source::{Capabilities, Database, no_working_set};
use crate::util::locks::lock;
use crate::util::tasks::in_place;

const GONE_HINT: &str =
    "Its chunks are not in the store any more: garbage collection takes what no branch or tag reaches.";

/// A database as it was when it was polled.
#[derive(Clone)]
pub struct DoltStoreDatabase {
    /// What all views of this database share.
    pub shared: Arc<SharedDatabase>,
    view: Arc<PolledView>,
}

struct PolledView {
    /// The name to show, which `NAME=` may have changed.
    shown_name: String,
    history: History,
    audience: Audience,
    /// Set once the lineage holds all commits of this view.
    lineage_ready: OnceLock<()>,
}

impl DoltStoreDatabase {
    /// A view with this history, of files that let these users read them.
    pub fn new(
        shared: Arc<SharedDatabase>,
        shown_name: String,
        history: History,
        audience: Audience,
    ) -> Self {
        let view = PolledView { shown_name, history, audience, lineage_ready: OnceLock::new() };
        Self { shared, view: Arc::new(view) }
    }

    /// Who may read the files of the store.
    pub fn audience(&self) -> Audience {
        self.view.audience
    }

    /// Loads the lineage on a thread of its own: the first look into a snapshot needs it, for all of history.
    pub fn prepare(&self) {
        let view = self.clone();
        let thread = std::thread::Builder::new().name("lineage".to_owned());
        // An error shows in the next request, which tries again.
        let _ = thread.spawn(move || view.load_lineage().is_ok());
    }

    /// The newest commit of the main timeline, whose working set `live/` shows.
    pub fn head(&self) -> Option<&Arc<SnapshotMeta>> {
        self.view.history.timeline.first()
    }

    /// The files of a commit and its tables; `None` for a commit that is not in this view.
    pub fn files_of(&self, commit: &SnapshotId) -> Result<Option<CommitFiles>, ReadError> {
        self.load_lineage()?;
        let Some(address) = self.root_of(commit) else { return Ok(None) };
        let root = RootValue::read(&self.shared.store, &address)?;
        let mut lineage = lock(&self.shared.lineage);
        let mut files = Vec::with_capacity(root.tables.len() + 1);
        for (table, address) in shown_tables(&self.shared, &root) {
            let Some(file) = self.table(&mut lineage, commit, table, address) else { return Ok(None) };
            files.push(file);
        }
        let Some(file) = self.schema(&mut lineage, commit, address, &root) else { return Ok(None) };
        files.push(file);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Some(CommitFiles { files, root }))
    }

    fn dump_of(&self, commit: &SnapshotId) -> Result<Option<FileEntry>, ReadError> {
        self.load_lineage()?;
        let Some(root) = self.root_of(commit) else { return Ok(None) };
        let tables = RootValue::read(&self.shared.store, &root)?.tables;
        let tables = tables.into_keys().filter(|table| !lineage::is_system_table(table)).map(Arc::from);
        let (excluded, tables): (Vec<Arc<str>>, Vec<Arc<str>>) =
            tables.partition(|table| self.shared.is_excluded(table));
        let (mut lineage, database) = (lock(&self.shared.lineage), &*self.shared.database);
        let identity = identify(&mut lineage, (database, database), commit, &tables, &excluded);
        let Some(Identity { subject, id, changed, links }) = identity else { return Ok(None) };
        let (shared, when) = (Arc::clone(&self.shared), format!("at {commit}"));
        let content = Content::stream(StoreDumpContent { shared, root, when, subject });
        Ok(Some(self.entry(DUMP_FILE.into(), id, (changed, links), content)))
    }

    fn root_of(&self, commit: &SnapshotId) -> Option<Address> {
        let address = commit.parse().ok()?;
        lock(&self.shared.graph).known(&address).map(|node| node.root)
    }

    fn load_lineage(&self) -> Result<(), StoreError> {
        if self.view.lineage_ready.get().is_some() {
            return Ok(());
        }
        let graph = lock(&self.shared.graph);
        let mut lineage = lock(&self.shared.lineage);
        let history = &self.view.history;
        lineage::extend(&mut lineage, &self.shared.store, &graph, &self.shared.database, history)?;
        lineage.show(history.snapshots().map(|commit| &*commit.id));
        // Another thread may have been first, with the same.
        let _ = self.view.lineage_ready.set(());
        Ok(())
    }

    fn table(
        &self,
        lineage: &mut Lineage,
        commit: &SnapshotId,
        table: &str,
        address: &Address,
    ) -> Option<FileEntry> {
        let (origin, links) = lineage.shown_origin(commit, &[table], self.live_head())?;
        let id = table_id(&self.shared.database, table, origin.commits.first()?);
        let content = TableContent {
            shared: Arc::clone(&self.shared),
            name: table.into(),
            table: *address,
            when: format!("at {commit}"),
        };
        Some(self.entry(rows_path(table), id, (origin.changed, links), Content::Tree(Arc::new(content))))
    }

    fn schema(
        &self,
        lineage: &mut Lineage,
        commit: &SnapshotId,
        root: Address,
        value: &RootValue,
    ) -> Option<FileEntry> {
        let (origin, links) = lineage.shown_origin(commit, &[SCHEMA], self.live_head())?;
        let tables = value.tables.keys().filter(|table| !lineage::is_system_table(table));
        let excluded = tables.filter(|table| self.shared.is_excluded(table)).map(String::as_str);
        let id = schema_id(&self.shared.database, origin.commits.first()?, excluded);
        let (shared, moment, when) = (Arc::clone(&self.shared), SchemaOf::Commit, format!("at {commit}"));
        let content = Content::stream(StoreSchemaContent { shared, root, moment, when });
        Some(self.entry(SCHEMA_FILE.into(), id, (origin.changed, links), content))
    }

    fn entry(
        &self,
        path: Arc<str>,
        id: ContentId,
        (changed, links): (Timestamp, u32),
        content: Content,
    ) -> FileEntry {
        let (kind, access) = (FileKind::Regular, self.view.audience.into());
        FileEntry { path, kind, id, changed, links, access, content }
    }

    /// The commit whose files `live/` shows as well, where there is a working set.
    fn live_head(&self) -> Option<&str> {
        self.head().filter(|_| self.view.history.has_live).map(|head| &*head.id)
    }

    /// What `list` finds at a commit, on a thread that may block.
    async fn listed<T: Send + 'static>(
        &self,
        commit: &SnapshotId,
        list: fn(&Self, &SnapshotId) -> Result<Option<T>, ReadError>,
    ) -> Result<T, SourceError> {
        let (database, commit) = (self.clone(), Arc::clone(commit));
        let work =
            move || {
                let shared = &database.shared;
                let operation = || format!("cannot list the tables of {} at {commit}", shared.database);
                match list(&database, &commit) {
                    Ok(Some(found)) => Ok(found),
                    Ok(None) => Err(SourceError::new(ErrorKind::Missing, &*shared.label, operation())
                        .with_hint(GONE_HINT)),
                    Err(error) => Err(error.during(&shared.label, operation())),
                }
            };
        in_place(&self.shared.label, work, |why| broken_off(&self.shared.label, why)).await
    }
}

/// What there is at a commit.
pub struct CommitFiles {
    /// Its files, sorted by path.
    pub files: Vec<FileEntry>,
    /// Its tables, with those that are not shown.
    pub root: RootValue,
}

/// The tables of a root that are shown, by name.
pub fn shown_tables<'r>(
    shared: &'r SharedDatabase,
    root: &'r RootValue,
) -> impl Iterator<Item = (&'r String, &'r Address)> {
    root.tables.iter().filter(|(table, _)| !lineage::is_system_table(table) && !shared.is_excluded(table))
}

#[async_trait]
impl Database for DoltStoreDatabase {
    fn name(&self) -> &str {
        &self.view.shown_name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            working_set: self.view.history.has_live,
            sql_dump: true,
            versions: true,
            commits: true,
            branches: true,
            tags: true,
            lost_commits: true,
            permissions: true,
        }
    }

    fn history(&self) -> &History {
        &self.view.history
    }

    fn audiences(&self) -> Audiences {
        self.view.audience.into()
    }

    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError> {
        self.listed(snapshot, |database, commit| {
            Ok(database.files_of(commit)?.map(|found| found.files.into()))
        })
        .await
    }

    async fn sql_dump(&self, snapshot: &SnapshotId) -> Result<Option<FileEntry>, SourceError> {
        self.listed(snapshot, Self::dump_of).await.map(Some)
    }

    async fn live_files(&self) -> Result<Arc<[FileEntry]>, SourceError> {
        if !self.capabilities().working_set {
            return Err(no_working_set(self.name()));
        }
        let database = self.clone();
        let work = move || {
            let operation = || format!("cannot list the working set of {}", database.shared.database);
            match live::files(&database) {
                Ok(Some(files)) => Ok(files),
                Ok(None) => Err(SourceError::new(ErrorKind::Changed, &*database.shared.label, operation())),
                Err(error) => Err(error.during(&database.shared.label, operation())),
            }
        };
        in_place(&self.shared.label, work, |why| broken_off(&self.shared.label, why)).await
    }

    async fn verify(&self, progress: &Progress) -> Result<Verdict, SourceError> {
        let (shared, progress) = (Arc::clone(&self.shared), progress.clone());
        on_blocking_thread(&self.shared.label, move || verify::verify(&shared, &progress)).await
    }
}
