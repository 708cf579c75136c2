//! Makes a segment list, segment by segment.

use bytes::Bytes;

use super::cache::{Cache, CacheKey, Cached};
use super::segmenter::lines;
use super::{Segment, SegmentList};
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::{KeyOrder, LineKey};

/// The segments of one content as they are made. They go into the cache; equal ones of other contents are kept once.
pub(crate) struct ListBuilder<'c> {
    cache: &'c Cache,
    /// None where no order is known, or where it turned out not to hold.
    order: Option<&'c KeyOrder>,
    /// The key of the last line, and room for the next one's.
    last: Vec<u8>,
    key: Vec<u8>,
    segments: Vec<Segment>,
}

impl<'c> ListBuilder<'c> {
    /// A list without segments. `order` is the order in which their lines are expected.
    pub fn new(order: Option<&'c KeyOrder>, cache: &'c Cache) -> Self {
        Self { cache, order, last: Vec::new(), key: Vec::new(), segments: Vec::new() }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let id = segment_id(bytes);
        if self.cache.segment(id).is_none() {
            // Copied, so that what the cache counts is what the segment keeps in memory.
            self.cache.put(CacheKey::Segment(id), Cached::Lines(Bytes::copy_from_slice(bytes)));
        }
        let first = self.first_key(bytes);
        let len = u32::try_from(bytes.len()).expect("no segment is longer than a few MiB");
        self.segments.push(Segment { id, len, first });
    }

    /// The key of the first line, where all lines so far stand in the order of their keys.
    fn first_key(&mut self, bytes: &[u8]) -> Option<LineKey> {
        let order = self.order?;
        let mut first = None;
        let mut are_lines = bytes.ends_with(b"\n");
        for line in lines(bytes) {
            // No key is empty, so the first key is greater than the empty `last`.
            are_lines = are_lines && order.write_key(line, &mut self.key).is_some() && self.last < self.key;
            if !are_lines {
                self.order = None;
                return None;
            }
            first.get_or_insert_with(|| LineKey::from_bytes(&self.key));
            std::mem::swap(&mut self.key, &mut self.last);
        }
        first
    }

    pub fn into_segments(self) -> Vec<Segment> {
        self.segments
    }

    pub fn into_list(self) -> SegmentList {
        let mut segments = self.segments;
        if self.order.is_none() {
            segments.iter_mut().for_each(|segment| segment.first = None);
        }
        SegmentList::new(&segments)
    }
}

/// The name of a segment: a hash of its bytes for which nobody can make a collision. It has to be fast, because every
/// byte that is read passes through it.
pub(crate) fn segment_id(bytes: &[u8]) -> ContentId {
    ContentId::from_bytes(*blake3::hash(bytes).as_bytes().first_chunk().expect("a hash is longer"))
}
