//! The segment lists of streamed contents: from memory, from another version of the same table, or by reading the
//! content.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use lru::LruCache;

use super::source_read::SourceRead;
use crate::content::shared_load::{Route, SharedLoads, SharedResult};
use crate::content::versioned::{Family, Versioned};
use crate::content::{Content, SourceError};
use crate::engine::delta::by_changes;
use crate::engine::delta::family::{KnownFamily, family_of};
use crate::engine::pages::builder::ListBuilder;
use crate::engine::pages::cache::{CacheKey, Cached};
use crate::engine::pages::segmenter::Segmenter;
use crate::engine::pages::{PageStore, SegmentList};
use crate::engine::report::cannot_read;
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::KeyOrder;
use crate::util::locks::lock;

/// How many families are remembered. Each takes some KiB.
const FAMILIES: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not 0");

pub(crate) struct SegmentLists {
    pub pages: Arc<PageStore>,
    /// What is known of the versions of each table, for the tables that were used last.
    families: Mutex<LruCache<ContentId, Arc<KnownFamily>>>,
    loads: SharedLoads<Route, Arc<SegmentList>>,
}

impl SegmentLists {
    pub fn new(pages: &Arc<PageStore>) -> Arc<Self> {
        let (loads, families) = (SharedLoads::default(), Mutex::new(LruCache::new(FAMILIES)));
        Arc::new(Self { pages: Arc::clone(pages), families, loads })
    }

    pub fn family(&self, id: ContentId) -> Arc<KnownFamily> {
        Arc::clone(lock(&self.families).get_or_insert(id, Arc::default))
    }

    /// The segment list of a content: from the cache, or by one load for all who ask.
    pub async fn get(self: &Arc<Self>, id: ContentId, content: &Content) -> SharedResult<Arc<SegmentList>> {
        if let Some(list) = self.pages.cache.list(id) {
            return Ok(list);
        }
        let route = Route::to(id, &**content);
        let (lists, content) = (Arc::clone(self), content.clone());
        let load = async move {
            // A load that ended after the check above has left its result in the cache.
            match lists.pages.cache.list(id) {
                Some(list) => Ok(list),
                None => lists.load(id, &content).await.map_err(Arc::new),
            }
        };
        self.loads.join(route, load).await
    }

    async fn load(&self, id: ContentId, content: &Content) -> Result<Arc<SegmentList>, SourceError> {
        let Some((versioned, family)) = family_of(content).await else {
            let list = self.read(content, None).await?;
            return self.settle(id, content, list);
        };
        let known = self.family(family.id);
        let is_local = content.received().is_none();
        let made = by_changes::list(versioned, id, is_local, &family, &known, &self.pages.cache).await;
        // Only a full read may contradict a length that is known.
        let is_as_known = |made: &SegmentList| self.pages.lengths.get(id).is_none_or(|len| len == made.len());
        match made.filter(is_as_known) {
            Some(list) => {
                known.note(id, content);
                self.settle(id, content, list)
            }
            None => self.read_version(id, content, &family, &known).await,
        }
    }

    /// Notes that a content is read, if it is known to be a version of a table. Asks the source nothing.
    pub fn note_opened(&self, content: &Content) {
        if let Some(family) = content.versioned().and_then(Versioned::known_family) {
            self.family(family.id).note_opened();
        }
    }

    /// Reads a version of a table as a whole, without a delta from one in memory.
    pub async fn read_version(
        &self,
        id: ContentId,
        content: &Content,
        family: &Family,
        known: &KnownFamily,
    ) -> Result<Arc<SegmentList>, SourceError> {
        let list = self.read(content, family.order.as_ref()).await?;
        known.note_whole(list.is_ordered());
        known.note(id, content);
        self.settle(id, content, list)
    }

    /// Reads a content from end to end. `order` is the order in which its lines are expected.
    async fn read(&self, content: &Content, order: Option<&KeyOrder>) -> Result<SegmentList, SourceError> {
        let (source, cache) = (content.clone(), &*self.pages.cache);
        let mut reading = SourceRead::start(cache.budget(), |sink| async move { source.read(sink).await });
        let (mut segmenter, mut list) = (Segmenter::default(), ListBuilder::new(order, cache));
        while let Some(piece) = reading.next().await {
            segmenter.push(&piece, |segment| list.push(segment));
        }
        reading.verdict(&**content).await.inspect_err(|error| cannot_read(&**content, error))?;
        segmenter.finish(|segment| list.push(segment));
        Ok(list.into_list())
    }

    /// Keeps a list that was read or made, if its length is the known one.
    fn settle(
        &self,
        id: ContentId,
        content: &Content,
        list: SegmentList,
    ) -> Result<Arc<SegmentList>, SourceError> {
        self.pages.lengths.remember(id, list.len(), &**content)?;
        let list = Arc::new(list);
        self.pages.cache.put(CacheKey::List(id), Cached::List(Arc::clone(&list)));
        Ok(list)
    }
}
