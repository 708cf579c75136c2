//! Which versions of a table changed which rows.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use super::diff::diff;
use super::row_changes::{Pair, contents, name_of, pair};
use super::{DerivedError, Version};
use crate::engine::{Engine, Side};

/// How many versions are compared one after the other, and how many such lots at once.
const TOGETHER: usize = 64;
const AT_ONCE: usize = 4;

/// By the hash of a key's name, the versions that may have changed that row.
pub(super) struct RowIndex {
    versions: Vec<Pair>,
    /// The hash, and the place of the version; sorted.
    changes: Vec<(u64, u32)>,
}

impl RowIndex {
    /// The index of some versions. Those that `known` begins with are not compared again.
    ///
    /// # Errors
    /// Why a version cannot be read.
    pub async fn of(
        engine: &Engine,
        known: Option<Arc<Self>>,
        versions: &[Version],
    ) -> Result<Arc<Self>, DerivedError> {
        let pairs: Vec<Pair> = versions.iter().map(pair).collect();
        let known = known.filter(|known| pairs.starts_with(&known.versions));
        if let Some(known) = known.as_ref().filter(|known| known.versions.len() == pairs.len()) {
            return Ok(Arc::clone(known));
        }
        let mut changes = known.as_ref().map(|known| known.changes.clone()).unwrap_or_default();
        let first = known.map_or(0, |known| known.versions.len());
        let new: Vec<Vec<(u32, Version)>> = (0..)
            .zip(versions.iter().cloned())
            .skip(first)
            .collect::<Vec<_>>()
            .chunks(TOGETHER)
            .map(<[_]>::to_vec)
            .collect();
        let found = new.into_iter().map(|some| async move { changes_in(engine, &some).await });
        let mut all = stream::iter(found).buffered(AT_ONCE);
        while let Some(found) = all.next().await {
            changes.extend(found?);
        }
        changes.sort();
        changes.dedup();
        Ok(Arc::new(Self { versions: pairs, changes }))
    }

    /// Whether the version at a place may have changed the row with a key of this name.
    pub fn may_change(&self, name: &str, at: usize) -> bool {
        u32::try_from(at).is_ok_and(|at| self.changes.binary_search(&(hash(name), at)).is_ok())
    }

    /// The places of the versions that may have changed the row with a key of this name, in order.
    pub fn changes_of(&self, name: &str) -> impl Iterator<Item = usize> {
        let hash = hash(name);
        let first = self.changes.partition_point(|(other, _)| *other < hash);
        self.changes[first..].iter().take_while(move |(other, _)| *other == hash).map(|(_, at)| *at as usize)
    }
}

/// The hashed names of the keys of the rows that versions may have changed, each with the version's place.
async fn changes_in(engine: &Engine, versions: &[(u32, Version)]) -> Result<Vec<(u64, u32)>, DerivedError> {
    let pairs =
        versions.iter().map(|(_, version)| contents(version).map(Option::<&Arc<_>>::cloned)).collect();
    let name = |row: &Side<'_>| Ok(name_of(row.key_line, row.key).map(|name| hash(&name)));
    let mut changes = Vec::new();
    for (found, (at, version)) in engine.changed_rows_of(pairs, name).await?.into_iter().zip(versions) {
        let names = match found {
            Some(names) => names,
            None => names_in(engine, version).await?,
        };
        changes.extend(names.into_iter().map(|name| (name, *at)));
    }
    Ok(changes)
}

async fn names_in(engine: &Engine, version: &Version) -> Result<Vec<u64>, DerivedError> {
    let [before, after] = version.sides();
    let found = diff(engine, before, after).await?;
    let names = found.changes.iter().filter_map(|change| change.name(&found.key));
    Ok(names.map(|name| hash(&name)).collect())
}

fn hash(name: &str) -> u64 {
    let mut short = [0; 8];
    short.copy_from_slice(&blake3::hash(name.as_bytes()).as_bytes()[..8]);
    u64::from_le_bytes(short)
}
