//! How the names of a series write their times.

use std::collections::BTreeSet;

/// A property of a series of names that a single name may not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Convention {
    /// `21-01-2026`.
    DayFirst,
    /// `01-21-2026`.
    MonthFirst,
    /// `202101` is a month.
    Months,
    /// `202101` is a week.
    Weeks,
}

/// The known conventions of one series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conventions(BTreeSet<Convention>);

impl Conventions {
    /// Adds a convention that one of the names shows; true if it is new.
    pub fn learn(&mut self, convention: Convention) -> bool {
        self.0.insert(convention)
    }

    /// Whether the series uses a convention. Six digits that may be either are a month unless a name shows weeks.
    pub(super) fn allow(&self, convention: Convention) -> bool {
        let has = |one| self.0.contains(&one);
        match convention {
            Convention::DayFirst => has(convention) && !has(Convention::MonthFirst),
            Convention::MonthFirst => has(convention) && !has(Convention::DayFirst),
            Convention::Weeks => has(convention),
            Convention::Months => !has(Convention::Weeks),
        }
    }
}
