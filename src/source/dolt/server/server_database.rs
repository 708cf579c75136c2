//! One database of a server: what all its views share.

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

/// How many listings are kept. Each version of the schema has one; a table with an AUTO_INCREMENT column makes one with
/// every new row.
const LISTINGS: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");

/// How many definitions are kept. A table with an AUTO_INCREMENT column makes one with every new row.
const DEFINITIONS: NonZeroUsize = NonZeroUsize::new(16 * 1024).expect("16,384 is not zero");
/// How many different ones are kept.
const DIFFERENT_DEFINITIONS: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");

/// By table and the commit that made the definition; `None` where there is no such table.
type Definitions = LruCache<(Arc<str>, Arc<str>), Option<Arc<TableDefinition>>>;
/// By table and statement.
type ByStatement = LruCache<(Arc<str>, String), Arc<TableDefinition>>;

type Listings = LruCache<Arc<str>, Arc<SharedLoad<Option<Arc<Listing>>>>>;

pub struct ServerDatabase {
    pub pool: Arc<Pool>,
    pub label: Arc<str>,
    pub name: String,
    /// What its content ids are made from: its name, so that a store, a server and the next mount share facts. Where
    /// somebody on the network could forge the server's answers, also the server: they could claim the commits of another
    /// source.
    pub identity: String,
    /// Patterns of tables to leave out.
    pub exclude: GlobSet,
    pub clock: WallClock,
    /// Which commit changed which table. Not locked during queries.
    pub lineage: Mutex<Lineage>,
    /// The load that adds to the lineage.
    pub lineage_loads: SharedLoad<()>,
    /// What is remembered of the working set.
    pub live: SharedLoad<LiveMemory>,
    listings: Mutex<Listings>,
    definitions: Mutex<Definitions>,
    by_statement: Mutex<ByStatement>,
}

impl ServerDatabase {
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

    /// The tables and views at a commit, loaded once. Call it with the commit that last changed a definition, so that all
    /// commits of one schema share a listing.
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

    /// How a table is defined at a commit, loaded once; `None` where there is no such table. Call it with the commit that
    /// made the definition, so that all versions share it.
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

    /// What [`Self::definition`] returns without a query; `None` where it needs one.
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
