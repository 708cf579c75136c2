//! Calendar periods, in UTC like the names of snapshots.

use crate::model::time::Timestamp;

/// The length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// `2026-01-21T20`.
    Hour,
    /// `2026-01-21`.
    Day,
    /// `2026-W04`: an ISO 8601 week, which begins on Monday.
    Week,
    /// `2026-01`.
    Month,
    /// `2026`.
    Year,
}

impl Period {
    /// All periods, the shortest first.
    pub const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    /// The folder with the last snapshot of each such period.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Hour => "hourly",
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Year => "yearly",
        }
    }

    /// Names the period that contains `time`. Names of one length sort by time.
    pub fn name(self, time: Timestamp) -> String {
        let utc = time.calendar();
        match self {
            Self::Hour => format!("{}T{:02}", utc.date(), utc.time().hour()),
            Self::Day => utc.date(),
            Self::Week => utc.week(),
            Self::Month => utc.month(),
            Self::Year => utc.year(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        // 2027-01-01 is a Friday in the last week of 2026; 2024-12-30 is a Monday in the first week of 2025.
        for (time, names) in [
            ("2026-01-21T20:59:59.999Z", ["2026-01-21T20", "2026-01-21", "2026-W04", "2026-01", "2026"]),
            ("2027-01-01T00:00:00Z", ["2027-01-01T00", "2027-01-01", "2026-W53", "2027-01", "2027"]),
            ("2024-12-30T23:00:00Z", ["2024-12-30T23", "2024-12-30", "2025-W01", "2024-12", "2024"]),
            ("2026-06-30T23:30:00-05:00", ["2026-07-01T04", "2026-07-01", "2026-W27", "2026-07", "2026"]),
        ] {
            let time: Timestamp = time.parse().expect("a time");
            assert_eq!(Period::ALL.map(|period| period.name(time)), names);
        }
    }
}
