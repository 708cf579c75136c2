//! `history/<table>/<key>.jsonl`: every version of one row, oldest first.
//!
//! A source that finds rows by their key is asked for the row in all versions at once. For the others, and for who asks
//! for row after row, there is an index of the rows that each version changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lru::LruCache;

use super::diff::{changed_columns, write_object};
use super::key::known_key;
use super::row_changes::{Change, RecentChanges};
use super::row_index::RowIndex;
use super::{DerivedError, Version, VersionIndex};
use crate::catalog::{Database, Snapshot};
use crate::content::FileEntry;
use crate::engine::Engine;
use crate::model::row::Row;
use crate::util::locks::lock;

/// How many tables' row indexes are remembered.
const KEPT: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// Fewer rows of a table are looked up by their key; from so many on its index is worth what it takes to make.
const MANY_ROWS: usize = 64;

/// So many versions are compared without an index.
const FEW_VERSIONS: usize = 16;

/// The row indexes of tables that were asked for lately.
pub struct RowIndexes {
    kept: Mutex<LruCache<Place, Arc<Slot>>>,
    changes: RecentChanges,
}

/// A database, and the path of a table.
type Place = (Arc<str>, Arc<str>);

/// What is kept of a table.
#[derive(Default)]
struct Slot {
    /// The names of rows that were asked for, [`MANY_ROWS`] at most.
    asked: Mutex<HashSet<String>>,
    /// Locked while it is made.
    index: tokio::sync::Mutex<Option<Arc<RowIndex>>>,
}

impl RowIndexes {
    /// None yet; what changed lately is remembered as `engine` has room for it.
    pub fn of(engine: &Engine) -> Self {
        Self { kept: Mutex::new(LruCache::new(KEPT)), changes: RecentChanges::within(engine.budget()) }
    }

    /// All that became of the row with a key of this name, as lines; empty where no version of the table had it.
    ///
    /// # Errors
    /// Why a version cannot be read.
    pub async fn history(
        &self,
        engine: &Engine,
        database: &Database,
        index: &VersionIndex,
        path: &Arc<str>,
        name: &str,
    ) -> Result<Vec<u8>, DerivedError> {
        let versions = index.of(path);
        let slot = {
            let mut kept = lock(&self.kept);
            let place = (Arc::clone(&database.name), Arc::clone(path));
            Arc::clone(kept.get_or_insert_mut(place, Arc::default))
        };
        let index = slot.index_for_many(engine, versions, name).await?;
        let wanted: Vec<usize> = match &index {
            Some(index) => index.changes_of(name).await?,
            None => (0..versions.len()).collect(),
        };
        let mut changes: BTreeMap<usize, Vec<Change>> = told(database, versions, &wanted, name).await?;
        let mut rest: Vec<usize> = wanted.into_iter().filter(|at| !changes.contains_key(at)).collect();
        if index.is_none() && rest.len() > FEW_VERSIONS {
            let index = continued(engine, slot.index.lock().await, versions).await?;
            let changed = index.changes_of(name).await?;
            rest.retain(|at| changed.binary_search(at).is_ok());
        }
        for at in rest {
            changes.insert(at, self.changes.of_row(engine, &versions[at], name).await?);
        }
        let mut out = Vec::new();
        let rows = changes.into_iter().flat_map(|(at, rows)| rows.into_iter().map(move |row| (at, row)));
        for (at, [before, now]) in rows {
            let snapshot = &database.snapshots()[versions[at].at];
            if let Some(event) = event(snapshot, before.as_deref(), now.as_deref()) {
                event.write(database, &mut out);
            }
        }
        Ok(out)
    }
}

impl Slot {
    /// The index, for who asks for many rows: none for the first ones, and while somebody else has it made.
    async fn index_for_many(
        &self,
        engine: &Engine,
        versions: &[Version],
        name: &str,
    ) -> Result<Option<Arc<RowIndex>>, DerivedError> {
        let are_many = {
            let mut asked = lock(&self.asked);
            if asked.len() < MANY_ROWS {
                asked.insert(name.to_owned());
            }
            asked.len() >= MANY_ROWS
        };
        match self.index.try_lock() {
            Ok(known) if are_many => continued(engine, known, versions).await.map(Some),
            _ => Ok(None),
        }
    }
}

/// The index. What is known of it is continued.
async fn continued(
    engine: &Engine,
    mut known: tokio::sync::MutexGuard<'_, Option<Arc<RowIndex>>>,
    versions: &[Version],
) -> Result<Arc<RowIndex>, DerivedError> {
    let index = RowIndex::of(engine, known.clone(), versions).await?;
    *known = Some(Arc::clone(&index));
    Ok(index)
}

/// What the sources that find rows by their key say of some of the versions, by place.
async fn told(
    database: &Database,
    versions: &[Version],
    wanted: &[usize],
    name: &str,
) -> Result<BTreeMap<usize, Vec<Change>>, DerivedError> {
    let mut told = BTreeMap::new();
    for view in database.views() {
        let timeline = &view.database.history().timeline;
        let Some(newest) = timeline.first() else { continue };
        // A shallow clone ends where a parent is not there: its history may stop there before all of it was looked at.
        if timeline.iter().any(|meta| meta.parents.iter().any(|parent| view.snapshot(parent).is_none())) {
            continue;
        }
        let is_own = |at: &usize| database.snapshots()[versions[*at].at].key.slot == view.slot;
        let own: Vec<usize> = wanted.iter().copied().filter(is_own).collect();
        let files = own.iter().flat_map(|&at| versions[at].sides()).flatten();
        let names: Vec<&str> = {
            let mut names: Vec<_> = files.filter_map(|f| Some(f.content.versioned()?.version())).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let last = own.iter().rev().find_map(|&at| versions[at].sides().into_iter().flatten().last());
        let Some(table) = last.and_then(|file| file.content.versioned()) else { continue };
        let Some(table) = table.named_rows() else { continue };
        let rows = table.rows_named(name, &newest.id, &names).await.map_err(Arc::new)?;
        if rows.is_empty() {
            continue;
        }
        for at in own {
            if let Some(change) = change_in(&rows, &versions[at])
                && has_one_key(&versions[at]).await?
            {
                told.insert(at, vec![change]);
            }
        }
    }
    Ok(told)
}

/// The row on both sides of a change; `None` where one of them is not known.
fn change_in(rows: &HashMap<String, Option<Bytes>>, version: &Version) -> Option<Change> {
    let row = |file: Option<&FileEntry>| match file {
        None => Some(None),
        Some(file) => rows.get(file.content.versioned()?.version()).cloned(),
    };
    let [before, now] = version.sides();
    Some([row(before)?, row(now)?])
}

/// Whether the rows of both sides go by one key. Otherwise they have to be compared as a difference does it.
async fn has_one_key(version: &Version) -> Result<bool, DerivedError> {
    let [Some(before), Some(now)] = version.sides() else { return Ok(true) };
    Ok(known_key(before).await? == known_key(now).await?)
}

/// What became of a row.
struct Event<'a> {
    snapshot: &'a Snapshot,
    change: &'static str,
    /// The row as it is from then on; of one that was removed, as it was.
    line: Vec<u8>,
    changed: Vec<String>,
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
