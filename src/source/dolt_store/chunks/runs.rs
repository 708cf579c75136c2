//! An index that only grows: sorted arrays, of which a few are searched.

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
        self.runs
            .iter()
            .find_map(|run| run.binary_search_by_key(address, |place| place.address).ok().map(|at| &run[at]))
    }

    /// All places, in no order; one may come twice.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.runs.iter().flat_map(|run| run.iter())
    }
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
    fn an_entry_is_as_small_as_it_says() {
        assert_eq!(size_of::<Place>(), 32);
    }
}
