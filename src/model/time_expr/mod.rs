//! Parses revisions: the names that every look-up in `asof/` accepts.
//!
//! | expression | means |
//! | --- | --- |
//! | `2026-01-21T20:00:00Z`, `20260121-2000`, `2026-01-21 20:00 +02` ... | that instant, see [`parse_civil`] |
//! | `2026-01-21`, `2026-01` | the first instant of that day or month |
//! | `@1769025600`, `@-1.5` | seconds since 1970 |
//! | `now`, `today` | the present, the first instant of the present day |
//! | `yesterday` | 24 hours ago |
//! | `3 days ago`, `3.days.ago`, `3h ago`, `90m` | before the present, see [`parse`] |
//! | `HEAD~3`, `main^`, `v1.0~2` | that many first parents back |
//! | anything else | a name |
//!
//! Parsing never fails and never panics. It knows no branches or snapshots, so a tag called `2026-01` parses as a
//! month: a caller that knows the names looks for an exact name first.

mod absolute;
mod relative;

use jiff::tz::TimeZone;

pub use absolute::{ParsedTime, parse_civil, resolve};

use super::time::Timestamp;

/// The present that expressions are relative to. The caller reads the clock, this module never does.
#[derive(Debug, Clone, Copy)]
pub struct Clock<'a> {
    /// The present instant.
    pub now: jiff::Timestamp,
    /// The zone of an expression that names none. It also decides where days, months and years begin.
    pub zone: &'a TimeZone,
}

/// The meaning of an expression, from its text alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeExpr {
    /// An instant.
    At(Timestamp),
    /// The first parents of something, several steps back.
    Ancestor {
        /// `HEAD`, a branch, a tag, a commit hash, or any other expression (`2026-01-05`, `3 days ago`). [`parse`]
        /// finds its meaning and returns no further `Ancestor` for it. Never empty.
        of: String,
        /// The number of steps; 0 for `HEAD~0`.
        generations: u32,
    },
    /// Not a time: perhaps a branch, tag or commit. The original text.
    Name(String),
}

/// Parses any expression.
///
/// Case does not matter. `3 days ago` may have `.`, `_`, `-` or `+` instead of spaces, which are awkward in shells
/// and URLs. Units are second, minute, hour, day (24 hours), week, month and year, their plurals and the short forms
/// `s m h d w mo y`; months and years follow the calendar in the clock's zone. A short form of less than 8 characters
/// needs no `ago` (`90m`); a longer one may be a commit hash.
///
/// A bare year (`2026`) is a name: read as a time, it would more often be a mistake than intended.
pub fn parse(expr: &str, clock: &Clock<'_>) -> TimeExpr {
    if let Some(time) = moment(expr.trim(), clock) {
        return TimeExpr::At(time);
    }
    match ancestor(expr.trim()) {
        Some((of, generations)) => TimeExpr::Ancestor { of: of.to_owned(), generations },
        None => TimeExpr::Name(expr.to_owned()),
    }
}

fn moment(text: &str, clock: &Clock<'_>) -> Option<Timestamp> {
    if let Some(seconds) = text.strip_prefix('@') {
        return unix_seconds(seconds);
    }
    match parse_civil(text) {
        Some(time) => Some(time.resolve(clock.zone)),
        None => relative::parse(text, clock),
    }
}

/// Parses decimal seconds since 1970, with at most nine digits of fraction.
fn unix_seconds(text: &str) -> Option<Timestamp> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, absolute::nanoseconds(fraction)?),
        None => (digits, 0),
    };
    // `parse` below would accept a second sign.
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanoseconds = i128::from(seconds) * 1_000_000_000 + i128::from(fraction);
    Some(Timestamp::from_nanosecond(sign * nanoseconds))
}

