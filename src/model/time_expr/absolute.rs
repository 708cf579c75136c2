//! Parses dates and times as people, tools and archives write them.

use jiff::Zoned;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use crate::model::time::Timestamp;

/// A time as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParsedTime {
    /// The text names a zone or an offset, and so an instant.
    Instant(Timestamp),
    /// The time on a wall clock: the instant depends on the clock's zone.
    Civil(DateTime),
}

impl ParsedTime {
    /// The instant, with `zone` for a text that names none; see [`resolve`].
    pub fn resolve(self, zone: &TimeZone) -> Timestamp {
        match self {
            Self::Instant(time) => time,
            Self::Civil(civil) => resolve(civil, zone),
        }
    }
}

/// The instant at which a clock in `zone` shows `civil`. A time that a clock change repeats means its first
/// occurrence; one that it skips moves forward by the length of the gap.
pub fn resolve(civil: DateTime, zone: &TimeZone) -> Timestamp {
    match zone.to_ambiguous_timestamp(civil).compatible() {
        Ok(time) => time.into(),
        // jiff does not look for clock changes on the first and the last day of its calendar.
        Err(_) => {
            let end = if civil.year() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
            Timestamp::of_civil(civil, zone.to_offset(end))
        }
    }
}

/// Parses an absolute time, but not `@<unix>` or `3 days ago`. `None` for anything else, such as 30 February.
///
/// - A date: `2026-01-21`, `20260121`, or a month, `2026-01`, for its first day.
/// - Then optionally `T`, `_`, `-` or spaces and a time: `20`, `20:00`, `2000`, `20:00:00`, `200000` or `20-00-00`.
///   `20-00` is a time too, except after `T`. Seconds may have a fraction of up to nine digits (`.156` or `,156`). A
///   date without dashes may have its time directly after it: `20260121200000`.
/// - Then optionally a zone: `Z`, `UTC`, `GMT`, `+02:00`, `+0200`, `-05`. Directly after a date, `-05` is an hour;
///   after an hour without a `T`, it is a minute, as in names of backups: `2026-01-21_08-05`.
/// - Or a time with a zone's name by RFC 9557: `2026-01-21T20:00[Europe/Berlin]`.
///
/// A date without a time is its first instant.
pub fn parse_civil(text: &str) -> Option<ParsedTime> {
    let text = text.trim();
    if text.ends_with(']') {
        return text.parse::<Zoned>().ok().map(|zoned| ParsedTime::Instant(zoned.timestamp().into()));
    }
    let mut rest = Rest(text);
    let (date, joined) = rest.date()?;
    let time = if joined {
        rest.time(false)?
    } else {
        match rest.time_separator() {
            Some(separator) => rest.time(!separator.eq_ignore_ascii_case(&'T'))?,
            None => Time::midnight(),
        }
    };
    let civil = date.to_datetime(time);
    match rest.zone()? {
        Some(offset) => Some(ParsedTime::Instant(Timestamp::of_civil(civil, offset))),
        None => Some(ParsedTime::Civil(civil)),
    }
}

/// Converts one to nine digits after a decimal point to nanoseconds.
pub(super) fn nanoseconds(digits: &str) -> Option<i32> {
    if !(1..=9).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{digits:0<9}").parse().ok()
}

/// The text still to be read.
struct Rest<'t>(&'t str);

