//! Finds the rows that differ between two trees by their keys, without rendering them.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::runs::leaves;
use crate::content::blocking::broken_off;
use crate::content::shared_load::SharedResult;
use crate::content::tree::{KeyedRows, PageId, RawRow};
use crate::content::{Content, SourceError};
use crate::engine::Engine;
use crate::engine::pages::PageStore;
use crate::engine::read::cancellable;
use crate::engine::read::tree::TreeReader;
use crate::memory::{Cancel, Sorter, Work};
use crate::model::number::to_usize;

/// Length of the place that is put before a row's value while rows are sorted.
const PLACE: usize = 8;

/// A row of one of two contents that are compared.
pub struct ComparedRow<'s> {
    /// The columns of the key, in the key's order.
    pub key: &'s [String],
    /// A line of these columns alone, without a line feed.
    pub key_line: &'s [u8],
    /// Whether it is a row of the later content.
    pub is_later: bool,
    row: &'s RawRow,
    rows: &'s dyn KeyedRows,
}

impl ComparedRow<'_> {
    /// The whole row as a line, without its line feed.
    pub fn line(&self) -> SharedResult<Vec<u8>> {
        self.rows.line(self.row).map_err(Arc::new)
    }
}

/// Two contents that are compared, the earlier one first.
pub type ContentPair = [Option<Content>; 2];

impl Engine {
    /// Calls `take` with each row of a pair of contents of one table that the other content of the pair does not have,
    /// and with the number of the pair. For a row that changed, both sides come one after the other. The rows come in
    /// no order. No length has to be known. Rows are sorted within the memory of `work`. Returns `state`, whether each
    /// pair could be compared, and `work`.
    ///
    /// A pair cannot be compared by rows, only by lines, if not both are trees with keys, or if the definition of the
    /// table changed, so that all rows are stored differently.
    pub(crate) async fn changed_rows<S: Send + 'static>(
        &self,
        pairs: Vec<ContentPair>,
        mut work: Work,
        mut state: S,
        mut take: impl FnMut(&mut S, usize, &ComparedRow<'_>) -> SharedResult<()> + Send + 'static,
    ) -> SharedResult<(S, Vec<bool>, Work)> {
        let mut contents = pairs.iter().flatten().flatten();
        let Some(tree) = contents.find(|content| content.tree().is_some()).cloned() else {
            let are_nothing = pairs.iter().map(|pair| pair.iter().all(Option::is_none)).collect();
            return Ok((state, are_nothing, work));
        };
        let pages = Arc::clone(&self.pages);
        let compare = move |cancel: &Cancel| {
            let mut are_compared = Vec::with_capacity(pairs.len());
            for (at, pair) in pairs.iter().enumerate() {
                let trees = open(pair, &pages)?;
                let [before, after] = trees.each_ref().map(Option::as_ref);
                are_compared.push(pair.iter().all(Option::is_none) || are_comparable(before, after));
                if are_compared[at] {
                    let show = |row: &ComparedRow<'_>| take(&mut state, at, row);
                    work = between(before, after, work, cancel, show)?;
                }
            }
            Ok((state, are_compared, work))
        };
        cancellable(&tree, compare).await
    }
}

/// Opens both contents; none if not both are trees.
pub(super) fn open(pair: &ContentPair, pages: &Arc<PageStore>) -> SharedResult<[Option<TreeReader>; 2]> {
    if !pair.iter().flatten().all(|content| content.tree().is_some()) {
        return Ok([None, None]);
    }
    let open = |content: &Option<Content>| {
        content.as_ref().and_then(|content| TreeReader::open(content, pages)).transpose()
    };
    Ok([open(&pair[0])?, open(&pair[1])?])
}

/// Whether trees were opened, have the same key, and are stored in the same way. (An empty tree counts as stored in any
/// way.)
pub(super) fn are_comparable(before: Option<&TreeReader>, after: Option<&TreeReader>) -> bool {
    if before.is_none() && after.is_none() {
        return false;
    }
    let rendering = |tree: Option<&TreeReader>| Some(tree?.root()?.rendering);
    let is_one_way = rendering(before).zip(rendering(after)).is_none_or(|(old, new)| old == new);
    let mut keys = before.into_iter().chain(after).map(|tree| Some(tree.by_key()?.columns()));
    let first = keys.next().flatten();
    is_one_way && first.is_some() && keys.all(|key| key == first)
}

