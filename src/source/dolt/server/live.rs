//! The working set: what is not committed yet.
//!
//! A table that is as in the head commit has that commit's entry, and with it its identity. Another one is
//! named by its hash in the working set, and reading it checks, in one transaction, that it still has that
//! hash.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use lru::LruCache;
use mysql_common::row::Row;

use super::cells::{needed_text, text};
use super::database::{DoltDatabase, SCHEMA_FILE, rows_path};
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::rows::RowsContent;
use super::schema_sql;
use super::sql::{Revision, literal};
use super::store::Store;
use super::tables::list;
use crate::content::text::TextContent;
use crate::content::{Content, FileEntry, FileKind};
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::source::dolt::common::identifier::ident;
use crate::source::dolt::common::lineage::VIEWS;
use crate::source::dolt::common::listing::Listing;
use crate::source::dolt::common::views::ShownView;
use crate::util::clock::WallClock;

/// Tables per query for hashes.
const HASHES_PER_QUERY: usize = 200;

/// How many changed contents are remembered beyond those of the last listing: some 100 bytes each.
const REMEMBERED: usize = 10_000;

/// What was seen of a working set: asking again while nothing changed is one small query.
#[derive(Default)]
pub struct LiveMemory {
    last: Option<Seen>,
    head: Option<Arc<Head>>,
    first_seen: FirstSeen,
}

/// When a changed content was first seen: also one that went and may come back, and then is as old as before.
struct FirstSeen(LruCache<ContentId, Timestamp>);

impl Default for FirstSeen {
    fn default() -> Self {
        Self(LruCache::unbounded())
    }
}

impl FirstSeen {
    /// The clock's time where it is seen for the first time; the server keeps none for what is not committed.
    fn of(&mut self, id: ContentId, clock: &WallClock) -> Timestamp {
        *self.0.get_or_insert(id, || clock.now())
    }

    /// Forgets what was not seen for the longest time; nothing of the last listing, of so many entries.
    fn shrink(&mut self, listed: usize) {
        while self.0.len() > REMEMBERED.max(listed) {
            self.0.pop_lru();
        }
    }
}

struct Seen {
    working: String,
    head: Arc<str>,
    files: Arc<[FileEntry]>,
}

/// The head commit, for telling what the working set changed.
struct Head {
    commit: Arc<str>,
    files: HashMap<Arc<str>, FileEntry>,
    hashes: HashMap<Arc<str>, String>,
    listing: Arc<Listing>,
    schema: String,
}

/// The files of the working set as of now.
///
/// # Errors
/// What the server or the connection said.
pub async fn files(database: &DoltDatabase) -> Result<Arc<[FileEntry]>, QueryError> {
    let mut turn = database.store().live.take().await?;
    let listed = list_working(database, &mut turn.value).await;
    turn.end(listed)
}

async fn list_working(
    database: &DoltDatabase,
    memory: &mut LiveMemory,
) -> Result<Arc<[FileEntry]>, QueryError> {
    let store = database.store();
    let head = database.head().ok_or(Fault::Moved)?;
    // From any connection, and tried again on a fresh one: this is the query after a pause.
    let working = working_hash(&store.pool.rows(Some(&store.database), WORKING_HASH).await?)?;
    if let Some(seen) = memory.last.as_ref().filter(|seen| seen.working == working && seen.head == head.id) {
        return Ok(Arc::clone(&seen.files));
    }
    let base = match memory.head.as_ref().filter(|base| base.commit == head.id) {
        Some(base) => Arc::clone(base),
        None => Arc::new(load_head(database, &head.id).await?),
    };
    memory.head = Some(Arc::clone(&base));
    let mut lease = store.pool.lease(Some(&store.database)).await?;
    lease.execute("START TRANSACTION").await?;
    let working = working_hash(&lease.rows(WORKING_HASH).await?)?;
    let now = Working::load(&mut lease, store).await?;
    lease.execute("ROLLBACK").await?;
    lease.give_back();
    let files: Arc<[FileEntry]> = now.entries(store, &base, &mut memory.first_seen).into();
    memory.last = Some(Seen { working, head: Arc::clone(&head.id), files: Arc::clone(&files) });
    Ok(files)
}

const WORKING_HASH: &str = "SELECT dolt_hashof_db('WORKING')";

