//! Checks whether snapshots were taken when they should have been.

use jiff::SignedDuration;

use super::for_people;
use crate::model::time::Timestamp;
use crate::source::verify::{Finding, Severity};

/// How many times the expected interval may pass before a snapshot is late: hourly programs start late and take time.
const LATE: f64 = 1.5;

/// How many of the newest intervals define what is usual.
const RECENT: usize = 12;

/// An interval that is this many times the usual one is noted.
const UNUSUAL: i32 = 4;

/// How far another machine's clock may be ahead of this one.
const TOLERATED: SignedDuration = SignedDuration::from_mins(5);

/// What is expected of the times of snapshots.
#[derive(Debug, Clone, Copy, Default)]
pub struct Schedule {
    /// How old the newest snapshot may be.
    pub max_age: Option<SignedDuration>,
    /// How often snapshots are taken. Most backups thin out older ones, so older intervals may be longer.
    pub every: Option<SignedDuration>,
}

impl Schedule {
    /// What is wrong with the times of a database's snapshots, given in the source's order, newest first.
    pub(super) fn findings(&self, database: &str, times: &[Timestamp], now: jiff::Timestamp) -> Vec<Finding> {
        let newest = times.first().copied();
        let mut times = times.to_vec();
        times.sort_unstable();
        times.dedup();
        let mut findings = Vec::new();
        findings.extend(self.age(database, newest.zip(times.last().copied()), now));
        findings.extend(self.gaps(database, &times));
        findings
    }

    /// `newest` holds the time of the newest snapshot and the latest time of any. They differ if the source's order is
    /// not that of the times, as after an import of old commits.
    fn age(
        &self,
        database: &str,
        newest: Option<(Timestamp, Timestamp)>,
        now: jiff::Timestamp,
    ) -> Vec<Finding> {
        let Some((newest, latest)) = newest else {
            return vec![Finding::wrong(database, "it has no snapshot")];
        };
        let (ahead, age) = (latest.nearest().duration_since(now), now.duration_since(newest.nearest()));
        let mut findings = Vec::new();
        if ahead > TOLERATED {
            let problem = format!("the latest snapshot is of {latest}, which is {} ahead", for_people(ahead));
            let finding =
                Finding::wrong(database, problem).with_hint("check the clock of the machine that made it");
            if -age > TOLERATED {
                return vec![finding];
            }
            // A commit may have any date; the newest one shows whether the backup runs.
            findings.push(Finding { severity: Severity::Note, ..finding });
        }
        // After this time the next snapshot is late.
        let due = self.every.map(late);
        let max_age = [self.max_age, due].into_iter().flatten().min();
        let Some(max_age) = max_age.filter(|max| age > *max) else { return findings };
        let problem = format!(
            "the newest snapshot is of {newest}, {} ago, where {} are allowed",
            for_people(age),
            for_people(max_age)
        );
        findings.push(Finding::wrong(database, problem).with_hint("look whether the backup still runs"));
        findings
    }

    /// Goes from the newest interval back. An interval that is longer than expected is a gap, unless all older ones are
    /// about as long or longer: then snapshots were thinned out, which never makes the newest interval longer.
    fn gaps(&self, database: &str, times: &[Timestamp]) -> Vec<Finding> {
        let intervals: Vec<(Timestamp, SignedDuration)> =
            times.windows(2).map(|pair| (pair[0], length(pair[0], pair[1]))).rev().collect();
        let (mut expected, severity, recent) = match (self.every, usual(&intervals)) {
            (Some(every), _) => (every, Severity::Wrong, intervals.len()),
            (None, Some(usual)) => (usual * (UNUSUAL / 2), Severity::Note, intervals.len().min(RECENT)),
            (None, None) => return Vec::new(),
        };
        // For each interval, the shortest of all older ones.
        let mut shortest: Vec<Option<SignedDuration>> = vec![None; intervals.len()];
        for at in (0..intervals.len().saturating_sub(1)).rev() {
            let next = intervals[at + 1].1;
            shortest[at] = Some(shortest[at + 1].map_or(next, |older| older.min(next)));
        }
        // The oldest interval is compared with the one after it.
        if let [.., (_, newer), _] = intervals[..]
            && let Some(oldest) = shortest.last_mut()
        {
            *oldest = Some(newer);
        }
        let mut gaps = Vec::new();
        for (at, (from, length)) in intervals.iter().enumerate().take(recent) {
            if *length <= late(expected) {
                continue;
            }
            if at > 0 && shortest[at].is_some_and(|shortest| late(shortest) >= *length) {
                expected = *length;
                continue;
            }
            let problem = format!(
                "no snapshot for {} from {from} on, where one is expected every {}",
                for_people(*length),
                for_people(expected)
            );
            gaps.push(Finding { severity, place: database.to_owned(), problem, hint: None });
        }
        gaps
    }
}

/// The time from one snapshot to the next.
fn length(from: Timestamp, to: Timestamp) -> SignedDuration {
    to.nearest().duration_since(from.nearest())
}

