//! One view of one database: its history as of a poll, and the files of its commits.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::dump::DumpContent;
use super::fault::{Fault, QueryError};
use super::lineage_load;
use super::live;
use super::rows::RowsContent;
use super::schema_sql;
use super::sql::Revision;
use super::store::Store;
use super::versions::TableVersion;
use crate::content::{Content, FileEntry, FileKind, Sink, SourceError, Stream};
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::history::{History, SnapshotId, SnapshotMeta};
use crate::model::names::escape_with_suffix;
use crate::source::Database;
use crate::source::dolt::common::identifier::ident;
use crate::source::dolt::common::lineage::{Lineage, Origin, SCHEMA, VIEWS};
use crate::source::dolt::common::listing::Listing;
use crate::source::dolt::common::schema_sql::SCHEMA_IDENTITY;
use crate::source::dolt::common::sql_dump::{DUMP_FILE, Identity, identify};
use crate::source::dolt::common::views::ShownView;
use crate::source::verify::{Contents, Finding, Progress, Severity, Verdict};
use crate::util::locks::lock;

/// The file with the `CREATE` statements. No table's file is called so: theirs end in `.jsonl`.
pub const SCHEMA_FILE: &str = "schema.sql";

/// A database as it was when it was polled.
pub struct DoltDatabase {
    store: Arc<Store>,
    /// The name to show, which `NAME=` may have changed.
    shown_name: String,
    history: History,
    /// Set once the lineage holds all commits of this view.
    lineage_ready: OnceLock<()>,
}

impl DoltDatabase {
    /// A view with this history.
    pub fn new(store: Arc<Store>, shown_name: String, history: History) -> Self {
        Self { store, shown_name, history, lineage_ready: OnceLock::new() }
    }

    /// What all views of this database share.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The newest commit of the main timeline, whose working set `live/` shows.
    pub fn head(&self) -> Option<&Arc<SnapshotMeta>> {
        self.history.timeline.first()
    }

    /// The files of a commit, and its listing.
    ///
    /// # Errors
    /// What the server or the connection said; [`Fault::NoCommit`] for a commit that was never in a view.
    pub async fn files_of(&self, commit: &SnapshotId) -> Result<(Vec<FileEntry>, Arc<Listing>), QueryError> {
        self.load_lineage().await?;
        let schema = lock(&self.store.lineage).origin(commit, &[SCHEMA]).ok_or(Fault::NoCommit)?;
        let listing = self.store.listing(&schema.commits[0]).await?;
        let mut lineage = lock(&self.store.lineage);
        let mut entries = Entries { database: self, lineage: &mut lineage, commit };
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

    async fn dump_of(&self, commit: &SnapshotId) -> Result<FileEntry, QueryError> {
        self.load_lineage().await?;
        let schema = lock(&self.store.lineage).origin(commit, &[SCHEMA]).ok_or(Fault::NoCommit)?;
        let listing = self.store.listing(&schema.commits[0]).await?;
        let (store, tables) = (&self.store, &listing.tables);
        let names = (store.database.as_str(), store.identity.as_str());
        let identity = identify(&mut lock(&store.lineage), names, commit, tables, &listing.excluded);
        let Identity { subject, id, changed, links } = identity.ok_or(Fault::NoCommit)?;
        let content =
            DumpContent { store: Arc::clone(&self.store), commit: Arc::clone(commit), listing, subject };
        let content = Content::stream(content);
        let (path, kind, access) = (DUMP_FILE.into(), FileKind::Regular, Access::default());
        Ok(FileEntry { path, kind, id, changed, links, access, content })
    }

    /// Adds the commits of this view to the lineage, once.
    async fn load_lineage(&self) -> Result<(), QueryError> {
        if self.lineage_ready.get().is_some() {
            return Ok(());
        }
        let turn = self.store.lineage_loads.take().await?;
        if self.lineage_ready.get().is_some() {
            return Ok(());
        }
        let loaded = self.extend_lineage().await;
        turn.end(loaded)
    }

    async fn extend_lineage(&self) -> Result<(), QueryError> {
        let all = || self.history.timeline.iter().chain(&self.history.off_timeline);
        let has_all = |lineage: &Lineage| all().all(|commit| lineage.contains(&commit.id));
        if !has_all(&lock(&self.store.lineage)) {
            let mut lease = self.store.pool.lease(Some(&self.store.database)).await?;
            lineage_load::extend(&self.store.lineage, &mut lease, &self.store.database, &self.history)
                .await?;
            lease.give_back();
        }
        lock(&self.store.lineage).show(all().map(|commit| &*commit.id));
        self.lineage_ready.get_or_init(|| ());
        Ok(())
    }
}

#[async_trait]
impl Database for DoltDatabase {
    fn name(&self) -> &str {
        &self.shown_name
    }

