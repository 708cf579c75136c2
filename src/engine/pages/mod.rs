//! Pages: what a content is made of, whether it is a tree or a stream in its source.
//!
//! A content is a tree. Its leaves are segments: runs of whole lines that other contents share. A [`Page`] holds its
//! children with running lengths, so that the segment at any offset is found by a search in each level. There are two
//! kinds of trees. A content that its source keeps as a tree has one page per node, named after it ([`PageId`]) and
//! made when it is needed. A streamed content has a [`SegmentList`], whose pages are made when the content is read.
//!
//! [`PageId`]: crate::content::tree::PageId

use std::ops::Range;

pub(crate) mod builder;
pub(crate) mod cache;
pub(crate) mod lengths;
mod recent_lengths;
pub(crate) mod segment_list;
pub(crate) mod segmenter;
pub(crate) mod store;

pub(crate) use segment_list::{Segment, SegmentList};
pub(crate) use store::{LoadedPage, PageStore};

/// Children in order, with running lengths.
#[derive(Debug)]
pub(crate) struct Page<C> {
    children: Box<[C]>,
    /// Where each child ends, in bytes from the start of the first.
    ends: Box<[u64]>,
}

impl<C> Page<C> {
    pub fn new(children: impl IntoIterator<Item = (C, u64)>) -> Self {
        let mut end = 0_u64;
        let ending = children.into_iter().map(|(child, len)| {
            end = end.saturating_add(len);
            (child, end)
        });
        let (children, ends): (Vec<_>, Vec<_>) = ending.unzip();
        Self { children: children.into(), ends: ends.into() }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    pub fn children(&self) -> &[C] {
        &self.children
    }

    /// What it takes in memory, in bytes, without what its children point to.
    pub fn cost(&self) -> u64 {
        (size_of_val(&*self.children) + size_of_val(&*self.ends)) as u64
    }

    /// The number of the child that holds the byte at `offset`, and where that child starts; `None` past the end.
    pub fn at(&self, offset: u64) -> Option<(usize, u64)> {
        let number = self.ends.partition_point(|end| *end <= offset);
        (number < self.children.len()).then(|| (number, self.start(number)))
    }

    /// The children that hold bytes of `range`, each with where it starts.
    pub fn within(&self, range: &Range<u64>) -> impl Iterator<Item = (&C, u64)> {
        let first = self.ends.partition_point(|end| *end <= range.start);
        let starts = std::iter::once(self.start(first)).chain(self.ends[first..].iter().copied());
        self.children[first..].iter().zip(starts).take_while(|(_, start)| *start < range.end)
    }

    fn start(&self, number: usize) -> u64 {
        number.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

impl<C: Copy> Page<C> {
    /// All children, each with where it starts when the first starts at `start`.
    pub fn placed(&self, start: u64) -> Vec<(C, u64)> {
        self.within(&(0..u64::MAX)).map(|(child, at)| (*child, start + at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_children_within_a_range_are_those_that_a_scan_finds(
            lens in prop::collection::vec(0_u64..5, 0..12), from in 0_u64..60, len in 1_u64..60,
        ) {
            let page = Page::new(lens.iter().copied().enumerate());
            let range = from..from + len;
            let found: Vec<_> = page.within(&range).map(|(number, start)| (*number, start)).collect();
            let mut start = 0;
            let mut expected = Vec::new();
            for (n, len) in lens.iter().enumerate() {
                if *len > 0 && start + len > range.start && start < range.end {
                    expected.push((n, start));
                }
                start += len;
            }
            // An empty child within the range holds no byte, and costs nothing to be named.
            let found: Vec<_> = found.into_iter().filter(|(n, _)| lens[*n] > 0).collect();
            prop_assert_eq!(page.at(from), expected.first().copied().filter(|(n, at)| at + lens[*n] > from));
            prop_assert_eq!(found, expected);
            prop_assert_eq!(page.len(), lens.iter().sum::<u64>());
        }
    }
}