/// How much time may pass until a snapshot that is expected after `interval` is late.
fn late(interval: SignedDuration) -> SignedDuration {
    // An interval too long to multiply is never late.
    SignedDuration::try_from_secs_f64(interval.as_secs_f64() * LATE).unwrap_or(SignedDuration::MAX)
}

/// The median of the newest intervals; `None` if there are too few.
fn usual(intervals: &[(Timestamp, SignedDuration)]) -> Option<SignedDuration> {
    let mut recent: Vec<SignedDuration> = intervals.iter().take(RECENT).map(|(_, length)| *length).collect();
    recent.sort_unstable();
    (recent.len() >= 4).then(|| recent[recent.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    /// The findings for snapshots that are this many hours old.
    fn found(schedule: Schedule, hours: &[i64]) -> Vec<(Severity, String)> {
        let now: jiff::Timestamp = "2026-01-21T20:00:00Z".parse().expect("a time");
        let times: Vec<Timestamp> = hours.iter().map(|hours| (now - HOUR * *hours as i32).into()).collect();
        schedule.findings("db", &times, now).into_iter().map(|f| (f.severity, f.problem)).collect()
    }

    #[test]
    fn the_newest_may_not_be_too_old_nor_of_tomorrow() {
        let schedule = Schedule { max_age: Some(HOUR * 25), every: None };
        assert!(found(schedule, &[25, 50]).is_empty());
        let late = found(schedule, &[26, 50]);
        assert!(late[0].1.contains("26 h ago, where 25 h are allowed"), "{late:?}");
        assert_eq!(late[0].0, Severity::Wrong);
        let ahead = found(schedule, &[-2, 0]);
        assert!(ahead[0].1.contains("2 h ahead") && ahead[0].0 == Severity::Wrong, "{ahead:?}");
        let among_others = found(schedule, &[1, -2, 30]);
        assert_eq!(among_others.len(), 1, "{among_others:?}");
        assert_eq!(among_others[0].0, Severity::Note, "a commit may be given any date");
        assert_eq!(
            found(schedule, &[26, -2]).iter().map(|f| f.0).collect::<Vec<_>>(),
            [Severity::Note, Severity::Wrong]
        );
        assert!(found(schedule, &[])[0].1.contains("no snapshot"));
        let imported = found(schedule, &[100, 120, 1]);
        assert!(imported[0].1.contains("2026-01-17T16:00:00Z, 4 d ago"), "the order counts: {imported:?}");
    }

    #[test]
    fn a_missing_snapshot_is_a_gap_and_thinning_is_none() {
        let hourly = Schedule { max_age: None, every: Some(HOUR) };
        assert!(found(hourly, &[0, 1, 2, 3, 4, 5]).is_empty());
        let gap = found(hourly, &[0, 1, 2, 5, 6, 7]);
        assert_eq!(gap.len(), 1, "{gap:?}");
        assert!(gap[0].1.contains("no snapshot for 3 h"), "{gap:?}");
        // Hourly for a day, daily for a week, weekly for a month: as thinning out leaves them.
        let mut thinned: Vec<i64> = (0..24).collect();
        thinned.extend((1..8).map(|day| day * 24 + 12));
        thinned.extend((2..6).map(|week| week * 168 + 12));
        let gaps = found(hourly, &thinned);
        assert!(gaps.is_empty(), "{gaps:?}");
        let daily: Vec<i64> = (0..30).map(|day| day * 24).collect();
        assert!(!found(hourly, &daily).is_empty(), "what is made once a day is not made every hour");
        let late: Vec<i64> = (5..20).collect();
        assert!(found(hourly, &late)[0].1.contains("5 h ago"), "the next one is late");
        thinned.retain(|hours| *hours != 60);
        assert_eq!(found(hourly, &thinned).len(), 1, "a day is missing");
    }

    #[test]
    fn no_times_are_too_odd() {
        for hours in [
            &[0][..],
            &[1, 2],
            &[1, 2, 3, 4, 40],
            &[0, 24, 48],
            &[1, 9_000_000],
            &[5, 5, 5],
            &[0, 1, 100_000],
        ] {
            for every in [None, Some(HOUR), Some(SignedDuration::from_secs(1)), Some(SignedDuration::MAX)] {
                found(Schedule { max_age: None, every }, hours);
            }
        }
        assert!(
            found(Schedule { max_age: None, every: Some(HOUR) }, &[0, 1, 40]).len() == 1,
            "the oldest interval"
        );
    }

    #[test]
    fn without_a_schedule_only_what_is_unusual_is_noted() {
        assert!(found(Schedule::default(), &[0, 1, 2, 3, 4, 5, 30, 60]).is_empty());
        let noted = found(Schedule::default(), &[0, 1, 2, 12, 13, 14, 15]);
        assert_eq!(noted.iter().map(|f| f.0).collect::<Vec<_>>(), [Severity::Note]);
        assert!(found(Schedule::default(), &[0, 100]).is_empty(), "too few to tell what is usual");
    }
}
