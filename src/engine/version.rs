//! A content as a list of segments, most of which other versions of it share.

use std::ops::Range;
use std::sync::Arc;

use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::LineKey;

/// Segments per page at most: what a version that differs in one segment has for itself.
const PAGE: usize = 64;

/// A run of bytes that is kept under its own hash.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// The hash.
    pub id: ContentId,
    /// Length in bytes; never 0.
    pub len: u32,
    /// The key of its first line, in a version whose lines have keys.
    pub first: Option<LineKey>,
}

/// The segments of one content in order. Versions share pages of them.
#[derive(Debug)]
pub(super) struct Version {
    pages: Box<[Arc<Page>]>,
    /// Where each page ends: in segments, and in bytes.
    ends: Box<[(usize, u64)]>,
    is_ordered: bool,
    cost: u64,
}

#[derive(Debug)]
struct Page {
    segments: Box<[Segment]>,
    /// Where each segment ends, in bytes from the start of the page.
    ends: Box<[u64]>,
}

impl Page {
    fn new(segments: &[Segment]) -> Arc<Self> {
        let mut end = 0;
        let ends = segments.iter().map(|segment| {
            end += u64::from(segment.len);
            end
        });
        let ends = ends.collect();
        Arc::new(Self { segments: segments.into(), ends })
    }

    fn cost(&self) -> u64 {
        let keys: usize =
            self.segments.iter().filter_map(|s| s.first.as_ref()).map(|key| key.as_bytes().len()).sum();
        (size_of_val(&*self.segments) + size_of_val(&*self.ends) + keys) as u64
    }
}

impl Version {
    /// A version of these segments.
    pub fn new(segments: &[Segment]) -> Self {
        let pages: Vec<_> = segments.chunks(PAGE).map(Page::new).collect();
        let cost = pages.iter().map(|page| page.cost()).sum();
        Self::of_pages(pages, cost)
    }

    /// `cost` is that of the pages which no other version has.
    fn of_pages(pages: Vec<Arc<Page>>, cost: u64) -> Self {
        let mut end = (0, 0);
        let ends = pages.iter().map(|page| {
            end = (end.0 + page.segments.len(), end.1 + page.ends.last().copied().unwrap_or(0));
            end
        });
        let ends: Box<[_]> = ends.collect();
        let is_ordered = pages.iter().flat_map(|page| &page.segments).all(|s| s.first.is_some());
        let cost = cost + (size_of_val(&*pages) + size_of_val(&*ends)) as u64;
        Self { pages: pages.into(), ends, is_ordered, cost }
    }

    /// This version with other segments in place of some: `edits` are ranges of segments in ascending order,
    /// none of which meet, with what comes there instead.
    pub fn edited(&self, edits: Vec<(Range<usize>, Vec<Segment>)>) -> Self {
        let (mut pages, mut cost, mut open) = (Vec::with_capacity(self.pages.len()), 0, Vec::new());
        let mut edits = edits.into_iter().peekable();
        let mut at = 0;
        // Of the edit under way, up to where segments are left out.
        let mut skipped_to = 0;
        for page in &self.pages {
            let end = at + page.segments.len();
            let is_touched = skipped_to > at || edits.peek().is_some_and(|(range, _)| range.start < end);
            if !is_touched {
                pages.push(Arc::clone(page));
                at = end;
                continue;
            }
            for segment in &page.segments {
                while let Some((range, new)) = edits.next_if(|(range, _)| range.start == at) {
                    open.extend(new);
                    skipped_to = range.end;
                }
                if at >= skipped_to {
                    open.push(segment.clone());
                }
                at += 1;
            }
            flush(&mut open, &mut pages, &mut cost);
        }
        open.extend(edits.flat_map(|(_, new)| new));
        flush(&mut open, &mut pages, &mut cost);
        Self::of_pages(pages, cost)
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.ends.last().map_or(0, |end| end.1)
    }

    /// How many segments it has.
    pub fn count(&self) -> usize {
        self.ends.last().map_or(0, |end| end.0)
    }

    /// Whether every segment knows the key of its first line.
    pub fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// What it takes in memory that no other version takes, in bytes.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// A segment by its number, which is less than [`Self::count`].
    pub fn segment(&self, number: usize) -> &Segment {
        let page = self.ends.partition_point(|end| end.0 <= number);
        let before = page.checked_sub(1).map_or(0, |page| self.ends[page].0);
        &self.pages[page].segments[number - before]
    }

