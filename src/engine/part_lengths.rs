//! The lengths of parts: what lets the next version be measured by what is new in it.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex};

use crate::content::parts::Part;
use crate::memory::{Budget, Held};
use crate::model::number::to_usize;
use crate::util::locks::lock;
use foldhash::fast::RandomState;

/// How many are kept at most. A history of a million distinct leaves is measured all the same:
/// a version shares most of its parts with the one before, and these are the last used.
const KEPT: usize = 256 << 10;

/// So many are kept under any budget.
const FEWEST: usize = 1024;

/// What each of them takes, in bytes.
const EACH: u64 = 100;

/// They take up to one part in so many of the budget.
const PART: u64 = 8;

/// A difference in bytes from which on it is counted anew.
const COUNTED: u64 = 64 << 10;

/// Lengths in bytes, of the parts used last.
pub(super) struct PartLengths {
    known: Mutex<Generations>,
}

/// To look up a length must cost little: a version of a large table asks for hundreds. So their order of use is kept
/// in two steps only. What was used since the last turn is young; at a turn, the old ones go.
struct Generations {
    most: usize,
    held: Held,
    young: HashMap<Part, u64, RandomState>,
    old: HashMap<Part, u64, RandomState>,
}

impl PartLengths {
    /// None yet; as many as `budget` has room for.
    pub fn within(budget: &Arc<Budget>) -> Self {
        let most = to_usize(budget.part(PART) / EACH).clamp(FEWEST, KEPT);
        let (young, old) = (HashMap::default(), HashMap::default());
        Self { known: Mutex::new(Generations { most, held: budget.hold(0), young, old }) }
    }

    pub fn get(&self, part: &Part) -> Option<u64> {
        lock(&self.known).get(part)
    }

    /// Those of several parts at once; nothing for what is not known.
    pub fn of_all(&self, parts: &[Part]) -> Vec<Option<u64>> {
        let mut known = lock(&self.known);
        parts.iter().map(|part| known.get(part)).collect()
    }

    pub fn keep(&self, part: Part, len: u64) {
        lock(&self.known).keep(part, len);
    }
}

impl Generations {
    fn get(&mut self, part: &Part) -> Option<u64> {
        if let Some(len) = self.young.get(part) {
            return Some(*len);
        }
        let len = self.old.remove(part)?;
        self.keep(*part, len);
        Some(len)
    }

    fn keep(&mut self, part: Part, len: u64) {
        if self.young.len() >= self.most / 2 {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(part, len);
        let bytes = (self.young.len() + self.old.len()) as u64 * EACH;
        // Counted by steps: to count is dearer than to insert.
        if bytes.abs_diff(self.held.bytes()) > COUNTED {
            self.held.resize(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::parts::{Lines, Rendering};

    fn part(number: u32) -> Part {
        let mut node = [0; 20];
        node[..4].copy_from_slice(&number.to_be_bytes());
        Part { node, rendering: Rendering::of(&[0; 20]), level: 0, lines: Lines::ALL }
    }

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let lengths = PartLengths::within(&Budget::new(1 << 40));
        let count = KEPT as u32 * 2;
        for number in 0..count {
            lengths.keep(part(number), number.into());
            assert_eq!(lengths.get(&part(7)), (number >= 7).then_some(7));
        }
        let all: Vec<_> = (0..count).map(part).collect();
        let found = lengths.of_all(&all);
        let kept = found.iter().flatten().count();
        assert!((KEPT / 2..=KEPT).contains(&kept), "{kept}");
        assert!(found.iter().zip(0..).all(|(len, number)| len.is_none_or(|len| len == number)));
        assert_eq!(found.last(), Some(&Some(u64::from(count) - 1)));
    }
}