impl Rest<'_> {
    /// Reads a date, and whether its time follows without a separator.
    fn date(&mut self) -> Option<(Date, bool)> {
        match self.digit_count() {
            4 => {
                let year = self.number(4)?;
                let month = self.after("-")?.number(2)?;
                // Nothing follows a month alone, not even a zone.
                let day = if self.0.is_empty() { 1 } else { self.after("-")?.number(2)? };
                Some((date(year, month, day)?, false))
            }
            count @ (8 | 10 | 12 | 14) => {
                let (year, month, day) = (self.number(4)?, self.number(2)?, self.number(2)?);
                Some((date(year, month, day)?, count > 8))
            }
            _ => None,
        }
    }

    /// Skips and returns the separator between a date and a time; `None` if no time follows.
    fn time_separator(&mut self) -> Option<char> {
        let trimmed = self.0.trim_start_matches(' ');
        if trimmed.len() < self.0.len() {
            // ` -05` is an offset: a time has only one kind of separator before it.
            if !trimmed.starts_with(|char: char| char.is_ascii_digit()) {
                return None;
            }
            self.0 = trimmed;
            return Some(' ');
        }
        let separator = trimmed.chars().next().filter(|char| "Tt_-".contains(*char))?;
        self.0 = &trimmed[1..];
        Some(separator)
    }

    /// `may_have_dash`: whether `08-05` is 08:05 and not an hour with an offset.
    fn time(&mut self, may_have_dash: bool) -> Option<Time> {
        let count = self.digit_count();
        let hour = self.number(2)?;
        let (minute, second) = match count {
            2 if self.0.starts_with(':') => {
                let minute = self.after(":")?.number(2)?;
                (minute, if self.0.starts_with(':') { Some(self.after(":")?.number(2)?) } else { None })
            }
            2 if self.is_dashed_clock() => (self.after("-")?.number(2)?, Some(self.after("-")?.number(2)?)),
            2 if may_have_dash && self.is_dashed_minute() => (self.after("-")?.number(2)?, None),
            2 => (0, None),
            4 => (self.number(2)?, None),
            6 => (self.number(2)?, Some(self.number(2)?)),
            _ => return None,
        };
        let nanosecond = if second.is_some() { self.fraction()? } else { 0 };
        let field = |number: i16| i8::try_from(number).ok();
        Time::new(field(hour)?, field(minute)?, field(second.unwrap_or(0))?, nanosecond).ok()
    }

    /// Whether `-00-00` follows the hour; a single `-00` is an offset.
    fn is_dashed_clock(&self) -> bool {
        let shape = self.0.bytes().take(6).map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
        shape.eq(*b"-00-00")
    }

    /// Whether `-00` and no more of the time follows the hour.
    fn is_dashed_minute(&self) -> bool {
        self.0.strip_prefix('-').is_some_and(|after| Rest(after).digit_count() == 2)
    }

    /// Reads nanoseconds; 0 if no fraction follows.
    fn fraction(&mut self) -> Option<i32> {
        let Some(after) = self.0.strip_prefix(['.', ',']) else { return Some(0) };
        let (digits, rest) = after.split_at(Rest(after).digit_count());
        self.0 = rest;
        nanoseconds(digits)
    }

    /// Reads the offset from all remaining text; no offset if nothing remains, `None` for anything else.
    fn zone(&mut self) -> Option<Option<Offset>> {
        let text = self.0.trim_start_matches(' ');
        if self.0.is_empty() {
            return Some(None);
        }
        if ["Z", "UTC", "GMT"].iter().any(|name| text.eq_ignore_ascii_case(name)) {
            return Some(Some(Offset::UTC));
        }
        let (sign, mut rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, Rest(rest)),
            ("-", rest) => (-1, Rest(rest)),
            _ => return None,
        };
        let hours = i32::from(rest.number(2)?);
        let minutes = match rest.0.strip_prefix(':').unwrap_or(rest.0) {
            "" if rest.0.is_empty() => 0,
            digits => i32::from(Rest(digits).last_number(2)?),
        };
        if hours > 23 || minutes > 59 {
            return None;
        }
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().map(Some)
    }

    fn digit_count(&self) -> usize {
        self.0.bytes().take_while(u8::is_ascii_digit).count()
    }

    /// Reads the next `count` (at most 4) digits.
    fn number(&mut self, count: usize) -> Option<i16> {
        if self.digit_count() < count {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        digits.parse().ok()
    }

    /// Like [`Self::number`], at the end of the text.
    fn last_number(&mut self, count: usize) -> Option<i16> {
        self.number(count).filter(|_| self.0.is_empty())
    }

    fn after(&mut self, prefix: &str) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(prefix)?;
        Some(self)
    }
}