fn working_hash(rows: &[Row]) -> Result<String, QueryError> {
    let row = rows.first().ok_or_else(|| Fault::Answer("no hash of the working set".to_owned()))?;
    needed_text(row, 0)
}

async fn load_head(database: &DoltDatabase, commit: &Arc<str>) -> Result<Head, QueryError> {
    let store = database.store();
    let (files, listing) = database.files_of(commit).await?;
    let files = files.into_iter().map(|file| (Arc::clone(&file.path), file)).collect();
    let mut lease = store.pool.lease(Some(&store.database)).await?;
    let revision = Revision::Commit(Arc::clone(commit));
    let schema = schema_sql::write(&mut lease, &store.database, &revision, &listing).await?;
    // The function reads the working set of the current database, which for `db/<hash>` is that commit.
    lease.use_database(&format!("{}/{commit}", store.database)).await?;
    let hashes = hashes(&mut lease, &listing).await?;
    lease.use_database(&store.database).await?;
    lease.give_back();
    Ok(Head { commit: Arc::clone(commit), files, hashes, listing, schema })
}

/// The hash of each table of the listing, and of the table of views where there are any.
async fn hashes(lease: &mut Lease, listing: &Listing) -> Result<HashMap<Arc<str>, String>, QueryError> {
    let views: Option<Arc<str>> = (!listing.stored.is_empty()).then(|| VIEWS.into());
    let names: Vec<_> = listing.tables.iter().cloned().chain(views).collect();
    let mut hashes = HashMap::with_capacity(names.len());
    for names in names.chunks(HASHES_PER_QUERY) {
        let found = table_hashes(lease, names).await?;
        hashes.extend(names.iter().cloned().zip(found));
    }
    Ok(hashes)
}

pub(super) async fn table_hashes<T: AsRef<str>>(
    lease: &mut Lease,
    tables: &[T],
) -> Result<Vec<String>, QueryError> {
    let calls: Vec<_> =
        tables.iter().map(|table| format!("dolt_hashof_table({})", literal(table.as_ref()))).collect();
    let rows = lease.rows(&format!("SELECT {}", calls.join(", "))).await?;
    let row = rows.first().ok_or_else(|| Fault::Answer("no hashes of tables".to_owned()))?;
    (0..tables.len()).map(|column| Ok(text(row, column)?.unwrap_or_default())).collect()
}

/// Checks, inside a transaction, that tables still have the hashes that they were listed with.
///
/// # Errors
/// [`Fault::Moved`] where one has not; what the server or the connection said.
pub async fn check_hashes(lease: &mut Lease, guard: &[(String, String)]) -> Result<(), QueryError> {
    for guard in guard.chunks(HASHES_PER_QUERY) {
        let tables: Vec<_> = guard.iter().map(|(table, _)| table).collect();
        let found = table_hashes(lease, &tables).await?;
        if found.iter().zip(guard).any(|(found, (_, listed))| found != listed) {
            return Err(Fault::Moved.into());
        }
    }
    Ok(())
}

/// The working set at one instant.
struct Working {
    listing: Listing,
    hashes: HashMap<Arc<str>, String>,
    schema: String,
}

impl Working {
    async fn load(lease: &mut Lease, store: &Store) -> Result<Self, QueryError> {
        let listing = list(lease, &store.database, &Revision::Working, &store.exclude).await?;
        let hashes = hashes(lease, &listing).await?;
        let schema = schema_sql::write(lease, &store.database, &Revision::Working, &listing).await?;
        Ok(Self { listing, hashes, schema })
    }

