//! Which rows differ between two contents in parts, told by their keys without rendering them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::Bytes;

use super::differing::leaves;
use super::tree::Tree;
use super::{Engine, blocking};
use crate::source::parts::{ByKey, Part, RawRow};
use crate::source::{Content, SourceError};

type Outcome<T> = Result<T, Arc<SourceError>>;

/// A row of one of two contents that are compared.
pub struct Side<'s> {
    /// The columns of the key, in the key's order.
    pub key: &'s [String],
    /// A line of these columns alone, without a line feed.
    pub key_line: &'s [u8],
    /// Whether it is a row of the later content.
    pub is_later: bool,
    tree: &'s Tree,
    leaf: &'s Part,
    at: u32,
}

impl Side<'_> {
    /// The whole row as a line, without its line feed.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn line(&self) -> Outcome<Bytes> {
        let line = self.tree.line(self.leaf, self.at)?;
        Ok(line.slice(..line.len() - usize::from(line.ends_with(b"\n"))))
    }
}

impl Engine {
    /// Shows `take` the rows of two contents of one table that the other one does not have: of a row that changed both
    /// sides, one after the other or not. Gives what it made of them, in no order. A row whose line is the same under both
    /// definitions may be among them where the definition of the table changed. No length has to be known for it.
    ///
    /// `None` where that cannot be told: not both are in parts with one key.
    ///
    /// # Errors
    /// Why a content cannot be read, and what `take` says.
    pub async fn changed_rows<T: Send + 'static>(
        &self,
        before: Option<&Arc<dyn Content>>,
        after: Option<&Arc<dyn Content>>,
        take: impl FnMut(&Side<'_>) -> Outcome<Option<T>> + Send + 'static,
    ) -> Outcome<Option<Vec<T>>> {
        let Some(of) = after.or(before) else { return Ok(Some(Vec::new())) };
        if [before, after].into_iter().flatten().any(|content| content.in_parts().is_none()) {
            return Ok(None);
        }
        let (before, after, memory) = (before.cloned(), after.cloned(), Arc::clone(&self.parts));
        let work = move || {
            let open =
                |content: Option<Arc<dyn Content>>| content.and_then(|c| Tree::open(&c, &memory)).transpose();
            let (before, after) = (open(before)?, open(after)?);
            if [&before, &after].into_iter().flatten().any(|tree| tree.by_key().is_none()) {
                return Ok(None);
            }
            between(before.as_ref(), after.as_ref(), take)
        };
        blocking(&**of, work).await
    }
}

fn between<T>(
    before: Option<&Tree>,
    after: Option<&Tree>,
    mut take: impl FnMut(&Side<'_>) -> Outcome<Option<T>>,
) -> Outcome<Option<Vec<T>>> {
    if let (Some(old), Some(new)) = (key_of(before), key_of(after))
        && old != new
    {
        return Ok(None);
    }
    let (old, new) = leaves(before, after)?;
    let mut found = Vec::new();
    let mut show = |tree: &Tree, leaf: &Part, at: u32, row: &RawRow, is_later| -> Outcome<()> {
        let Some(by_key) = tree.by_key() else { return Ok(()) };
        let key_line = &*by_key.key_line(row).map_err(Arc::new)?;
        found.extend(take(&Side { key: by_key.columns(), key_line, is_later, tree, leaf, at })?);
        Ok(())
    };
    let Some(after) = after.filter(|_| !new.is_empty()) else {
        for_each_row(before, &old, |tree, leaf, at, row| show(tree, leaf, at, &row, false))?;
        return Ok(Some(found));
    };
    let mut left: HashMap<Bytes, (Bytes, &Part, u32)> = HashMap::new();
    for_each_row(before, &old, |_, leaf, at, row| {
        left.insert(row.key, (row.value, leaf, at));
        Ok(())
    })?;
    for_each_row(Some(after), &new, |tree, leaf, at, row| {
        if let (Entry::Occupied(same), Some(before)) = (left.entry(row.key.clone()), before) {
            let (key, (value, old, old_at)) = same.remove_entry();
            if old.rendering == leaf.rendering && value == row.value {
                return Ok(());
            }
            show(before, old, old_at, &RawRow { key, value }, false)?;
        }
        show(tree, leaf, at, &row, true)
    })?;
    if let Some(before) = before {
        for (key, (value, leaf, at)) in left {
            show(before, leaf, at, &RawRow { key, value }, false)?;
        }
    }
    Ok(Some(found))
}

fn key_of(tree: Option<&Tree>) -> Option<&[String]> {
    tree.and_then(Tree::by_key).map(ByKey::columns)
}

/// Hands over each row of some leaves, with the leaf and its place there.
fn for_each_row<'p>(
    tree: Option<&Tree>,
    leaves: &'p [Part],
    mut take: impl FnMut(&Tree, &'p Part, u32, RawRow) -> Outcome<()>,
) -> Outcome<()> {
    let Some((tree, by_key)) = tree.and_then(|tree| Some((tree, tree.by_key()?))) else { return Ok(()) };
    for leaf in leaves {
        let rows = by_key.rows(leaf).map_err(Arc::new)?;
        for (at, row) in (0..).zip(rows) {
            take(tree, leaf, at, row)?;
        }
    }
    Ok(())
}
