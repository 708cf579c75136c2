//! Makes the history of one row, oldest change first.
//!
//! A source that can look up rows by key is asked for the row in all versions at once: a Dolt store descends the tree
//! of each version, and a server runs a query. For other sources, for keys that cannot be looked up, and for callers
//! that ask for row after row of many versions, there is an index of the rows that each version changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lru::LruCache;

use super::row_changes::RecentChanges;
use super::row_index::RowIndex;
use crate::catalog::{Database, Snapshot};
use crate::content::FileEntry;
use crate::engine::{Engine, RowSides};
use crate::model::row::Row;
use crate::util::locks::lock;
use crate::views::change_index::{ChangeIndex, IndexedChange};
use crate::views::error::DerivedError;
use crate::views::log::committer;
use crate::views::rows::change::{changed_columns, write_object};
use crate::views::rows::key::known_key;

/// For how many tables row indexes are kept.
const KEPT: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// After this many different rows of a table were asked for, its index is worth making.
const MANY_ROWS: usize = 64;

/// At most this many versions are compared without an index.
const FEW_VERSIONS: usize = 16;

/// In up to this many versions a row is looked up without an index, however many rows were asked for before.
const FEW_LOOK_UPS: usize = 128;

/// Makes histories of rows. Keeps indexes of the tables that were asked for recently.
pub(super) struct RowHistories {
    kept: Mutex<LruCache<TablePath, Arc<KeptTable>>>,
    changes: RecentChanges,
}

type TablePath = (Arc<str>, Arc<str>);

#[derive(Default)]
struct KeptTable {
    /// The names of the rows that were asked for, [`MANY_ROWS`] at most.
    asked: Mutex<HashSet<String>>,
    /// Locked while it is made.
    index: tokio::sync::Mutex<Option<Arc<RowIndex>>>,
}

impl RowHistories {
    /// Keeps nothing yet; changes are remembered within the memory of `engine`.
    pub fn of(engine: &Engine) -> Self {
        Self { kept: Mutex::new(LruCache::new(KEPT)), changes: RecentChanges::within(engine.budget()) }
    }

    /// The changes of the row of this name, as lines; empty if no version of the table had it.
    pub async fn history(
        &self,
        engine: &Engine,
        database: &Database,
        index: &ChangeIndex,
        path: &Arc<str>,
        name: &str,
    ) -> Result<Vec<u8>, DerivedError> {
        let versions = index.of(path);
        let table = {
            let mut kept = lock(&self.kept);
            let table = (Arc::clone(&database.name), Arc::clone(path));
            Arc::clone(kept.get_or_insert_mut(table, Arc::default))
        };
        let mut changes = BTreeMap::<usize, Vec<RowSides>>::new();
        let mut rest: Vec<usize> = (0..versions.len()).collect();
        if versions.len() <= FEW_LOOK_UPS {
            look_up(engine, versions, &mut rest, name, &mut changes).await?;
        }
        let index = match rest.is_empty() {
            true => None,
            false => table.index_for_many(engine, versions, name).await?,
        };
        if let Some(index) = &index {
            let changed = index.changes_of(name).await?;
            rest.retain(|at| changed.binary_search(at).is_ok());
        }
        if versions.len() > FEW_LOOK_UPS {
            look_up(engine, versions, &mut rest, name, &mut changes).await?;
        }
        changes.extend(reported(database, versions, &rest, name).await?);
        rest.retain(|at| !changes.contains_key(at));
        if index.is_none() && rest.len() > FEW_VERSIONS {
            let index = continued(engine, table.index.lock().await, versions).await?;
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
            out.extend(event(database, snapshot, before.as_deref(), now.as_deref()).into_iter().flatten());
        }
        Ok(out)
    }
}

