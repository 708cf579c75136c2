//! An index that only grows: sorted arrays, of which a few are searched.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::source::dolt_store::address::Address;

/// Where a chunk's block lies in a file. 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The chunk.
    pub address: Address,
    /// Length of the block.
    pub len: u32,
    /// Offset of the block.
    pub offset: u64,
}

/// Guesses at where an address is before its run is halved: in a million of even spread four or five find it.
const GUESSES: usize = 8;

/// Places by address: each run is sorted and at least twice as long as the next, so there are few of them and adding to
/// them costs little. Clones share their runs.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    runs: Vec<Arc<[Place]>>,
}

impl Runs {
    /// Adds places; of two with one address, either may be found, which is the same chunk.
    pub fn add(&mut self, mut places: Vec<Place>) {
        if places.is_empty() {
            return;
        }
        while let Some(last) = self.runs.pop_if(|last| last.len() < places.len() * 2) {
            places.extend_from_slice(&last);
        }
        places.sort_unstable_by_key(|place| place.address);
        places.dedup_by_key(|place| place.address);
        self.runs.push(places.into());
    }

    /// The place of a chunk.
    pub fn find(&self, address: &Address) -> Option<&Place> {
        self.runs.iter().find_map(|run| find(run, address))
    }

    /// All places, in no order; one may come twice.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.runs.iter().flat_map(|run| run.iter())
    }
}

/// Finds a place in a sorted run: near where an even spread of addresses has it, which takes a few steps where
/// halving takes twenty, and by halving should the spread not be even.
fn find<'r>(run: &'r [Place], address: &Address) -> Option<&'r Place> {
    let wanted = address.prefix();
    let (mut rest, mut least, mut most) = (run, 0, u64::MAX);
    for _ in 0..GUESSES {
        let last = rest.len().checked_sub(1)?;
        let (ahead, span) = (wanted.checked_sub(least)?, most.checked_sub(least)?);
        let guess = (u128::from(ahead) * last as u128 / u128::from(span.max(1))).min(last as u128) as usize;
        let place = &rest[guess];
        match place.address.cmp(address) {
            Ordering::Equal => return Some(place),
            Ordering::Less => (rest, least) = (&rest[guess + 1..], place.address.prefix()),
            Ordering::Greater => (rest, most) = (&rest[..guess], place.address.prefix()),
        }
    }
    rest.binary_search_by_key(address, |place| place.address).ok().map(|at| &rest[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u32) -> Place {
        let mut bytes = [0; Address::LEN];
        bytes[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
        Place { address: Address::new(bytes), len: number, offset: number.into() }
    }

    #[test]
    fn all_that_was_added_is_found_in_few_runs() {
        let mut runs = Runs::default();
        let mut next = 0;
        for count in [1000, 1, 0, 1, 5, 300, 1, 1, 2000, 7] {
            runs.add((next..next + count).map(place).collect());
            next += count;
        }
        assert!((0..next).all(|number| runs.find(&place(number).address) == Some(&place(number))));
        assert_eq!(runs.find(&place(next).address), None);
        for _ in 0..500 {
            runs.add(vec![place(next)]);
            next += 1;
        }
        assert!(runs.runs.len() < 12, "{} runs", runs.runs.len());
        assert_eq!(runs.places().count(), next as usize);
    }

    #[test]
    fn addresses_of_any_spread_are_found() {
        let with_prefix = |prefix: u64, last: u8| {
            let mut bytes = [0; Address::LEN];
            bytes[..8].copy_from_slice(&prefix.to_be_bytes());
            bytes[Address::LEN - 1] = last;
            Place { address: Address::new(bytes), len: last.into(), offset: prefix }
        };
        let ends = [0, 1, u64::MAX - 1, u64::MAX].map(|prefix| with_prefix(prefix, 0));
        let alike = (0..200).map(|last| with_prefix(7 << 40, last));
        let crowded = (0..64).map(|bit| with_prefix(1 << bit, 9));
        let all: Vec<Place> = ends.into_iter().chain(alike).chain(crowded).collect();
        let mut runs = Runs::default();
        runs.add(all.clone());
        assert!(all.iter().all(|place| runs.find(&place.address) == Some(place)));
        for (prefix, last) in [(0, 1), (2, 0), (7 << 40, 200), (6 << 40, 0), (u64::MAX, 1), (u64::MAX - 2, 0)]
        {
            assert_eq!(runs.find(&with_prefix(prefix, last).address), None, "{prefix:x} {last}");
        }
    }

    #[test]
    fn an_entry_is_as_small_as_it_says() {
        assert_eq!(size_of::<Place>(), 32);
    }
}