    fn history(&self) -> &History {
        &self.history
    }

    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError> {
        let operation = || format!("cannot list the tables of {} at {snapshot}", self.store.database);
        match self.files_of(snapshot).await {
            Ok((files, _)) => Ok(files.into()),
            Err(error) => Err(error.during(&self.store.label, operation())),
        }
    }

    fn received(&self) -> Option<u64> {
        Some(self.store.pool.received())
    }

    fn dumps_sql(&self, _snapshot: &SnapshotId) -> bool {
        true
    }

    async fn sql_dump(&self, snapshot: &SnapshotId) -> Result<Option<FileEntry>, SourceError> {
        match self.dump_of(snapshot).await {
            Ok(file) => Ok(Some(file)),
            Err(error) => {
                let operation = format!("cannot list the tables of {} at {snapshot}", self.store.database);
                Err(error.during(&self.store.label, operation))
            }
        }
    }

    async fn live_files(&self) -> Result<Arc<[FileEntry]>, SourceError> {
        let listed = live::files(self).await;
        let operation = || format!("cannot list the working set of {}", self.store.database);
        listed.map_err(|error| error.during(&self.store.label, operation()))
    }

    /// A server reads what it is asked for: only its files tell whether all is there.
    async fn verify(&self, _progress: &Progress) -> Result<Verdict, SourceError> {
        let place = format!("{} over {}", self.store.database, self.store.label);
        let problem = "over a server only the tables of the newest snapshot are read";
        let hint = "name the server's data folder instead: then every chunk of every snapshot is checked";
        let note = Finding { severity: Severity::Note, ..Finding::wrong(place, problem) }.with_hint(hint);
        let checked = vec!["over a server: the newest snapshot only".to_owned()];
        Ok(Verdict { checked, findings: vec![note], contents: Contents::Newest, proves_bytes: false })
    }
}

/// Makes the entries of one commit.
struct Entries<'e> {
    database: &'e DoltDatabase,
    lineage: &'e mut Lineage,
    commit: &'e SnapshotId,
}

