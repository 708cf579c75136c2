//! Measures and reads a content that its source keeps as a tree, page by page. Only new pages are made.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use rayon::prelude::*;

use super::joined;
use crate::content::shared_load::SharedResult;
use crate::content::tree::{KeyedRows, Leaf, LookedUp, Nodes, PageId, SoughtRow};
use crate::content::{Content, ErrorKind, SourceError};
use crate::engine::pages::{LoadedPage, Page, PageStore};
use crate::engine::report::cannot_read;
use crate::model::number::to_usize;

/// From this many missing segments on, other cores help: waking one takes about as long as making a small segment.
const WORTH_SHARING: usize = 4;

/// While a content is measured, its first new segments are kept, because it may be read next. They take up to one part
/// in this many of the budget. Of the other new segments, only the bytes are counted.
const KEPT_PART: u64 = 8;

/// An open tree. Clones share it.
#[derive(Clone)]
pub(crate) struct TreeReader {
    nodes: Arc<dyn Nodes>,
    pages: Arc<PageStore>,
    /// The bytes in segments that were made to measure it.
    made: Arc<AtomicU64>,
}

impl TreeReader {
    /// Opens a content; `None` if it is not a tree. Blocks.
    pub fn open(content: &Content, pages: &Arc<PageStore>) -> Option<SharedResult<Self>> {
        let nodes = content.tree()?.open();
        let nodes = nodes.inspect_err(|error| cannot_read(&**content, error)).map_err(Arc::new);
        Some(nodes.map(|nodes| Self { nodes: nodes.into(), pages: Arc::clone(pages), made: Arc::default() }))
    }

    /// The exact length in bytes. Counts only the segments that no content measured before has. Blocks.
    pub fn measure(&self) -> SharedResult<u64> {
        self.nodes.root().map_or(Ok(0), |root| self.len_of(&root))
    }

    /// Up to `size` bytes from `offset`, if all the pages on the way are in memory.
    pub fn read_from_memory(&self, offset: u64, size: usize) -> Option<Bytes> {
        let load = |pages: &[PageId]| pages.iter().map(|id| self.pages.page(id).ok_or(())).collect();
        self.read_by(offset, size, &load).ok()
    }

    /// Up to `size` bytes from `offset`: shorter only at the end of the content, empty past it. Blocks.
    pub fn read(&self, offset: u64, size: usize) -> SharedResult<Bytes> {
        self.read_by(offset, size, &|pages: &[PageId]| self.for_all(pages, |id| self.load(id)))
    }

    fn read_by<E>(
        &self,
        offset: u64,
        size: usize,
        load: &impl Fn(&[PageId]) -> Result<Vec<LoadedPage>, E>,
    ) -> Result<Bytes, E> {
        let mut pieces = Vec::new();
        if let Some(root) = self.nodes.root() {
            let range = offset..offset.saturating_add(size as u64);
            collect(&[(root, 0)], &range, load, &mut pieces)?;
        }
        Ok(joined(pieces))
    }

    pub fn root(&self) -> Option<PageId> {
        self.nodes.root()
    }

    /// The children of a page that starts at `start` and has a level above 0, each with its offset. Blocks.
    pub fn placed_below(&self, id: &PageId, start: u64) -> SharedResult<Vec<(PageId, u64)>> {
        Ok(self.measured_below(id)?.placed(start))
    }

    /// The segments that a segment starting at `start` is cut into; only the segment itself if it is not cut. Blocks.
    pub fn placed_within(&self, id: &PageId, start: u64) -> SharedResult<Vec<(PageId, u64)>> {
        match self.load(id)? {
            LoadedPage::Lines(_) => Ok(vec![(*id, start)]),
            LoadedPage::Inner(page) => Ok(page.placed(start)),
        }
    }

    /// The length of a page in bytes. Blocks.
    pub fn len_of(&self, id: &PageId) -> SharedResult<u64> {
        if let Some(len) = self.pages.lengths.pages.get(id) {
            return Ok(len);
        }
        if id.level == 0 {
            return self.count(id);
        }
        // The page itself is not kept: to measure all of a history takes only the lengths of its pages.
        let len = self.measured_below(id)?.len();
        self.pages.lengths.pages.keep(*id, len);
        Ok(len)
    }

    fn measured_below(&self, id: &PageId) -> SharedResult<Page<PageId>> {
        let below = self.below(id)?;
        let lens = self.lens_of(&below)?;
        Ok(Page::new(below.into_iter().zip(lens)))
    }

    fn lens_of(&self, pages: &[PageId]) -> SharedResult<Vec<u64>> {
        let known = self.pages.lengths.pages.of_all(pages);
        let missing: Vec<_> =
            pages.iter().zip(&known).filter(|(_, len)| len.is_none()).map(|(id, _)| *id).collect();
        // If few are new, this is probably a walk through a history that reads none of its contents.
        let may_be_read = missing.len() >= WORTH_SHARING;
        let mut found = self.for_all(&missing, |id| self.len_of_new(id, may_be_read))?.into_iter();
        Ok(known.into_iter().map(|len| len.or_else(|| found.next()).unwrap_or_default()).collect())
    }

