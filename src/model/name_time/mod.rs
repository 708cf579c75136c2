//! Reads the time in the name of a backup.
//!
//! | in a name | means |
//! | --- | --- |
//! | `20260121`, `2026-01-21`, `2026_01_21`, `2026.01.21`, `2026-W04-3` | a day: its first instant |
//! | `Jan-21-2026`, `21Jan2026`, `2026-Jan-21` | the same |
//! | `21.01.2026`, `01-21-2026` | the same if one number exceeds 12, or if [`Conventions`] show which is the day |
//! | `2026-01`, `202101` at the end; `2026-W04`, `202132` | a month; a week |
//! | after a day: `T2000`, `_20-00-00`, `-200000`, `_20.00`, `_20h00m`, `_08-05-PM`, `T20-00-00.123` | a time of day |
//! | after a time: `Z`, `UTC`, `+0100`, `+01:00`, `-0500`, `_CET` | its zone |
//! | ten or thirteen digits that begin with 1 | seconds or milliseconds since 1970 |
//!
//! An uncertain time is ignored, because a wrong time is worse. Years must be from 1980 to 2099. An offset needs a
//! `+`, a colon or four digits, so that `08-05` is 08:05. Two times that contradict each other are ignored. The
//! present time plays no part, so that a name always means the same.

mod clock;
mod convention;
mod cursor;
mod date;
mod zone;

#[cfg(test)]
mod tests;

use std::ops::Range;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::time_expr::ParsedTime;
use clock::{ClockReading, clock};
pub use convention::{Convention, Conventions};
use cursor::Cursor;
use date::{Span, dated};
pub use date::{is_short_for, month_name_of};

/// A time found in a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTime {
    /// Its position.
    pub range: Range<usize>,
    /// The positions of all times that say the same, in order: this one, and those that say it less exactly.
    pub all: Vec<Range<usize>>,
    readings: Vec<NameReading>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NameReading {
    time: ParsedTime,
    convention: Option<Convention>,
}

/// How exactly a time is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Exactness {
    /// A week or a month.
    Period,
    Day,
    TimeOfDay,
    /// Seconds since 1970.
    Unix,
}

/// A part of a name that reads as a time.
#[derive(Debug, Clone)]
struct Candidate {
    range: Range<usize>,
    exactness: Exactness,
    /// Empty if it is a time but ambiguous.
    readings: Vec<NameReading>,
}

/// Finds the time in a name without its extension; `None` if none is certain.
pub fn find(name: &str) -> Option<NameTime> {
    let mut candidates = candidates(name);
    let is_calendar = |candidate: &&Candidate| candidate.exactness < Exactness::Unix;
    if let Some(by_calendar) = candidates.iter().filter(is_calendar).max_by_key(|one| one.exactness).cloned()
    {
        // Ten digits that disagree with a date are a number of another kind.
        candidates.retain(|one| {
            one.exactness < Exactness::Unix || by_calendar.readings.is_empty() || agree(one, &by_calendar)
        });
    }
    let best = candidates.iter().max_by_key(|one| (one.exactness, one.has_zone()))?.clone();
    let mut time = NameTime { range: best.range.clone(), all: Vec::new(), readings: best.readings.clone() };
    for other in &candidates {
        let agreeing: Vec<NameReading> = time
            .readings
            .iter()
            .filter(|reading| other.readings.iter().any(|other| say_the_same(reading, other)))
            .copied()
            .collect();
        if !agreeing.is_empty() || other.readings.is_empty() && best.exactness == Exactness::Unix {
            time.readings = if agreeing.is_empty() { time.readings } else { agreeing };
            time.all.push(other.range.clone());
        } else if other.exactness == best.exactness || other.readings.is_empty() {
            return None;
        }
    }
    (!time.readings.is_empty()).then_some(time)
}

impl NameTime {
    /// Whether it may mean several times.
    pub fn is_ambiguous(&self) -> bool {
        self.readings.len() > 1
    }

