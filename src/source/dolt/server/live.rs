//! The working set: what is not committed yet.
//!
//! A table that is as in the head commit has the entry of that commit, with its id. The id of a changed table is made from
//! its hash in the working set; reading checks in one transaction that it still has that hash.

use std::collections::HashMap;
use std::sync::Arc;

use mysql_common::row::Row;

use super::answer_columns::needed_text;
use super::database::DoltDatabase;
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::listing::list;
use super::live_memory::{FirstSeen, HeadListing, LiveMemory, SeenListing};
use super::rows::RowsContent;
use super::schema_file;
use super::server_database::ServerDatabase;
use super::sql::Revision;
use super::table_hashes::table_hashes;
use crate::content::text::TextContent;
use crate::content::{Content, FileEntry, FileKind};
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::source::dolt::common::ident;
use crate::source::dolt::common::lineage::VIEWS;
use crate::source::dolt::common::listing::{Listing, rows_path};
use crate::source::dolt::common::schema_sql::SCHEMA_FILE;
use crate::source::dolt::common::views::ShownView;

/// The files of the working set as of now.
pub async fn files(view: &DoltDatabase) -> Result<Arc<[FileEntry]>, QueryError> {
    let mut load = view.shared.live.begin().await?;
    let listed = list_working(view, &mut load.value).await;
    load.end(listed)
}

async fn list_working(view: &DoltDatabase, memory: &mut LiveMemory) -> Result<Arc<[FileEntry]>, QueryError> {
    let database = &view.shared;
    let head = view.head().ok_or(Fault::Moved)?;
    // Over any connection, and again over a new one: it is the first query after a pause.
    let working = working_hash(&database.pool.rows(Some(&database.name), WORKING_HASH).await?)?;
    if let Some(seen) = memory.last.as_ref().filter(|seen| seen.working == working && seen.head == head.id) {
        return Ok(Arc::clone(&seen.files));
    }
    let base = match memory.head.as_ref().filter(|base| base.commit == head.id) {
        Some(base) => Arc::clone(base),
        None => Arc::new(load_head(view, &head.id).await?),
    };
    memory.head = Some(Arc::clone(&base));
    let mut lease = database.pool.fresh_lease(Some(&database.name)).await?;
    let working = working_hash(&lease.rows(WORKING_HASH).await?)?;
    let now = WorkingSet::load(&mut lease, database).await?;
    lease.give_back();
    let files: Arc<[FileEntry]> = now.entries(database, &base, &mut memory.first_seen).into();
    memory.last = Some(SeenListing { working, head: Arc::clone(&head.id), files: Arc::clone(&files) });
    Ok(files)
}

const WORKING_HASH: &str = "SELECT dolt_hashof_db('WORKING')";

fn working_hash(rows: &[Row]) -> Result<String, QueryError> {
    let row = rows.first().ok_or_else(|| Fault::Answer("no hash of the working set".to_owned()))?;
    needed_text(row, 0)
}

async fn load_head(view: &DoltDatabase, commit: &Arc<str>) -> Result<HeadListing, QueryError> {
    let database = &view.shared;
    let (files, listing) = view.files_of(commit).await?;
    let files = files.into_iter().map(|file| (Arc::clone(&file.path), file)).collect();
    let mut lease = database.pool.lease(Some(&database.name)).await?;
    let revision = Revision::Commit(Arc::clone(commit));
    let schema = schema_file::write(&mut lease, &database.name, &revision, &listing).await?;
    // The function reads the working set of the current database, which for `db/<hash>` is that commit.
    lease.use_database(&format!("{}/{commit}", database.name)).await?;
    let hashes = hashes(&mut lease, &listing).await?;
    lease.use_database(&database.name).await?;
    lease.give_back();
    Ok(HeadListing { commit: Arc::clone(commit), files, hashes, listing, schema })
}

/// The hash of each table of the listing, and of the table of views where there are any.
async fn hashes(lease: &mut Lease, listing: &Listing) -> Result<HashMap<Arc<str>, String>, QueryError> {
    let views: Option<Arc<str>> = (!listing.stored.is_empty()).then(|| VIEWS.into());
    let names: Vec<_> = listing.tables.iter().cloned().chain(views).collect();
    let hashes = table_hashes(lease, &names).await?;
    Ok(names.into_iter().zip(hashes).collect())
}

/// The working set at one instant.
struct WorkingSet {
    listing: Listing,
    hashes: HashMap<Arc<str>, String>,
    schema: String,
}