    /// The number of the segment that holds the byte at `offset`, and where it starts; `None` past the end.
    pub fn at(&self, offset: u64) -> Option<(usize, u64)> {
        let page = self.ends.partition_point(|end| end.1 <= offset);
        let (count, start) = page.checked_sub(1).map_or((0, 0), |page| self.ends[page]);
        let ends = &self.pages.get(page)?.ends;
        let within = ends.partition_point(|end| start + end <= offset);
        Some((count + within, start + within.checked_sub(1).map_or(0, |before| ends[before])))
    }

    /// The number of the segment in which a line with this key stands, or would stand; 0 for a version without
    /// any. Only for one that is ordered.
    pub fn find(&self, key: &LineKey) -> usize {
        let is_before = |segment: &Segment| segment.first.as_ref().is_some_and(|first| first <= key);
        let page = self.pages.partition_point(|page| page.segments.first().is_some_and(is_before));
        let Some(page) = page.checked_sub(1) else { return 0 };
        let before = page.checked_sub(1).map_or(0, |page| self.ends[page].0);
        before + self.pages[page].segments.partition_point(is_before) - 1
    }
}

/// Makes pages of all that is open.
fn flush(open: &mut Vec<Segment>, pages: &mut Vec<Arc<Page>>, cost: &mut u64) {
    // Shared out evenly, so that a page that grew by one does not leave a page of one behind.
    let count = open.len().div_ceil(PAGE).max(1);
    for segments in open.chunks(open.len().div_ceil(count).max(1)) {
        let page = Page::new(segments);
        *cost += page.cost();
        pages.push(page);
    }
    open.clear();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(number: u32, len: u32) -> Segment {
        let first = Some(LineKey::from_bytes(&number.to_be_bytes()));
        Segment { id: ContentId::of(&[&number.to_le_bytes()]), len, first }
    }

    fn ids(version: &Version) -> Vec<ContentId> {
        (0..version.count()).map(|number| version.segment(number).id).collect()
    }

    proptest! {
        #[test]
        fn an_edited_version_is_as_one_made_anew(
            count in 0_usize..400,
            edits in prop::collection::vec((0_usize..400, 0_usize..5, 0_u32..150), 0..8),
        ) {
            let before: Vec<_> = (0..count as u32).map(|n| segment(n, n % 7 + 1)).collect();
            let mut ranges = Vec::new();
            let mut free_from = 0;
            let mut sorted = edits;
            sorted.sort_unstable();
            for (n, (start, len, new)) in sorted.into_iter().enumerate() {
                let start = start.max(free_from).min(count);
                let end = (start + len).min(count);
                if ranges.last().is_some_and(|(last, _): &(Range<usize>, _)| last.start == start) {
                    continue;
                }
                let new = (0..new).map(|m| segment(10_000 + n as u32 * 1000 + m, m + 1)).collect();
                ranges.push((start..end, new));
                free_from = end.max(start + 1);
            }
            let mut expected = Vec::new();
            let mut at = 0;
            for (range, new) in &ranges {
                let new: &Vec<Segment> = new;
                expected.extend_from_slice(&before[at..range.start]);
                expected.extend_from_slice(new);
                at = range.end;
            }
            expected.extend_from_slice(&before[at..]);
            let edited = Version::new(&before).edited(ranges);
            let anew = Version::new(&expected);
            prop_assert_eq!(ids(&edited), ids(&anew));
            prop_assert_eq!(edited.len(), anew.len());
            let mut start = 0;
            for (number, segment) in expected.iter().enumerate() {
                prop_assert_eq!(edited.at(start), Some((number, start)));
                start += u64::from(segment.len);
                prop_assert_eq!(edited.at(start - 1).map(|at| at.0), Some(number));
            }
            prop_assert_eq!(edited.at(start), None);
        }
    }

    #[test]
    fn lines_are_found_by_their_keys_and_what_does_not_change_is_shared() {
        let segments: Vec<_> = (0..1000).map(|n| segment(n * 10, 5)).collect();
        let version = Version::new(&segments);
        for (key, number) in [(0_u32, 0), (9, 0), (10, 1), (5555, 555), (9990, 999), (99_999, 999)] {
            assert_eq!(version.find(&LineKey::from_bytes(&key.to_be_bytes())), number, "{key}");
        }
        let edited = version.edited(vec![(500..501, vec![segment(5001, 4), segment(5005, 4)])]);
        assert!(edited.cost() * 5 < version.cost(), "{} and {}", edited.cost(), version.cost());
        assert_eq!((edited.count(), edited.len()), (1001, 5003));
        assert_eq!(Version::new(&[]).find(&LineKey::from_bytes(b"x")), 0);
    }
}