    fn len_of_new(&self, id: &PageId, may_be_read: bool) -> SharedResult<u64> {
        let most = self.pages.cache.budget().part(KEPT_PART);
        let is_kept = may_be_read && self.made.load(Relaxed) < most;
        if id.level > 0 || !is_kept {
            return self.len_of(id);
        }
        let len = self.segment(id)?.len();
        self.made.fetch_add(len, Relaxed);
        Ok(len)
    }

    /// The length of a segment, without making it.
    fn count(&self, id: &PageId) -> SharedResult<u64> {
        let (tree, id) = (self.clone(), *id);
        self.pages.counts.join_blocking(id, move || {
            let known = &tree.pages.lengths.pages;
            if let Some(len) = known.get(&id) {
                return Ok(len);
            }
            let len = tree.nodes.len_of_leaf(&id).map_err(Arc::new)?;
            known.keep(id, len);
            Ok(len)
        })
    }

    /// Calls `work` for each of `pages`: on several cores if they are many and all of them are segments.
    pub fn for_all<T: Send>(
        &self,
        pages: &[PageId],
        work: impl Fn(&PageId) -> SharedResult<T> + Send + Sync,
    ) -> SharedResult<Vec<T>> {
        // Inner pages stay on this thread, so that what is unfolded at a time stays bounded.
        let are_segments = pages.first().is_some_and(|id| id.level == 0);
        match are_segments && pages.len() >= WORTH_SHARING {
            true => pages.par_iter().map(work).collect(),
            false => pages.iter().map(work).collect(),
        }
    }

    fn load(&self, id: &PageId) -> SharedResult<LoadedPage> {
        if id.level == 0 {
            return self.segment(id);
        }
        if let Some(page) = self.pages.page(id) {
            return Ok(page);
        }
        let page = LoadedPage::Inner(Arc::new(self.measured_below(id)?));
        self.pages.keep_page(id, &page);
        Ok(page)
    }

    fn segment(&self, id: &PageId) -> SharedResult<LoadedPage> {
        if let Some(page) = self.pages.page(id) {
            return Ok(page);
        }
        let (tree, id) = (self.clone(), *id);
        self.pages.loads.join_blocking(id, move || {
            // A load that ended after the check above has left its result in the cache.
            if let Some(page) = tree.pages.page(&id) {
                return Ok(page);
            }
            let page = tree.make(&id)?;
            // All later offsets were computed from the counted length.
            if let Some(counted) = tree.pages.lengths.pages.get(&id).filter(|counted| *counted != page.len())
            {
                let what = format!("{} bytes were counted and {} came", counted, page.len());
                return Err(Arc::new(SourceError::new(
                    ErrorKind::Damaged,
                    "reading a page of a table",
                    what,
                )));
            }
            tree.pages.keep_page(&id, &page);
            Ok(page)
        })
    }

    /// Passes the bytes of a page of level 0 to `take`, in the segments that it is cut into. Keeps none of them.
    /// Blocks.
    pub fn each_segment(&self, id: &PageId, take: &mut impl FnMut(Bytes)) -> SharedResult<()> {
        match self.nodes.leaf(id).map_err(Arc::new)? {
            Leaf::Whole(lines) => take(lines),
            Leaf::Cut(cut) => cut.iter().try_for_each(|(segment, _)| self.each_segment(segment, take))?,
        }
        Ok(())
    }

    fn make(&self, id: &PageId) -> SharedResult<LoadedPage> {
        match self.nodes.leaf(id).map_err(Arc::new)? {
            Leaf::Whole(lines) => Ok(LoadedPage::Lines(lines)),
            Leaf::Cut(segments) => Ok(LoadedPage::Inner(Arc::new(Page::new(segments)))),
        }
    }

    pub fn by_key(&self) -> Option<&dyn KeyedRows> {
        self.nodes.by_key()
    }

    /// The columns of the key, in the key's order; empty for rows without a key.
    pub fn key(&self) -> &[String] {
        self.by_key().map_or(&[], KeyedRows::columns)
    }

    /// Looks up a row. Blocks.
    pub fn look_up(&self, sought: &mut SoughtRow) -> SharedResult<LookedUp> {
        self.nodes.look_up(sought).map_err(Arc::new)
    }

    /// The children of a page that has a level above 0. Blocks.
    pub fn below(&self, id: &PageId) -> SharedResult<Vec<PageId>> {
        self.nodes.below(id).map_err(Arc::new)
    }
}

/// Appends the bytes of `range` that are in `pages`, each of which comes with its offset.
fn collect<E>(
    pages: &[(PageId, u64)],
    range: &Range<u64>,
    load: &impl Fn(&[PageId]) -> Result<Vec<LoadedPage>, E>,
    pieces: &mut Vec<Bytes>,
) -> Result<(), E> {
    let wanted: Vec<_> = pages.iter().map(|(id, _)| *id).collect();
    for (loaded, (_, start)) in load(&wanted)?.into_iter().zip(pages) {
        let within = range.start.saturating_sub(*start)..range.end.saturating_sub(*start);
        match loaded {
            LoadedPage::Lines(lines) => {
                let [from, to] = [within.start, within.end].map(|at| to_usize(at).min(lines.len()));
                pieces.push(lines.slice(from..to));
            }
            LoadedPage::Inner(page) => {
                let below: Vec<_> = page.within(&within).map(|(id, at)| (*id, start + at)).collect();
                collect(&below, range, load, pieces)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
