//! Makes one segment list from another and the lines that differ.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::content::shared_load::SharedResult;
use crate::content::versioned::LineChange;
use crate::engine::pages::builder::ListBuilder;
use crate::engine::pages::cache::Cache;
use crate::engine::pages::segmenter::{SHORTEST, Segmenter, lines};
use crate::engine::pages::{Segment, SegmentList};
use crate::engine::read::segments::SegmentReader;
use crate::model::jsonl::line_key::{KeyOrder, LineKey};

/// The line at a key before and after a change.
#[derive(Default)]
struct Edit {
    from: Option<Bytes>,
    to: Option<Bytes>,
}

type Edits = BTreeMap<LineKey, Edit>;

/// Applies `changes` to the list of `base`. `None` if they do not fit: each removed line has to be there exactly, and
/// no added line may be there.
pub(super) async fn patched(
    base: &SegmentReader,
    order: &KeyOrder,
    changes: Vec<LineChange>,
    cache: &Cache,
) -> SharedResult<Option<SegmentList>> {
    let Some(edits) = by_key(order, changes) else { return Ok(None) };
    let list = base.list();
    if list.count() == 0 {
        return Ok(None);
    }
    let mut edits = edits.into_iter().peekable();
    let mut replaced = Vec::new();
    while let Some((key, _)) = edits.peek() {
        let start = list.find(key);
        let mut range = start..start;
        let mut splice = Splice::new(order, cache);
        // Edits in neighbouring segments are made together.
        while range.end < list.count() {
            let bytes = base.segment(range.end).await?;
            range.end += 1;
            let next = if range.end < list.count() { list.segment(range.end).first.as_ref() } else { None };
            let is_within = |key: &LineKey| next.is_none_or(|next| key < next);
            let here = std::iter::from_fn(|| edits.next_if(|(key, _)| is_within(key)));
            if !splice.merge(&bytes, here) {
                return Ok(None);
            }
            // A segment that became very short is joined with the next one.
            let goes_on = edits.peek().is_some_and(|(key, _)| list.find(key) == range.end);
            if !goes_on && splice.len >= SHORTEST {
                break;
            }
        }
        let Some(segments) = splice.finish() else { return Ok(None) };
        replaced.push((range, segments));
    }
    Ok(Some(list.edited(replaced)))
}

/// The changes by the key at which they are made; `None` if two of them remove or add a line at one key.
fn by_key(order: &KeyOrder, changes: Vec<LineChange>) -> Option<Edits> {
    let mut edits = Edits::new();
    for change in changes {
        for (line, is_new) in [(change.from, false), (change.to, true)] {
            let Some(line) = line else { continue };
            let edit = edits.entry(order.key_of(&line)?).or_default();
            let side = if is_new { &mut edit.to } else { &mut edit.from };
            if side.replace(line).is_some() {
                return None;
            }
        }
    }
    Some(edits)
}

struct Splice<'c> {
    order: &'c KeyOrder,
    segmenter: Segmenter,
    list: ListBuilder<'c>,
    len: usize,
}

impl<'c> Splice<'c> {
    fn new(order: &'c KeyOrder, cache: &'c Cache) -> Self {
        Self { order, segmenter: Segmenter::default(), list: ListBuilder::new(Some(order), cache), len: 0 }
    }

    /// Takes the lines of a segment and the edits among them. False where these do not fit.
    fn merge(&mut self, segment: &[u8], edits: impl Iterator<Item = (LineKey, Edit)>) -> bool {
        let mut edits = edits.peekable();
        for line in lines(segment) {
            let Some(key) = self.order.key_of(line) else { return false };
            while let Some((_, edit)) = edits.next_if(|(at, _)| *at < key) {
                if !self.add_new(&edit) {
                    return false;
                }
            }
            match edits.next_if(|(at, _)| *at == key) {
                None => self.push(line),
                Some((_, edit)) if edit.from.as_deref() != Some(line) => return false,
                Some((_, edit)) => edit.to.iter().for_each(|line| self.push(line)),
            }
        }
        edits.all(|(_, edit)| self.add_new(&edit))
    }

    /// Adds a line at a key that no line has. False if the edit removes one there.
    fn add_new(&mut self, edit: &Edit) -> bool {
        edit.to.iter().for_each(|line| self.push(line));
        edit.from.is_none()
    }

    fn push(&mut self, line: &[u8]) {
        self.len += line.len();
        let list = &mut self.list;
        self.segmenter.push(line, |segment| list.push(segment));
    }

    /// The segments; `None` if their lines are not in the order of their keys.
    fn finish(mut self) -> Option<Vec<Segment>> {
        let list = &mut self.list;
        self.segmenter.finish(|segment| list.push(segment));
        let segments = self.list.into_segments();
        segments.iter().all(|segment| segment.first.is_some()).then_some(segments)
    }
}
