//! What all views of one database have in common.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use dolt_store::schema::Schema;
use dolt_store::{Address, RowsError, StoreError};
use globset::GlobSet;
use lru::LruCache;

use super::chunk_store::ChunkStore;
use super::error::IntoSourceError;
use super::graph::Graph;
use super::key_order::KeyPlaces;
use super::live_memory::LiveMemory;
use super::lost::FoundCommits;
use super::recent_chunks::RecentChunks;
use super::renderer::RowRenderer;
use crate::content::SourceError;
use crate::source::dolt::common::lineage::Lineage;
use crate::util::clock::WallClock;
use crate::util::locks::lock;

/// Renderers kept ready: one per table and definition of it, of some KiB each.
const READY_RENDERERS: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not 0");

/// By table and schema.
type ReadyRenderers = LruCache<(Arc<str>, Address), Arc<Renderers>>;

/// What renders a table under one schema.
#[derive(Debug)]
pub struct Renderers {
    pub rows: RowRenderer,
    /// The keys of its rows.
    pub key: RowRenderer,
    /// The columns of the key, in the key's order; none for a table without one.
    pub key_columns: Vec<String>,
    /// The places of keys in the order of its rows, where these can be told.
    pub key_places: Option<KeyPlaces>,
}

/// The store of a database and what was learned about it.
pub struct SharedDatabase {
    pub store: ChunkStore,
    /// Parts of long values used last, over all databases of the source.
    pub values: Arc<RecentChunks>,
    pub label: Arc<str>,
    /// The database's own name, as a server over the same folder has it.
    pub database: String,
    /// Tables to leave out: patterns for `table` and for `db/table`.
    pub exclude: GlobSet,
    pub clock: WallClock,
    /// The commits read so far. Locked before `lineage` where both are.
    pub graph: Mutex<Graph>,
    pub found: FoundCommits,
    pub lineage: Mutex<Lineage>,
    pub live: Mutex<LiveMemory>,
    renderers: Mutex<ReadyRenderers>,
}

impl SharedDatabase {
    pub fn new(
        store: ChunkStore,
        values: Arc<RecentChunks>,
        label: Arc<str>,
        database: String,
        exclude: GlobSet,
        clock: WallClock,
    ) -> Self {
        Self {
            store,
            values,
            label,
            database,
            exclude,
            clock,
            graph: Mutex::default(),
            found: FoundCommits::default(),
            lineage: Mutex::default(),
            live: Mutex::default(),
            renderers: Mutex::new(LruCache::new(READY_RENDERERS)),
        }
    }

    /// Whether a table is left out by a pattern.
    pub fn is_excluded(&self, table: &str) -> bool {
        self.exclude.is_match(table) || self.exclude.is_match(format!("{}/{table}", self.database))
    }

    /// What renders the rows of a table under a schema.
    pub fn renderers(&self, table: &Arc<str>, schema: &Address) -> Result<Arc<Renderers>, ReadError> {
        let place = (Arc::clone(table), *schema);
        if let Some(renderers) = lock(&self.renderers).get(&place) {
            return Ok(Arc::clone(renderers));
        }
        let schema = self.schema(table, schema)?;
        let (rows, key) = (RowRenderer::new(&schema)?, RowRenderer::of_key(&schema)?);
        let key_columns =
            if schema.is_keyless { Vec::new() } else { key.columns().map(str::to_owned).collect() };
        let key_places = KeyPlaces::of(&schema)?;
        let renderers = Arc::new(Renderers { rows, key, key_columns, key_places });
        lock(&self.renderers).put(place, Arc::clone(&renderers));
        Ok(renderers)
    }

    pub fn schema(&self, table: &str, schema: &Address) -> Result<Schema, ReadError> {
        Ok(Schema::load(&self.store, table, schema)?)
    }
}

/// A failure to read a table: in the store, or in what it holds.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error("a leaf in chunk {leaf}")]
    Leaf {
        leaf: Address,
        /// What is wrong.
        source: RowsError,
    },
}

impl ReadError {
    /// The error of a source, with its label and the operation that failed.
    pub fn during(self, label: &str, operation: impl Into<String>) -> SourceError {
        match self {
            Self::Store(error) => error.during(label, operation),
            Self::Rows(error) => error.during(label, operation),
            Self::Leaf { leaf, source } => {
                source.during(label, format!("{}, chunk {leaf}", operation.into()))
            }
        }
    }
}
