//! Finds the rows that differ between two trees whose rows are stored in the order of their keys: reads both side by
//! side, and sorts nothing.

use std::iter::Peekable;
use std::ops::Range;
use std::sync::Arc;

use super::rows::{ContentPair, are_comparable, is_wanted, open};
use super::runs::leaves;
use crate::content::SourceError;
use crate::content::shared_load::SharedResult;
use crate::content::tree::{KeyedRows, PageId, RawRow};
use crate::engine::Engine;
use crate::engine::read::cancellable;
use crate::engine::read::tree::TreeReader;
use crate::memory::Cancel;

/// Leaves of one side that are read at once, on all cores.
const TOGETHER: usize = 16;

/// Lines of one side that are rendered at once, in bytes.
const LINES_BYTES: usize = 256 << 10;

/// What one row takes besides its bytes.
const OVERHEAD: usize = 200;

/// Rows that differ, in order: each on one side only, or with different values on both.
pub struct MergedRows<'s> {
    rows: Vec<[Option<RawRow>; 2]>,
    sides: [Option<&'s dyn KeyedRows>; 2],
}

impl MergedRows<'_> {
    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// The lines of the first rows of a range on both sides, without their line feeds: at least one row, and about
    /// [`LINES_BYTES`] of each side.
    pub fn lines(&self, range: Range<usize>) -> SharedResult<Vec<[Option<Vec<u8>>; 2]>> {
        let rows = &self.rows[range];
        let mut lines = vec![[None, None]; rows.len()];
        for (side, keyed) in self.sides.iter().enumerate() {
            let Some(keyed) = keyed else { continue };
            let mut bytes = 0;
            for at in 0..lines.len() {
                if bytes >= LINES_BYTES {
                    lines.truncate(at);
                    break;
                }
                let line =
                    rows[at][side].as_ref().map(|row| keyed.line(row)).transpose().map_err(Arc::new)?;
                bytes += line.as_ref().map_or(0, Vec::len);
                lines[at][side] = line;
            }
        }
        Ok(lines)
    }
}

impl Engine {
    /// Calls `take` with the rows that differ between two contents of one table, some at a time, in the order of the
    /// places that `place` writes for lines of their keys. Returns `state`, and whether these were all. If not, discard
    /// what was passed: `take` returned false, or the contents cannot be compared by rows (as in
    /// [`Engine::changed_rows`]), or they are stored in another order.
    pub(crate) async fn merged_rows<S: Send + 'static>(
        &self,
        pair: ContentPair,
        place: impl Fn(&[u8], &mut Vec<u8>) + Send + Sync + 'static,
        mut state: S,
        mut take: impl FnMut(&mut S, &MergedRows<'_>) -> SharedResult<bool> + Send + 'static,
    ) -> SharedResult<(S, bool)> {
        let Some(tree) = pair.iter().flatten().find(|content| content.tree().is_some()).cloned() else {
            return Ok((state, false));
        };
        let pages = Arc::clone(&self.pages);
        let compare = move |cancel: &Cancel| {
            let trees = open(&pair, &pages)?;
            let [before, after] = trees.each_ref().map(Option::as_ref);
            if !are_comparable(before, after) {
                return Ok((state, false));
            }
            let (old, new) = leaves(before, after)?;
            let mut held = pages.cache.budget().hold(0);
            let mut sides = [(before, &old), (after, &new)].map(|(tree, leaves)| SideRows::new(tree, leaves));
            let keyed = [before, after].map(|tree| tree.and_then(TreeReader::by_key));
            let mut merged = MergedRows { rows: Vec::new(), sides: keyed };
            loop {
                if sides.iter_mut().any(SideRows::needs_more) {
                    if !merged.rows.is_empty() && !take(&mut state, &merged)? {
                        return Ok((state, false));
                    }
                    merged.rows.clear();
                    for side in &mut sides {
                        is_wanted(cancel)?;
                        if !side.read_more(&place)? {
                            return Ok((state, false));
                        }
                    }
                    held.resize(sides.iter().map(|side| side.bytes as u64).sum());
                }
                match next_pair(&mut sides) {
                    None => break,
                    Some([Some(old), Some(new)]) if old.key == new.key && old.value == new.value => {}
                    Some(pair) => merged.rows.push(pair),
                }
            }
            let is_whole = merged.rows.is_empty() || take(&mut state, &merged)?;
            Ok((state, is_whole))
        };
        cancellable(&tree, compare).await
    }
}

