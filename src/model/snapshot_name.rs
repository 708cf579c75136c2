//! The listed name of a snapshot: its time in UTC without colons, so that names sort by time.

use crate::model::time::Timestamp;

use super::names;

/// The length of the hash that distinguishes two snapshots of one instant.
const HASH_CHARS: usize = 8;

/// Names a snapshot taken at `time`: `2026-01-21T200000Z`, or `2026-01-21T200000.156Z` if the time has milliseconds.
/// Finer digits are cut off, so the name may denote an earlier instant than the snapshot's own.
///
/// Names of the years 0 to 9999 sort by time, except within one second if only one has milliseconds: `.` sorts before
/// `Z`. Other years have a sign and six digits: `+010000-01-01T000000Z`.
pub fn snapshot_name(time: Timestamp) -> String {
    let (date, utc) = (time.calendar().date(), time.calendar().time());
    let clock = format!("{:02}{:02}{:02}", utc.hour(), utc.minute(), utc.second());
    match utc.millisecond() {
        0 => format!("{date}T{clock}Z"),
        millisecond => format!("{date}T{clock}.{millisecond:03}Z"),
    }
}

/// Returns `<name>-<suffix>`, for a mark (`pre-restore`). Escapes the suffix.
pub fn with_suffix(name: &str, suffix: &str) -> String {
    format!("{name}-{}", names::escape(suffix))
}

/// Returns `<name>-<first 8 characters of hash>`, for the later of two snapshots of one instant.
pub fn with_hash(name: &str, hash: &str) -> String {
    with_suffix(name, &hash.chars().take(HASH_CHARS).collect::<String>())
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
        assert_ne!(snapshot_name(Timestamp::MIN), snapshot_name(Timestamp::MAX));
    }

    #[test]
    fn suffixes_are_short_and_safe() {
        let name = "2026-01-21T200000Z";
        assert_eq!(with_suffix(name, "pre-restore"), "2026-01-21T200000Z-pre-restore");
        assert_eq!(with_hash(name, "1v3o9abcdefgh"), "2026-01-21T200000Z-1v3o9abc");
        assert_eq!(with_hash(name, "é/12"), "2026-01-21T200000Z-é%2F12");
    }

    fn times() -> impl Strategy<Value = Timestamp> {
        let seconds = -62_167_219_200_i64..253_402_300_800;
        (seconds, 0..1_000_000_000_u32, any::<bool>()).prop_map(|(second, nanosecond, whole)| {
            let nanosecond = if whole { 0 } else { nanosecond };
            Timestamp::new(second, nanosecond).expect("in range")
        })
    }

    proptest! {
        #[test]
        fn names_are_safe_in_paths_and_remote_addresses_and_sort_by_time(a in times(), b in times()) {
            prop_assert!(!snapshot_name(a).contains([':', '/']));
            prop_assume!(a.as_second() != b.as_second());
            prop_assert_eq!(snapshot_name(a).cmp(&snapshot_name(b)), a.cmp(&b));
        }
    }
}
