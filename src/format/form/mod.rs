//! What stored bytes are shown as: as they are, or as the tables that they hold.

mod broken;
mod export;
mod raw;
mod tables;

use std::io::{self, Read};

pub(crate) use broken::Broken;
pub(crate) use export::{
    EXPORTED_TABLE, Export, Form, LONGEST_ROW, RAW_EXPORT, form_of, is_cut, read_export,
};
pub(crate) use raw::Raw;
pub(crate) use tables::{LARGEST_DATABASE, SCHEMA, TableFile, folder_beside, is_free, tables};

use crate::format::blob::read_full;

/// As many bytes as tell the form of an export, and a SQLite file from others.
const HEAD: usize = 4096;

/// How long a piece is that begins like this, where that is all of it; else more than can be.
pub(crate) fn len_by_head(head: &[u8]) -> u64 {
    if head.len() < HEAD { head.len() as u64 } else { u64::MAX }
}

/// How a piece of bytes begins.
///
/// # Errors
/// Those of reading it.
pub(crate) fn head(mut bytes: impl Read) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let count = read_full(&mut bytes, &mut head)?;
    head.truncate(count);
    Ok(head)
}
