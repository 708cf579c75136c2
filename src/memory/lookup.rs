//! Lookup in sorted records of one length: in memory if they are few, in a temporary file otherwise.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::{Budget, Held, Sorted, unnamed_file};
use crate::model::number::to_usize;

/// Up to this many bytes of records stay in memory.
const FEW: usize = 256 << 10;

/// Bytes that are read at once when all records are read.
const PIECE: usize = 64 << 10;

/// Records of `N` bytes, each once, in order.
pub struct Lookup<const N: usize> {
    records: LookupRecords,
    count: u64,
    _held: Held,
}

enum LookupRecords {
    Memory(Vec<u8>),
    File(File),
}

impl<const N: usize> Lookup<N> {
    /// The keys of sorted records, which all have `N` bytes.
    pub fn of(sorted: &mut Sorted, budget: &Arc<Budget>) -> io::Result<Self> {
        let (mut open, mut file, mut written) = (Vec::new(), None, 0_u64);
        let mut last: Option<[u8; N]> = None;
        let mut count = 0;
        while let Some((key, _)) = sorted.next()? {
            let record: [u8; N] = key
                .try_into()
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a record of another length"))?;
            if last == Some(record) {
                continue;
            }
            open.extend_from_slice(&record);
            (last, count) = (Some(record), count + 1);
            if open.len() > FEW {
                let file = match &file {
                    Some(file) => file,
                    None => file.insert(unnamed_file()?),
                };
                file.write_all_at(&open, written)?;
                written += open.len() as u64;
                open.clear();
            }
        }
        let (held, records) = match file {
            Some(file) => {
                file.write_all_at(&open, written)?;
                (0, LookupRecords::File(file))
            }
            None => (open.len() as u64, LookupRecords::Memory(open)),
        };
        Ok(Self { records, count, _held: budget.hold(held) })
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// The record at `at`, which must be less than [`Self::count`]. May read a file.
    pub fn get(&self, at: u64) -> io::Result<[u8; N]> {
        let mut record = [0; N];
        self.read(at * N as u64, &mut record)?;
        Ok(record)
    }

    /// The place of the first record that is not less than `from`. May read a file.
    pub fn first_from(&self, from: &[u8; N]) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle)? < *from { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// Calls `take` with each record. May read a file.
    pub fn each(&self, mut take: impl FnMut(&[u8; N]) -> io::Result<()>) -> io::Result<()> {
        let all = self.count * N as u64;
        let piece = PIECE / N * N;
        let mut read = 0;
        let mut bytes = Vec::new();
        while read < all {
            bytes.resize(to_usize(all - read).min(piece), 0);
            self.read(read, &mut bytes)?;
            read += bytes.len() as u64;
            bytes.as_chunks().0.iter().try_for_each(&mut take)?;
        }
        Ok(())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match &self.records {
            LookupRecords::Memory(bytes) => {
                let start = to_usize(offset);
                out.copy_from_slice(&bytes[start..start + out.len()]);
                Ok(())
            }
            LookupRecords::File(file) => file.read_exact_at(out, offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Cancel, Sorter};

    #[test]
    fn records_are_found_in_memory_and_in_a_file() {
        for count in [0_u32, 1, 1000, 100_000] {
            let budget = Budget::new(0);
            let mut sorter = Sorter::new(budget.little_work(1 << 20), &Cancel::default());
            // Even numbers, each twice.
            for n in (0..count).rev().flat_map(|n| [n, n]) {
                sorter.push(&(2 * n).to_be_bytes(), &[]).expect("there is room");
            }
            let mut sorted = sorter.finish(u64::MAX).expect("there is room");
            let found = Lookup::<4>::of(&mut sorted, &budget).expect("there is room");
            assert_eq!(found.count(), u64::from(count));
            for n in [0, 1, count / 2, count.saturating_sub(1), count] {
                for at in [2 * n, (2 * n).saturating_sub(1)] {
                    let place = found.first_from(&at.to_be_bytes()).expect("it can be read");
                    assert_eq!(place, u64::from(at.div_ceil(2).min(count)), "{at} of {count}");
                }
            }
            let mut all = Vec::new();
            let mut take = |record: &[u8; 4]| {
                all.push(u32::from_be_bytes(*record));
                Ok(())
            };
            found.each(&mut take).expect("it can be read");
            assert!(all.iter().copied().eq((0..count).map(|n| 2 * n)));
        }
    }
}
