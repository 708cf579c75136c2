//! What differs between two contents, as it is found: changes in order, or lines that have to be paired and sorted.

use std::ops::Range;
use std::sync::Arc;

use super::change::RowChangeRef;
use super::key::Pairing;
use super::ordered::{OrderedChanges, placed};
use super::pairs::Pairs;
use crate::content::SourceError;
use crate::content::versioned::LineChange;
use crate::engine::MergedRows;
use crate::memory::{Cancel, Work};
use crate::views::error::DerivedError;

/// How many rows are rendered at once at first, and how many bytes from then on.
const FIRST: usize = 16;
const TOGETHER: usize = 512 << 10;

/// What differs.
pub enum FoundChanges {
    /// Changes in order, and unused memory.
    InOrder(OrderedChanges, Work),
    /// Lines to be paired, and the memory for sorting the changes.
    Lines(Pairs, Work),
}

impl FoundChanges {
    /// Nothing yet. Changes of rows with a key are taken to come in order until one does not.
    pub fn new(pairing: Pairing, [one, other]: [Work; 2], cancel: &Cancel) -> Self {
        match pairing {
            Pairing::Key(key) => Self::InOrder(OrderedChanges::new(key, one, cancel), other),
            pairing => Self::Lines(Pairs::new(pairing, one, cancel), other),
        }
    }

    /// Adds changes that a source reported.
    pub fn with(self, reported: &[LineChange], cancel: &Cancel) -> Result<Self, DerivedError> {
        let (mut pairs, work) = match self {
            Self::Lines(pairs, work) => (pairs, work),
            Self::InOrder(mut changes, work) => {
                let lines = |range: Range<usize>| Ok(reported[range].iter().map(lines_of_change).collect());
                let placed = placed(changes.key(), 0..reported.len(), lines)?;
                if let Some(placed) = placed
                    && changes.add(&placed)?
                {
                    return Ok(Self::InOrder(changes, work));
                }
                let mut pairs = Pairs::new(Pairing::Key(changes.key().to_vec()), work, cancel);
                let work = changes.move_into(&mut pairs)?;
                (pairs, work)
            }
        };
        for change in reported {
            let [from, to] = lines_of_change(change);
            pairs.add_change(RowChangeRef { from, to, has_key: true })?;
        }
        Ok(Self::Lines(pairs, work))
    }

    /// Drops all of it, and gives the memory back.
    pub fn into_work(self) -> [Work; 2] {
        match self {
            Self::InOrder(changes, work) => [changes.into_work(), work],
            Self::Lines(pairs, work) => [pairs.into_work(), work],
        }
    }
}

/// Both lines, without their line feeds.
fn lines_of_change(change: &LineChange) -> [Option<&[u8]>; 2] {
    [&change.from, &change.to].map(|line| line.as_ref().map(|line| line.strip_suffix(b"\n").unwrap_or(line)))
}

/// Changes whose lines are rendered when they are added.
pub struct RenderedChanges {
    pub changes: OrderedChanges,
    /// How many rows are rendered at once.
    together: usize,
}

impl RenderedChanges {
    /// None yet.
    pub fn new(changes: OrderedChanges) -> Self {
        Self { changes, together: FIRST }
    }

    /// Renders and adds rows, on all cores. False if they do not come in order.
    pub fn add(&mut self, rows: &MergedRows<'_>) -> Result<bool, Arc<SourceError>> {
        let mut next = 0;
        while next < rows.count() {
            let range = next..rows.count().min(next + self.together);
            next = range.end;
            let count = range.len();
            let Some(placed) = placed(self.changes.key(), range, |range| rows.lines(range))? else {
                return Ok(false);
            };
            let bytes: usize = placed.iter().map(|changes| changes.bytes()).sum();
            self.together = (TOGETHER.saturating_mul(count) / bytes.max(1)).clamp(1, TOGETHER);
            if !self.changes.add(&placed).map_err(SourceError::of_temporary_file)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
