//! What of a file still counts, and how a file is written again with that alone.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use super::{Counts, Limits, Rule, SUM, append, name, sound};

/// Length of the id that a record begins with.
const ID: usize = 16;

/// The records that count, in order: of several about one thing, the one that the rule chooses.
pub(super) fn counting<const N: usize>(
    records: impl Iterator<Item = [u8; N]>,
    rule: Rule<N>,
) -> Vec<[u8; N]> {
    let mut all: Vec<Option<[u8; N]>> = Vec::new();
    let mut places: HashMap<[u8; ID], usize> = HashMap::new();
    for record in records {
        const { assert!(N >= ID, "a record begins with an id") }
        let Some(id) = record.first_chunk::<ID>() else { continue };
        let before = places.get(id).copied();
        if let Some(place) = before
            && let Some(earlier) = &all[place]
            && rule(earlier, &record) == Counts::Earlier
        {
            continue;
        }
        if let Some(place) = before {
            all[place] = None;
        }
        places.insert(*id, all.len());
        all.push(Some(record));
    }
    all.into_iter().flatten().collect()
}

/// Whether a file of `len` bytes, of which `count` records count, is to be written again: more than half of it no longer counts, or
/// it is longer than it may be.
pub(super) fn is_worth_it<const N: usize>(len: u64, count: usize, limits: Limits) -> bool {
    len >= limits.floor && len > 2 * bytes_of::<N>(count) || len > limits.most
}

fn bytes_of<const N: usize>(count: usize) -> u64 {
    count as u64 * (N + SUM) as u64
}

/// Replaces the file at a path, which this process has locked, by one of what counts in it. Whenever this is ended, the old
/// file is there or the new one.
pub(super) fn rewrite<const N: usize>(path: &Path, rule: Rule<N>, limits: Limits) -> io::Result<()> {
    // Where a link leads to is replaced, not the link.
    let path = &path.canonicalize()?;
    let bytes = std::fs::read(path)?;
    let mut records = counting(sound(&bytes), rule);
    if bytes_of::<N>(records.len()) > limits.most {
        // Half of it, so that the next one to add does not have to do this again.
        let kept = limits.most / 2 / (N + SUM) as u64;
        let dropped = records.len().saturating_sub(crate::model::number::to_usize(kept));
        records.drain(..dropped);
    }
    let (Some(folder), Some(file_name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut prefix = file_name.to_owned();
    prefix.push(".");
    let mut new = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(name::NEW)
        .rand_bytes(name::LETTERS)
        .tempfile_in(folder)?;
    append(new.as_file_mut(), records)?;
    new.as_file().sync_data()?;
    new.persist(path).map_err(|error| error.error)?;
    Ok(())
}
