//! Finds the records of a file that still count, and rewrites the file with them only.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use super::{Limits, RecordInForce, Rule, SUM, append, name, sound};

/// The length of the id at the start of a record.
const ID: usize = 16;

/// The records that count, in order: of several with one id, the one that the rule chooses.
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
            && rule(earlier, &record) == RecordInForce::Earlier
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

/// Whether to rewrite a file of `len` bytes: its `count` records that count fill less than half, or it is too long.
pub(super) fn is_worth_it<const N: usize>(len: u64, count: usize, limits: Limits) -> bool {
    len >= limits.floor && len > 2 * bytes_of::<N>(count) || len > limits.most
}

fn bytes_of<const N: usize>(count: usize) -> u64 {
    count as u64 * (N + SUM) as u64
}

/// Replaces the file at a path, which this process has locked, by the records that count. If this is interrupted,
/// either the old or the new file is there.
pub(super) fn rewrite<const N: usize>(path: &Path, rule: Rule<N>, limits: Limits) -> io::Result<()> {
    // Replaces a link's target, not the link.
    let path = &path.canonicalize()?;
    let bytes = std::fs::read(path)?;
    let mut records = counting(sound(&bytes), rule);
    if bytes_of::<N>(records.len()) > limits.most {
        // Keeps half, so that the next addition does not rewrite it again.
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
