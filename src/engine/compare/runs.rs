//! Finds where two contents differ, in runs of whole lines. Shared runs are found by their ids and are not read.

use std::sync::Arc;

use crate::content::shared_load::SharedResult;
use crate::content::tree::{LONG, PageId};
use crate::engine::pages::SegmentList;
use crate::engine::pages::segmenter::LONGEST;
use crate::engine::read::tree::TreeReader;
use crate::engine::read::{Missing, Reader, blocking};
use crate::model::content_id::ContentId;
use crate::util::common::drop_common;

/// A run of whole lines of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Runs with equal ids have the same bytes, in all contents of one engine.
    pub id: ContentId,
    /// Where it starts, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub len: u64,
}

/// The runs of each of two contents that have no counterpart in the other content.
#[derive(Debug, Default)]
pub struct Differing {
    /// Of the earlier one, in order.
    pub before: Vec<Run>,
    /// Of the later one, in order.
    pub after: Vec<Run>,
}

/// The runs in which two contents differ; if one content is missing, all runs of the other. They may include lines that
/// both contents have, because a run is a whole segment.
pub async fn differing(before: Option<&Reader>, after: Option<&Reader>) -> SharedResult<Differing> {
    if let (Some(Some(old)), Some(Some(new))) = (before.map(Reader::tree), after.map(Reader::tree)) {
        return of_trees_of(after, Some(old), Some(new)).await;
    }
    let (mut before, mut after) = (runs(before).await?, runs(after).await?);
    drop_common(&mut before, &mut after, |run| run.id);
    Ok(Differing { before, after })
}

pub(super) async fn runs(content: Option<&Reader>) -> SharedResult<Vec<Run>> {
    match content.map(|reader| &reader.missing) {
        None => Ok(Vec::new()),
        Some(Missing::ByStream(segments)) => Ok(of_segments(segments.list())),
        Some(Missing::ByNode(tree)) => Ok(of_trees_of(content, None, Some(tree)).await?.after),
    }
}

/// The runs in which two trees differ. The work counts as work of the source of `reader`.
async fn of_trees_of(
    reader: Option<&Reader>,
    before: Option<&Arc<TreeReader>>,
    after: Option<&Arc<TreeReader>>,
) -> SharedResult<Differing> {
    let Some(reader) = reader else { return Ok(Differing::default()) };
    let (before, after) = (before.cloned(), after.cloned());
    blocking(&reader.content, move || of_trees(before.as_deref(), after.as_deref())).await
}

/// One run per segment, except that all segments of a line longer than a segment are one run.
fn of_segments(list: &SegmentList) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::with_capacity(list.count());
    let (mut offset, mut is_open) = (0, false);
    for segment in list.segments() {
        let len = u64::from(segment.len);
        match runs.last_mut().filter(|_| is_open) {
            Some(run) => {
                run.id = ContentId::of(&[b"joined", run.id.as_bytes(), segment.id.as_bytes()]);
                run.len += len;
            }
            None => runs.push(Run { id: segment.id, offset, len }),
        }
        // A segment has the greatest length only within a line.
        is_open = segment.len as usize >= LONGEST;
        offset += len;
    }
    runs
}

/// A page and the offset at which it starts.
type Placed = (PageId, u64);

fn of_trees(before: Option<&TreeReader>, after: Option<&TreeReader>) -> SharedResult<Differing> {
    let whole = |tree: Option<&TreeReader>| tree.and_then(TreeReader::root).map(|root| (root, 0));
    let page = |placed: &Placed| placed.0;
    let below = |tree: &TreeReader, (page, start): Placed| tree.placed_below(&page, start);
    let (old, new) = segments([(before, whole(before)), (after, whole(after))], page, below)?;
    Ok(Differing { before: as_runs(before, &old)?, after: as_runs(after, &new)? })
}

/// The segments that only one of two trees has, for each tree. Long segments are not cut, and nothing is rendered.
pub(super) fn leaves(
    before: Option<&TreeReader>,
    after: Option<&TreeReader>,
) -> SharedResult<(Vec<PageId>, Vec<PageId>)> {
    let whole = |tree: Option<&TreeReader>| tree.and_then(TreeReader::root);
    segments([(before, whole(before)), (after, whole(after))], |page| *page, |tree, page| tree.below(&page))
}

/// Descends both trees together, and only into pages that the other tree does not have.
fn segments<T>(
    [(before, old), (after, new)]: [(Option<&TreeReader>, Option<T>); 2],
    page: impl Fn(&T) -> PageId,
    below: impl Fn(&TreeReader, T) -> SharedResult<Vec<T>>,
) -> SharedResult<(Vec<T>, Vec<T>)> {
    // All pages in the list of one tree have the same level.
    let unfolded = |tree: Option<&TreeReader>, pages: Vec<T>, level: u8| -> SharedResult<Vec<T>> {
        match tree.filter(|_| pages.first().is_some_and(|first| page(first).level == level)) {
            None => Ok(pages),
            Some(tree) => {
                let unfolded: Result<Vec<_>, _> = pages.into_iter().map(|one| below(tree, one)).collect();
                Ok(unfolded?.into_iter().flatten().collect())
            }
        }
    };
    let (mut old, mut new) = (Vec::from_iter(old), Vec::from_iter(new));
    loop {
        drop_common(&mut old, &mut new, &page);
        let level = old.iter().chain(&new).map(|one| page(one).level).max().unwrap_or(0);
        if level == 0 {
            return Ok((old, new));
        }
        old = unfolded(before, old, level)?;
        new = unfolded(after, new, level)?;
    }
}

fn as_runs(tree: Option<&TreeReader>, segments: &[Placed]) -> SharedResult<Vec<Run>> {
    let Some(tree) = tree else { return Ok(Vec::new()) };
    let mut runs = Vec::with_capacity(segments.len());
    for (page, start) in segments {
        let len = tree.len_of(page)?;
        // A long segment is cut.
        let cut = if len > LONG as u64 { tree.placed_within(page, *start)? } else { vec![(*page, *start)] };
        for (page, offset) in cut {
            runs.push(Run { id: page.id(), offset, len: tree.len_of(&page)? });
        }
    }
    Ok(runs)
}
