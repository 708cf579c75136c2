//! Which rows differ between two contents in parts, told by their keys without rendering them.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::differing::leaves;
use super::tree::Tree;
use super::{Engine, blocking};
use crate::source::parts::{ByKey, RawRow};
use crate::source::{Content, SourceError};

type Outcome<T> = Result<T, Arc<SourceError>>;

/// Rows of the earlier content that are held to be compared, in bytes.
const MOST_HELD: usize = 128 << 20;

/// A row of one of two contents that are compared.
pub struct Side<'s> {
    /// The columns of the key, in the key's order.
    pub key: &'s [String],
    /// A line of these columns alone, without a line feed.
    pub key_line: &'s [u8],
    /// Whether it is a row of the later content.
    pub is_later: bool,
    row: &'s RawRow,
    rows: &'s dyn ByKey,
}

impl Side<'_> {
    /// The whole row as a line, without its line feed.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn line(&self) -> Outcome<Vec<u8>> {
        self.rows.line(self.row).map_err(Arc::new)
    }
}

impl Engine {
    /// Shows `take` the rows of two contents of one table that the other one does not have: of a row that changed both
    /// sides, one after the other or not. Gives what it made of them, in no order. No length has to be known for it.
    ///
    /// `None` where that has to be told by their lines: not both are in parts with keys, the definition of the table
    /// changed, so that all rows are kept in another way, or more than 128 MiB of the earlier one differ.
    ///
    /// # Errors
    /// Why a content cannot be read, and what `take` says.
    pub async fn changed_rows<T: Send + 'static>(
        &self,
        before: Option<&Arc<dyn Content>>,
        after: Option<&Arc<dyn Content>>,
        take: impl FnMut(&Side<'_>) -> Outcome<Option<T>> + Send + 'static,
    ) -> Outcome<Option<Vec<T>>> {
        let pair = [before.cloned(), after.cloned()];
        Ok(self.changed_rows_of(vec![pair], take).await?.pop().flatten())
    }

    /// The same of many pairs of contents, in their order: as many small ones are told sooner at once.
    ///
    /// # Errors
    /// As [`Self::changed_rows`].
    pub async fn changed_rows_of<T: Send + 'static>(
        &self,
        pairs: Vec<[Option<Arc<dyn Content>>; 2]>,
        mut take: impl FnMut(&Side<'_>) -> Outcome<Option<T>> + Send + 'static,
    ) -> Outcome<Vec<Option<Vec<T>>>> {
        let Some(of) = pairs.iter().flatten().flatten().next().cloned() else {
            return Ok(pairs.iter().map(|_| Some(Vec::new())).collect());
        };
        let memory = Arc::clone(&self.parts);
        let work = move || {
            let open = |content: &Option<Arc<dyn Content>>| {
                content.as_ref().and_then(|content| Tree::open(content, &memory)).transpose()
            };
            let mut all = Vec::with_capacity(pairs.len());
            for pair in &pairs {
                if pair.iter().flatten().any(|content| content.in_parts().is_none()) {
                    all.push(None);
                    continue;
                }
                let trees = [open(&pair[0])?, open(&pair[1])?];
                let have_keys = trees.iter().flatten().all(|tree| tree.by_key().is_some());
                let [before, after] = trees.each_ref().map(Option::as_ref);
                all.push(if have_keys { between(before, after, &mut take)? } else { None });
            }
            Ok(all)
        };
        blocking(&*of, work).await
    }
}

fn between<T>(
    before: Option<&Tree>,
    after: Option<&Tree>,
    mut take: impl FnMut(&Side<'_>) -> Outcome<Option<T>>,
) -> Outcome<Option<Vec<T>>> {
    let rendering = |tree: Option<&Tree>| tree.and_then(Tree::whole).map(|whole| whole.rendering);
    if let (Some(old), Some(new)) = (rendering(before), rendering(after))
        && old != new
    {
        return Ok(None);
    }
    let (old, new) = leaves(before, after)?;
    let mut found = Vec::new();
    let mut show = |rows: &dyn ByKey, row: &RawRow, is_later| -> Outcome<()> {
        let key_line = &*rows.key_line(row).map_err(Arc::new)?;
        found.extend(take(&Side { key: rows.columns(), key_line, is_later, row, rows })?);
        Ok(())
    };
    let mut left: HashMap<Bytes, RawRow> = HashMap::new();
    if let Some(rows) = before.and_then(Tree::by_key) {
        let mut held = 0;
        for leaf in &old {
            for row in rows.rows(leaf).map_err(Arc::new)? {
                if new.is_empty() {
                    show(rows, &row, false)?;
                    continue;
                }
                held += row.key.len() + row.value.len();
                left.insert(row.key.clone(), row);
            }
            if held > MOST_HELD {
                return Ok(None);
            }
        }
    }
    if let Some(rows) = after.and_then(Tree::by_key) {
        for leaf in &new {
            for row in rows.rows(leaf).map_err(Arc::new)? {
                match left.remove(&row.key) {
                    Some(same) if same.value == row.value => continue,
                    Some(changed) => show(rows, &changed, false)?,
                    None => {}
                }
                show(rows, &row, true)?;
            }
        }
    }
    if let Some(rows) = before.and_then(Tree::by_key) {
        left.values().try_for_each(|row| show(rows, row, false))?;
    }
    Ok(Some(found))
}
