//! Turns content ids into bytes: one load per content, one cache for all pages, one table of lengths.
//!
//! - [`pages`]: what contents are made of in memory.
//! - [`read`]: how a content is opened, and how its missing segments are read or made.
//! - [`delta`]: how one version of a table follows from another, where that is cheaper than reading it.
//! - [`compare`]: where two contents differ.
//! - [`facts`]: what the next mount gets from this one.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, Weak};

use jiff::Timestamp;
use lru::LruCache;

use crate::content::Content;
use crate::content::shared_load::{Route, SharedLoads, SharedResult};
use crate::memory::Budget;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;
use crate::util::tasks::off_the_loop;

mod compare;
mod delta;
mod facts;
mod pages;
mod read;
mod report;

pub use compare::merged::MergedRows;
pub use compare::named::{FilePair, RowSides};
pub use compare::pieces::{ContentStep, Piece, Pieces};
pub use compare::rows::{ComparedRow, ContentPair};
pub use compare::runs::{Differing, Run, differing};
pub use facts::digest::Digest;
pub use facts::index::{FactsIndex, IndexError};
pub use read::Reader;

use facts::PersistentMap;
use facts::index::Facts;
use pages::PageStore;
use read::lists::SegmentLists;
use read::segments::SegmentReader;
use read::tree::TreeReader;
use read::{Missing, blocking};

/// Trees kept open after their last reader: a walk measures a file and reads it right after.
const OPEN_TREES: NonZeroUsize = NonZeroUsize::new(64).expect("it is not 0");

/// Loads, shares and remembers contents.
pub struct Engine {
    pages: Arc<PageStore>,
    lists: Arc<SegmentLists>,
    digests: Arc<Mutex<PersistentMap<Digest>>>,
    digest_loads: SharedLoads<Route, Digest>,
    /// Streamed contents that somebody has open.
    open: Mutex<HashMap<Route, Weak<SegmentReader>>>,
    trees: Arc<Mutex<LruCache<ContentId, Arc<TreeReader>>>>,
    /// When each state of a log was first seen. The times of snapshots do not say when a branch or a tag was moved.
    seen: Mutex<PersistentMap<Timestamp>>,
    index: Option<FactsIndex>,
}

impl Engine {
    /// An engine that holds up to `memory` bytes, for contents in memory and all work on them.
    pub fn new(memory: u64) -> Self {
        let pages = PageStore::new(Budget::new(memory));
        Self {
            lists: SegmentLists::new(&pages),
            pages,
            digests: Arc::default(),
            digest_loads: SharedLoads::default(),
            open: Mutex::default(),
            trees: Arc::new(Mutex::new(LruCache::new(OPEN_TREES))),
            seen: Mutex::default(),
            index: None,
        }
    }

    /// Takes over the facts in `index`. [`Self::save`] adds to it from now on, even if it cannot be read. Blocks.
    pub fn use_index(&mut self, index: FactsIndex) -> Result<(), IndexError> {
        let saved = index.read();
        self.index = Some(index);
        let Facts { lengths, digests, seen } = saved?;
        lock(&self.seen).recall(seen);
        self.pages.lengths.recall(lengths);
        lock(&self.digests).recall(digests);
        Ok(())
    }

