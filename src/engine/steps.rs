//! Lengths that follow from others.

use std::collections::{HashMap, VecDeque};

use crate::model::content_id::ContentId;
use crate::source::versioned::Step;

/// The lengths in bytes that follow from `steps` and the lengths that are known, the farthest last. None where two
/// ways lead to one version and do not agree: then nobody can tell which of them is wrong.
pub(super) fn lengths(steps: &[Step], known: impl Fn(ContentId) -> Option<u64>) -> Vec<(ContentId, u64)> {
    let mut ways: HashMap<ContentId, Vec<(ContentId, i128)>> = HashMap::new();
    for step in steps {
        let grows = i128::from(step.added) - i128::from(step.removed);
        ways.entry(step.from).or_default().push((step.to, grows));
        ways.entry(step.to).or_default().push((step.from, -grows));
    }
    let mut lengths: HashMap<ContentId, u64> =
        ways.keys().filter_map(|id| Some((*id, known(*id)?))).collect();
    let mut open: VecDeque<ContentId> = lengths.keys().copied().collect();
    let mut found = Vec::new();
    while let Some(id) = open.pop_front() {
        let len = i128::from(lengths[&id]);
        for (other, grows) in &ways[&id] {
            let Ok(there) = u64::try_from(len + grows) else { return Vec::new() };
            match lengths.insert(*other, there) {
                None => {
                    found.push((*other, there));
                    open.push_back(*other);
                }
                Some(before) if before != there => return Vec::new(),
                Some(_) => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::source::text::TextContent;

    fn id(number: u8) -> ContentId {
        ContentId::of(&[&[number]])
    }

    fn step(from: u8, to: u8, added: u64, removed: u64) -> Step {
        let content = Arc::new(TextContent { text: Bytes::new(), what: String::new() });
        Step { from: id(from), to: id(to), content, added, removed }
    }

    #[test]
    fn lengths_follow_forwards_and_backwards() {
        let steps = [step(1, 2, 10, 0), step(2, 3, 5, 7), step(3, 4, 0, 1), step(8, 9, 1, 1)];
        let known = |of| (of == id(3)).then_some(100);
        let mut found = lengths(&steps, known);
        assert_eq!(found.last(), Some(&(id(1), 92)), "the farthest is last");
        found.sort();
        let mut expected = vec![(id(2), 102), (id(1), 92), (id(4), 99)];
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_contradiction_leaves_nothing() {
        let known = |of| (of == id(1)).then_some(100);
        let agreeing = [step(1, 2, 10, 0), step(1, 3, 10, 0), step(2, 4, 1, 0), step(3, 4, 1, 0)];
        assert_eq!(lengths(&agreeing, known).len(), 3);
        let mut contradicting = agreeing;
        contradicting[3].added = 2;
        assert_eq!(lengths(&contradicting, known), []);
        assert_eq!(lengths(&[step(1, 2, 0, 101)], known), [], "no length is below 0");
    }
}