    fn entries(&self, store: &Arc<Store>, head: &Head, first_seen: &mut FirstSeen) -> Vec<FileEntry> {
        let mut entry = |path: Arc<str>, id: ContentId, content: Content| {
            let changed = first_seen.of(id, &store.clock).into();
            let (kind, access) = (FileKind::Regular, Access::default());
            FileEntry { path, kind, id, changed, links: 1, access, content }
        };
        let mut files = Vec::new();
        for table in &self.listing.tables {
            let path = rows_path(table);
            let committed = head.files.get(&path).filter(|_| self.is_as_in(head, table));
            files.push(match committed {
                Some(file) => file.clone(),
                None => entry(path, self.table_id(store, table), self.table_content(store, table)),
            });
        }
        for view in &self.listing.views.shown {
            let path = rows_path(&view.name);
            let is_same = head.listing.views.shown.contains(view)
                && view.tables.iter().all(|table| self.is_as_in(head, table));
            files.push(match head.files.get(&path).filter(|_| is_same) {
                Some(file) => file.clone(),
                None => entry(path, self.view_id(store, view), self.view_content(store, view)),
            });
        }
        let committed = head.files.get(SCHEMA_FILE).filter(|_| self.schema == head.schema);
        files.push(match committed {
            Some(file) => file.clone(),
            None => {
                let id =
                    ContentId::of(&[b"dolt-live-schema", store.identity.as_bytes(), self.schema.as_bytes()]);
                entry(SCHEMA_FILE.into(), id, Content::stream(schema_text(store, self.schema.clone())))
            }
        });
        first_seen.shrink(files.len());
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    fn is_as_in(&self, head: &Head, table: &Arc<str>) -> bool {
        self.hashes.get(table).is_some_and(|hash| head.hashes.get(table) == Some(hash))
    }

    fn hash(&self, table: &str) -> &str {
        self.hashes.get(table).map_or("", String::as_str)
    }

    fn table_id(&self, store: &Store, table: &str) -> ContentId {
        let hash = self.hash(table);
        ContentId::of(&[b"dolt-live", store.identity.as_bytes(), table.as_bytes(), hash.as_bytes()])
    }

    fn view_id(&self, store: &Store, view: &ShownView) -> ContentId {
        let mut parts: Vec<&[u8]> = vec![b"dolt-live-view", store.identity.as_bytes(), view.name.as_bytes()];
        parts.extend(view.definitions.iter().map(|definition| definition.as_bytes()));
        for table in &view.tables {
            parts.extend([table.as_bytes(), self.hash(table).as_bytes()]);
        }
        ContentId::of(&parts)
    }

    fn table_content(&self, store: &Arc<Store>, table: &Arc<str>) -> Content {
        let content = self.content(store, table, std::slice::from_ref(table), format!("table {table}"));
        Content::stream(RowsContent { is_table: true, working_table: Some(table.to_string()), ..content })
    }

    fn view_content(&self, store: &Arc<Store>, view: &ShownView) -> Content {
        let mut tables = view.tables.clone();
        tables.push(VIEWS.into());
        let content = self.content(store, &view.name, &tables, format!("view {}", view.name));
        Content::stream(RowsContent { is_sorted_here: !view.is_ordered, ..content })
    }

    fn content(&self, store: &Arc<Store>, name: &str, guard: &[Arc<str>], what: String) -> RowsContent {
        let guard = guard.iter().map(|table| (table.to_string(), self.hash(table).to_owned())).collect();
        let place = format!("{}.{}", ident(&store.database), ident(name));
        let what = format!("{what} of {} {}", store.database, Revision::Working.describe());
        let store = Arc::clone(store);
        RowsContent { store, place, is_table: false, guard, working_table: None, is_sorted_here: false, what }
    }
}

/// `schema.sql` of the working set, which names itself by its text.
fn schema_text(store: &Store, text: String) -> TextContent {
    let revision = Revision::Working.describe();
    let what = format!("{SCHEMA_FILE} of {} {revision} over {}", store.database, store.label);
    TextContent { text: text.into(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_remembered_within_bounds() {
        let id = |n: usize| ContentId::of(&[&n.to_be_bytes()]);
        let clock = WallClock::from(|| Timestamp::UNIX_EPOCH);
        let mut seen = FirstSeen::default();
        let first = seen.of(id(0), &clock);
        for n in 1..REMEMBERED + 5 {
            seen.of(id(n), &clock);
        }
        assert_eq!(seen.of(id(0), &clock), first);
        seen.shrink(1);
        assert_eq!(seen.0.len(), REMEMBERED);
        assert!(seen.0.contains(&id(0)) && !seen.0.contains(&id(1)), "the longest unseen went first");
        for n in 0..REMEMBERED * 2 {
            seen.of(id(n), &clock);
        }
        seen.shrink(REMEMBERED * 2);
        assert_eq!(seen.0.len(), REMEMBERED * 2, "one listing is never cut");
    }
}