/// Splits off the `~`, `~<n>`, `^`, `^1` and `^0` at the end. `None` for `^2`, which is not first-parent history.
fn ancestor(text: &str) -> Option<(&str, u32)> {
    let start = text.find(['~', '^']).filter(|&start| start > 0)?;
    let (of, mut steps) = text.split_at(start);
    let mut generations = 0_u32;
    while let Some(step) = steps.chars().next() {
        steps = &steps[step.len_utf8()..];
        let digits = steps.bytes().take_while(u8::is_ascii_digit).count();
        let count = if digits == 0 { 1 } else { steps[..digits].parse().ok()? };
        if !(step == '~' || step == '^' && count <= 1) {
            return None;
        }
        generations = generations.checked_add(count)?;
        steps = &steps[digits..];
    }
    Some((of, generations))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: &str = "2026-03-30T12:00:00.5Z";

    fn read(expr: &str) -> TimeExpr {
        parse(expr, &Clock { now: NOW.parse().expect("a valid time"), zone: &TimeZone::UTC })
    }

    fn at(time: &str) -> TimeExpr {
        TimeExpr::At(time.parse().expect("a valid time"))
    }

    #[test]
    fn unix_times() {
        for (expr, time) in [
            ("@0", "1970-01-01T00:00:00Z"),
            ("@1769025600", "2026-01-21T20:00:00Z"),
            ("@1769025600.156", "2026-01-21T20:00:00.156Z"),
            ("@-1.5", "1969-12-31T23:59:58.5Z"),
            ("@-0.000000001", "1969-12-31T23:59:59.999999999Z"),
            (" @1 ", "1970-01-01T00:00:01Z"),
        ] {
            assert_eq!(read(expr), at(time), "{expr}");
        }
        let (big, long) = ("9223372036854775808", "9".repeat(400));
        for seconds in
            ["", "-", "+1", "--1", ".5", "1.", "1.0000000001", "1e5", big, &format!("-{big}"), &long]
        {
            let expr = format!("@{seconds}");
            assert_eq!(read(&expr), TimeExpr::Name(expr));
        }
        let beyond = TimeExpr::At(Timestamp::from_second(253_402_300_800));
        assert_eq!(read("@253402300800"), beyond, "a commit may be dated after the year 9999");
    }

    #[test]
    fn ancestors() {
        for (expr, of, generations) in [
            ("HEAD~3", "HEAD", 3),
            ("HEAD~", "HEAD", 1),
            ("HEAD^", "HEAD", 1),
            ("HEAD^^^1^0~2~0", "HEAD", 5),
            ("convoy/fix-1~10", "convoy/fix-1", 10),
            ("2026-01-05~1", "2026-01-05", 1),
            ("3 days ago^", "3 days ago", 1),
            (" @0~2 ", "@0", 2),
            ("main~4294967295", "main", u32::MAX),
        ] {
            assert_eq!(read(expr), TimeExpr::Ancestor { of: of.to_owned(), generations }, "{expr}");
        }
        for expr in [
            "~3",
            "^",
            "HEAD^2",
            "HEAD~x",
            "HEAD~3x",
            "HEAD~-1",
            "HEAD~4294967296",
            "HEAD~4294967295~1",
            "a~é",
        ] {
            assert_eq!(read(expr), TimeExpr::Name(expr.to_owned()));
        }
    }

    #[test]
    fn what_is_no_time_is_a_name_as_it_was_given() {
        let marked = "2026-01-21T200000Z-pre-restore";
        let words = ["", " ", "main", "latest", " v1.0 ", "8c1d7b98", "1v3o9abc", "🦀", "ago", "days ago"];
        for expr in words.into_iter().chain(["2026", "2026-02-30", marked]) {
            assert_eq!(read(expr), TimeExpr::Name(expr.to_owned()));
        }
    }

    #[test]
    fn a_time_without_a_zone_takes_that_of_the_clock() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid zone");
        let clock = Clock { now: NOW.parse().expect("a valid time"), zone: &zone };
        for (expr, time) in [
            ("2026-01-21 20:00", "2026-01-21T19:00:00Z"),
            ("2026-01-21 20:00Z", "2026-01-21T20:00:00Z"),
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("2026-07", "2026-06-30T22:00:00Z"),
            ("today", "2026-03-29T22:00:00Z"),
            ("yesterday", "2026-03-29T12:00:00.5Z"),
            ("1 month ago", "2026-02-28T13:00:00.5Z"),
        ] {
            assert_eq!(parse(expr, &clock), at(time), "{expr}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_meaning(expr in "\\PC*", now in any::<i64>()) {
            let now = Timestamp::from_nanosecond(i128::from(now)).nearest();
            parse(&expr, &Clock { now, zone: &TimeZone::UTC });
        }

        #[test]
        fn text_that_looks_like_a_time_has_a_meaning(
            expr in "@?-?[0-9]{0,20}([-T:_ .~^+/]{0,2}([0-9]{1,9}|Z|UTC|\\[[A-Z]*\\]|days?|mo|yr|ago|é)){0,8}",
            latest in any::<bool>(),
        ) {
            let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").expect("a valid zone");
            let now = if latest { jiff::Timestamp::MAX } else { jiff::Timestamp::MIN };
            parse(&expr, &Clock { now, zone: &zone });
        }

        #[test]
        fn what_is_printed_reads_back(
            second in -62_167_219_200_i64..253_402_300_800, nanosecond in 0..1_000_000_000_u32,
        ) {
            let time = Timestamp::new(second, nanosecond).expect("in range");
            prop_assert_eq!(read(&time.to_string()), TimeExpr::At(time));
            let unix = if second < 0 { Timestamp::from_second(second) } else { time };
            let expr = format!("@{}.{:09}", unix.as_second(), unix.subsec_nanosecond());
            prop_assert_eq!(read(&expr), TimeExpr::At(unix));
        }

        #[test]
        fn a_listed_name_means_its_own_time(millisecond in -62_167_219_200_000_i64..=253_402_300_799_999) {
            let time = Timestamp::from_millisecond(millisecond);
            let name = crate::model::snapshot_name::snapshot_name(time);
            prop_assert_eq!(read(&name), TimeExpr::At(time));
        }

        #[test]
        fn an_ancestor_is_of_no_further_ancestor(expr in "[-a-z0-9/@ .]{0,12}[~^0-9]{1,5}\\PC{0,3}") {
            if let TimeExpr::Ancestor { of, .. } = read(&expr) {
                prop_assert!(!of.is_empty());
                prop_assert!(!matches!(read(&of), TimeExpr::Ancestor { .. }), "{}", of);
            }
        }

        #[test]
        fn an_ancestor_splits_back(of in "[a-zA-Z/]{1,9}", steps in 0..u32::MAX) {
            prop_assume!(read(&of) == TimeExpr::Name(of.clone()));
            prop_assert_eq!(read(&format!("{of}~{steps}")), TimeExpr::Ancestor { of, generations: steps });
        }
    }
}
