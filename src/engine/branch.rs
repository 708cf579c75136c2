//! A part that is made of others: where each of them starts.

use std::ops::Range;

use crate::content::parts::Part;

/// The parts below one, with running lengths.
#[derive(Debug)]
pub(super) struct Branch {
    parts: Box<[Part]>,
    /// Where each part ends, in bytes from the start of the first.
    ends: Box<[u64]>,
}

impl Branch {
    /// A branch of these parts and their lengths in bytes.
    pub fn new(parts: impl IntoIterator<Item = (Part, u64)>) -> Self {
        let mut end = 0_u64;
        let ending = parts.into_iter().map(|(part, len)| {
            end = end.saturating_add(len);
            (part, end)
        });
        let (parts, ends): (Vec<_>, Vec<_>) = ending.unzip();
        Self { parts: parts.into(), ends: ends.into() }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// What it takes in memory, in bytes.
    pub fn cost(&self) -> u64 {
        (size_of_val(&*self.parts) + size_of_val(&*self.ends)) as u64
    }

    /// All parts, each with where it starts when the first starts at `start`.
    pub fn placed(&self, start: u64) -> Vec<(Part, u64)> {
        self.within(&(0..u64::MAX)).map(|(part, at)| (*part, start + at)).collect()
    }

    /// The parts that hold bytes of `range`, each with where it starts.
    pub fn within(&self, range: &Range<u64>) -> impl Iterator<Item = (&Part, u64)> {
        let first = self.ends.partition_point(|end| *end <= range.start);
        let starts = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let starts = std::iter::once(starts).chain(self.ends[first..].iter().copied());
        self.parts[first..].iter().zip(starts).take_while(|(_, start)| *start < range.end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::content::parts::{Lines, Rendering};

    fn part(number: u8) -> Part {
        Part { node: [number; 20], rendering: Rendering::of(&[0; 20]), level: 0, lines: Lines::ALL }
    }

    proptest! {
        #[test]
        fn the_parts_within_a_range_are_those_that_a_scan_finds(
            lens in prop::collection::vec(0_u64..5, 0..12), from in 0_u64..60, len in 1_u64..60,
        ) {
            let branch = Branch::new(lens.iter().enumerate().map(|(n, len)| (part(n as u8), *len)));
            let range = from..from + len;
            let found: Vec<_> = branch.within(&range).map(|(part, start)| (part.node[0], start)).collect();
            let mut start = 0;
            let mut expected = Vec::new();
            for (n, len) in lens.iter().enumerate() {
                if start + len > range.start && start < range.end {
                    expected.push((n as u8, start));
                }
                start += len;
            }
            // An empty part within the range holds no byte, and costs nothing to be named.
            let found: Vec<_> = found.into_iter().filter(|(n, _)| lens[usize::from(*n)] > 0).collect();
            expected.retain(|(n, _)| lens[usize::from(*n)] > 0);
            prop_assert_eq!(found, expected);
            prop_assert_eq!(branch.len(), lens.iter().sum::<u64>());
        }
    }
}