    /// The convention that this name shows for its series.
    pub fn shows(&self) -> Option<Convention> {
        match &self.readings[..] {
            [only] => only.convention,
            _ => None,
        }
    }

    /// The meaning under these conventions; `None` if uncertain.
    pub fn under(&self, conventions: &Conventions) -> Option<ParsedTime> {
        let mut possible = self.readings.iter().filter(|reading| {
            self.readings.len() == 1 || reading.convention.is_none_or(|one| conventions.allow(one))
        });
        let first = possible.next()?;
        possible.all(|other| other.time == first.time).then_some(first.time)
    }

    /// The day, if the name alone makes it certain.
    pub fn day(&self) -> Option<Date> {
        self.under(&Conventions::default()).map(|time| civil(&time).date())
    }
}

impl Candidate {
    fn has_zone(&self) -> bool {
        self.readings.iter().any(|reading| matches!(reading.time, ParsedTime::Instant(_)))
    }
}

/// All parts that read as a time, from left to right, none inside another.
fn candidates(name: &str) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    let mut from = 0;
    while let Some((start, _)) = name.get(from..).and_then(|rest| {
        rest.char_indices().map(|(at, char)| (at + from, char)).find(|&(at, _)| may_begin_at(name, at))
    }) {
        let cursor = Cursor::new(name, start);
        let candidate = unix_time(name, cursor).or_else(|| by_calendar(cursor));
        from = match candidate {
            Some(candidate) => {
                let end = candidate.range.end;
                found.push(candidate);
                end
            }
            None => start + name[start..].chars().next().map_or(1, char::len_utf8),
        };
    }
    found
}

/// Whether a time may begin here: not inside a word or number. A word may directly precede a date that begins with
/// the year, as in `backup20260121`, unless it names a version.
fn may_begin_at(name: &str, at: usize) -> bool {
    let (before, rest) = name.split_at(at);
    if !rest.starts_with(char::is_alphanumeric) {
        return false;
    }
    let word_start = before
        .char_indices()
        .rev()
        .take_while(|(_, char)| char.is_alphanumeric())
        .last()
        .map_or(before.len(), |(at, _)| at);
    let word = &before[word_start..];
    if word.is_empty() {
        return true;
    }
    let is_word = word.chars().count() > 1 && word.chars().all(char::is_alphabetic);
    let is_version = ["ver", "version", "rev", "build", "release", "id", "nr", "no"]
        .iter()
        .any(|version| word.eq_ignore_ascii_case(version));
    let digits = Cursor::new(name, at).digits();
    is_word && !is_version && matches!(digits, 4 | 8 | 12 | 14)
}

/// Reads Unix time: ten digits that begin with 1 are seconds, from 2001 to 2033; thirteen are milliseconds.
fn unix_time(name: &str, mut cursor: Cursor<'_>) -> Option<Candidate> {
    let start = cursor.at();
    if name[..start].ends_with(char::is_alphanumeric) {
        return None;
    }
    let as_calendar = by_calendar(cursor);
    let digits = cursor.number(10..=13).filter(|digits| digits.starts_with('1'))?;
    let number: i64 = digits.parse().ok().filter(|_| cursor.is_at_boundary())?;
    let time = match digits.len() {
        10 => Timestamp::from_second(number).ok()?,
        13 => Timestamp::from_millisecond(number).ok()?,
        _ => return None,
    };
    let mut readings = vec![NameReading { time: ParsedTime::Instant(time.into()), convention: None }];
    if as_calendar.is_some() {
        // Either an hour of the last century or a second of the next decade.
        readings.clear();
    }
    Some(Candidate { range: start..cursor.at(), exactness: Exactness::Unix, readings })
}