/// The row with the least place, on each side that has a row at that place.
fn next_pair([old, new]: &mut [SideRows<'_>; 2]) -> Option<[Option<RawRow>; 2]> {
    let [is_old, is_new] = match (old.rows.peek(), new.rows.peek()) {
        (None, None) => return None,
        (Some(old), Some(new)) => [old.place <= new.place, new.place <= old.place],
        (old, new) => [old.is_some(), new.is_some()],
    };
    let take =
        |side: &mut SideRows<'_>, is_there: bool| side.rows.next_if(|_| is_there).map(|placed| placed.row);
    Some([take(old, is_old), take(new, is_new)])
}

struct PlacedRow {
    place: Vec<u8>,
    row: RawRow,
}

/// The rows of one side, in order.
struct SideRows<'s> {
    tree: Option<&'s TreeReader>,
    /// What was not read yet.
    leaves: &'s [PageId],
    rows: Peekable<std::vec::IntoIter<PlacedRow>>,
    /// How many bytes the rows that were read last take.
    bytes: usize,
    /// The place of the last row that was read.
    last: Vec<u8>,
}

impl<'s> SideRows<'s> {
    fn new(tree: Option<&'s TreeReader>, leaves: &'s [PageId]) -> Self {
        Self { tree, leaves, rows: Vec::new().into_iter().peekable(), bytes: 0, last: Vec::new() }
    }

    fn needs_more(&mut self) -> bool {
        self.rows.peek().is_none() && !self.leaves.is_empty()
    }

    /// Reads the next leaves, if no row is left. False if their rows are in another order than their places.
    fn read_more(&mut self, place: &(impl Fn(&[u8], &mut Vec<u8>) + Sync)) -> SharedResult<bool> {
        let keyed = self.tree.and_then(|tree| Some((tree, tree.by_key()?)));
        let Some((tree, keyed)) = keyed.filter(|_| self.needs_more()) else { return Ok(true) };
        let (leaves, rest) = self.leaves.split_at(self.leaves.len().min(TOGETHER));
        self.leaves = rest;
        let read = tree.for_all(leaves, |leaf| placed_rows(keyed, leaf, place).map_err(Arc::new))?;
        let rows: Vec<PlacedRow> = read.into_iter().flatten().collect();
        let is_later = rows.first().is_none_or(|first| first.place > self.last);
        if !is_later || !rows.is_sorted_by(|a, b| a.place < b.place) {
            return Ok(false);
        }
        let bytes = |placed: &PlacedRow| {
            OVERHEAD + placed.place.len() + placed.row.key.len() + placed.row.value.len()
        };
        self.bytes = rows.iter().map(bytes).sum();
        if let Some(last) = rows.last() {
            self.last.clone_from(&last.place);
        }
        self.rows = rows.into_iter().peekable();
        Ok(true)
    }
}

fn placed_rows(
    keyed: &dyn KeyedRows,
    leaf: &PageId,
    place: &impl Fn(&[u8], &mut Vec<u8>),
) -> Result<Vec<PlacedRow>, SourceError> {
    let placed = |row: RawRow| {
        let mut written = Vec::new();
        place(&keyed.key_line(&row)?, &mut written);
        Ok(PlacedRow { place: written, row })
    };
    keyed.rows(leaf)?.into_iter().map(placed).collect()
}
