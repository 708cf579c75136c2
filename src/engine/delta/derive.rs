//! Derives lengths from others by length deltas.

use std::collections::{HashMap, VecDeque};

use crate::content::versioned::LengthDelta;
use crate::model::content_id::ContentId;

/// Lengths derived from known ones, each with the version that it was derived from.
#[derive(Default)]
pub(super) struct Derived {
    /// The farthest last.
    found: Vec<ContentId>,
    lengths: HashMap<ContentId, u64>,
    before: HashMap<ContentId, ContentId>,
}

/// Derives lengths in bytes from `deltas` and the known lengths. Derives none if two ways lead to different lengths of
/// one version, because either may be wrong.
pub(super) fn derive(deltas: &[LengthDelta], known: impl Fn(ContentId) -> Option<u64>) -> Derived {
    let mut ways: HashMap<ContentId, Vec<(ContentId, i128)>> = HashMap::new();
    for delta in deltas {
        let grows = i128::from(delta.added) - i128::from(delta.removed);
        ways.entry(delta.from).or_default().push((delta.to, grows));
        ways.entry(delta.to).or_default().push((delta.from, -grows));
    }
    let lengths = ways.keys().filter_map(|id| Some((*id, known(*id)?))).collect();
    let mut derived = Derived { lengths, ..Derived::default() };
    let mut open: VecDeque<ContentId> = derived.lengths.keys().copied().collect();
    while let Some(id) = open.pop_front() {
        let len = i128::from(derived.lengths[&id]);
        for (other, grows) in &ways[&id] {
            let Ok(there) = u64::try_from(len + grows) else { return Derived::default() };
            match derived.lengths.insert(*other, there) {
                None => {
                    derived.found.push(*other);
                    derived.before.insert(*other, id);
                    open.push_back(*other);
                }
                Some(before) if before != there => return Derived::default(),
                Some(_) => {}
            }
        }
    }
    derived
}

impl Derived {
    /// The lengths on the way to the farthest version for which `may_be` holds, the length of that version last. If
    /// `id` is given, the way has to go through `id` or end there. Reading the farthest version checks all of these
    /// lengths.
    pub fn way_by(&self, id: Option<ContentId>, may_be: impl Fn(ContentId) -> bool) -> Vec<(ContentId, u64)> {
        let ends = self.found.iter().rev().filter(|end| may_be(**end));
        let mut ways = ends.map(|end| self.way_to(*end));
        let is_wanted =
            |way: &Vec<(ContentId, u64)>| id.is_none_or(|id| way.iter().any(|(on_way, _)| *on_way == id));
        ways.find(is_wanted).unwrap_or_default()
    }

    fn way_to(&self, end: ContentId) -> Vec<(ContentId, u64)> {
        let before = |id: &ContentId| self.before.get(id).copied();
        // The length of a version that has none before it was known.
        let way = std::iter::successors(Some(end), before).filter(|id| self.before.contains_key(id));
        let mut way: Vec<_> = way.map(|id| (id, self.lengths[&id])).collect();
        way.reverse();
        way
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::content::Content;
    use crate::content::text::TextContent;

    fn id(number: u8) -> ContentId {
        ContentId::of(&[&[number]])
    }

    fn delta(from: u8, to: u8, added: u64, removed: u64) -> LengthDelta {
        let content = Content::stream(TextContent { text: Bytes::new(), what: String::new() });
        LengthDelta { from: id(from), to: id(to), content, added, removed, changes: Vec::new() }
    }

    fn known(of: ContentId) -> Option<u64> {
        (of == id(1)).then_some(100)
    }

    #[test]
    fn lengths_follow_forwards_and_backwards() {
        let deltas = [delta(3, 2, 0, 10), delta(1, 3, 5, 7), delta(3, 4, 0, 1), delta(8, 9, 1, 1)];
        let derived = derive(&deltas, known);
        let way = |by, end| derived.way_by(Some(id(by)), |of| of == id(end));
        assert_eq!(way(3, 4), [(id(3), 98), (id(4), 97)]);
        assert_eq!(way(3, 2), [(id(3), 98), (id(2), 88)]);
        assert_eq!(way(4, 4), way(3, 4));
        assert_eq!(way(4, 2), [], "4 is not on the way to 2");
        assert_eq!(way(8, 9), [], "nothing is known of 8");
    }

    #[test]
    fn the_farthest_is_taken() {
        let deltas: Vec<_> = (1..50).map(|at| delta(at, at + 1, 10, 1)).collect();
        let way = derive(&deltas, known).way_by(Some(id(20)), |_| true);
        assert_eq!((way.len(), way.last()), (49, Some(&(id(50), 100 + 49 * 9))));
    }

    #[test]
    fn a_contradiction_leaves_nothing() {
        let end = |deltas: &[LengthDelta]| derive(deltas, known).way_by(None, |_| true).last().copied();
        let agreeing = [delta(1, 2, 10, 0), delta(1, 3, 10, 0), delta(2, 4, 1, 0), delta(3, 4, 1, 0)];
        assert_eq!(end(&agreeing), Some((id(4), 111)));
        let mut contradicting = agreeing;
        contradicting[3].added = 2;
        assert_eq!(end(&contradicting), None);
        assert_eq!(end(&[delta(1, 4, 0, 101)]), None, "no length is below 0");
    }
}
