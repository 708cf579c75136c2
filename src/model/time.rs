//! Instants of any year.
//!
//! [`jiff::Timestamp`] ends at 9999-12-30T22:00Z, so that every zone's local time fits its calendar. `9999-12-31`,
//! the usual date for "never", is later, and commits may have it: Dolt keeps milliseconds and git seconds in 64 bits.

use std::fmt;
use std::time::{Duration, SystemTime};

use jiff::civil::{DateTime, ISOWeekDate};
use jiff::tz::Offset;
use serde::{Serialize, Serializer};

const NANOS_PER_SECOND: u32 = 1_000_000_000;
/// The Gregorian calendar repeats after 400 years, weekdays included.
const CYCLE_YEARS: i64 = 400;
const CYCLE_SECONDS: i64 = 146_097 * 86_400;
/// The years written as four digits.
const PLAIN_YEARS: std::ops::RangeInclusive<i64> = 0..=9999;

/// An instant, to the nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Since 1970, rounded down.
    second: i64,
    nanosecond: u32,
}

/// The date and time of day of an instant in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// The same instant in a year that jiff supports, a multiple of 400 years away.
    like: DateTime,
    /// The years to add to it.
    years: i64,
}

impl Timestamp {
    /// The first instant of 1970.
    pub const UNIX_EPOCH: Self = Self { second: 0, nanosecond: 0 };
    /// The earliest instant.
    pub const MIN: Self = Self { second: i64::MIN, nanosecond: 0 };
    /// The latest instant.
    pub const MAX: Self = Self { second: i64::MAX, nanosecond: NANOS_PER_SECOND - 1 };

    /// From seconds since 1970 and further nanoseconds; `None` if these make a whole second.
    pub fn new(second: i64, nanosecond: u32) -> Option<Self> {
        (nanosecond < NANOS_PER_SECOND).then_some(Self { second, nanosecond })
    }

    /// From seconds since 1970.
    pub fn from_second(second: i64) -> Self {
        Self { second, nanosecond: 0 }
    }

    /// From milliseconds since 1970.
    pub fn from_millisecond(millisecond: i64) -> Self {
        let millis = u32::try_from(millisecond.rem_euclid(1000)).expect("the remainder is less than 1,000");
        Self { second: millisecond.div_euclid(1000), nanosecond: millis * 1_000_000 }
    }

    /// From nanoseconds since 1970; beyond 64 bits of seconds, the nearest instant.
    pub fn from_nanosecond(nanosecond: i128) -> Self {
        let second = nanosecond.div_euclid(NANOS_PER_SECOND.into());
        let rest = u32::try_from(nanosecond.rem_euclid(NANOS_PER_SECOND.into()));
        let nanosecond = rest.expect("the remainder is less than a second");
        match i64::try_from(second) {
            Ok(second) => Self { second, nanosecond },
            Err(_) if second < 0 => Self::MIN,
            Err(_) => Self::MAX,
        }
    }

    /// The instant at which a clock `offset` ahead of UTC shows `civil`.
    pub fn of_civil(civil: DateTime, offset: Offset) -> Self {
        let since = civil.duration_since(jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0));
        Self::from_nanosecond(since.as_nanos() - i128::from(offset.seconds()) * i128::from(NANOS_PER_SECOND))
    }

    /// From a Gregorian date and a time of day in UTC; `None` if the day does not exist.
    pub fn of_date(year: i64, month: i8, day: i8, time: jiff::civil::Time) -> Option<Self> {
        let like = i16::try_from(year.rem_euclid(CYCLE_YEARS)).ok()?;
        let like =
            Self::of_civil(jiff::civil::Date::new(like, month, day).ok()?.to_datetime(time), Offset::UTC);
        let second = year.div_euclid(CYCLE_YEARS).checked_mul(CYCLE_SECONDS)?.checked_add(like.second)?;
        Some(Self { second, ..like })
    }

    /// Seconds since 1970, rounded down.
    pub fn as_second(self) -> i64 {
        self.second
    }

    /// Nanoseconds since the last whole second.
    pub fn subsec_nanosecond(self) -> u32 {
        self.nanosecond
    }

    /// Nanoseconds since 1970.
    pub fn as_nanosecond(self) -> i128 {
        i128::from(self.second) * i128::from(NANOS_PER_SECOND) + i128::from(self.nanosecond)
    }

    /// The nearest instant that jiff supports, for computing durations.
    pub fn nearest(self) -> jiff::Timestamp {
        let end = if self.second < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_nanosecond(self.as_nanosecond()).unwrap_or(end)
    }

    /// The date and time of day in UTC.
    pub fn calendar(self) -> Calendar {
        let (cycles, second) = (self.second.div_euclid(CYCLE_SECONDS), self.second.rem_euclid(CYCLE_SECONDS));
        let like = jiff::Timestamp::new(second, self.nanosecond.cast_signed()).unwrap_or_default();
        Calendar { like: Offset::UTC.to_datetime(like), years: cycles * CYCLE_YEARS }
    }
}

