//! What all views of one database share: connections, lineage, listings, the working set's memory.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use globset::GlobSet;
use lru::LruCache;

use super::definitions::{self, TableDefinition};
use super::fault::QueryError;
use super::listing::list;
use super::live_memory::LiveMemory;
use super::pool::Pool;
use super::shared_load::SharedLoad;
use super::sql::Revision;
use crate::source::dolt::common::lineage::Lineage;
use crate::source::dolt::common::listing::Listing;
use crate::util::clock::WallClock;
use crate::util::locks::lock;

/// How many listings are kept. A database has as many as its schema had versions, which is few; but where a table
/// has an AUTO_INCREMENT column, every new row makes one.
const LISTINGS: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");

/// How many definitions are kept: those of some tables and their versions. Where a table has an AUTO_INCREMENT
/// column, every new row makes one, too.
const DEFINITIONS: NonZeroUsize = NonZeroUsize::new(16 * 1024).expect("16,384 is not zero");
/// How many different ones are kept.
const DIFFERENT_DEFINITIONS: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");

/// By table and the commit that made the definition; none where there is no such table.
type Definitions = LruCache<(Arc<str>, Arc<str>), Option<Arc<TableDefinition>>>;
/// By table and statement.
type ByStatement = LruCache<(Arc<str>, String), Arc<TableDefinition>>;

type Listings = LruCache<Arc<str>, Arc<SharedLoad<Option<Arc<Listing>>>>>;

/// One database of one server.
pub struct ServerDatabase {
    /// The server's connections.
    pub pool: Arc<Pool>,
    /// The source's label.
    pub label: Arc<str>,
    /// The database's name on the server.
    pub name: String,
    /// What its contents are known by: its name, so that a store, a server and the next mount share what they found out.
    /// What a server says that anybody on the way may have said is known by the server as well: it could claim the commits
    /// of another source.
    pub identity: String,
    /// Patterns of tables to leave out.
    pub exclude: GlobSet,
    /// What time it is.
    pub clock: WallClock,
    /// Which commit changed which table. Never locked while the server is asked.
    pub lineage: Mutex<Lineage>,
    /// Whose turn it is to add to the lineage.
    pub lineage_loads: SharedLoad<()>,
    /// What was seen of the working set.
    pub live: SharedLoad<LiveMemory>,
    listings: Mutex<Listings>,
    definitions: Mutex<Definitions>,
    by_statement: Mutex<ByStatement>,
}

impl ServerDatabase {
    /// A store that knows nothing yet.
    pub fn new(pool: Arc<Pool>, label: Arc<str>, name: String, exclude: GlobSet, clock: WallClock) -> Self {
        let identity = match pool.is_believed() {
            true => name.clone(),
            false => format!("{label}\n{name}"),
        };
        Self {
            pool,
            label,
            name,
            identity,
            exclude,
            clock,
            lineage: Mutex::default(),
            lineage_loads: SharedLoad::default(),
            live: SharedLoad::default(),
            listings: Mutex::new(LruCache::new(LISTINGS)),
            definitions: Mutex::new(LruCache::new(DEFINITIONS)),
            by_statement: Mutex::new(LruCache::new(DIFFERENT_DEFINITIONS)),
        }
    }

    /// The tables and views at a commit, asked for once; name the commit that last changed any definition, so that
    /// all commits of one schema share a listing.
    ///
    /// # Errors
    /// What the server or the connection said.
    pub async fn listing(&self, commit: &Arc<str>) -> Result<Arc<Listing>, QueryError> {
        let loads = Arc::clone(lock(&self.listings).get_or_insert(Arc::clone(commit), Arc::default));
        let mut load = loads.begin().await?;
        if let Some(listing) = &*load.value {
            return Ok(Arc::clone(listing));
        }
        let loaded = self.load_listing(commit).await;
        *load.value = loaded.as_ref().ok().cloned();
        load.end(loaded)
    }

    async fn load_listing(&self, commit: &Arc<str>) -> Result<Arc<Listing>, QueryError> {
        let mut lease = self.pool.lease(Some(&self.name)).await?;
        let revision = Revision::Commit(Arc::clone(commit));
        let listing = list(&mut lease, &self.name, &revision, &self.exclude).await?;
        lease.give_back();
        Ok(Arc::new(listing))
    }

    /// How a table is defined at a commit, asked for once; none where it is not there. Name the commit that made the
    /// definition, so that all versions with it share it.
    ///
    /// # Errors
    /// What the server or the connection said.
    pub async fn definition(
        &self,
        table: &Arc<str>,
        commit: &Arc<str>,
    ) -> Result<Option<Arc<TableDefinition>>, QueryError> {
        if let Some(definition) = self.known_definition(table, commit) {
            return Ok(definition);
        }
        let definition = self.load_definition(table, commit).await?;
        lock(&self.definitions).put((Arc::clone(table), Arc::clone(commit)), definition.clone());
        Ok(definition)
    }

    /// What [`Self::definition`] gives without asking the server; none where it would have to.
    pub fn known_definition(
        &self,
        table: &Arc<str>,
        commit: &Arc<str>,
    ) -> Option<Option<Arc<TableDefinition>>> {
        lock(&self.definitions).get(&(Arc::clone(table), Arc::clone(commit))).cloned()
    }

    async fn load_definition(
        &self,
        table: &Arc<str>,
        commit: &Arc<str>,
    ) -> Result<Option<Arc<TableDefinition>>, QueryError> {
        let mut lease = self.pool.lease(Some(&self.name)).await?;
        let revision = Revision::Commit(Arc::clone(commit));
        let statement = definitions::statement(&mut lease, &self.name, table, &revision).await?;
        let Some(statement) = statement else {
            lease.give_back();
            return Ok(None);
        };
        let key = (Arc::clone(table), statement);
        let known = lock(&self.by_statement).get(&key).cloned();
        let definition = match known {
            Some(definition) => definition,
            None => {
                let (label, database) = (&self.label, &self.name);
                let loaded = definitions::load(&mut lease, label, database, table, &revision, &key.1).await?;
                let definition = Arc::new(loaded);
                lock(&self.by_statement).put(key, Arc::clone(&definition));
                definition
            }
        };
        lease.give_back();
        Ok(Some(definition))
    }
}
