//! Reads neighbouring chunks at once.
//!
//! Dolt appends the texts of the rows of one commit one after the other, and garbage collection writes chunks in the
//! order in which it finds them. So the next read is mostly near the last one, and each thread keeps the bytes around
//! its last read.

use std::cell::RefCell;

use crate::error::StoreError;
use crate::files::StoreFile;

/// How many bytes are read at once at first; twice as many each time that it was not enough.
const SHORTEST: usize = 16 << 10;
/// How many bytes are read at once at most.
const LONGEST: usize = 128 << 10;
/// Two places less than this apart are near: one read of the longest holds both.
const NEAR: u64 = LONGEST as u64 / 2;

thread_local! {
    static READ_AHEAD: RefCell<ReadAhead> = const { RefCell::new(ReadAhead::new()) };
}

/// A part of a file in memory.
struct ReadAhead {
    /// The file that was read last, and at which offset.
    last: Option<(u64, u64)>,
    /// How many bytes to read at once the next time.
    next_len: usize,
    start: u64,
    /// Empty if no bytes of that file are in memory.
    bytes: Vec<u8>,
}

impl ReadAhead {
    const fn new() -> Self {
        Self { last: None, next_len: SHORTEST, start: 0, bytes: Vec::new() }
    }

    /// Notes a read at this place. Returns whether the previous read was near it.
    fn turn_to(&mut self, file: u64, offset: u64) -> bool {
        let last = self.last.replace((file, offset)).filter(|(other, _)| *other == file);
        if last.is_none() {
            self.bytes.clear();
        }
        let is_near = last.is_some_and(|(_, last)| last.abs_diff(offset) < NEAR);
        if !is_near {
            self.next_len = SHORTEST;
        }
        is_near
    }

    fn fill(&mut self, file: &StoreFile, offset: u64) -> Result<(), StoreError> {
        let len = self.next_len;
        self.next_len = LONGEST.min(2 * len);
        // Starts at a multiple of half the length, because the next read may be before this one.
        self.start = offset - offset % (len as u64 / 2);
        self.bytes.resize(len, 0);
        let filled = file.read_some(self.start, &mut self.bytes);
        self.bytes.truncate(*filled.as_ref().unwrap_or(&0));
        filled.map(drop)
    }

    fn held(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..from.checked_add(len)?)
    }
}

/// Hands `len` bytes at `offset` of a file to `unpack`, which must check them, because they may come from an earlier
/// read. The inner error is that of `unpack`.
pub fn with_bytes<T>(
    file: &StoreFile,
    offset: u64,
    len: u32,
    mut unpack: impl FnMut(&[u8]) -> Result<T, String>,
) -> Result<Result<T, String>, StoreError> {
    let mut window = READ_AHEAD.replace(ReadAhead::new());
    let is_near = window.turn_to(file.id(), offset);
    if is_near && window.held(offset, len as usize).is_none() && len as usize <= window.next_len / 2 {
        window.fill(file, offset)?;
    }
    let unpacked = window.held(offset, len as usize).map(&mut unpack);
    if let Some(Err(_)) = unpacked {
        // The file was written to since the bytes were read.
        window.bytes.clear();
    }
    READ_AHEAD.set(window);
    match unpacked {
        Some(Ok(unpacked)) => Ok(Ok(unpacked)),
        _ => Ok(unpack(&file.read_appended(offset, len)?)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::files::StdAccess;
    use crate::testing::next_random;

    /// Bytes that state their own place, as eight-byte numbers.
    fn numbers(count: u64) -> Vec<u8> {
        (0..count).flat_map(|number| number.to_be_bytes()).collect()
    }

    fn temporary(bytes: &[u8]) -> (tempfile::NamedTempFile, StoreFile) {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("the file is ours");
        let opened = StoreFile::open(&StdAccess, file.path()).expect("the file is ours");
        (file, opened)
    }

    fn read(file: &StoreFile, offset: u64, len: u32) -> Vec<u8> {
        with_bytes(file, offset, len, |bytes| Ok(bytes.to_vec())).expect("it is there").expect("all is right")
    }

    #[test]
    fn bytes_are_those_of_the_place_in_whatever_order_they_are_read() {
        let all = numbers(100_000);
        let ((_one, one), (_two, two)) = (temporary(&all), temporary(&all[8..]));
        let (mut state, mut at) = (7, 1700);
        for turn in 0..5000 {
            let random = next_random(&mut state);
            let len = if random.is_multiple_of(11) { 200_000 } else { random % 2000 };
            // Mostly near the last place, as chunks are.
            at = if random.is_multiple_of(7) { random >> 8 } else { at + 900 - random % 1700 } % 500_000;
            let (file, skipped) = if turn % 97 < 60 { (&one, 0) } else { (&two, 8) };
            let expected = &all[at as usize + skipped..][..len as usize];
            assert_eq!(read(file, at, len as u32), expected, "{len} bytes at {at}");
            at += 1700;
        }
    }

    #[test]
    fn what_does_not_unpack_is_read_again() {
        let (mut file, opened) = temporary(&numbers(1000));
        assert_eq!(read(&opened, 0, 8), 0_u64.to_be_bytes());
        assert_eq!(read(&opened, 8, 8), 1_u64.to_be_bytes());
        file.as_file_mut().set_len(8).expect("the file is ours");
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(8)).expect("the file is ours");
        file.write_all(&[9; 16]).expect("the file is ours");
        let nines = |bytes: &[u8]| if bytes == [9; 8] { Ok(()) } else { Err("other bytes".to_owned()) };
        assert_eq!(with_bytes(&opened, 16, 8, nines).expect("it is there"), Ok(()));
        assert!(with_bytes(&opened, 0, 8, nines).expect("it is there").is_err());
        assert!(with_bytes(&opened, 24, 8, nines).is_err(), "the file ends there");
    }
}
