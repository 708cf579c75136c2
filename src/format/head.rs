//! How a blob begins, which tells its format.

use std::io::{self, Read};

use super::blob::read_full;

/// How many bytes it takes to recognise the form of an export, a tar and a SQLite file.
const HEAD: usize = 4096;

/// The length of a blob that begins like this, if `head` is all of it; else more than any blob has.
pub(crate) fn len_by_head(head: &[u8]) -> u64 {
    if head.len() < HEAD { head.len() as u64 } else { u64::MAX }
}

pub(crate) fn head(mut bytes: impl Read) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let count = read_full(&mut bytes, &mut head)?;
    head.truncate(count);
    Ok(head)
}
