//! Parses times before the present: `yesterday`, `3 days ago`, `90m`.

use jiff::civil::Time;
use jiff::{SignedDuration, Span};

use super::{Clock, resolve};
use crate::model::time::Timestamp;

/// From this length, a short form without `ago` may be a prefix of a commit hash.
const SHORTEST_HASH_PREFIX: usize = 8;

enum Unit {
    /// A fixed length in seconds.
    Fixed(i64),
    /// A number of calendar months.
    Months(i64),
}

pub(super) fn parse(text: &str, clock: &Clock<'_>) -> Option<Timestamp> {
    let text = text.to_ascii_lowercase();
    match text.as_str() {
        "now" => Some(clock.now.into()),
        "today" => {
            let today = clock.now.to_zoned(clock.zone.clone()).date();
            Some(resolve(today.to_datetime(Time::midnight()), clock.zone))
        }
        "yesterday" => ago(1, &Unit::Fixed(24 * 3600), clock),
        _ => {
            let (count, unit) = count_and_unit(&text)?;
            ago(count, &unit, clock)
        }
    }
}

/// Parses `<count> <unit> ago` in any spelling, in lower case.
fn count_and_unit(text: &str) -> Option<(i64, Unit)> {
    let mut words: Vec<&str> =
        text.split([' ', '.', '_', '-', '+']).filter(|word| !word.is_empty()).collect();
    if words.last() == Some(&"ago") {
        words.pop();
    } else if words != [text] || text.len() >= SHORTEST_HASH_PREFIX {
        return None;
    }
    let (count, unit) = match words[..] {
        [count, unit] => (count, unit),
        [word] => word.split_at(word.bytes().take_while(u8::is_ascii_digit).count()),
        _ => return None,
    };
    let count = match count {
        "a" | "an" | "one" => 1,
        _ if count.bytes().all(|byte| byte.is_ascii_digit()) => count.parse().ok()?,
        _ => return None,
    };
    Some((count, unit_of(unit)?))
}

fn unit_of(word: &str) -> Option<Unit> {
    Some(match word {
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Fixed(1),
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Fixed(60),
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Fixed(3600),
        "d" | "day" | "days" => Unit::Fixed(24 * 3600),
        "w" | "wk" | "wks" | "week" | "weeks" => Unit::Fixed(7 * 24 * 3600),
        "mo" | "mon" | "mons" | "month" | "months" => Unit::Months(1),
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Months(12),
        _ => return None,
    })
}

/// `None` if the result is before the first instant of jiff (about 10,000 BC).
fn ago(count: i64, unit: &Unit, clock: &Clock<'_>) -> Option<Timestamp> {
    match *unit {
        Unit::Fixed(seconds) => {
            let back = SignedDuration::from_secs(count.checked_mul(seconds)?);
            clock.now.checked_sub(back).ok().map(Timestamp::from)
        }
        Unit::Months(months) => {
            let back = Span::new().try_months(count.checked_mul(months)?).ok()?;
            let then = clock.now.to_zoned(clock.zone.clone()).checked_sub(back).ok()?;
            Some(then.timestamp().into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn read(text: &str) -> Option<String> {
        let now = "2026-03-30T12:00:00.5Z".parse().expect("a valid time");
        parse(text, &Clock { now, zone: &TimeZone::UTC }).map(|time| time.to_string())
    }

    #[test]
    fn counts_units_and_separators() {
        for (text, time) in [
            ("now", "2026-03-30T12:00:00.5Z"),
            ("NOW", "2026-03-30T12:00:00.5Z"),
            ("Today", "2026-03-30T00:00:00Z"),
            ("yesterday", "2026-03-29T12:00:00.5Z"),
            ("3 days ago", "2026-03-27T12:00:00.5Z"),
            ("3.days.ago", "2026-03-27T12:00:00.5Z"),
            ("3_days_ago", "2026-03-27T12:00:00.5Z"),
            ("3-Days-Ago", "2026-03-27T12:00:00.5Z"),
            ("3+days+ago", "2026-03-27T12:00:00.5Z"),
            ("3  days  ago", "2026-03-27T12:00:00.5Z"),
            ("3d ago", "2026-03-27T12:00:00.5Z"),
            ("3days ago", "2026-03-27T12:00:00.5Z"),
            ("a day ago", "2026-03-29T12:00:00.5Z"),
            ("an hour ago", "2026-03-30T11:00:00.5Z"),
            ("3h ago", "2026-03-30T09:00:00.5Z"),
            ("90m", "2026-03-30T10:30:00.5Z"),
            ("90M", "2026-03-30T10:30:00.5Z"),
            ("999999s", "2026-03-18T22:13:21.5Z"),
            ("10 seconds ago", "2026-03-30T11:59:50.5Z"),
            ("1 week ago", "2026-03-23T12:00:00.5Z"),
            ("1 month ago", "2026-02-28T12:00:00.5Z"),
            ("1mo", "2026-02-28T12:00:00.5Z"),
            ("2 years ago", "2024-03-30T12:00:00.5Z"),
            ("0 days ago", "2026-03-30T12:00:00.5Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(time), "{text}");
        }
    }

    #[test]
    fn what_is_something_else() {
        for text in [
            "",
            "ago",
            "days ago",
            "d",
            "3",
            "3 ago",
            "3 days",
            "3-d",
            "1234567d",
            "three days ago",
            "1.5 days ago",
            "3 days ago ago",
            "3 fortnights ago",
            "3d 2h ago",
            "day 3 ago",
            "３ days ago",
            "99999999999999999999 days ago",
            "9223372036854775807 years ago",
            "9223372036854775807 seconds ago",
            "20000 years ago",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn days_have_24_hours_and_months_go_by_the_calendar() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid zone");
        let clock = Clock { now: "2026-03-29T12:00:00Z".parse().expect("a valid time"), zone: &zone };
        let before = |text| parse(text, &clock).map(|time| time.to_string());
        // 14:00 CEST; the clocks went forward that night.
        assert_eq!(before("1 day ago").as_deref(), Some("2026-03-28T12:00:00Z"));
        assert_eq!(before("1 month ago").as_deref(), Some("2026-02-28T13:00:00Z"));
    }
}