/// Reads a date and the time of day after it.
fn by_calendar(cursor: Cursor<'_>) -> Option<Candidate> {
    let start = cursor.at();
    let dated = dated(cursor)?;
    let clock = match (dated.time, dated.span) {
        (Some(time), _) => zoned(time, dated.rest),
        (None, Span::Day) => clock(dated.rest, dated.is_unpadded),
        (None, Span::Period) => ClockReading::None,
    };
    let (time, offset, rest) = match clock {
        ClockReading::At { time, offset, rest } => (Some(time), offset, rest),
        ClockReading::None => {
            let at_midnight = matches!(dated.span, Span::Day).then(|| utc(dated.rest)).flatten();
            let (offset, rest) = at_midnight.unzip();
            (None, offset, rest.unwrap_or(dated.rest))
        }
        ClockReading::Unsure => {
            let range = start..dated.rest.at();
            return Some(Candidate { range, exactness: Exactness::TimeOfDay, readings: Vec::new() });
        }
    };
    if !rest.is_at_boundary() {
        return None;
    }
    let exactness = match (time, dated.span) {
        (Some(_), _) => Exactness::TimeOfDay,
        (None, Span::Day) => Exactness::Day,
        (None, Span::Period) => Exactness::Period,
    };
    let readings = dated.readings.into_iter().filter_map(|(date, convention)| {
        let time = parsed(date.to_datetime(time.unwrap_or(Time::midnight())), offset)?;
        Some(NameReading { time, convention })
    });
    Some(Candidate { range: start..rest.at(), exactness, readings: readings.collect() })
}

/// Reads the zone after a date and time in one number.
fn zoned(time: Time, rest: Cursor<'_>) -> ClockReading<'_> {
    match zone::zone(rest, false, true) {
        zone::Zone::None => ClockReading::At { time, offset: None, rest },
        zone::Zone::Offset(offset, rest) => ClockReading::At { time, offset: Some(offset), rest },
        zone::Zone::Unsure => ClockReading::Unsure,
    }
}

/// Reads `Z` or `UTC` directly after a date.
fn utc(cursor: Cursor<'_>) -> Option<(Offset, Cursor<'_>)> {
    match zone::zone(cursor, false, false) {
        zone::Zone::Offset(offset, rest) if offset == Offset::UTC => Some((offset, rest)),
        _ => None,
    }
}

fn parsed(civil: DateTime, offset: Option<Offset>) -> Option<ParsedTime> {
    match offset {
        Some(offset) => offset.to_timestamp(civil).ok().map(|time| ParsedTime::Instant(time.into())),
        None => Some(ParsedTime::Civil(civil)),
    }
}

/// The clock time, in UTC if the zone is known.
fn civil(time: &ParsedTime) -> DateTime {
    match time {
        ParsedTime::Instant(time) => Offset::UTC.to_datetime(time.nearest()),
        ParsedTime::Civil(civil) => *civil,
    }
}

fn agree(one: &Candidate, other: &Candidate) -> bool {
    one.readings.iter().any(|reading| other.readings.iter().any(|other| say_the_same(reading, other)))
}

/// Whether two readings may be the same time, one of them less exact or in another zone.
fn say_the_same(one: &NameReading, other: &NameReading) -> bool {
    let (a, b) = (civil(&one.time), civil(&other.time));
    let slack = match (one.time, other.time) {
        (ParsedTime::Instant(_), ParsedTime::Instant(_)) => SignedDuration::from_secs(1),
        (ParsedTime::Civil(_), ParsedTime::Civil(_)) => SignedDuration::ZERO,
        // The largest offset from UTC.
        _ => SignedDuration::from_hours(15),
    };
    let differ = a.duration_since(b).abs();
    differ <= slack || is_whole_day(a) && is_near(b, a, slack) || is_whole_day(b) && is_near(a, b, slack)
}

fn is_whole_day(time: DateTime) -> bool {
    time.time() == Time::midnight()
}

/// Whether `time` is within `slack` of the day that begins at `day`.
fn is_near(time: DateTime, day: DateTime, slack: SignedDuration) -> bool {
    let since = time.duration_since(day);
    since >= -slack && since < SignedDuration::from_hours(24) + slack
}
