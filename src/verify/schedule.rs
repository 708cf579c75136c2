//! Whether snapshots were taken when they should have been.

use jiff::{SignedDuration, Timestamp};

use super::for_people;
use crate::source::verify::{Finding, Severity};

/// How much later than expected a snapshot may come: programs that run once an hour start late, and take time.
const LATE: f64 = 1.5;

/// How many of the newest intervals tell what is usual.
const RECENT: usize = 12;

/// An interval that is so many times the usual one is worth a word.
const UNUSUAL: i32 = 3;

/// What is expected of the times of snapshots.
#[derive(Debug, Clone, Copy, Default)]
pub struct Schedule {
    /// How old the newest snapshot may be.
    pub max_age: Option<SignedDuration>,
    /// How often snapshots are taken. Older ones are thinned out by most backups, so that an interval may be longer
    /// than those before it, the older it is.
    pub every: Option<SignedDuration>,
}

impl Schedule {
    /// What is wrong with the times of a database's snapshots.
    pub(super) fn findings(&self, database: &str, times: &[Timestamp], now: Timestamp) -> Vec<Finding> {
        let mut times = times.to_vec();
        times.sort_unstable();
        times.dedup();
        let mut findings = Vec::new();
        findings.extend(self.age(database, &times, now));
        findings.extend(self.gaps(database, &times));
        findings
    }

    fn age(&self, database: &str, times: &[Timestamp], now: Timestamp) -> Option<Finding> {
        let Some(newest) = times.last() else {
            return Some(Finding::wrong(database, "it has no snapshot"));
        };
        let age = now.duration_since(*newest);
        if age < -SignedDuration::from_mins(5) {
            let problem = format!("the newest snapshot is of {newest}, which is {} ahead", for_people(-age));
            return Some(Finding::wrong(database, problem).with_hint("check the clock of whoever made it"));
        }
        let max_age = self.max_age.filter(|max| age > *max)?;
        let problem = format!(
            "the newest snapshot is of {newest}, {} ago, where {} are allowed",
            for_people(age),
            for_people(max_age)
        );
        Some(Finding::wrong(database, problem).with_hint("look whether the backup still runs"))
    }

    /// From the newest interval back: one that is longer than expected, and than all older ones, is a gap. Where older
    /// ones are as long, they were thinned out.
    fn gaps(&self, database: &str, times: &[Timestamp]) -> Vec<Finding> {
        let intervals: Vec<(Timestamp, SignedDuration)> =
            times.windows(2).map(|pair| (pair[0], pair[1].duration_since(pair[0]))).rev().collect();
        let (expected, severity) = match self.every {
            Some(every) => (every.mul_f64(LATE), Severity::Wrong),
            None => match usual(&intervals) {
                Some(usual) => (usual * UNUSUAL, Severity::Note),
                None => return Vec::new(),
            },
        };
        let recent = if self.every.is_some() { intervals.len() } else { intervals.len().min(RECENT) };
        let gap = |(at, (from, length)): (usize, &(Timestamp, SignedDuration))| {
            // The oldest one is held against the one that came after it.
            let neighbour = intervals.get(at + 1).or_else(|| intervals.get(at.checked_sub(1)?));
            let is_thinned = neighbour.is_some_and(|(_, other)| other.mul_f64(LATE) >= *length);
            (*length > expected && !is_thinned).then(|| Finding {
                severity,
                place: database.to_owned(),
                problem: format!(
                    "no snapshot for {} from {from} on, where one is expected every {}",
                    for_people(*length),
                    for_people(if severity == Severity::Wrong {
                        expected.div_f64(LATE)
                    } else {
                        expected / UNUSUAL
                    })
                ),
                hint: None,
            })
        };
        intervals.iter().enumerate().take(recent).filter_map(gap).collect()
    }
}

/// The median of the newest intervals; `None` where there are too few.
fn usual(intervals: &[(Timestamp, SignedDuration)]) -> Option<SignedDuration> {
    let mut recent: Vec<SignedDuration> = intervals.iter().take(RECENT).map(|(_, length)| *length).collect();
    recent.sort_unstable();
    (recent.len() >= 4).then(|| recent[recent.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    /// Snapshots so many hours before now.
    fn found(schedule: Schedule, hours: &[i64]) -> Vec<(Severity, String)> {
        let now: Timestamp = "2026-01-21T20:00:00Z".parse().expect("a time");
        let times: Vec<Timestamp> = hours.iter().map(|hours| now - HOUR * *hours as i32).collect();
        schedule.findings("db", &times, now).into_iter().map(|f| (f.severity, f.problem)).collect()
    }

    #[test]
    fn the_newest_may_not_be_too_old_nor_of_tomorrow() {
        let schedule = Schedule { max_age: Some(HOUR * 25), every: None };
        assert!(found(schedule, &[25, 50]).is_empty());
        let late = found(schedule, &[26, 50]);
        assert!(late[0].1.contains("26 h ago, where 25 h are allowed"), "{late:?}");
        assert_eq!(late[0].0, Severity::Wrong);
        assert!(
            found(schedule, &[-2, 0])[0].1.contains("2 h ahead")
                || found(schedule, &[-2])[0].1.contains("min ahead")
        );
        assert!(found(schedule, &[])[0].1.contains("no snapshot"));
    }

    #[test]
    fn a_missing_snapshot_is_a_gap_and_thinning_is_none() {
        let hourly = Schedule { max_age: None, every: Some(HOUR) };
        assert!(found(hourly, &[0, 1, 2, 3, 4, 5]).is_empty());
        let gap = found(hourly, &[0, 1, 2, 5, 6, 7]);
        assert_eq!(gap.len(), 1, "{gap:?}");
        assert!(gap[0].1.contains("no snapshot for 3 h"), "{gap:?}");
        // Hourly for a day, daily for a week, weekly for a month: as old ones are thinned out.
        let mut thinned: Vec<i64> = (0..24).collect();
        thinned.extend((1..8).map(|day| day * 24 + 12));
        thinned.extend((2..6).map(|week| week * 168 + 12));
        let gaps = found(hourly, &thinned);
        assert!(gaps.is_empty(), "{gaps:?}");
    }

    #[test]
    fn without_a_schedule_only_what_is_unusual_is_noted() {
        assert!(found(Schedule::default(), &[0, 1, 2, 3, 4, 5, 30, 60]).is_empty());
        let noted = found(Schedule::default(), &[0, 1, 2, 12, 13, 14, 15]);
        assert_eq!(noted.iter().map(|f| f.0).collect::<Vec<_>>(), [Severity::Note]);
        assert!(found(Schedule::default(), &[0, 100]).is_empty(), "too few to tell what is usual");
    }
}
