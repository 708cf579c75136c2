//! `history/<table>/<key>.jsonl`: every version of one row, oldest first.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, StreamExt};
use lru::LruCache;

use super::diff::{RowChange, TableDiff, changed_columns, diff, write_object};
use super::{DerivedError, Version, VersionIndex};
use crate::catalog::{Database, Snapshot};
use crate::engine::Engine;
use crate::model::content_id::ContentId;
use crate::model::row::{Row, key_name};

/// How many tables' changes are remembered.
const KEPT: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// How many differences are kept, and of how many rows at most.
const KEPT_DIFFERENCES: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");
const FEW_CHANGES: usize = 64;

/// How many versions are compared at once.
const AT_ONCE: usize = 4;

/// What became of a row.
struct Event<'a> {
    snapshot: &'a Snapshot,
    change: &'static str,
    /// The row as it is from then on; of one that was removed, as it was.
    line: Vec<u8>,
    changed: Vec<String>,
}

/// Which versions of a table changed which rows. It takes what differs from each version to the next, once.
#[derive(Default)]
pub struct RowIndex {
    /// By the hash of a key's name, the versions that changed such rows, in order.
    by_name: HashMap<u64, Vec<u32>>,
}

impl RowIndex {
    async fn of(engine: &Engine, versions: &[Version]) -> Result<Self, DerivedError> {
        let names = |(at, version): (u32, &Version)| {
            let (before, file) = (version.before.clone(), version.file.clone());
            async move {
                let found = diff(engine, before.as_ref(), file.as_ref()).await?;
                let names = found.changes.iter().filter_map(|change| name_of_change(&found.key, change));
                Ok::<_, DerivedError>((at, names.map(|name| hash(&name)).collect::<Vec<_>>()))
            }
        };
        let mut index = Self::default();
        let mut all = stream::iter((0..).zip(versions).map(names)).buffered(AT_ONCE);
        while let Some(found) = all.next().await {
            let (at, names) = found?;
            for name in names {
                let versions = index.by_name.entry(name).or_default();
                if versions.last() != Some(&at) {
                    versions.push(at);
                }
            }
        }
        Ok(index)
    }
}

/// The row indexes of tables that were asked for lately.
pub struct RowIndexes {
    kept: Mutex<LruCache<ContentId, Arc<tokio::sync::OnceCell<RowIndex>>>>,
    /// Differences that were told lately, by the contents on both sides: rows that change together are asked for
    /// together.
    differences: Mutex<LruCache<[Option<ContentId>; 2], Arc<TableDiff>>>,
}

impl Default for RowIndexes {
    fn default() -> Self {
        Self {
            kept: Mutex::new(LruCache::new(KEPT)),
            differences: Mutex::new(LruCache::new(KEPT_DIFFERENCES)),
        }
    }
}

impl RowIndexes {
    /// All that became of the row with a key of this name, as lines; empty where no version of the table had it.
    ///
    /// # Errors
    /// Why a version cannot be read.
    pub async fn history(
        &self,
        engine: &Engine,
        database: &Database,
        index: &VersionIndex,
        path: &str,
        name: &str,
    ) -> Result<Vec<u8>, DerivedError> {
        let versions = index.of(path);
        let Some((state, _)) = index.state_of(path) else { return Ok(Vec::new()) };
        let cell = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(kept.get_or_insert_mut(state, Arc::default))
        };
        let rows = cell.get_or_try_init(|| RowIndex::of(engine, versions)).await?;
        let mut out = Vec::new();
        for &at in rows.by_name.get(&hash(name)).into_iter().flatten() {
            let version = &versions[at as usize];
            let found = self.difference(engine, version).await?;
            // Hashes may meet; names do not.
            let mut changes =
                found.changes.iter().filter(|c| name_of_change(&found.key, c).as_deref() == Some(name));
            if let Some(change) = changes.next() {
                let snapshot = &database.snapshots()[version.at];
                let event = event(snapshot, change.from.as_deref(), change.to.as_deref());
                event.iter().for_each(|event| event.write(database, &mut out));
            }
        }
        Ok(out)
    }

    /// What a version changed. Kept where that is little: a few MB in all.
    async fn difference(&self, engine: &Engine, version: &Version) -> Result<Arc<TableDiff>, DerivedError> {
        let lock = || self.differences.lock().unwrap_or_else(PoisonError::into_inner);
        let sides = [&version.before, &version.file].map(|file| file.as_ref().map(|file| file.id));
        if let Some(known) = lock().get(&sides) {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(diff(engine, version.before.as_ref(), version.file.as_ref()).await?);
        if found.changes.len() <= FEW_CHANGES {
            lock().put(sides, Arc::clone(&found));
        }
        Ok(found)
    }
}

fn name_of_change(key: &[String], change: &RowChange) -> Option<String> {
    if key.is_empty() {
        return None;
    }
    name_of(change.to.as_deref().or(change.from.as_deref())?, key)
}

fn hash(name: &str) -> u64 {
    let mut short = [0; 8];
    short.copy_from_slice(&blake3::hash(name.as_bytes()).as_bytes()[..8]);
    u64::from_le_bytes(short)
}

fn event<'a>(snapshot: &'a Snapshot, before: Option<&[u8]>, now: Option<&[u8]>) -> Option<Event<'a>> {
    let (change, line, changed) = match (before, now) {
        (None, None) => return None,
        (None, Some(now)) => ("added", now, Vec::new()),
        (Some(before), None) => ("removed", before, Vec::new()),
        (Some(before), Some(now)) if before == now => return None,
        (Some(before), Some(now)) => {
            let (from, to) = (Row::parse(before)?, Row::parse(now)?);
            let changed: Vec<String> = changed_columns(&from, &to).into_iter().map(str::to_owned).collect();
            if changed.is_empty() {
                // A column without a value came or went.
                return None;
            }
            ("modified", now, changed)
        }
    };
    Some(Event { snapshot, change, line: line.to_vec(), changed })
}

impl Event<'_> {
    fn write(&self, database: &Database, out: &mut Vec<u8>) {
        let meta = &self.snapshot.meta;
        let committer = match (&*meta.author, &*meta.email) {
            (author, "") => author.to_owned(),
            (author, email) => format!("{author} <{email}>"),
        };
        let source = database.view(self.snapshot.key.slot).map_or("", |view| &view.label);
        let columns = [
            ("time", json(&meta.time.to_string())),
            ("commit", json(&meta.commit.as_deref())),
            ("committer", json(&committer)),
            ("message", json(&meta.message)),
            ("source", json(source)),
            ("change", json(self.change)),
            ("row", String::from_utf8_lossy(&self.line).into_owned()),
            ("changed", json(&self.changed)),
        ];
        write_object(columns.iter().map(|(name, value)| (*name, value.as_str())), out);
        out.push(b'\n');
    }
}

fn json(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("plain strings always serialise into memory")
}

fn name_of(line: &[u8], key: &[String]) -> Option<String> {
    Some(key_name(&Row::parse(line)?.values(key)))
}
