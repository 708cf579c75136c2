//! Which rows differ between two contents in parts, told by their keys without rendering them.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::differing::leaves;
use super::tree::Tree;
use super::{Engine, blocking};
use crate::content::blocking::broken_off;
use crate::content::parts::{ByKey, Part, RawRow};
use crate::content::{Content, SourceError};
use crate::memory::{Cancel, Sorter, Work};
use crate::model::number::to_usize;

type Outcome<T> = Result<T, Arc<SourceError>>;

/// Length of what stands before a row's value while rows are sorted: its place.
const PLACE: usize = 8;

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

/// Two contents that are compared, the earlier one first.
pub type ContentPair = [Option<Content>; 2];

impl Engine {
    /// Shows `take` the rows of pairs of contents of one table that the other one of the pair does not have, with the place of
    /// the pair: of a row that changed both sides, one after the other. They come in no order. No length has to be known for it. Rows are
    /// sorted within the memory of `work`, which is given back, with `state` and whether the rows of each pair were told.
    ///
    /// They are not where that has to be told by their lines: not both are in parts with keys, or the definition of the table
    /// changed, so that all rows are kept in another way.
    ///
    /// # Errors
    /// Why a content cannot be read, and what `take` says; when there is no room for temporary files.
    pub(crate) async fn changed_rows<S: Send + 'static>(
        &self,
        pairs: Vec<ContentPair>,
        mut work: Work,
        mut state: S,
        mut take: impl FnMut(&mut S, usize, &Side<'_>) -> Outcome<()> + Send + 'static,
    ) -> Outcome<(S, Vec<bool>, Work)> {
        let Some(of) = pairs.iter().flatten().flatten().next().cloned() else {
            return Ok((state, vec![true; pairs.len()], work));
        };
        let memory = Arc::clone(&self.parts);
        let cancel = Cancel::default();
        let _wanted = cancel.on_drop();
        let compare = move || {
            let open = |content: &Option<Content>| {
                content.as_ref().and_then(|content| Tree::open(content, &memory)).transpose()
            };
            let mut are_told = Vec::with_capacity(pairs.len());
            for (at, pair) in pairs.iter().enumerate() {
                if pair.iter().flatten().any(|content| content.tree().is_none()) {
                    are_told.push(false);
                    continue;
                }
                let trees = [open(&pair[0])?, open(&pair[1])?];
                let [before, after] = trees.each_ref().map(Option::as_ref);
                let is_told = are_comparable(before, after);
                are_told.push(is_told);
                if is_told {
                    let show = |row: &Side<'_>| take(&mut state, at, row);
                    work = between(before, after, work, &cancel, show)?;
                }
            }
            Ok((state, are_told, work))
        };
        blocking(&of, compare).await
    }
}

/// Whether both have keys, and are kept in one way.
fn are_comparable(before: Option<&Tree>, after: Option<&Tree>) -> bool {
    let rendering = |tree: Option<&Tree>| tree.and_then(Tree::whole).map(|whole| whole.rendering);
    let is_one_way = match (rendering(before), rendering(after)) {
        (Some(old), Some(new)) => old == new,
        _ => true,
    };
    is_one_way && before.into_iter().chain(after).all(|tree| tree.by_key().is_some())
}

fn between(
    before: Option<&Tree>,
    after: Option<&Tree>,
    work: Work,
    cancel: &Cancel,
    mut take: impl FnMut(&Side<'_>) -> Outcome<()>,
) -> Outcome<Work> {
    let (old, new) = leaves(before, after)?;
    let sides = [(before.and_then(Tree::by_key), &old), (after.and_then(Tree::by_key), &new)];
    let mut show = |is_later: bool, row: &RawRow| -> Outcome<()> {
        let Some(rows) = sides[usize::from(is_later)].0 else { return Ok(()) };
        let key_line = &*rows.key_line(row).map_err(Arc::new)?;
        take(&Side { key: rows.columns(), key_line, is_later, row, rows })
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
    // Of one key, the earlier row comes first: it was pushed before.
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
    rows: Option<&dyn ByKey>,
    leaves: &[Part],
    cancel: &Cancel,
    mut take: impl FnMut(&RawRow) -> Outcome<()>,
) -> Outcome<()> {
    let Some(rows) = rows else { return Ok(()) };
    for leaf in leaves {
        is_wanted(cancel)?;
        rows.rows(leaf).map_err(Arc::new)?.iter().try_for_each(&mut take)?;
    }
    Ok(())
}

/// A row as it was sorted, and whether it is one of the later content.
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

fn is_wanted(cancel: &Cancel) -> Outcome<()> {
    match cancel.is_cancelled() {
        true => Err(Arc::new(broken_off("asof", "nobody waits for it any more".to_owned()))),
        false => Ok(()),
    }
}
