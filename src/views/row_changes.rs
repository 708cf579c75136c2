//! What single versions of a table changed, row by row.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lru::LruCache;

use super::diff::{RowChange, diff};
use super::ids::last_rows;
use super::key::id_of;
use super::{DerivedError, Version};
use crate::content::SourceError;
use crate::engine::{ContentPair, Engine, Side};
use crate::memory::sort::LEAST;
use crate::memory::{Budget, Held};
use crate::model::content_id::ContentId;
use crate::model::row::{Row, key_name};
use crate::util::locks::lock;

/// Of how many rows a version is remembered at most.
const FEW_CHANGES: usize = 32;
/// And of how many bytes.
const FEW_BYTES: usize = 16 << 10;

/// What is remembered takes up to one part in so many of the budget.
const PART: u64 = 16;

/// What a version takes, and a row of it, beside its lines, in bytes.
const OVERHEAD: usize = 200;

/// The contents before and after a change.
pub(super) type Pair = [Option<ContentId>; 2];

/// A row before and after a change.
pub(super) type Change = [Option<Bytes>; 2];

/// By the name of its key, what became of each row, or of those that go by one name; `None` where these are many.
type Changes = Arc<Option<HashMap<String, Vec<Change>>>>;

/// What was found of versions lately: rows that change together are asked for together.
pub(super) struct RecentChanges(Mutex<Kept>);

struct Kept {
    changes: LruCache<Pair, Changes>,
    most: u64,
    held: Held,
}

impl Kept {
    fn put(&mut self, sides: Pair, changes: Changes) {
        let mut bytes = self.held.bytes() + cost(&changes);
        bytes -= self.changes.put(sides, changes).map_or(0, |former| cost(&former));
        while bytes > self.most
            && let Some((_, dropped)) = self.changes.pop_lru()
        {
            bytes -= cost(&dropped);
        }
        self.held.resize(bytes);
    }
}

fn cost(changes: &Changes) -> u64 {
    let lines = |changes: &Vec<Change>| -> usize {
        changes.iter().flatten().flatten().map(|line| line.len() + OVERHEAD).sum()
    };
    let rows = changes.iter().flatten().map(|(name, changes)| name.len() + OVERHEAD + lines(changes));
    (OVERHEAD + rows.sum::<usize>()) as u64
}

impl RecentChanges {
    /// Nothing yet; as much as `budget` has room for.
    pub fn within(budget: &Arc<Budget>) -> Self {
        let (changes, held) = (LruCache::unbounded(), budget.hold(0));
        Self(Mutex::new(Kept { changes, most: budget.part(PART), held }))
    }

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
        let sides = pair(version);
        let known = lock(&self.0).changes.get(&sides).cloned();
        let changes = match known {
            Some(changes) => changes,
            None => {
                let changes = Arc::new(few_changes(engine, version).await?);
                lock(&self.0).put(sides, Arc::clone(&changes));
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
    let work = engine.budget().work(LEAST).await;
    let few = Few::default();
    let (few, are_told, work) = engine.changed_rows(vec![contents(version)], work, few, Few::take).await?;
    drop(work);
    if are_told == [true] {
        return Ok(few
            .changes
            .filter(|_| few.rows <= 2 * FEW_CHANGES && few.bytes <= FEW_BYTES)
            .map(|changes| changes.into_iter().map(|(name, change)| (name, vec![change])).collect()));
    }
    let [before, after] = version.sides();
    let mut found = diff(engine, before, after).await?;
    if found.counts().total() > FEW_CHANGES as u64 {
        return Ok(None);
    }
    let (mut changes, mut bytes) = (Vec::new(), 0);
    while let Some(some) = found.next().await? {
        bytes +=
            some.iter().flat_map(|change| [&change.from, &change.to]).flatten().map(Vec::len).sum::<usize>();
        if bytes > FEW_BYTES {
            return Ok(None);
        }
        changes.extend(some);
    }
    by_name(engine, version, &found.key, changes).await.map(Some)
}

/// Rows that a version changed, while they are few.
struct Few {
    rows: usize,
    bytes: usize,
    changes: Option<HashMap<String, Change>>,
}

impl Default for Few {
    fn default() -> Self {
        Self { rows: 0, bytes: 0, changes: Some(HashMap::new()) }
    }
}

impl Few {
    fn take(&mut self, _: usize, row: &Side<'_>) -> Result<(), Arc<SourceError>> {
        self.rows += 1;
        if self.rows > 2 * FEW_CHANGES || self.bytes > FEW_BYTES {
            self.changes = None;
        }
        let Some(changes) = &mut self.changes else { return Ok(()) };
        let line = row.line()?;
        self.bytes += line.len();
        if let Some(name) = name_of(row.key_line, row.key) {
            changes.entry(name).or_default()[usize::from(row.is_later)] = Some(line.into());
        }
        Ok(())
    }
}

/// By the names of their rows, what became of them.
async fn by_name(
    engine: &Engine,
    version: &Version,
    key: &[String],
    found: Vec<RowChange>,
) -> Result<HashMap<String, Vec<Change>>, DerivedError> {
    let mut changes: HashMap<String, Vec<Change>> = HashMap::new();
    let mut repeated: HashMap<String, String> = HashMap::new();
    for change in found {
        let Some(name) = change.name(key) else { continue };
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
    let work = engine.budget().work(LEAST).await;
    let take = move |change: &mut Change, _: usize, row: &Side<'_>| -> Result<(), Arc<SourceError>> {
        if name_of(row.key_line, row.key).as_deref() == Some(&*wanted) {
            change[usize::from(row.is_later)] = Some(row.line()?.into());
        }
        Ok(())
    };
    let change = Change::default();
    let (change, are_told, work) = engine.changed_rows(vec![contents(version)], work, change, take).await?;
    drop(work);
    if are_told == [true] {
        return Ok(vec![change]);
    }
    let [before, after] = version.sides();
    let mut found = diff(engine, before, after).await?;
    let mut changes = Vec::new();
    while let Some(some) = found.next().await? {
        changes.extend(some.into_iter().filter(|change| change.name(&found.key).as_deref() == Some(name)));
    }
    let mut rows = by_name(engine, version, &found.key, changes).await?;
    Ok(rows.remove(name).unwrap_or_default())
}

/// The contents on both sides of a version.
pub(super) fn contents(version: &Version) -> ContentPair {
    version.sides().map(|file| file.map(|file| file.content.clone()))
}

/// What names the contents on both sides.
pub(super) fn pair(version: &Version) -> Pair {
    version.sides().map(|file| file.map(|file| file.id))
}

/// The name of a line's key.
pub(super) fn name_of(line: &[u8], key: &[String]) -> Option<String> {
    Some(key_name(&Row::parse(line)?.values(key)))
}
