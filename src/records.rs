//! A file of records of one length, each with its checksum.
//!
//! It only grows, by whole records. So what a crash leaves is what was there before and some of what was being added,
//! and a byte that flips on the disk costs the record that it is in.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::private;

/// Length of the checksum behind each record.
const SUM: usize = 4;

/// How long another process is waited for; adding to the file takes it less than a millisecond.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);

/// Records of `N` bytes in a file that several processes add to.
#[derive(Debug, Clone)]
pub(crate) struct RecordFile<const N: usize> {
    path: PathBuf,
}

impl<const N: usize> RecordFile<N> {
    /// The records in `path`, which is made when something is added.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that are sound, in the order in which they were added; none where there is no file yet.
    pub fn read(&self) -> io::Result<Vec<[u8; N]>> {
        match std::fs::read(&self.path) {
            Ok(bytes) => Ok(sound(&bytes).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Adds records: what other processes add at the same time stands before or behind them.
    pub fn add(&self, records: impl IntoIterator<Item = [u8; N]>) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            private::make_folder(folder)?;
        }
        let mut file = private::append_to(&self.path)?;
        lock_soon(&file)?;
        append(&mut file, records)
    }
}

/// Waits for the only lock of a file, which ends with `file`.
fn lock_soon(file: &File) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process has it locked"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Adds records to a file that is open for appending, and that this process alone writes to now.
pub(crate) fn append<const N: usize>(
    file: &mut File,
    records: impl IntoIterator<Item = [u8; N]>,
) -> io::Result<()> {
    let len = file.metadata()?.len();
    let beyond = len % (N + SUM) as u64;
    if beyond > 0 {
        // Whoever wrote that was ended, or the disk was full.
        file.set_len(len - beyond)?;
    }
    let mut bytes = Vec::new();
    for record in records {
        bytes.extend_from_slice(&record);
        bytes.extend_from_slice(&sum(&record));
    }
    file.write_all(&bytes)
}

/// The sound records in the bytes of a file.
pub(crate) fn sound<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N + SUM).filter_map(|entry| {
        let (record, rest) = entry.split_first_chunk::<N>()?;
        (rest == sum(record)).then_some(*record)
    })
}

/// Begun with the length, so that no record is one of another length.
fn sum<const N: usize>(record: &[u8; N]) -> [u8; SUM] {
    crc32c::crc32c_append(crc32c::crc32c(&(N as u64).to_le_bytes()), record).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64) -> [u8; 24] {
        let mut record = [0x5a; 24];
        record[..8].copy_from_slice(&number.to_le_bytes());
        record
    }

    fn file() -> (tempfile::TempDir, RecordFile<24>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = RecordFile::new(folder.path().join("not/there/yet/records"));
        (folder, file)
    }

    #[test]
    fn what_was_added_is_there_in_order() {
        let (_folder, file) = file();
        assert_eq!(file.read().expect("there is nothing"), Vec::<[u8; 24]>::new());
        file.add([record(1), record(2)]).expect("the folder is ours");
        file.add([]).expect("nothing is added");
        file.add([record(1)]).expect("the folder is ours");
        assert_eq!(file.read().expect("it is whole"), [record(1), record(2), record(1)]);
    }

    #[test]
    fn writers_at_once_lose_nothing() {
        let (_folder, file) = file();
        std::thread::scope(|scope| {
            for writer in 0..4_u64 {
                let file = &file;
                scope.spawn(move || {
                    for n in 0..50 {
                        file.add([record(writer * 100 + n), record(1000)]).expect("the others are done soon");
                    }
                });
            }
        });
        let read = file.read().expect("it is whole");
        assert_eq!(read.len(), 400);
        for writer in 0..4 {
            let own: Vec<_> = (0..50).map(|n| record(writer * 100 + n)).collect();
            let found: Vec<_> = read.iter().filter(|r| own.contains(r)).copied().collect();
            assert_eq!(found, own, "writer {writer}");
        }
    }

    #[test]
    fn a_crash_at_any_byte_costs_only_what_was_being_added() {
        let (_folder, file) = file();
        file.add((0..5).map(record)).expect("the folder is ours");
        let whole = std::fs::read(file.path()).expect("it is there");
        for len in 0..=whole.len() {
            std::fs::write(file.path(), &whole[..len]).expect("the folder is ours");
            let kept: Vec<_> = (0..(len / 28) as u64).map(record).collect();
            assert_eq!(file.read().expect("damage is no failure"), kept, "{len} bytes");
            file.add([record(7)]).expect("the folder is ours");
            let after: Vec<_> = kept.into_iter().chain([record(7)]).collect();
            assert_eq!(file.read().expect("it is whole"), after, "{len} bytes");
        }
    }

    #[test]
    fn a_flipped_bit_costs_the_record_that_it_is_in() {
        let (_folder, file) = file();
        file.add((0..20).map(record)).expect("the folder is ours");
        let whole = std::fs::read(file.path()).expect("it is there");
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let expected: Vec<_> =
                (0..20).filter(|n| *n != (bit / 8 / 28) as u64).map(record).collect::<Vec<[u8; 24]>>();
            assert_eq!(sound::<24>(&damaged).collect::<Vec<_>>(), expected, "bit {bit}");
        }
    }

    #[test]
    fn what_is_no_record_is_none() {
        assert_eq!(sound::<24>(&[0; 2800]).count(), 0, "a disk may give zeros for what was never written");
        assert_eq!(sound::<24>(&[0xff; 2800]).count(), 0);
        assert_eq!(sound::<24>(b"lines of text\n".repeat(1000).as_slice()).count(), 0);
    }
}
