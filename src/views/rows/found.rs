//! What differs between two contents, as it is found: changes in order, or lines that have to be paired and sorted.

use std::ops::Range;

use super::change::RowChangeRef;
use super::key::Pairing;
use super::ordered::OrderedChanges;
use super::pairs::Pairs;
use crate::content::versioned::LineChange;
use crate::memory::{Cancel, Work};
use crate::util::cores::compute;
use crate::views::error::DerivedError;

/// What differs.
pub enum FoundChanges {
    /// Changes in order, and unused memory.
    InOrder(OrderedChanges, Work),
    /// Lines to be paired, and the memory for sorting the changes.
    Lines(Pairs, Work),
}

impl FoundChanges {
    /// Nothing yet. Changes of rows with a key are taken to come in order until one does not.
    pub fn new(pairing: Pairing, [one, other]: [Work; 2], cancel: &Cancel) -> Self {
        match pairing {
            Pairing::Key(key) => Self::InOrder(OrderedChanges::new(key, one, cancel), other),
            pairing => Self::Lines(Pairs::new(pairing, one, cancel), other),
        }
    }

    /// Adds changes that a source reported.
    pub fn with(self, reported: &[LineChange], cancel: &Cancel) -> Result<Self, DerivedError> {
        let (mut pairs, work, rest) = match self {
            Self::Lines(pairs, work) => (pairs, work, reported),
            Self::InOrder(mut changes, work) => {
                let lines = |range: Range<usize>| Ok(reported[range].iter().map(lines_of_change).collect());
                let added = compute(|| changes.add(reported.len(), lines))?;
                if added == reported.len() {
                    return Ok(Self::InOrder(changes, work));
                }
                let mut pairs = Pairs::new(Pairing::Key(changes.key().to_vec()), work, cancel);
                let work = changes.move_into(&mut pairs)?;
                (pairs, work, &reported[added..])
            }
        };
        for change in rest {
            let [from, to] = lines_of_change(change);
            pairs.add_change(RowChangeRef { from, to, has_key: true })?;
        }
        Ok(Self::Lines(pairs, work))
    }

    /// Drops all of it, and gives the memory back.
    pub fn into_work(self) -> [Work; 2] {
        match self {
            Self::InOrder(changes, work) => [changes.into_work(), work],
            Self::Lines(pairs, work) => [pairs.into_work(), work],
        }
    }
}

/// Both lines, without their line feeds.
fn lines_of_change(change: &LineChange) -> [Option<&[u8]>; 2] {
    [&change.from, &change.to].map(|line| line.as_ref().map(|line| line.strip_suffix(b"\n").unwrap_or(line)))
}
