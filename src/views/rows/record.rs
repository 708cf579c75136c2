//! Changes as records that a [`Sorter`](crate::memory::Sorter) holds.

use std::io;

use super::change::RowChangeRef;

/// The length of what precedes the lines of a change: flags, and the length of the earlier line.
const HEAD: usize = 5;
const HAS_KEY: u8 = 1;
const HAS_FROM: u8 = 2;
const HAS_TO: u8 = 4;

/// Appends a change.
pub fn write_record(change: RowChangeRef<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    let RowChangeRef { from, to, has_key } = change;
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    out.push(flag(has_key, HAS_KEY) | flag(from.is_some(), HAS_FROM) | flag(to.is_some(), HAS_TO));
    let from = from.unwrap_or_default();
    out.extend_from_slice(&u32::try_from(from.len()).map_err(io::Error::other)?.to_le_bytes());
    out.extend_from_slice(from);
    out.extend_from_slice(to.unwrap_or_default());
    Ok(())
}

/// Reads what [`write_record`] wrote.
pub fn read_record(record: &[u8]) -> RowChangeRef<'_> {
    let (head, lines) = record.split_at(HEAD);
    let len = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let (from, to) = lines.split_at(len);
    let line = |flag: u8, line| (head[0] & flag != 0).then_some(line);
    RowChangeRef { from: line(HAS_FROM, from), to: line(HAS_TO, to), has_key: head[0] & HAS_KEY != 0 }
}
