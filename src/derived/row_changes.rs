//! What single versions of a table changed, row by row.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lru::LruCache;

use super::diff::{RowChange, TableDiff, diff};
use super::ids::last_rows;
use super::key::id_of;
use super::{DerivedError, Version};
use crate::engine::Engine;
use crate::locks::lock;
use crate::model::content_id::ContentId;
use crate::model::row::{Row, key_name};
use crate::source::Content;

/// How many versions are remembered, and of how many rows at most.
const KEPT: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");
const FEW_CHANGES: usize = 32;
/// And of how many bytes.
const FEW_BYTES: usize = 16 << 10;

/// The contents before and after a change.
pub(super) type Pair = [Option<ContentId>; 2];

/// A row before and after a change.
pub(super) type Change = [Option<Bytes>; 2];

/// By the name of its key, what became of each row, or of those that go by one name; `None` where these are many.
type Changes = Arc<Option<HashMap<String, Vec<Change>>>>;

/// What was found of versions lately: rows that change together are asked for together.
pub(super) struct RecentChanges {
    kept: Mutex<LruCache<Pair, Changes>>,
}

impl Default for RecentChanges {
    fn default() -> Self {
        Self { kept: Mutex::new(LruCache::new(KEPT)) }
    }
}

impl RecentChanges {
    /// What a version changed of the row with a key of this name: nothing, or one change. There are more where rows go by
    /// one name.
    ///
    /// # Errors
    /// Why a content cannot be read.
    pub async fn of_row(
        &self,
        engine: &Engine,
        version: &Version,
        name: &str,
    ) -> Result<Vec<Change>, DerivedError> {
        let lock = || lock(&self.kept);
        let sides = pair(version);
        let known = lock().get(&sides).cloned();
        let changes = match known {
            Some(changes) => changes,
            None => {
                let changes = Arc::new(few_changes(engine, version).await?);
                lock().put(sides, Arc::clone(&changes));
                changes
            }
        };
        match &*changes {
            Some(changes) => Ok(changes.get(name).cloned().unwrap_or_default()),
            None => of_row(engine, version, name).await,
        }
    }
}

/// All that a version changed, where it is little.
async fn few_changes(
    engine: &Engine,
    version: &Version,
) -> Result<Option<HashMap<String, Vec<Change>>>, DerivedError> {
    let [before, after] = contents(version);
    let (mut rows, mut bytes) = (0, 0);
    let found = engine.changed_rows(before, after, move |row| {
        rows += 1;
        if rows > 2 * FEW_CHANGES || bytes > FEW_BYTES {
            return Ok(None);
        }
        let line = row.line()?;
        bytes += line.len();
        Ok(name_of(row.key_line, row.key).map(|name| (name, row.is_later, line)))
    });
    if let Some(found) = found.await? {
        let bytes: usize = found.iter().map(|(.., line)| line.len()).sum();
        if found.len() >= 2 * FEW_CHANGES || bytes > FEW_BYTES {
            return Ok(None);
        }
        let mut changes: HashMap<String, Change> = HashMap::new();
        for (name, is_later, line) in found {
            changes.entry(name).or_default()[usize::from(is_later)] = Some(line.into());
        }
        return Ok(Some(changes.into_iter().map(|(name, change)| (name, vec![change])).collect()));
    }
    let [before, after] = version.sides();
    let found = diff(engine, before, after).await?;
    let lines = found.changes.iter().flat_map(|change| [&change.from, &change.to]).flatten();
    if found.changes.len() > FEW_CHANGES || lines.map(Vec::len).sum::<usize>() > FEW_BYTES {
        return Ok(None);
    }
    by_name(engine, version, found, |_| true).await.map(Some)
}

/// What became of the rows whose names are wanted.
async fn by_name(
    engine: &Engine,
    version: &Version,
    found: TableDiff,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<HashMap<String, Vec<Change>>, DerivedError> {
    let mut changes: HashMap<String, Vec<Change>> = HashMap::new();
    let mut repeated: HashMap<String, String> = HashMap::new();
    for change in found.changes {
        let Some(name) = change.name(&found.key).filter(|name| is_wanted(name)) else { continue };
        if change.has_key {
            add(changes.entry(name).or_default(), change);
        } else if let Some(id) = change.line().and_then(Row::parse).as_ref().and_then(id_of) {
            repeated.insert(id, name);
        }
    }
    if !repeated.is_empty() {
        let ids = || repeated.keys().cloned();
        let mut last: [HashMap<String, Option<Vec<u8>>>; 2] = Default::default();
        for (rows, file) in last.iter_mut().zip(version.sides()) {
            if let Some(file) = file {
                *rows = last_rows(engine, file, ids()).await?;
            }
        }
        for (id, name) in &repeated {
            let row = |rows: &mut HashMap<_, Option<Vec<u8>>>| rows.remove(id).flatten().map(Bytes::from);
            changes.insert(name.clone(), vec![last.each_mut().map(row)]);
        }
    }
    Ok(changes)
}

/// Adds what became of a row under its name. Where a number became a text, or the other way round, the key of one row went
/// and that of another one came, and both have one name.
fn add(known: &mut Vec<Change>, change: RowChange) {
    let mut change: Change = [change.from, change.to].map(|line| line.map(Bytes::from));
    let fits = |known: &&mut Change| (0..2).all(|side| known[side].is_some() != change[side].is_some());
    match known.iter_mut().find(fits) {
        Some(known) => {
            known.iter_mut().zip(&mut change).for_each(|(known, line)| *known = known.take().or(line.take()))
        }
        None => known.push(change),
    }
}

/// What a version changed of one row.
async fn of_row(engine: &Engine, version: &Version, name: &str) -> Result<Vec<Change>, DerivedError> {
    let wanted = name.to_owned();
    let [before, after] = contents(version);
    let found = engine.changed_rows(before, after, move |row| {
        let is_it = name_of(row.key_line, row.key).as_deref() == Some(&*wanted);
        if is_it { Ok(Some((row.is_later, row.line()?))) } else { Ok(None) }
    });
    if let Some(found) = found.await? {
        let mut change = Change::default();
        for (is_later, line) in found {
            change[usize::from(is_later)] = Some(line.into());
        }
        return Ok(vec![change]);
    }
    let [before, after] = version.sides();
    let found = diff(engine, before, after).await?;
    let mut rows = by_name(engine, version, found, |other| other == name).await?;
    Ok(rows.remove(name).unwrap_or_default())
}

/// The contents on both sides of a version.
pub(super) fn contents(version: &Version) -> [Option<&Arc<dyn Content>>; 2] {
    version.sides().map(|file| file.map(|file| &file.content))
}

/// What names the contents on both sides.
pub(super) fn pair(version: &Version) -> Pair {
    version.sides().map(|file| file.map(|file| file.id))
}

/// The name of a line's key.
pub(super) fn name_of(line: &[u8], key: &[String]) -> Option<String> {
    Some(key_name(&Row::parse(line)?.values(key)))
}
