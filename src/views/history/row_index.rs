//! An index of which versions of a table changed which rows.

use std::sync::{Arc, Mutex};

use futures_util::stream::{self, StreamExt};

use super::row_changes::{ContentIds, contents, name_of, pair};
use crate::content::SourceError;
use crate::engine::{ComparedRow, Engine};
use crate::memory::sort::LEAST;
use crate::memory::{Cancel, Lookup, Sorter};
use crate::util::locks::lock;
use crate::views::change_index::IndexedChange;
use crate::views::error::DerivedError;
use crate::views::rows::diff::diff;
use crate::views::rows::steps::{last_step, step};

/// Versions are compared in groups of this size, and this many groups at once.
const TOGETHER: usize = 64;
const AT_ONCE: usize = 4;

/// The length of a record: a hash, and the place of a version.
const RECORD: usize = 12;

/// By the hash of a row's name, the versions that may have changed that row.
pub(super) struct RowIndex {
    versions: Vec<ContentIds>,
    changes: Lookup<RECORD>,
}

type SharedNames = Arc<Mutex<Sorter>>;

impl RowIndex {
    /// The index of some versions. Those that `known` starts with are not compared again.
    pub async fn of(
        engine: &Engine,
        known: Option<Arc<Self>>,
        versions: &[IndexedChange],
    ) -> Result<Arc<Self>, DerivedError> {
        let pairs: Vec<ContentIds> = versions.iter().map(pair).collect();
        let known = known.filter(|known| pairs.starts_with(&known.versions));
        if let Some(known) = known.as_ref().filter(|known| known.versions.len() == pairs.len()) {
            return Ok(Arc::clone(known));
        }
        let first = known.as_ref().map_or(0, |known| known.versions.len());
        let cancel = Cancel::default();
        let _wanted = cancel.on_drop();
        // Comparing two versions waits for its own memory, so this must not wait for any.
        let names: SharedNames =
            Arc::new(Mutex::new(Sorter::new(engine.budget().little_work(LEAST), &cancel)));
        let new: Vec<(u32, IndexedChange)> = (0..).zip(versions.iter().cloned()).skip(first).collect();
        let new: Vec<Vec<_>> = new.chunks(TOGETHER).map(<[_]>::to_vec).collect();
        let found = new.into_iter().map(|some| {
            let names = Arc::clone(&names);
            async move { changes_in(engine, some, names).await }
        });
        let mut all = stream::iter(found).buffer_unordered(AT_ONCE);
        while let Some(found) = all.next().await {
            found?;
        }
        drop(all);
        let budget = Arc::clone(engine.budget());
        let changes = last_step((names, known), move |(names, known)| {
            let names = Arc::into_inner(names).and_then(|names| names.into_inner().ok());
            let Some(mut names) = names else { unreachable!("nobody else has them any more") };
            if let Some(known) = known {
                known.changes.each(|record| names.push(record, &[]))?;
            }
            Ok(Lookup::of(&mut names.finish(u64::MAX)?, &budget)?)
        })
        .await?;
        Ok(Arc::new(Self { versions: pairs, changes }))
    }

    /// The places of the versions that may have changed the row of this name, in order.
    pub async fn changes_of(self: &Arc<Self>, name: &str) -> Result<Vec<usize>, DerivedError> {
        let hash = hash(name);
        let look = move |index: &mut Arc<Self>| -> Result<Vec<usize>, DerivedError> {
            let mut places = Vec::new();
            let mut at = index.changes.first_from(&record(hash, 0))?;
            while at < index.changes.count() {
                let [a, b, c, d, e, f, g, h, place @ ..] = index.changes.get(at)?;
                if u64::from_be_bytes([a, b, c, d, e, f, g, h]) != hash {
                    break;
                }
                places.push(u32::from_be_bytes(place) as usize);
                at += 1;
            }
            Ok(places)
        };
        Ok(step(Arc::clone(self), look).await?.1)
    }
}

async fn changes_in(
    engine: &Engine,
    versions: Vec<(u32, IndexedChange)>,
    names: SharedNames,
) -> Result<(), DerivedError> {
    let pairs = versions.iter().map(|(_, version)| contents(version)).collect();
    let places: Vec<u32> = versions.iter().map(|(at, _)| *at).collect();
    let note = move |names: &mut SharedNames, at: usize, row: &ComparedRow<'_>| {
        let Some(name) = name_of(row.key_line, row.key) else { return Ok(()) };
        let noted = lock(names).push(&record(hash(&name), places[at]), &[]);
        noted.map_err(|error| Arc::new(SourceError::of_temporary_file(error)))
    };
    let work = engine.budget().work(LEAST).await;
    let (names, are_known, work) = engine.changed_rows(pairs, work, names, note).await?;
    drop(work);
    for (at, version) in
        versions.into_iter().zip(are_known).filter(|(_, is_known)| !is_known).map(|(of, _)| of)
    {
        let [before, after] = version.file.sides();
        let mut found = diff(engine, before, after).await?;
        while let Some(changes) = found.next().await? {
            let (key, names) = (found.key.clone(), Arc::clone(&names));
            step((), move |()| {
                let mut names = lock(&names);
                for name in changes.iter().filter_map(|change| change.name(&key)) {
                    names.push(&record(hash(&name), at), &[])?;
                }
                Ok(())
            })
            .await?;
        }
    }
    Ok(())
}

fn record(hash: u64, place: u32) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record[..8].copy_from_slice(&hash.to_be_bytes());
    record[8..].copy_from_slice(&place.to_be_bytes());
    record
}

fn hash(name: &str) -> u64 {
    u64::from_le_bytes(*blake3::hash(name.as_bytes()).as_bytes().first_chunk().expect("a hash is longer"))
}
