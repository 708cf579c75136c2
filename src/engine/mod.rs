//! Turns content identities into bytes: one flight per content, an LRU by bytes, lengths kept for good.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use jiff::Timestamp;
use lru::LruCache;

use crate::content::blocking::broken_off;
use crate::content::{Content, SourceError};
use crate::memory::Budget;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;
use crate::util::tasks::in_place;

mod branch;
mod cache;
mod changed_rows;
mod differing;
mod digest;
mod disk;
mod flight;
mod held;
mod index;
mod kin;
mod learned;
mod lengths;
mod listings;
mod load;
mod measure;
mod part_flights;
mod part_lengths;
mod patch;
mod reading;
mod recall;
mod report;
mod seen;
mod segmenter;
mod steps;
mod tree;
mod version;
mod versions;

pub use changed_rows::{ContentPair, Side};
pub use differing::{Differing, Run, differing};
pub use digest::Digest;
pub use disk::{SMALLEST as SMALLEST_DISK_CACHE, SegmentStore};
pub use index::{Index, IndexError};
pub use listings::Listings;

use cache::Cache;
use digest::Digests;
use flight::Way;
use held::Held;
use index::Facts;
use lengths::Lengths;
use seen::FirstSeen;
use tree::{PartMemory, Tree};
use versions::Versions;

/// Trees kept open after their last reader: a walk measures a file and reads it right after.
const OPEN_TREES: NonZeroUsize = NonZeroUsize::new(64).expect("it is not 0");

/// What looks into our own cache folder are counted as, where threads are counted by source.
const CACHE_FOLDER: &str = "the cache folder";

/// Loads, shares and remembers contents.
pub struct Engine {
    cache: Arc<Cache>,
    lengths: Arc<Lengths>,
    versions: Arc<Versions>,
    digests: Digests,
    /// Contents that somebody has open.
    open: Mutex<HashMap<Way, Weak<Held>>>,
    parts: Arc<PartMemory>,
    trees: Arc<Mutex<LruCache<ContentId, Arc<Tree>>>>,
    seen: FirstSeen,
    index: Option<Index>,
}

/// An open content: its bytes stay readable while this lives.
#[derive(Clone)]
pub enum Reader {
    /// Made of segments that came from end to end.
    Held(Arc<Held>),
    /// Put together from the parts of a tree.
    InParts(Arc<Tree>),
}

impl Engine {
    /// An engine that holds up to `memory` bytes, for contents in memory and all work on them.
    pub fn new(memory: u64) -> Self {
        let (cache, lengths) = (Cache::new(Budget::new(memory)), Arc::<Lengths>::default());
        Self {
            parts: Arc::new(PartMemory::new(Arc::clone(&cache))),
            versions: Versions::new(Arc::clone(&cache), Arc::clone(&lengths)),
            cache,
            lengths,
            digests: Digests::new(),
            open: Mutex::default(),
            trees: Arc::new(Mutex::new(LruCache::new(OPEN_TREES))),
            seen: FirstSeen::default(),
            index: None,
        }
    }

    /// Takes over what is in `index`, and from now on adds to it whenever [`Self::save`] is called. Blocks.
    ///
    /// # Errors
    /// [`IndexError`] where it cannot be read; what is learned is added all the same.
    pub fn use_index(&mut self, index: Index) -> Result<(), IndexError> {
        let found = index.read();
        self.index = Some(index);
        let Facts { lengths, digests, seen } = found?;
        self.seen.recall(seen);
        self.lengths.recall(lengths);
        lock(&self.digests.table).recall(digests);
        Ok(())
    }

