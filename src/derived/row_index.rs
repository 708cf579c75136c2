//! Which versions of a table changed which rows.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use super::diff::{RowChange, diff};
use super::history::Change;
use super::{DerivedError, Version};
use crate::engine::Engine;
use crate::model::content_id::ContentId;
use crate::model::row::{Row, key_name};
use crate::source::Content;

/// How many versions are compared at once.
const AT_ONCE: usize = 4;

/// The contents before and after a change.
type Pair = [Option<ContentId>; 2];

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
        versions: &[&Version],
    ) -> Result<Arc<Self>, DerivedError> {
        let pairs: Vec<Pair> = versions.iter().map(|version| pair(version)).collect();
        let known = known.filter(|known| pairs.starts_with(&known.versions));
        if let Some(known) = known.as_ref().filter(|known| known.versions.len() == pairs.len()) {
            return Ok(Arc::clone(known));
        }
        let mut changes = known.as_ref().map(|known| known.changes.clone()).unwrap_or_default();
        let first = known.map_or(0, |known| known.versions.len());
        let new: Vec<(u32, Version)> =
            (0..).zip(versions).skip(first).map(|(at, version)| (at, Version::clone(version))).collect();
        let names = new.into_iter().map(|(at, version)| async move {
            Ok::<_, DerivedError>((at, names_in(engine, &version).await?))
        });
        let mut all = stream::iter(names).buffered(AT_ONCE);
        while let Some(found) = all.next().await {
            let (at, names) = found?;
            changes.extend(names.into_iter().map(|name| (name, at)));
        }
        changes.sort();
        changes.dedup();
        Ok(Arc::new(Self { versions: pairs, changes }))
    }

    /// The places of the versions that may have changed the row with a key of this name, in order.
    pub fn changes_of(&self, name: &str) -> impl Iterator<Item = usize> {
        let hash = hash(name);
        let first = self.changes.partition_point(|(other, _)| *other < hash);
        self.changes[first..].iter().take_while(move |(other, _)| *other == hash).map(|(_, at)| *at as usize)
    }
}

/// What a version changed of the row with a key of this name.
///
/// # Errors
/// Why a content cannot be read.
pub(super) async fn row_in(engine: &Engine, version: &Version, name: &str) -> Result<Change, DerivedError> {
    let wanted = name.to_owned();
    let [before, after] = contents(version);
    let found = engine.changed_rows(before, after, move |row| {
        let is_it = name_of(row.key_line, row.key).as_deref() == Some(&*wanted);
        if is_it { Ok(Some((row.is_later, row.line()?))) } else { Ok(None) }
    });
    if let Some(found) = found.await? {
        let mut change = Change::default();
        for (is_later, line) in found {
            change[usize::from(is_later)] = Some(line);
        }
        return Ok(change);
    }
    let [before, after] = version.sides();
    let found = diff(engine, before, after).await?;
    // Hashes may meet; names do not.
    let mut named =
        found.changes.into_iter().filter(|c| name_of_change(&found.key, c).as_deref() == Some(name));
    Ok(named
        .next()
        .map_or_else(Change::default, |change| [change.from, change.to].map(|line| Some(line?.into()))))
}

/// The hashed names of the keys of the rows that a version may have changed.
async fn names_in(engine: &Engine, version: &Version) -> Result<Vec<u64>, DerivedError> {
    let [before, after] = contents(version);
    let found =
        engine.changed_rows(before, after, |row| Ok(name_of(row.key_line, row.key).map(|name| hash(&name))));
    if let Some(found) = found.await? {
        return Ok(found);
    }
    let [before, after] = version.sides();
    let found = diff(engine, before, after).await?;
    Ok(found
        .changes
        .iter()
        .filter_map(|change| name_of_change(&found.key, change))
        .map(|n| hash(&n))
        .collect())
}

fn contents(version: &Version) -> [Option<&Arc<dyn Content>>; 2] {
    version.sides().map(|file| file.map(|file| &file.content))
}

fn pair(version: &Version) -> Pair {
    version.sides().map(|file| file.map(|file| file.id))
}

fn name_of_change(key: &[String], change: &RowChange) -> Option<String> {
    if key.is_empty() {
        return None;
    }
    name_of(change.to.as_deref().or(change.from.as_deref())?, key)
}

fn name_of(line: &[u8], key: &[String]) -> Option<String> {
    Some(key_name(&Row::parse(line)?.values(key)))
}

fn hash(name: &str) -> u64 {
    let mut short = [0; 8];
    short.copy_from_slice(&blake3::hash(name.as_bytes()).as_bytes()[..8]);
    u64::from_le_bytes(short)
}
