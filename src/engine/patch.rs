//! One version of a table made from another by the lines that differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::cache::Cache;
use super::held::Held;
use super::load::SegmentList;
use super::segmenter::{SHORTEST, Segmenter};
use super::version::{Segment, Version};
use crate::content::SourceError;
use crate::content::versioned::LineChange;
use crate::model::jsonl::line_key::{KeyOrder, LineKey};

/// What there is at a key before and after.
#[derive(Default)]
struct Edit {
    from: Option<Bytes>,
    to: Option<Bytes>,
}

type Edits = BTreeMap<LineKey, Edit>;

/// The version that `changes` lead to from `base`; `None` where they do not fit: each line that goes has to be
/// there just so, and none that comes may be there. Whoever gets `None` reads the version from end to end.
///
/// # Errors
/// What the source of `base` says where segments of it have to be read again.
pub(super) async fn patched(
    base: &Held,
    order: &KeyOrder,
    changes: Vec<LineChange>,
    cache: &Cache,
) -> Result<Option<Version>, Arc<SourceError>> {
    let Some(edits) = by_key(order, changes) else { return Ok(None) };
    let version = base.version();
    let mut edits = edits.into_iter().peekable();
    let mut replaced = Vec::new();
    while let Some((key, _)) = edits.peek() {
        let start = version.find(key);
        let mut range = start..start;
        let mut splice = Splice::new(order, cache);
        // As far as edits follow each other from segment to segment.
        while range.end < version.count() {
            let bytes = base.segment(range.end).await?;
            range.end += 1;
            let next = match range.end < version.count() {
                true => version.segment(range.end).first.as_ref(),
                false => None,
            };
            let is_within = |key: &LineKey| next.is_none_or(|next| key < next);
            let here = std::iter::from_fn(|| edits.next_if(|(key, _)| is_within(key)));
            if !splice.merge(&bytes, here) {
                return Ok(None);
            }
            // A segment that became very short takes the next one in.
            let goes_on = edits.peek().is_some_and(|(key, _)| version.find(key) == range.end);
            if !goes_on && splice.len >= SHORTEST {
                break;
            }
        }
        if version.count() == 0 && !splice.merge(&[], std::iter::from_fn(|| edits.next())) {
            return Ok(None);
        }
        let Some(segments) = splice.finish() else { return Ok(None) };
        replaced.push((range, segments));
    }
    Ok(Some(version.edited(replaced)))
}

/// The changes by the key at which they are made; `None` where two do not go together.
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

/// Some segments being made anew.
struct Splice<'c> {
    order: &'c KeyOrder,
    segmenter: Segmenter,
    list: SegmentList<'c>,
    /// Bytes so far.
    len: usize,
}

impl<'c> Splice<'c> {
    fn new(order: &'c KeyOrder, cache: &'c Cache) -> Self {
        Self { order, segmenter: Segmenter::default(), list: SegmentList::new(Some(order), cache), len: 0 }
    }

    /// Takes the lines of a segment with the edits among them; whether these fit.
    fn merge(&mut self, segment: &[u8], edits: impl Iterator<Item = (LineKey, Edit)>) -> bool {
        let mut edits = edits.peekable();
        for line in segment.split_inclusive(|byte| *byte == b'\n') {
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

    /// Adds a line at a key where none is.
    fn add_new(&mut self, edit: &Edit) -> bool {
        edit.to.iter().for_each(|line| self.push(line));
        edit.from.is_none()
    }

    fn push(&mut self, line: &[u8]) {
        self.len += line.len();
        let list = &mut self.list;
        self.segmenter.push(line, |segment| list.push(segment));
    }

    /// The segments; `None` where their lines do not stand in the order of their keys.
    fn finish(mut self) -> Option<Vec<Segment>> {
        let list = &mut self.list;
        self.segmenter.finish(|segment| list.push(segment));
        let segments = self.list.into_segments();
        segments.iter().all(|segment| segment.first.is_some()).then_some(segments)
    }
}