fn between(
    before: Option<&TreeReader>,
    after: Option<&TreeReader>,
    work: Work,
    cancel: &Cancel,
    mut take: impl FnMut(&ComparedRow<'_>) -> SharedResult<()>,
) -> SharedResult<Work> {
    let (old, new) = leaves(before, after)?;
    let sides = [(before.and_then(TreeReader::by_key), &old), (after.and_then(TreeReader::by_key), &new)];
    let mut show = |is_later: bool, row: &RawRow| -> SharedResult<()> {
        let Some(rows) = sides[usize::from(is_later)].0 else { return Ok(()) };
        let key_line = &*rows.key_line(row).map_err(Arc::new)?;
        take(&ComparedRow { key: rows.columns(), key_line, is_later, row, rows })
    };
    if old.is_empty() || new.is_empty() {
        for (is_later, (rows, leaves)) in [false, true].into_iter().zip(&sides) {
            each_row(*rows, leaves, cancel, |row| show(is_later, row))?;
        }
        return Ok(work);
    }
    let mut sorter = Sorter::new(work, cancel);
    let mut value = Vec::new();
    for (is_later, (rows, leaves)) in [false, true].into_iter().zip(&sides) {
        each_row(*rows, leaves, cancel, |row| {
            value.clear();
            value.push(u8::from(is_later));
            value.extend_from_slice(&(row.place as u64).to_le_bytes());
            value.extend_from_slice(&row.value);
            sorter.push(&row.key, &value).map_err(temporary)
        })?;
    }
    let mut sorted = sorter.finish(u64::MAX).map_err(temporary)?;
    // The earlier of two rows with one key comes first, as it was pushed first.
    let mut earlier: Option<RawRow> = None;
    while let Some((key, value)) = sorted.next().map_err(temporary)? {
        let (is_later, row) = row_of(key, value);
        if !is_later {
            if let Some(removed) = earlier.replace(row) {
                show(false, &removed)?;
                is_wanted(cancel)?;
            }
            continue;
        }
        match earlier.take() {
            Some(same) if same.key == row.key && same.value == row.value => continue,
            Some(other) => show(false, &other)?,
            None => {}
        }
        show(true, &row)?;
        is_wanted(cancel)?;
    }
    earlier.iter().try_for_each(|removed| show(false, removed))?;
    Ok(sorted.into_work())
}

fn each_row(
    rows: Option<&dyn KeyedRows>,
    leaves: &[PageId],
    cancel: &Cancel,
    mut take: impl FnMut(&RawRow) -> SharedResult<()>,
) -> SharedResult<()> {
    let Some(rows) = rows else { return Ok(()) };
    for leaf in leaves {
        is_wanted(cancel)?;
        rows.rows(leaf).map_err(Arc::new)?.iter().try_for_each(&mut take)?;
    }
    Ok(())
}

/// A sorted record as a row again, and whether the row is of the later content.
fn row_of(key: &[u8], value: &[u8]) -> (bool, RawRow) {
    let (is_later, rest) = value.split_at(1);
    let (place, value) = rest.split_at(PLACE);
    // It was a usize before.
    let place = to_usize(u64::from_le_bytes(place.try_into().expect("it is as long")));
    let [key, value] = [key, value].map(Bytes::copy_from_slice);
    (is_later[0] == 1, RawRow { place, key, value })
}

fn temporary(error: io::Error) -> Arc<SourceError> {
    Arc::new(SourceError::of_temporary_file(error))
}

/// Whether somebody still waits for the work.
pub(super) fn is_wanted(cancel: &Cancel) -> SharedResult<()> {
    match cancel.is_cancelled() {
        true => Err(Arc::new(broken_off("asof", "nobody waits for it any more".to_owned()))),
        false => Ok(()),
    }
}
