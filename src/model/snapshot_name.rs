//! The listed name of a snapshot: its time in UTC, without a colon, sorting by time.
//!
//! rsync and scp read `a:b` as a host; exFAT and NTFS refuse the colon.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::names;

/// How many characters of its hash tell two snapshots of one instant apart.
const HASH_CHARS: usize = 8;

/// The name of a snapshot taken at `time`: `2026-01-21T200000Z`, or `2026-01-21T200000.156Z` where the time
/// has milliseconds. Anything finer is cut off, towards the past, so the name may read as an earlier moment
/// than the snapshot's own.
///
/// Names of the years 0 to 9999 sort by time, but for those within one second of which one has milliseconds
/// and the other has none: `.` sorts before `Z`.
pub fn snapshot_name(time: Timestamp) -> String {
    let utc = Offset::UTC.to_datetime(time);
    let date = format!("{:04}-{:02}-{:02}", utc.year(), utc.month(), utc.day());
    let clock = format!("{:02}{:02}{:02}", utc.hour(), utc.minute(), utc.second());
    match utc.millisecond() {
        0 => format!("{date}T{clock}Z"),
        millisecond => format!("{date}T{clock}.{millisecond:03}Z"),
    }
}

/// `<name>-<suffix>`, for a mark (`pre-restore`). The suffix is made safe.
pub fn with_suffix(name: &str, suffix: &str) -> String {
    format!("{name}-{}", names::escape(suffix))
}

/// `<name>-<first 8 characters of hash>`, for the later of two snapshots in one instant.
pub fn with_hash(name: &str, hash: &str) -> String {
    with_suffix(name, &hash.chars().take(HASH_CHARS).collect::<String>())
}

/// Splits a listed name into its time and the rest: empty, or `-` and a suffix. `None` for anything that
/// [`snapshot_name`] and [`with_suffix`] do not give.
pub fn parse_snapshot_name(name: &str) -> Option<(Timestamp, &str)> {
    let (stamp, _) = name.split_once('Z')?;
    let (whole, millisecond) = stamp.split_once('.').unwrap_or((stamp, "0"));
    let number = |from: usize, to: usize| whole.get(from..to)?.parse::<i8>().ok();
    let year = whole.get(0..4)?.parse().ok()?;
    let nanosecond = millisecond.parse::<i32>().ok()?.checked_mul(1_000_000)?;
    let (month, day) = (number(5, 7)?, number(8, 10)?);
    let civil =
        DateTime::new(year, month, day, number(11, 13)?, number(13, 15)?, number(15, 17)?, nanosecond)
            .ok()?;
    let time = Offset::UTC.to_timestamp(civil).ok()?;
    // Writing it again is what checks every separator, sign and number of digits.
    let rest = name.strip_prefix(&snapshot_name(time))?;
    (rest.is_empty() || rest.starts_with('-')).then_some((time, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a valid time")
    }

    #[test]
    fn names_have_milliseconds_only_where_the_time_has() {
        for (time, name) in [
            ("2026-01-21T20:00:00Z", "2026-01-21T200000Z"),
            ("2026-01-21T20:00:00.156Z", "2026-01-21T200000.156Z"),
            ("2026-01-21T20:00:00.15Z", "2026-01-21T200000.150Z"),
            ("2026-01-21T20:00:00.000999999Z", "2026-01-21T200000Z"),
            ("2026-01-21T22:30:00+02:30", "2026-01-21T200000Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T235959.999Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T000000Z"),
        ] {
            assert_eq!(snapshot_name(at(time)), name);
        }
    }

    #[test]
    fn suffixes_are_short_and_safe() {
        let name = "2026-01-21T200000Z";
        assert_eq!(with_suffix(name, "pre-restore"), "2026-01-21T200000Z-pre-restore");
        assert_eq!(with_hash(name, "1v3o9abcdefgh"), "2026-01-21T200000Z-1v3o9abc");
        assert_eq!(with_hash(name, "é/12"), "2026-01-21T200000Z-é%2F12");
        assert_eq!(
            parse_snapshot_name("2026-01-21T200000Z-pre-restore"),
            Some((at("2026-01-21T20Z"), "-pre-restore"))
        );
    }

    #[test]
    fn only_listed_names_parse() {
        for name in [
            "",
            "Z",
            "2026-01-21T200000",
            "2026-01-21T20:00:00Z",
            "2026-01-21t200000Z",
            "2026-01-21T200000z",
            "2026-01-21T200000.000Z",
            "2026-01-21T200000.15Z",
            "2026-01-21T200000.1560Z",
            "2026-01-21T200000.+56Z",
            "2026-02-30T200000Z",
            "2026-01-21T240000Z",
            "2026-01-21T+1+1+1Z",
            "2026-01-21T200000Zx",
            "2026-01-21T200000.999999999999Z",
            "2026é01-21T200000Z",
        ] {
            assert_eq!(parse_snapshot_name(name), None, "{name}");
        }
    }

    #[test]
    fn the_ends_of_time_have_names() {
        assert_ne!(snapshot_name(Timestamp::MIN), snapshot_name(Timestamp::MAX));
    }

    fn times() -> impl Strategy<Value = Timestamp> {
        let seconds = -62_167_219_200_i64..253_402_207_200;
        (seconds, 0..1_000_000_000_i32, any::<bool>()).prop_map(|(second, nanosecond, whole)| {
            let nanosecond = if whole { 0 } else { nanosecond };
            Timestamp::new(second, nanosecond).expect("in range")
        })
    }

    proptest! {
        #[test]
        fn a_name_reads_back_to_the_millisecond(time in times(), suffix in "(-[a-z0-9Z]{0,9})?") {
            let name = snapshot_name(time) + &suffix;
            let (parsed, rest) = parse_snapshot_name(&name).unwrap();
            prop_assert_eq!(parsed.as_millisecond(), time.as_nanosecond().div_euclid(1_000_000) as i64);
            prop_assert_eq!(rest, suffix);
            prop_assert!(!name.contains(':') && !name.contains('/'));
        }

        #[test]
        fn names_sort_by_time(a in times(), b in times()) {
            prop_assume!(a.as_second() != b.as_second());
            prop_assert_eq!(snapshot_name(a).cmp(&snapshot_name(b)), a.cmp(&b));
        }

        #[test]
        fn any_text_parses_or_not_without_panic(name in "\\PC*|[-0-9TZ.:é]{0,30}") {
            if let Some((time, rest)) = parse_snapshot_name(&name) {
                prop_assert_eq!(snapshot_name(time) + rest, name);
            }
        }
    }
}