impl KeptTable {
    /// The index, if many rows were asked for. `None` for the first rows, and while another caller makes it.
    async fn index_for_many(
        &self,
        engine: &Engine,
        versions: &[IndexedChange],
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

/// The index of these versions; extends the known one.
async fn continued(
    engine: &Engine,
    mut known: tokio::sync::MutexGuard<'_, Option<Arc<RowIndex>>>,
    versions: &[IndexedChange],
) -> Result<Arc<RowIndex>, DerivedError> {
    let index = RowIndex::of(engine, known.clone(), versions).await?;
    *known = Some(Arc::clone(&index));
    Ok(index)
}

/// Looks up the row in the versions of `rest` that are trees. Moves the versions that give an answer to `changes`.
async fn look_up(
    engine: &Engine,
    versions: &[IndexedChange],
    rest: &mut Vec<usize>,
    name: &str,
    changes: &mut BTreeMap<usize, Vec<RowSides>>,
) -> Result<(), DerivedError> {
    let pairs = rest.iter().map(|&at| versions[at].file.sides().map(|file| file.cloned())).collect();
    let found = engine.named_rows(pairs, name).await?;
    for (&at, sides) in rest.iter().zip(found) {
        changes.extend(sides.map(|sides| (at, vec![sides])));
    }
    rest.retain(|at| !changes.contains_key(at));
    Ok(())
}

/// By place of the version, the changes that are reported by sources that can look up rows by key.
async fn reported(
    database: &Database,
    versions: &[IndexedChange],
    wanted: &[usize],
    name: &str,
) -> Result<BTreeMap<usize, Vec<RowSides>>, DerivedError> {
    let mut reported = BTreeMap::new();
    for view in database.views() {
        let timeline = &view.database.history().timeline;
        let Some(newest) = timeline.first() else { continue };
        // A shallow clone lacks a parent somewhere: its history may end before all versions were looked at.
        if timeline.iter().any(|meta| meta.parents.iter().any(|parent| view.snapshot(parent).is_none())) {
            continue;
        }
        let is_own = |at: &usize| database.snapshots()[versions[*at].at].key.slot == view.slot;
        let own: Vec<usize> = wanted.iter().copied().filter(is_own).collect();
        let files = own.iter().flat_map(|&at| versions[at].file.sides()).flatten();
        let mut names: Vec<&str> = files.filter_map(|f| Some(f.content.versioned()?.version())).collect();
        names.sort_unstable();
        names.dedup();
        let last = own.iter().rev().find_map(|&at| versions[at].file.sides().into_iter().flatten().last());
        let Some(table) = last.and_then(|file| file.content.versioned()?.named_rows()) else { continue };
        let rows = table.rows_named(name, &newest.id, &names).await.map_err(Arc::new)?;
        if rows.is_empty() {
            continue;
        }
        for at in own {
            if let Some(change) = change_in(&rows, &versions[at])
                && has_one_key(&versions[at]).await?
            {
                reported.insert(at, vec![change]);
            }
        }
    }
    Ok(reported)
}

/// The row on both sides of a change; `None` if one of them is not known.
fn change_in(rows: &HashMap<String, Option<Bytes>>, version: &IndexedChange) -> Option<RowSides> {
    let row = |file: Option<&FileEntry>| match file {
        None => Some(None),
        Some(file) => rows.get(file.content.versioned()?.version()).cloned(),
    };
    let [before, now] = version.file.sides();
    Some([row(before)?, row(now)?])
}

/// Whether both sides have the same key. Otherwise they have to be compared as a difference.
async fn has_one_key(version: &IndexedChange) -> Result<bool, DerivedError> {
    let [Some(before), Some(now)] = version.file.sides() else { return Ok(true) };
    Ok(known_key(before).await? == known_key(now).await?)
}

/// The line of a change of a row; `None` if nothing changed.
fn event(
    database: &Database,
    snapshot: &Snapshot,
    before: Option<&[u8]>,
    now: Option<&[u8]>,
) -> Option<Vec<u8>> {
    // The row from then on; for a removed row, the row before.
    let (change, line, changed) = match (before, now) {
        (None, now) => ("added", now?, Vec::new()),
        (Some(before), None) => ("removed", before, Vec::new()),
        (Some(before), Some(now)) if before == now => return None,
        (Some(before), Some(now)) => {
            let (from, to) = (Row::parse(before)?, Row::parse(now)?);
            let changed: Vec<String> = changed_columns(&from, &to).into_iter().map(str::to_owned).collect();
            if changed.is_empty() {
                // Only a column without a value was added or removed.
                return None;
            }
            ("modified", now, changed)
        }
    };
    let meta = &snapshot.meta;
    let source = database.view(snapshot.key.slot).map_or("", |view| &view.label);
    let columns = [
        ("time", json(&meta.time.to_string())),
        ("commit", json(&meta.commit.as_deref())),
        ("committer", json(&committer(meta))),
        ("message", json(&meta.message)),
        ("source", json(source)),
        ("change", json(change)),
        ("row", String::from_utf8_lossy(line).into_owned()),
        ("changed", json(&changed)),
    ];
    let mut out = Vec::new();
    write_object(columns.iter().map(|(name, value)| (*name, value.as_str())), &mut out);
    out.push(b'\n');
    Some(out)
}

fn json(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("plain strings always serialise into memory")
}
