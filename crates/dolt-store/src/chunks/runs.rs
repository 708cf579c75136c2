//! An index that only grows: a few sorted arrays.

use std::sync::Arc;

use super::prefixes::find;
use crate::address::Address;

/// Records begin before this offset: 1 TiB.
pub const MAX_OFFSET: u64 = 1 << 40;
/// Records are shorter than this: 8 MiB.
pub const MAX_LEN: u32 = 1 << 23;
const LEN_BITS: u32 = 23;
const LEN_MASK: u64 = MAX_LEN as u64 - 1;

/// Where the record of a chunk is in a journal. It takes 16 bytes, because a journal has millions of records. It has
/// only the first 8 bytes of the chunk's address, which differ unless they were made to be equal; the record has the
/// whole address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordPlace {
    prefix: u64,
    /// From the highest bit: 40 bits of the offset, 1 bit that is set if the chunk may be a commit, 23 bits of the
    /// length.
    packed: u64,
}

impl RecordPlace {
    /// A place of `len` bytes; `None` from [`MAX_OFFSET`] or [`MAX_LEN`] on.
    pub fn new(address: &Address, offset: u64, len: u32, may_be_commit: bool) -> Option<Self> {
        let packed = offset << (LEN_BITS + 1) | u64::from(may_be_commit) << LEN_BITS | u64::from(len);
        (offset < MAX_OFFSET && len < MAX_LEN).then_some(Self { prefix: address.prefix(), packed })
    }

    pub fn offset(&self) -> u64 {
        self.packed >> (LEN_BITS + 1)
    }

    pub fn len(&self) -> u32 {
        (self.packed & LEN_MASK) as u32
    }

    /// Whether the record may be of the chunk with this address.
    pub fn may_be_of(&self, address: &Address) -> bool {
        self.prefix == address.prefix()
    }

    pub fn may_be_commit(&self) -> bool {
        self.packed >> LEN_BITS & 1 == 1
    }
}

/// Places of records by address. Each run is sorted and at least twice as long as the next, so there are few of them
/// and adding costs little. Clones share their runs.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    runs: Vec<Arc<[RecordPlace]>>,
}

impl Runs {
    pub fn add(&mut self, mut places: Vec<RecordPlace>) {
        if places.is_empty() {
            return;
        }
        while let Some(last) = self.runs.pop_if(|last| last.len() < places.len() * 2) {
            places.extend_from_slice(&last);
        }
        places.sort_unstable();
        self.runs.push(places.into());
    }

    /// The places of the chunks whose addresses begin as this one does.
    pub fn find(&self, address: &Address) -> impl Iterator<Item = &RecordPlace> {
        let wanted = address.prefix();
        self.runs.iter().flat_map(move |run| &run[find(run, wanted, |place| place.prefix)])
    }

    /// A few places, evenly spread over all addresses.
    pub fn samples(&self, count: usize) -> impl Iterator<Item = &RecordPlace> {
        let all: usize = self.runs.iter().map(|run| run.len()).sum();
        self.places().step_by((all / count.max(1)).max(1)).take(count)
    }

    /// All places, in no order.
    pub fn places(&self) -> impl Iterator<Item = &RecordPlace> {
        self.runs.iter().flat_map(|run| run.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> Address {
        let mut bytes = [0; Address::LEN];
        bytes[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
        Address::new(bytes)
    }

    fn place(number: u32) -> RecordPlace {
        RecordPlace::new(&address(number), number.into(), number, false).expect("it is small")
    }

    fn found(runs: &Runs, address: &Address) -> Vec<RecordPlace> {
        runs.find(address).copied().collect()
    }

    #[test]
    fn all_that_was_added_is_found_in_few_runs() {
        let mut runs = Runs::default();
        let mut next = 0;
        for count in [1000, 1, 0, 1, 5, 300, 1, 1, 2000, 7] {
            runs.add((next..next + count).map(place).collect());
            next += count;
        }
        assert!((0..next).all(|number| found(&runs, &address(number)) == [place(number)]));
        assert_eq!(found(&runs, &address(next)), []);
        for _ in 0..500 {
            runs.add(vec![place(next)]);
            next += 1;
        }
        assert!(runs.runs.len() < 12, "{} runs", runs.runs.len());
        assert_eq!(runs.places().count(), next as usize);
    }

    #[test]
    fn addresses_of_any_spread_are_found() {
        let with_prefix = |prefix: u64| {
            let mut bytes = [0; Address::LEN];
            bytes[..8].copy_from_slice(&prefix.to_be_bytes());
            Address::new(bytes)
        };
        let ends = [0, 1, u64::MAX - 1, u64::MAX].map(|prefix| (prefix, 1));
        let crowded = (0..64).map(|bit| (1 << bit, 2));
        let alike = (0..200).map(|len| (7 << 40, len));
        let all: Vec<(u64, u32)> = ends.into_iter().chain(crowded).chain(alike).collect();
        let place = |prefix, len| RecordPlace::new(&with_prefix(prefix), 5, len, true).expect("it is small");
        let mut runs = Runs::default();
        runs.add(all.iter().map(|&(prefix, len)| place(prefix, len)).collect());
        for &(prefix, _) in &all {
            let mut expected: Vec<_> = all.iter().filter(|(other, _)| *other == prefix).collect();
            expected.sort();
            let expected: Vec<_> = expected.iter().map(|&&(prefix, len)| place(prefix, len)).collect();
            assert_eq!(found(&runs, &with_prefix(prefix)), expected, "{prefix:x}");
        }
        for prefix in [3, 6 << 40, u64::MAX - 2] {
            assert_eq!(found(&runs, &with_prefix(prefix)), [], "{prefix:x}");
        }
    }

    #[test]
    fn an_entry_is_as_small_as_it_says_and_holds_all_that_fits() {
        assert_eq!(size_of::<RecordPlace>(), 16);
        for may_be_commit in [false, true] {
            let (offset, len) = (MAX_OFFSET - 1, MAX_LEN - 1);
            let place = RecordPlace::new(&address(1), offset, len, may_be_commit).expect("it just fits");
            assert_eq!((place.offset(), place.len(), place.may_be_commit()), (offset, len, may_be_commit));
            assert_eq!(RecordPlace::new(&address(1), offset + 1, len, may_be_commit), None);
            assert_eq!(RecordPlace::new(&address(1), offset, len + 1, may_be_commit), None);
        }
    }
}