impl WorkingSet {
    async fn load(lease: &mut Lease, database: &ServerDatabase) -> Result<Self, QueryError> {
        let listing = list(lease, &database.name, &Revision::Working, &database.exclude).await?;
        let hashes = hashes(lease, &listing).await?;
        let schema = schema_file::write(lease, &database.name, &Revision::Working, &listing).await?;
        Ok(Self { listing, hashes, schema })
    }

    fn entries(
        &self,
        database: &Arc<ServerDatabase>,
        head: &HeadListing,
        first_seen: &mut FirstSeen,
    ) -> Vec<FileEntry> {
        let mut entry = |path: Arc<str>, id: ContentId, content: Content| {
            let changed = first_seen.of(id, &database.clock).into();
            let (kind, access) = (FileKind::Regular, Access::default());
            FileEntry { path, kind, id, changed, links: 1, access, content }
        };
        let mut files = Vec::new();
        for table in &self.listing.tables {
            let path = rows_path(table);
            let committed = head.files.get(&path).filter(|_| self.is_as_in(head, table));
            files.push(match committed {
                Some(file) => file.clone(),
                None => entry(path, self.table_id(database, table), self.table_content(database, table)),
            });
        }
        for view in &self.listing.views.shown {
            let path = rows_path(&view.name);
            let is_same = head.listing.views.shown.contains(view)
                && view.tables.iter().all(|table| self.is_as_in(head, table));
            files.push(match head.files.get(&path).filter(|_| is_same) {
                Some(file) => file.clone(),
                None => entry(path, self.view_id(database, view), self.view_content(database, view)),
            });
        }
        let committed = head.files.get(SCHEMA_FILE).filter(|_| self.schema == head.schema);
        files.push(match committed {
            Some(file) => file.clone(),
            None => {
                let id = ContentId::of(&[
                    b"dolt-live-schema",
                    database.identity.as_bytes(),
                    self.schema.as_bytes(),
                ]);
                entry(SCHEMA_FILE.into(), id, Content::stream(schema_text(database, self.schema.clone())))
            }
        });
        first_seen.shrink(files.len());
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    fn is_as_in(&self, head: &HeadListing, table: &Arc<str>) -> bool {
        self.hashes.get(table).is_some_and(|hash| head.hashes.get(table) == Some(hash))
    }

    fn hash(&self, table: &str) -> &str {
        self.hashes.get(table).map_or("", String::as_str)
    }

    fn table_id(&self, database: &ServerDatabase, table: &str) -> ContentId {
        let hash = self.hash(table);
        ContentId::of(&[b"dolt-live", database.identity.as_bytes(), table.as_bytes(), hash.as_bytes()])
    }

    fn view_id(&self, database: &ServerDatabase, view: &ShownView) -> ContentId {
        let mut parts: Vec<&[u8]> =
            vec![b"dolt-live-view", database.identity.as_bytes(), view.name.as_bytes()];
        parts.extend(view.definitions.iter().map(|definition| definition.as_bytes()));
        for table in &view.tables {
            parts.extend([table.as_bytes(), self.hash(table).as_bytes()]);
        }
        ContentId::of(&parts)
    }

    fn table_content(&self, database: &Arc<ServerDatabase>, table: &Arc<str>) -> Content {
        let content = self.content(database, table, std::slice::from_ref(table), format!("table {table}"));
        Content::stream(RowsContent { is_table: true, working_table: Some(table.to_string()), ..content })
    }

    fn view_content(&self, database: &Arc<ServerDatabase>, view: &ShownView) -> Content {
        let mut tables = view.tables.clone();
        tables.push(VIEWS.into());
        let content = self.content(database, &view.name, &tables, format!("view {}", view.name));
        Content::stream(RowsContent { is_sorted_here: !view.is_ordered, ..content })
    }

    fn content(
        &self,
        database: &Arc<ServerDatabase>,
        name: &str,
        guard: &[Arc<str>],
        what: String,
    ) -> RowsContent {
        let guard = guard.iter().map(|table| (table.to_string(), self.hash(table).to_owned())).collect();
        let place = format!("{}.{}", ident(&database.name), ident(name));
        let what = format!("{what} of {} {}", database.name, Revision::Working.describe());
        RowsContent { guard, ..RowsContent::new(Arc::clone(database), place, what) }
    }
}

/// `schema.sql` of the working set, which names itself by its text.
fn schema_text(database: &ServerDatabase, text: String) -> TextContent {
    let revision = Revision::Working.describe();
    let what = format!("{SCHEMA_FILE} of {} {revision} over {}", database.name, database.label);
    TextContent { text: text.into(), what }
}