    /// What everything that holds bytes of contents draws on.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        self.cache.budget()
    }

    /// Keeps segments in `store` too from now on, and looks there before it makes them.
    pub fn use_segments(&self, store: SegmentStore) {
        self.cache.use_disk(store);
    }

    /// Waits until the segments that were made are on disk, where they are kept, or for some seconds. Blocks.
    pub fn flush_segments(&self) {
        if let Some(disk) = self.cache.disk() {
            disk.flush();
        }
    }

    /// When a state that no time is known of was first seen, by this mount or, with an index, by an earlier one:
    /// `now` if it never was.
    pub fn first_seen(&self, state: ContentId, now: Timestamp) -> Timestamp {
        self.seen.at(state, now)
    }

    /// Puts what was learned since the last time on disk, where there is an index. Blocks.
    ///
    /// # Errors
    /// [`IndexError`] where it cannot be written; the next call tries again.
    pub fn save(&self) -> Result<(), IndexError> {
        let Some(index) = &self.index else { return Ok(()) };
        let (lengths, digests) = (self.lengths.take_news(), lock(&self.digests.table).take_news());
        let news = Facts { lengths, digests, seen: lock(&self.seen.table).take_news() };
        let added = index.add(&news);
        if added.is_err() {
            self.lengths.return_news(news.lengths);
            lock(&self.digests.table).return_news(news.digests);
            lock(&self.seen.table).return_news(news.seen);
        }
        added
    }

    /// The exact length of a content in bytes, where nothing has to be read for it.
    pub fn known_len(&self, id: ContentId, content: &Content) -> Option<u64> {
        content.stated_len().or_else(|| self.lengths.get(id))
    }

    /// The exact length of a content in bytes. Where the source does not state it, this reads what of the
    /// content is not known yet once; after that it is known for as long as the engine lives.
    ///
    /// # Errors
    /// What the source says when the content cannot be read.
    pub async fn len(&self, id: ContentId, content: &Content) -> Result<u64, Arc<SourceError>> {
        if let Some(len) = self.known_len(id, content) {
            return Ok(len);
        }
        if self.tree(id, content).await?.is_some() {
            return Ok(self.lengths.get(id).expect("whoever opens a tree measures it"));
        }
        let told = measure::len(&self.versions, id, content).await;
        match told.inspect_err(|error| report::cannot_read(&**content, error))? {
            Some(len) => Ok(len),
            None => Ok(self.versions.get(id, content).await?.len()),
        }
    }

    /// Opens a content for reading. Nothing is handed out of one that did not pass its source's checks.
    ///
    /// # Errors
    /// What the source says when the content cannot be read or does not pass its checks.
    pub async fn open(&self, id: ContentId, content: &Content) -> Result<Reader, Arc<SourceError>> {
        if let Some(tree) = self.tree(id, content).await? {
            return Ok(Reader::InParts(tree));
        }
        let way = Way::to(id, &**content);
        if let Some(held) = lock(&self.open).get(&way).and_then(Weak::upgrade) {
            return Ok(Reader::Held(held));
        }
        let version = self.versions.get(id, content).await?;
        let mut open = lock(&self.open);
        if let Some(held) = open.get(&way).and_then(Weak::upgrade) {
            return Ok(Reader::Held(held));
        }
        open.retain(|_, held| held.strong_count() > 0);
        let held = Arc::new(Held::new(id, content.clone(), version, Arc::clone(&self.cache)));
        open.insert(way, Arc::downgrade(&held));
        Ok(Reader::Held(held))
    }

    /// The tree of a content that is in parts, measured.
    async fn tree(&self, id: ContentId, content: &Content) -> Result<Option<Arc<Tree>>, Arc<SourceError>> {
        if content.tree().is_none() {
            return Ok(None);
        }
        if let Some(open) = lock(&self.trees).get(&id) {
            return Ok(Some(Arc::clone(open)));
        }
        let (content, parts) = (content.clone(), Arc::clone(&self.parts));
        let (lengths, trees) = (Arc::clone(&self.lengths), Arc::clone(&self.trees));
        let described = content.clone();
        let open = move || {
            let Some(tree) = Tree::open(&content, &parts).transpose()? else { return Ok(None) };
            if !lengths.is_checked(id) {
                lengths.remember(id, tree.measure()?, &*content)?;
            }
            let tree = Arc::new(tree);
            lock(&trees).put(id, Arc::clone(&tree));
            Ok(Some(tree))
        };
        blocking(&described, open).await
    }
}

impl Reader {
    /// Up to `size` bytes from `offset`: shorter only at the end of the content, empty past it.
    ///
    /// # Errors
    /// What the source says when the content can no longer be read.
    pub async fn read(&self, offset: u64, size: usize) -> Result<Bytes, Arc<SourceError>> {
        match self {
            Self::Held(held) => held.read(offset, size).await,
            Self::InParts(tree) => {
                if let Some(bytes) = tree.read_held(offset, size) {
                    return Ok(bytes);
                }
                let reading = Arc::clone(tree);
                blocking(tree.content(), move || reading.read(offset, size)).await
            }
        }
    }
}

/// Does something that blocks, for a content in parts its source's work, for others that of our own cache folder.
async fn blocking<T: Send + 'static>(
    content: &Content,
    work: impl FnOnce() -> Result<T, Arc<SourceError>> + Send + 'static,
) -> Result<T, Arc<SourceError>> {
    let source = content.tree().map_or(CACHE_FOLDER, |parts| parts.source());
    in_place(source, work, |why| Arc::new(broken_off(&content.describe(), why))).await
}
