//! The segments of a streamed content. Contents share segments, and versions of a table also share pages of segments.

use std::ops::Range;
use std::sync::Arc;

use super::Page;
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::LineKey;

/// Segments per page at most. A version that differs in one segment has one page for itself.
const PAGE: usize = 64;

/// A run of bytes that is kept under its own hash.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub id: ContentId,
    /// Length in bytes; never 0.
    pub len: u32,
    /// The key of its first line, in a content whose lines have keys.
    pub first: Option<LineKey>,
}

/// The segments of one content in order, in pages.
#[derive(Debug)]
pub(crate) struct SegmentList {
    pages: Page<Arc<Page<Segment>>>,
    /// Where each page ends, in segments.
    counts: Box<[usize]>,
    is_ordered: bool,
    cost: u64,
}

fn page_of(segments: &[Segment]) -> Arc<Page<Segment>> {
    Arc::new(Page::new(segments.iter().map(|segment| (segment.clone(), u64::from(segment.len)))))
}

fn cost_of(page: &Page<Segment>) -> u64 {
    let keys = page.children().iter().filter_map(|segment| segment.first.as_ref());
    page.cost() + keys.map(|key| key.as_bytes().len() as u64).sum::<u64>()
}

impl SegmentList {
    pub fn new(segments: &[Segment]) -> Self {
        let pages: Vec<_> = segments.chunks(PAGE).map(page_of).collect();
        let cost = pages.iter().map(|page| cost_of(page)).sum();
        Self::of_pages(pages, cost)
    }

    /// `cost` is that of the pages that no other list has.
    fn of_pages(pages: Vec<Arc<Page<Segment>>>, cost: u64) -> Self {
        let mut count = 0;
        let counts = pages.iter().map(|page| {
            count += page.children().len();
            count
        });
        let counts: Box<[_]> = counts.collect();
        let is_ordered = pages.iter().flat_map(|page| page.children()).all(|s| s.first.is_some());
        let pages = Page::new(pages.into_iter().map(|page| {
            let len = page.len();
            (page, len)
        }));
        let cost = cost + pages.cost() + size_of_val(&*counts) as u64;
        Self { pages, counts, is_ordered, cost }
    }

    /// This list with some segments replaced: `edits` are ranges of segments in ascending order, none of which meet,
    /// each with what replaces it.
    pub fn edited(&self, edits: Vec<(Range<usize>, Vec<Segment>)>) -> Self {
        let (mut pages, mut cost, mut open) = (Vec::with_capacity(self.counts.len()), 0, Vec::new());
        let mut edits = edits.into_iter().peekable();
        let mut at = 0;
        // The end of the segments that the current edit leaves out.
        let mut skipped_to = 0;
        for page in self.pages.children() {
            let end = at + page.children().len();
            let is_touched = skipped_to > at || edits.peek().is_some_and(|(range, _)| range.start < end);
            if !is_touched {
                pages.push(Arc::clone(page));
                at = end;
                continue;
            }
            for segment in page.children() {
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
        self.pages.len()
    }

    pub fn count(&self) -> usize {
        self.counts.last().copied().unwrap_or(0)
    }

    /// Whether the key of the first line of every segment is known.
    pub fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// How many bytes of memory it takes, without what it shares with other lists.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.pages.children().iter().flat_map(|page| page.children())
    }

    /// A segment by its number, which is less than [`Self::count`].
    pub fn segment(&self, number: usize) -> &Segment {
        let page = self.counts.partition_point(|count| *count <= number);
        &self.pages.children()[page].children()[number - self.count_before(page)]
    }

    /// The number of the segment that holds the byte at `offset`, and where it starts; `None` past the end.
    pub fn at(&self, offset: u64) -> Option<(usize, u64)> {
        let (page, start) = self.pages.at(offset)?;
        let (within, at) = self.pages.children()[page].at(offset - start)?;
        Some((self.count_before(page) + within, start + at))
    }

    /// The number of the segment in which a line with this key is, or would be; 0 for a list without segments. Only for
    /// a list that is ordered.
    pub fn find(&self, key: &LineKey) -> usize {
        let is_before = |segment: &Segment| segment.first.as_ref().is_some_and(|first| first <= key);
        let pages = self.pages.children();
        let page = pages.partition_point(|page| page.children().first().is_some_and(is_before));
        let Some(page) = page.checked_sub(1) else { return 0 };
        self.count_before(page) + pages[page].children().partition_point(is_before) - 1
    }

    fn count_before(&self, page: usize) -> usize {
        page.checked_sub(1).map_or(0, |before| self.counts[before])
    }
}

/// Makes pages of all open segments.
fn flush(open: &mut Vec<Segment>, pages: &mut Vec<Arc<Page<Segment>>>, cost: &mut u64) {
    // Split evenly, so that a page that grew by one segment does not leave a page of one segment behind.
    let count = open.len().div_ceil(PAGE).max(1);
    for segments in open.chunks(open.len().div_ceil(count).max(1)) {
        let page = page_of(segments);
        *cost += cost_of(&page);
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

    fn ids(list: &SegmentList) -> Vec<ContentId> {
        list.segments().map(|segment| segment.id).collect()
    }

    proptest! {
        #[test]
        fn an_edited_list_is_as_one_made_from_its_segments(
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
                expected.extend(before[at..range.start].iter().chain(new).cloned());
                at = range.end;
            }
            expected.extend_from_slice(&before[at..]);
            let edited = SegmentList::new(&before).edited(ranges);
            let list = SegmentList::new(&expected);
            prop_assert_eq!(ids(&edited), ids(&list));
            prop_assert_eq!(edited.len(), list.len());
            let mut start = 0;
            for (number, segment) in expected.iter().enumerate() {
                prop_assert_eq!(edited.segment(number).id, segment.id);
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
        let version = SegmentList::new(&segments);
        for (key, number) in [(0_u32, 0), (9, 0), (10, 1), (5555, 555), (9990, 999), (99_999, 999)] {
            assert_eq!(version.find(&LineKey::from_bytes(&key.to_be_bytes())), number, "{key}");
        }
        let edited = version.edited(vec![(500..501, vec![segment(5001, 4), segment(5005, 4)])]);
        assert!(edited.cost() * 5 < version.cost(), "{} and {}", edited.cost(), version.cost());
        assert_eq!((edited.count(), edited.len()), (1001, 5003));
        assert_eq!(SegmentList::new(&[]).find(&LineKey::from_bytes(b"x")), 0);
    }
}
