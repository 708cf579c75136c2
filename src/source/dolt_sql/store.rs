//! What all views of one database share: connections, lineage, listings, the working set's memory.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use globset::GlobSet;
use lru::LruCache;

use super::fault::QueryError;
use super::live::LiveMemory;
use super::lock;
use super::pool::Pool;
use super::sql::Revision;
use super::tables::list;
use super::turns::Turns;
use crate::source::dolt::lineage::Lineage;
use crate::source::dolt::listing::Listing;

/// How many listings are kept. A database has as many as its schema had versions, which is few; but where a table
/// has an AUTO_INCREMENT column, every new row makes one.
const LISTINGS: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");

type Listings = LruCache<Arc<str>, Arc<Turns<Option<Arc<Listing>>>>>;

/// One database of one server.
pub struct Store {
    /// The server's connections.
    pub pool: Arc<Pool>,
    /// The source's label.
    pub label: Arc<str>,
    /// The database's name on the server.
    pub database: String,
    /// Patterns of tables to leave out.
    pub exclude: GlobSet,
    /// Which commit changed which table. Never locked while the server is asked.
    pub lineage: Mutex<Lineage>,
    /// Whose turn it is to add to the lineage.
    pub lineage_loads: Turns<()>,
    /// What was seen of the working set.
    pub live: Turns<LiveMemory>,
    listings: Mutex<Listings>,
}

impl Store {
    /// A store that knows nothing yet.
    pub fn new(pool: Arc<Pool>, label: Arc<str>, database: String, exclude: GlobSet) -> Self {
        Self {
            pool,
            label,
            database,
            exclude,
            lineage: Mutex::default(),
            lineage_loads: Turns::default(),
            live: Turns::default(),
            listings: Mutex::new(LruCache::new(LISTINGS)),
        }
    }

    /// The tables and views at a commit, asked for once; name the commit that last changed any definition, so that
    /// all commits of one schema share a listing.
    ///
    /// # Errors
    /// What the server or the connection said.
    pub async fn listing(&self, commit: &Arc<str>) -> Result<Arc<Listing>, QueryError> {
        let loads = Arc::clone(lock(&self.listings).get_or_insert(Arc::clone(commit), Arc::default));
        let mut turn = loads.take().await?;
        if let Some(listing) = &*turn.value {
            return Ok(Arc::clone(listing));
        }
        let loaded = self.load_listing(commit).await;
        *turn.value = loaded.as_ref().ok().cloned();
        turn.end(loaded)
    }

    async fn load_listing(&self, commit: &Arc<str>) -> Result<Arc<Listing>, QueryError> {
        let mut lease = self.pool.lease(Some(&self.database)).await?;
        let revision = Revision::Commit(Arc::clone(commit));
        let listing = list(&mut lease, &self.database, &revision, &self.exclude).await?;
        lease.give_back();
        Ok(Arc::new(listing))
    }
}