impl Calendar {
    /// The ISO 8601 date: `2026-01-21`. Longer years have a sign: `+010000-01-01`, `-000001-12-31`.
    pub fn date(self) -> String {
        format!("{}-{:02}-{:02}", written(self.number()), self.like.month(), self.like.day())
    }

    /// The time of day.
    pub fn time(self) -> jiff::civil::Time {
        self.like.time()
    }

    /// The month: `2026-01`.
    pub fn month(self) -> String {
        format!("{}-{:02}", written(self.number()), self.like.month())
    }

    /// The year: `2026`.
    pub fn year(self) -> String {
        written(self.number())
    }

    /// The ISO 8601 week, which begins on Monday: `2026-W04`.
    pub fn week(self) -> String {
        let week: ISOWeekDate = self.like.date().iso_week_date();
        format!("{}-W{:02}", written(i64::from(week.year()) + self.years), week.week())
    }

    fn number(self) -> i64 {
        i64::from(self.like.year()) + self.years
    }
}

fn written(year: i64) -> String {
    if PLAIN_YEARS.contains(&year) { format!("{year:04}") } else { format!("{year:+07}") }
}

/// Formats as RFC 3339 in UTC: `2026-01-21T20:00:00.156Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calendar = self.calendar();
        let time = calendar.time();
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        let clock = format!("{hour:02}:{minute:02}:{second:02}");
        let fraction = match self.nanosecond {
            0 => String::new(),
            nanosecond => format!(".{nanosecond:09}").trim_end_matches('0').to_owned(),
        };
        f.pad(&format!("{}T{clock}{fraction}Z", calendar.date()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self::from_nanosecond(time.as_nanosecond())
    }
}

/// Converts to the nearest time that the system clock can represent.
impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let (epoch, since) = (Self::UNIX_EPOCH, Duration::from_secs(time.second.unsigned_abs()));
        let whole = if time.second < 0 { epoch.checked_sub(since) } else { epoch.checked_add(since) };
        let whole = whole.unwrap_or(epoch);
        whole.checked_add(Duration::from_nanos(time.nanosecond.into())).unwrap_or(whole)
    }
}

/// Parses like jiff, for constants and tests.
impl std::str::FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<jiff::Timestamp>().map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_and_the_first_day_of_four_digits_are_written_as_they_are() {
        for (millisecond, text, week) in [
            (253_402_300_799_000, "9999-12-31T23:59:59Z", "9999-W52"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z", "9999-W52"),
            (253_402_300_800_000, "+010000-01-01T00:00:00Z", "9999-W52"),
            (-62_167_219_200_000, "0000-01-01T00:00:00Z", "-000001-W52"),
            (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z", "-000001-W52"),
            (-62_135_596_800_000, "0001-01-01T00:00:00Z", "0001-W01"),
            (i64::MAX, "+292278994-08-17T07:12:55.807Z", "+292278994-W33"),
            (i64::MIN, "-292275055-05-16T16:47:04.192Z", "-292275055-W19"),
        ] {
            let time = Timestamp::from_millisecond(millisecond);
            assert_eq!((time.to_string().as_str(), time.calendar().week().as_str()), (text, week));
        }
    }

    #[test]
    fn every_instant_has_a_text_and_a_nearest_one() {
        for time in [Timestamp::MIN, Timestamp::MAX] {
            assert!(!time.to_string().is_empty());
            assert_eq!(Timestamp::from_nanosecond(time.as_nanosecond()), time);
        }
        assert_eq!(Timestamp::MIN.nearest(), jiff::Timestamp::MIN);
        assert_eq!(Timestamp::MAX.nearest(), jiff::Timestamp::MAX);
        assert_eq!(Timestamp::from_nanosecond(i128::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_nanosecond(i128::MIN), Timestamp::MIN);
        assert_eq!(
            SystemTime::from(Timestamp::from_millisecond(-1)),
            SystemTime::UNIX_EPOCH - Duration::from_millis(1)
        );
        let _ = (SystemTime::from(Timestamp::MIN), SystemTime::from(Timestamp::MAX));
    }

    proptest! {
        #[test]
        fn jiff_agrees(second in -377_705_000_000_i64..253_402_200_000, nanosecond in 0..1_000_000_000_i32) {
            let expected = jiff::Timestamp::new(second, nanosecond).expect("it is in range");
            let time = Timestamp::from(expected);
            prop_assert_eq!(time.to_string(), expected.to_string());
            prop_assert_eq!(time.nearest(), expected);
            prop_assert_eq!(SystemTime::from(time), SystemTime::from(expected));
            let civil = Offset::UTC.to_datetime(expected);
            prop_assert_eq!(Timestamp::of_civil(civil, Offset::UTC), time);
            let (year, month, day) = (civil.year().into(), civil.month(), civil.day());
            prop_assert_eq!(Timestamp::of_date(year, month, day, civil.time()), Some(time));
            let week = civil.date().iso_week_date();
            prop_assert_eq!(time.calendar().week(), format!("{}-W{:02}", written(week.year().into()), week.week()));
        }

        #[test]
        fn the_order_is_that_of_time(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(Timestamp::from_millisecond(a).cmp(&Timestamp::from_millisecond(b)), a.cmp(&b));
        }
    }
}
