//! Reads any bytes as a zip, and all its members: for the fuzz target `zip`, and for a test that repeats all that it
//! ever found.

use std::io::{self, Cursor};

use bytes::Bytes;

use super::{Directory, unpacked};

/// Unpacked bytes that are looked at: what is longer costs time, and shows nothing new.
const MOST_UNPACKED: u64 = 1 << 20;

/// Bytes as a zip.
pub fn zip(bytes: &[u8]) {
    let mut reader = Cursor::new(Bytes::copy_from_slice(bytes));
    let Ok(directory) = Directory::read(&mut reader) else { return };
    for member in &directory.members {
        if let Ok(data) = unpacked(&directory, member, reader.clone()) {
            let _ = io::copy(&mut io::Read::take(data, MOST_UNPACKED), &mut io::sink());
        }
    }
}