impl Entries<'_> {
    fn table(&mut self, table: &Arc<str>) -> Result<FileEntry, QueryError> {
        let (origin, links) = self.origin(&[table])?;
        let store = &self.database.store;
        let made_by = Arc::clone(&origin.commits[0]);
        let id = table_id(&store.identity, table, &made_by);
        let shown_at = Arc::clone(self.commit);
        let version =
            TableVersion { store: Arc::clone(store), table: Arc::clone(table), commit: made_by, shown_at };
        Ok(entry(rows_path(table), id, &origin, links, Content::Versioned(Arc::new(version))))
    }

    fn view(&mut self, view: &ShownView) -> Result<FileEntry, QueryError> {
        let mut tables = vec![VIEWS];
        tables.extend(view.tables.iter().map(|table| &**table));
        let (origin, links) = self.origin(&tables)?;
        let store = &self.database.store;
        let revision = Revision::Commit(Arc::clone(self.commit));
        let place = format!("{}.{}", revision.database(&store.database), ident(&view.name));
        let mut parts: Vec<&[u8]> = vec![b"dolt-view", store.identity.as_bytes(), view.name.as_bytes()];
        parts.extend(origin.commits.iter().map(|commit| commit.as_bytes()));
        let what = format!("view {} of {} {}", view.name, store.database, revision.describe());
        let content = RowsContent {
            store: Arc::clone(store),
            place,
            is_table: false,
            guard: Vec::new(),
            working_table: None,
            is_sorted_here: !view.is_ordered,
            what,
        };
        Ok(entry(rows_path(&view.name), ContentId::of(&parts), &origin, links, Content::stream(content)))
    }

    fn schema(&mut self, listing: &Arc<Listing>) -> Result<FileEntry, QueryError> {
        let (origin, links) = self.origin(&[SCHEMA])?;
        let store = &self.database.store;
        let mut parts: Vec<&[u8]> =
            vec![SCHEMA_IDENTITY, store.identity.as_bytes(), origin.commits[0].as_bytes()];
        // What is left out is said in the file.
        parts.extend(listing.excluded.iter().map(|table| table.as_bytes()));
        let content = SchemaContent {
            store: Arc::clone(store),
            commit: Arc::clone(self.commit),
            listing: Arc::clone(listing),
        };
        Ok(entry(SCHEMA_FILE.into(), ContentId::of(&parts), &origin, links, Content::stream(content)))
    }

    /// The origin, and in how many places its content is shown: once per commit, and once more below `live/`
    /// where it is that of the head.
    fn origin(&mut self, tables: &[&str]) -> Result<(Origin, u32), QueryError> {
        let origin = self.lineage.origin(self.commit, tables).ok_or(Fault::NoCommit)?;
        let head = self.database.head().and_then(|head| self.lineage.origin(&head.id, tables));
        let is_live = head.is_some_and(|head| head.commits == origin.commits);
        let links = origin.commits_alike.saturating_add(u32::from(is_live));
        Ok((origin, links))
    }
}

/// The identity of a table's content: the version that `origin` made. `database` is [`Store::identity`].
pub fn table_id(database: &str, table: &str, origin: &str) -> ContentId {
    ContentId::of(&[b"dolt", database.as_bytes(), table.as_bytes(), origin.as_bytes()])
}

/// The file name of a table or view.
pub fn rows_path(name: &str) -> Arc<str> {
    escape_with_suffix(name, ".jsonl").into()
}

fn entry(path: Arc<str>, id: ContentId, origin: &Origin, links: u32, content: Content) -> FileEntry {
    // No file lies behind it: who mounts it for others lets them read what the server lets the mount read.
    let (kind, changed, access) = (FileKind::Regular, origin.changed, Access::default());
    FileEntry { path, kind, id, changed, links, access, content }
}

/// `schema.sql` of a commit.
struct SchemaContent {
    store: Arc<Store>,
    commit: Arc<str>,
    listing: Arc<Listing>,
}

impl SchemaContent {
    fn revision(&self) -> Revision {
        Revision::Commit(Arc::clone(&self.commit))
    }

    async fn text(&self) -> Result<String, QueryError> {
        let mut lease = self.store.pool.lease(Some(&self.store.database)).await?;
        let text =
            schema_sql::write(&mut lease, &self.store.database, &self.revision(), &self.listing).await?;
        lease.give_back();
        Ok(text)
    }
}

#[async_trait]
impl Stream for SchemaContent {
    fn received(&self) -> Option<u64> {
        Some(self.store.pool.received())
    }

    fn describe(&self) -> String {
        format!(
            "{SCHEMA_FILE} of {} {} over {}",
            self.store.database,
            self.revision().describe(),
            self.store.label
        )
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let operation = || {
            format!(
                "cannot read the CREATE statements of {} {}",
                self.store.database,
                self.revision().describe()
            )
        };
        let text = self.text().await.map_err(|error| error.during(&self.store.label, operation()))?;
        if !text.is_empty() {
            // A closed sink means that nobody wants the text, which is no failure.
            let _ = sink.push(text.into()).await;
        }
        Ok(())
    }
}
