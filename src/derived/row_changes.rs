//! What single versions of a table changed, row by row.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lru::LruCache;

use super::diff::{RowChange, diff};
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

/// By the name of its key, what became of each row; `None` where these are many.
type Changes = Arc<Option<HashMap<String, Change>>>;

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
    /// What a version changed of the row with a key of this name.
    ///
    /// # Errors
    /// Why a content cannot be read.
    pub async fn of_row(
        &self,
        engine: &Engine,
        version: &Version,
        name: &str,
    ) -> Result<Change, DerivedError> {
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
) -> Result<Option<HashMap<String, Change>>, DerivedError> {
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
        return Ok(Some(changes));
    }
    let [before, after] = version.sides();
    let found = diff(engine, before, after).await?;
    let lines = found.changes.iter().flat_map(|change| [&change.from, &change.to]).flatten();
    if found.changes.len() > FEW_CHANGES || lines.map(Vec::len).sum::<usize>() > FEW_BYTES {
        return Ok(None);
    }
    let mut changes: HashMap<String, Change> = HashMap::new();
    for change in found.changes {
        if let Some(name) = name_of_change(&found.key, &change) {
            add(changes.entry(name).or_default(), change);
        }
    }
    Ok(Some(changes))
}

/// Adds what became of a row under its name. Where a number became a text, or the other way round, the key of one row went
/// and that of another one came, and both have one name.
fn add(known: &mut Change, change: RowChange) {
    let [from, to] = [change.from, change.to].map(|line| line.map(Bytes::from));
    known[0] = known[0].take().or(from);
    known[1] = known[1].take().or(to);
}

/// What a version changed of one row.
async fn of_row(engine: &Engine, version: &Version, name: &str) -> Result<Change, DerivedError> {
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
        return Ok(change);
    }
    let [before, after] = version.sides();
    let found = diff(engine, before, after).await?;
    let mut row = Change::default();
    let named = |change: &RowChange| name_of_change(&found.key, change).as_deref() == Some(name);
    found.changes.into_iter().filter(named).for_each(|change| add(&mut row, change));
    Ok(row)
}

/// The contents on both sides of a version.
pub(super) fn contents(version: &Version) -> [Option<&Arc<dyn Content>>; 2] {
    version.sides().map(|file| file.map(|file| &file.content))
}

/// What names the contents on both sides.
pub(super) fn pair(version: &Version) -> Pair {
    version.sides().map(|file| file.map(|file| file.id))
}

/// The name of a changed row's key; none for rows without one.
pub(super) fn name_of_change(key: &[String], change: &RowChange) -> Option<String> {
    if key.is_empty() {
        return None;
    }
    name_of(change.to.as_deref().or(change.from.as_deref())?, key)
}

/// The name of a line's key.
pub(super) fn name_of(line: &[u8], key: &[String]) -> Option<String> {
    Some(key_name(&Row::parse(line)?.values(key)))
}