fn date(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn instant(text: &str) -> Option<ParsedTime> {
        Some(ParsedTime::Instant(text.parse().expect("a valid time")))
    }

    fn civil(text: &str) -> Option<ParsedTime> {
        Some(ParsedTime::Civil(text.parse().expect("a valid time")))
    }

    #[test]
    fn times_with_a_zone() {
        let eight = instant("2026-01-21T20:00:00Z");
        for text in [
            "2026-01-21T200000Z",
            "20260121T200000Z",
            "20260121T2000Z",
            "2026-01-21T20:00:00Z",
            "2026-01-21t20:00:00z",
            "2026-01-21 20:00 UTC",
            "2026-01-21 20:00 gmt",
            "2026-01-21T20Z",
            "2026-01-21T22:00+02:00",
            "2026-01-21T22:00 +0200",
            "2026-01-21T22+02",
            "2026-01-21T15:00-05",
            "2026-01-21T15-05",
            "2026-01-21T15-05:00",
            "20260121-1430-0530",
            "2026-01-21T20-00-00Z",
            "2026-01-21T20:00:00.000Z",
            "2026-01-21T20:00:00-00:00",
            "2026-01-21T20:00:00[UTC]",
        ] {
            assert_eq!(parse_civil(text), eight, "{text}");
        }
        assert_eq!(parse_civil("2026-01-21T200000.156Z"), instant("2026-01-21T20:00:00.156Z"));
        assert_eq!(parse_civil("2026-01-21_08-05"), civil("2026-01-21T08:05:00"));
        assert_eq!(parse_civil("2026-01-21_08-05Z"), instant("2026-01-21T08:05:00Z"));
        assert_eq!(parse_civil("2026-01-21Z"), instant("2026-01-21T00:00:00Z"));
        assert_eq!(parse_civil("2026-01-21 +02:00"), instant("2026-01-20T22:00:00Z"));
        assert_eq!(parse_civil("2026-01-21 -05"), instant("2026-01-21T05:00:00Z"));
    }

    #[test]
    fn times_without_a_zone() {
        for (date, clocks) in [
            ("20260121", &["-2000", "-200000", "_200000", "T200000", "_20-00", "200000", "2000", "20"][..]),
            ("2026-01-21", &["-200000", "-2000", " 20:00", "T20", "-20", "_20-00", "-20-00", " 20-00"]),
            ("2026-01-21", &["  20:00:00", "_20-00-00"]),
            (" 2026-01-21", &["T20:00 "]),
        ] {
            for text in clocks.iter().map(|clock| format!("{date}{clock}")) {
                assert_eq!(parse_civil(&text), civil("2026-01-21T20:00:00"), "{text}");
            }
        }
        assert_eq!(parse_civil("2026-01-21"), civil("2026-01-21T00:00:00"));
        assert_eq!(parse_civil("20260121"), civil("2026-01-21T00:00:00"));
        assert_eq!(parse_civil("2026-01"), civil("2026-01-01T00:00:00"));
        assert_eq!(parse_civil("0000-01-01"), civil("0000-01-01T00:00:00"));
        assert_eq!(parse_civil("2026-01-21 20:00:00,123456789"), civil("2026-01-21T20:00:00.123456789"));
        assert_eq!(parse_civil("20260121_200000.5"), civil("2026-01-21T20:00:00.5"));
    }

    #[test]
    fn what_is_no_time() {
        for (start, ends) in [
            ("", &["", "202601", "[UTC]", "+2026-01-21", "２026-01-21"][..]),
            ("2026", &["", "-1-21", "-01-", "-01Z", "-01T20", "-02-30", "-13-01", "-00-01", "-01-00"]),
            ("2026-01-21", &["T", "-", "20", "T2", "T200", "T20:", "T20:0", "é", " T20:00"]),
            ("2026-01-21", &["T24:00", "T25:00", "T20:60"]),
            ("2026-01-21T20:00", &[":", ".5", " Berlin", "+2", "+02:", "+02:0", "+02:000", "+24", "+02:60"]),
            ("2026-01-21T20:00", &["é", ":60", ":00.", ":00.1234567890", ":00Zx"]),
            ("2026-01-21T20:00", &[":00Z-pre-restore", "[Nowhere/Else]"]),
        ] {
            for text in ends.iter().map(|end| format!("{start}{end}")) {
                assert_eq!(parse_civil(&text), None, "{text}");
            }
        }
    }

    #[test]
    fn clock_changes() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid zone");
        let resolved = |text| Some(parse_civil(text)?.resolve(&zone).to_string());
        for (text, time, why) in [
            ("2026-03-29 01:59", "2026-03-29T00:59:00Z", "before the change"),
            ("2026-03-29 02:30", "2026-03-29T01:30:00Z", "skipped: 03:30 CEST"),
            ("2026-10-25 02:30", "2026-10-25T00:30:00Z", "twice: the first"),
            ("2026-10-25 02:30+01:00", "2026-10-25T01:30:00Z", "twice: with its offset"),
        ] {
            assert_eq!(resolved(text).as_deref(), Some(time), "{why}");
        }
    }

    #[test]
    fn a_day_that_has_no_midnight_begins_later() {
        let zone = TimeZone::posix("<-03>3<-02>,M10.3.0/0,M2.3.0/0").expect("a valid zone");
        let day = parse_civil("2026-10-18").expect("a day").resolve(&zone);
        assert_eq!(day.to_string(), "2026-10-18T03:00:00Z", "01:00 at -02");
        let day = day.nearest().to_zoned(zone);
        assert_eq!(day, day.start_of_day().expect("a day"));
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        for text in
            ["0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999999999"]
        {
            let far = TimeZone::fixed(Offset::from_seconds(-93_599).expect("jiff's least offset"));
            let _total = parse_civil(text).map(|time| time.resolve(&far));
        }
        let last = |zone: &TimeZone| parse_civil("9999-12-31T23:59:59").map(|time| time.resolve(zone));
        assert_eq!(last(&TimeZone::UTC), Some(Timestamp::from_second(253_402_300_799)));
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid zone");
        assert_eq!(last(&zone), Some(Timestamp::from_second(253_402_300_799 - 3600)), "winter");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC*|[-0-9TZ:+. _,\\[\\]A-Zé]{0,40}") {
            if let Some(time) = parse_civil(&text) {
                time.resolve(&TimeZone::UTC);
            }
        }

        #[test]
        fn every_spelling_of_one_time_reads_alike(
            second in 0..253_402_207_200_i64,
            separator in "[T_-]| {1,2}",
            offset in -1439..1440_i32,
        ) {
            let utc = Offset::UTC.to_datetime(Timestamp::from_second(second).nearest());
            let expected = Some(ParsedTime::Civil(utc));
            for format in ["%Y-%m-%d|%H:%M:%S", "%Y%m%d|%H%M%S", "%Y-%m-%d|%H%M%S", "%Y%m%d|%H-%M-%S"] {
                let text = utc.strftime(format).to_string().replace('|', &separator);
                prop_assert_eq!(parse_civil(&text), expected);
                let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs());
                let zone = Offset::from_seconds(offset * 60).expect("less than a day");
                let time = Timestamp::from_second(second - i64::from(zone.seconds()));
                let instant = Some(ParsedTime::Instant(time));
                for colon in ["", ":"] {
                    let text = format!("{text}{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60);
                    prop_assert_eq!(parse_civil(&text), instant);
                }
            }
        }
    }
}