    /// The budget of everything that holds bytes of contents.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        self.pages.cache.budget()
    }

    /// When a state without a known time was first seen, by this mount or, with an index, by an earlier one: `now` if it
    /// never was.
    pub fn first_seen(&self, state: ContentId, now: Timestamp) -> Timestamp {
        let mut seen = lock(&self.seen);
        seen.get(state).unwrap_or_else(|| {
            // To the microsecond, as it is saved.
            let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
            seen.keep(state, now, |_| true);
            now
        })
    }

    /// Adds the facts that are not saved yet to the index, where there is one. After a failure the next call tries again.
    /// Blocks.
    pub fn save(&self) -> Result<(), IndexError> {
        let Some(index) = &self.index else { return Ok(()) };
        let facts = Facts {
            lengths: self.pages.lengths.drain_dirty(),
            digests: lock(&self.digests).drain_dirty(),
            seen: lock(&self.seen).drain_dirty(),
        };
        let saved = index.add(&facts);
        if saved.is_err() {
            self.pages.lengths.return_dirty(facts.lengths);
            lock(&self.digests).return_dirty(facts.digests);
            lock(&self.seen).return_dirty(facts.seen);
        }
        saved
    }

    /// The exact length of a content in bytes, if it is known without reading.
    pub fn known_len(&self, id: ContentId, content: &Content) -> Option<u64> {
        content.stated_len().or_else(|| self.pages.lengths.get(id))
    }

    /// The exact length of a content in bytes. If the source does not state it, the unknown parts of the content are read
    /// once; then the length is known for as long as the engine lives.
    pub async fn len(&self, id: ContentId, content: &Content) -> SharedResult<u64> {
        if let Some(len) = self.known_len(id, content) {
            return Ok(len);
        }
        if self.tree(id, content).await?.is_some() {
            return Ok(self.pages.lengths.get(id).expect("a tree is measured when it is opened"));
        }
        let follows = delta::lengths::len(&self.lists, id, content).await;
        match follows.inspect_err(|error| report::cannot_read(&**content, error))? {
            Some(len) => Ok(len),
            None => Ok(self.lists.get(id, content).await?.len()),
        }
    }

    /// Opens a content for reading. No bytes of a content are handed out before they have passed the checks of its
    /// source.
    pub async fn open(&self, id: ContentId, content: &Content) -> SharedResult<Reader> {
        let missing = match self.tree(id, content).await? {
            Some(tree) => Missing::ByNode(tree),
            None => Missing::ByStream(self.segments(id, content).await?),
        };
        Ok(Reader { content: content.clone(), missing })
    }

    /// The segments of a streamed content, shared by all who have it open.
    async fn segments(&self, id: ContentId, content: &Content) -> SharedResult<Arc<SegmentReader>> {
        let route = Route::to(id, &**content);
        if let Some(open) = lock(&self.open).get(&route).and_then(Weak::upgrade) {
            return Ok(open);
        }
        let list = self.lists.get(id, content).await?;
        self.lists.note_opened(content);
        let mut all = lock(&self.open);
        if let Some(open) = all.get(&route).and_then(Weak::upgrade) {
            return Ok(open);
        }
        all.retain(|_, open| open.strong_count() > 0);
        let open = Arc::new(SegmentReader::new(id, content, list, &self.pages.cache));
        all.insert(route, Arc::downgrade(&open));
        Ok(open)
    }

    /// Opens a content as a tree and measures it; `None` if it is not a tree.
    async fn tree(&self, id: ContentId, content: &Content) -> SharedResult<Option<Arc<TreeReader>>> {
        if content.tree().is_none() {
            return Ok(None);
        }
        if let Some(open) = lock(&self.trees).get(&id) {
            return Ok(Some(Arc::clone(open)));
        }
        let (of, pages, trees) = (content.clone(), Arc::clone(&self.pages), Arc::clone(&self.trees));
        let open = move || {
            let Some(tree) = TreeReader::open(&of, &pages).transpose()? else { return Ok(None) };
            if !pages.lengths.is_checked(id) {
                let len = tree.measure().inspect_err(|error| report::cannot_read(&*of, error))?;
                pages.lengths.remember(id, len, &*of)?;
            }
            let tree = Arc::new(tree);
            lock(&trees).put(id, Arc::clone(&tree));
            Ok(Some(tree))
        };
        blocking(content, open).await
    }

    /// Length, hash and number of rows of a content. Reads all of it the first time. After that, this engine knows them
    /// for as long as it lives, and the next engine too if the content is immutable by its id.
    pub async fn digest(&self, id: ContentId, content: &Content) -> SharedResult<Digest> {
        let (len, known) = (self.pages.lengths.get(id), lock(&self.digests).get(id));
        // A digest that does not fit the known length does not count.
        if let Some(known) = known.filter(|known| len.is_none_or(|len| len == known.len)) {
            return Ok(known);
        }
        // Hashing takes a while and must not block the loop that takes requests.
        off_the_loop().await;
        let reader = self.open(id, content).await?;
        let (digests, is_immutable_by_id) = (Arc::clone(&self.digests), content.is_immutable_by_id());
        let make = async move {
            let digest = Digest::of(&reader).await?;
            lock(&digests).keep(id, digest, |before| before != Some(digest) && is_immutable_by_id);
            Ok(digest)
        };
        self.digest_loads.join(Route::to(id, &**content), make).await
    }
}
