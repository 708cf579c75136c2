//! The last snapshot of each hour, day, week, month and year.

use std::sync::Arc;

use super::snapshot::Snapshot;
use crate::model::period::Period;

/// The names of the periods of one kind, sorted, each with the place of its last snapshot among those listed.
type Named = Vec<(Arc<str>, usize)>;

/// The last snapshots of all periods.
pub(super) struct LastOfPeriods([Named; Period::ALL.len()]);

impl LastOfPeriods {
    /// Finds them among `snapshots`, which are sorted oldest first.
    pub fn among(snapshots: &[Snapshot]) -> Self {
        Self(Period::ALL.map(|period| last_ones(period, snapshots)))
    }

    /// The periods of one kind.
    pub fn of(&self, period: Period) -> &[(Arc<str>, usize)] {
        &self.0[Period::ALL.iter().position(|known| *known == period).expect("it is one of all")]
    }
}

fn last_ones(period: Period, snapshots: &[Snapshot]) -> Named {
    let mut periods = Named::new();
    for (at, snapshot) in snapshots.iter().enumerate().filter(|(_, s)| s.meta.mark.is_none()) {
        let name = period.name(snapshot.meta.time);
        match periods.last_mut() {
            Some((last, place)) if **last == *name => *place = at,
            _ => periods.push((name.into(), at)),
        }
    }
    // By time, names of years beyond 9999 or before 0 are not sorted.
    periods.sort_by(|a, b| a.0.cmp(&b.0));
    periods
}
