//! The last snapshot of each hour, day, week, month and year.

use std::sync::Arc;

use super::database::{Database, Snapshot};
use crate::model::period::Period;

/// By kind of period, in the order of [`Period::ALL`]: names of periods, sorted, each with the place of its last
/// snapshot among those listed.
pub(super) type Periods = [Vec<(Arc<str>, usize)>; Period::ALL.len()];

impl Database {
    /// The periods of a kind in which there is a snapshot, oldest first, each with its last one. Marked snapshots stand
    /// for nothing but themselves.
    pub fn periods(&self, period: Period) -> impl Iterator<Item = (&Arc<str>, &Snapshot)> {
        self.of_kind(period).iter().map(|(name, at)| (name, &self.snapshots()[*at]))
    }

    /// The last snapshot of a period, by its name.
    pub fn last_of(&self, period: Period, name: &str) -> Option<&Snapshot> {
        let periods = self.of_kind(period);
        let at = periods.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.snapshots()[periods[at].1])
    }

    fn of_kind(&self, period: Period) -> &[(Arc<str>, usize)] {
        let all = self.all_periods(|snapshots| Period::ALL.map(|period| last_ones(period, snapshots)));
        &all[Period::ALL.iter().position(|known| *known == period).expect("it is one of all")]
    }
}

/// Snapshots come oldest first.
fn last_ones(period: Period, snapshots: &[Snapshot]) -> Vec<(Arc<str>, usize)> {
    let mut periods: Vec<(Arc<str>, usize)> = Vec::new();
    for (at, snapshot) in snapshots.iter().enumerate().filter(|(_, s)| s.meta.mark.is_none()) {
        let name = period.name(snapshot.meta.time);
        match periods.last_mut() {
            Some((last, place)) if **last == *name => *place = at,
            _ => periods.push((name.into(), at)),
        }
    }
    // Years beyond 9999, or before 0, do not sort by name.
    periods.sort_by(|a, b| a.0.cmp(&b.0));
    periods
}
