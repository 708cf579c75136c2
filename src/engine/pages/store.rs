//! What is remembered of the pages of all contents: the cache, the lengths and the loads under way.

use std::sync::Arc;

use bytes::Bytes;

use super::Page;
use super::cache::{Cache, CacheKey, Cached};
use super::lengths::Lengths;
use crate::content::shared_load::SharedLoads;
use crate::content::tree::PageId;
use crate::memory::Budget;

pub(crate) struct PageStore {
    pub cache: Arc<Cache>,
    pub lengths: Lengths,
    /// Pages of trees that are being made.
    pub loads: SharedLoads<PageId, LoadedPage>,
    /// Segments of trees whose bytes are being counted.
    pub counts: SharedLoads<PageId, u64>,
}

/// A page of a tree, in memory.
#[derive(Clone)]
pub(crate) enum LoadedPage {
    Lines(Bytes),
    /// A page above segments.
    Inner(Arc<Page<PageId>>),
}

impl LoadedPage {
    pub fn len(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.len() as u64,
            Self::Inner(page) => page.len(),
        }
    }
}

impl PageStore {
    pub fn new(budget: Arc<Budget>) -> Arc<Self> {
        let lengths = Lengths::new(&budget);
        Arc::new(Self {
            cache: Cache::new(budget),
            lengths,
            loads: SharedLoads::default(),
            counts: SharedLoads::default(),
        })
    }

    /// A page of a tree, where it is in memory.
    pub fn page(&self, id: &PageId) -> Option<LoadedPage> {
        match self.cache.get(&CacheKey::Page(*id)) {
            Some(Cached::Lines(lines)) => Some(LoadedPage::Lines(lines)),
            Some(Cached::Page(page)) => Some(LoadedPage::Inner(page)),
            Some(Cached::List(_) | Cached::Step(_)) | None => None,
        }
    }

    /// Keeps a page of a tree, and its length.
    pub fn keep_page(&self, id: &PageId, page: &LoadedPage) {
        self.lengths.pages.keep(*id, page.len());
        let cached = match page {
            LoadedPage::Lines(lines) => Cached::Lines(lines.clone()),
            LoadedPage::Inner(page) => Cached::Page(Arc::clone(page)),
        };
        self.cache.put(CacheKey::Page(*id), cached);
    }
}
