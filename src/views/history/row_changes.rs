//! What a single version of a table changed, row by row.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::content::SourceError;
use crate::engine::{ComparedRow, ContentPair, Engine, RowSides};
use crate::memory::sort::LEAST;
use crate::memory::{Budget, Held, Recent};
use crate::model::content_id::ContentId;
use crate::model::row::{Row, key_name};
use crate::util::locks::lock;
use crate::views::change_index::IndexedChange;
use crate::views::error::DerivedError;
use crate::views::rows::change::RowChange;
use crate::views::rows::diff::diff;
use crate::views::rows::key::id_of;
use crate::views::rows::names::last_rows;

/// A version that changed more rows is not remembered.
const FEW_CHANGES: usize = 32;
/// Nor one that changed more bytes.
const FEW_BYTES: usize = 16 << 10;

/// The part of the budget that remembered changes may take: one in this many.
const PART: u64 = 16;

/// The bytes that a version, and each row of it, takes besides its lines.
const OVERHEAD: usize = 200;

/// The ids of the contents before and after a change.
pub(super) type ContentIds = [Option<ContentId>; 2];

/// By name, the changes of each row; several if rows share a name. `None` if there are too many.
type RowsByName = Arc<Option<HashMap<String, Vec<RowSides>>>>;

/// Recently found changes: rows that change together are often asked for together.
pub(super) struct RecentChanges(Mutex<KeptChanges>);

struct KeptChanges {
    changes: Recent<ContentIds, RowsByName>,
    most: u64,
    held: Held,
}

impl KeptChanges {
    fn put(&mut self, sides: ContentIds, changes: RowsByName) {
        let cost = cost(&changes);
        self.changes.put(sides, changes, cost);
        self.changes.shrink_to(self.most);
        self.held.resize(self.changes.cost());
    }
}

fn cost(changes: &RowsByName) -> u64 {
    let lines = |changes: &Vec<RowSides>| -> usize {
        changes.iter().flatten().flatten().map(|line| line.len() + OVERHEAD).sum()
    };
    let rows = changes.iter().flatten().map(|(name, changes)| name.len() + OVERHEAD + lines(changes));
    (OVERHEAD + rows.sum::<usize>()) as u64
}

impl RecentChanges {
    /// Remembers nothing yet; keeps as much as `budget` has room for.
    pub fn within(budget: &Arc<Budget>) -> Self {
        let (changes, held) = (Recent::default(), budget.hold(0));
        Self(Mutex::new(KeptChanges { changes, most: budget.part(PART), held }))
    }

    /// What a version changed of the row of this name: nothing, or one change; more if several rows share the name.
    pub async fn of_row(
        &self,
        engine: &Engine,
        version: &IndexedChange,
        name: &str,
    ) -> Result<Vec<RowSides>, DerivedError> {
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

/// Everything that a version changed, if that is little.
async fn few_changes(
    engine: &Engine,
    version: &IndexedChange,
) -> Result<Option<HashMap<String, Vec<RowSides>>>, DerivedError> {
    let work = engine.budget().work(LEAST).await;
    let few = Few::default();
    let (few, are_known, work) = engine.changed_rows(vec![contents(version)], work, few, Few::take).await?;
    drop(work);
    if are_known == [true] {
        let one = |(name, change)| (name, vec![change]);
        return Ok(few.are_few().then(|| few.changes.into_iter().map(one).collect()));
    }
    let [before, after] = version.file.sides();
    let mut found = diff(engine, before, after).await?;
    if found.counts().total() > FEW_CHANGES as u64 {
        return Ok(None);
    }
    let (mut changes, mut bytes) = (Vec::new(), 0);
    while let Some(some) = found.next().await? {
        let lines = some.iter().flat_map(|change| [&change.from, &change.to]).flatten();
        bytes += lines.map(Vec::len).sum::<usize>();
        if bytes > FEW_BYTES {
            return Ok(None);
        }
        changes.extend(some);
    }
    by_name(engine, version, &found.key, changes).await.map(Some)
}

/// Rows that a version changed, as long as they are few.
#[derive(Default)]
struct Few {
    rows: usize,
    bytes: usize,
    changes: HashMap<String, RowSides>,
}

impl Few {
    fn are_few(&self) -> bool {
        self.rows <= 2 * FEW_CHANGES && self.bytes <= FEW_BYTES
    }

    fn take(&mut self, _: usize, row: &ComparedRow<'_>) -> Result<(), Arc<SourceError>> {
        self.rows += 1;
        if !self.are_few() {
            self.changes.clear();
            return Ok(());
        }
        let line = row.line()?;
        self.bytes += line.len();
        if let Some(name) = name_of(row.key_line, row.key) {
            self.changes.entry(name).or_default()[usize::from(row.is_later)] = Some(line.into());
        }
        Ok(())
    }
}

async fn by_name(
    engine: &Engine,
    version: &IndexedChange,
    key: &[String],
    found: Vec<RowChange>,
) -> Result<HashMap<String, Vec<RowSides>>, DerivedError> {
    let mut changes: HashMap<String, Vec<RowSides>> = HashMap::new();
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
        for (rows, file) in last.iter_mut().zip(version.file.sides()) {
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

/// Adds a change under the name of its row. If a number became a text, or the reverse, one key was removed and
/// another one added, and both have one name.
fn add(known: &mut Vec<RowSides>, change: RowChange) {
    let mut change: RowSides = [change.from, change.to].map(|line| line.map(Bytes::from));
    let fits = |known: &&mut RowSides| (0..2).all(|side| known[side].is_some() != change[side].is_some());
    match known.iter_mut().find(fits) {
        Some(known) => {
            known.iter_mut().zip(&mut change).for_each(|(known, line)| *known = known.take().or(line.take()))
        }
        None => known.push(change),
    }
}

async fn of_row(engine: &Engine, version: &IndexedChange, name: &str) -> Result<Vec<RowSides>, DerivedError> {
    let wanted = name.to_owned();
    let work = engine.budget().work(LEAST).await;
    let take = move |change: &mut RowSides, _: usize, row: &ComparedRow<'_>| {
        if name_of(row.key_line, row.key).as_deref() == Some(&*wanted) {
            change[usize::from(row.is_later)] = Some(row.line()?.into());
        }
        Ok(())
    };
    let change = RowSides::default();
    let (change, are_known, work) = engine.changed_rows(vec![contents(version)], work, change, take).await?;
    drop(work);
    if are_known == [true] {
        return Ok(vec![change]);
    }
    let [before, after] = version.file.sides();
    let mut found = diff(engine, before, after).await?;
    let mut changes = Vec::new();
    while let Some(some) = found.next().await? {
        changes.extend(some.into_iter().filter(|change| change.name(&found.key).as_deref() == Some(name)));
    }
    let mut rows = by_name(engine, version, &found.key, changes).await?;
    Ok(rows.remove(name).unwrap_or_default())
}

pub(super) fn contents(version: &IndexedChange) -> ContentPair {
    version.file.sides().map(|file| file.map(|file| file.content.clone()))
}

pub(super) fn pair(version: &IndexedChange) -> ContentIds {
    version.file.sides().map(|file| file.map(|file| file.id))
}

pub(super) fn name_of(line: &[u8], key: &[String]) -> Option<String> {
    Some(key_name(&Row::parse(line)?.values(key)))
}
