//! The chunks that a walk visited: each once, with the one that led there.

use std::hash::BuildHasher;

use dolt_store::Address;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Addresses in the order of the visits, numbered from 0. A chunk takes 24 bytes for itself and 5 to 10 for
/// being found.
#[derive(Default)]
pub struct Visited {
    entries: Vec<VisitedChunk>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

struct VisitedChunk {
    address: Address,
    /// The number of the chunk that led here; its own for the first.
    from: u32,
}

/// There are more chunks than can be numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

impl Visited {
    /// Adds a chunk that the one of number `from` refers to, unless it is there.
    pub fn add(&mut self, address: Address, from: u32) -> Result<(), TooMany> {
        let Self { entries, numbers, hasher } = self;
        let number = u32::try_from(entries.len()).map_err(|_| TooMany)?;
        let slot = numbers.entry(
            hasher.hash_one(address),
            |number| entries[*number as usize].address == address,
            |number| hasher.hash_one(entries[*number as usize].address),
        );
        if let hashbrown::hash_table::Entry::Vacant(slot) = slot {
            slot.insert(number);
            entries.push(VisitedChunk { address, from });
        }
        Ok(())
    }

    /// Whether a chunk is there.
    pub fn has(&self, address: &Address) -> bool {
        let is_same = |number: &u32| self.entries[*number as usize].address == *address;
        self.numbers.find(self.hasher.hash_one(address), is_same).is_some()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The chunk of a number that was given out.
    pub fn address(&self, number: u32) -> &Address {
        &self.entries[number as usize].address
    }

    /// The chunks that led to that of a number, from the first one on, and itself.
    pub fn way_to(&self, number: u32) -> Vec<Address> {
        let mut way = vec![*self.address(number)];
        let mut at = number;
        while self.entries[at as usize].from != at {
            at = self.entries[at as usize].from;
            way.push(*self.address(at));
        }
        way.reverse();
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chunk_is_there_once_with_the_first_way_to_it() {
        let address = |number: u32| {
            let mut bytes = [0; 20];
            bytes[..4].copy_from_slice(&number.to_le_bytes());
            Address::new(bytes)
        };
        let mut visited = Visited::default();
        for number in 0..5000_u32 {
            assert!(!visited.has(&address(number)));
            visited.add(address(number), number.saturating_sub(1) / 2).expect("they are few");
            visited.add(address(number / 3), number).expect("they are few");
        }
        assert_eq!(visited.len(), 5000);
        assert!(
            (0..5000)
                .all(|number| visited.has(&address(number)) && *visited.address(number) == address(number))
        );
        assert_eq!(visited.way_to(12), [0, 2, 5, 12].map(address));
        assert_eq!(visited.way_to(0), [address(0)]);
    }
}
