//! Reads dates in names.

use jiff::civil::{Date, ISOWeekDate, Time, Weekday};

use super::clock::compact_time;
use super::convention::Convention;
use super::cursor::{Cursor, value};

const SEPARATORS: &str = "-_. :";

/// The years in which a backup may have been made.
const YEARS: std::ops::RangeInclusive<i16> = 1980..=2099;

/// The years of a month or week in six digits. With an earlier year, the digits may also be a day in 2020 (`200131`).
const YEARS_OF_SIX_DIGITS: std::ops::RangeInclusive<i16> = 2013..=2099;

/// The length of time that a date names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Day,
    Period,
}

#[derive(Debug, Clone)]
pub(super) struct Dated<'t> {
    /// The possible meanings; empty if it is a date whose meaning is uncertain.
    pub(super) readings: Vec<(Date, Option<Convention>)>,
    pub(super) span: Span,
    /// The time that follows without a separator: `20260121200000`.
    pub(super) time: Option<Time>,
    /// Whether single digits lack a leading zero.
    pub(super) is_unpadded: bool,
    pub(super) rest: Cursor<'t>,
}

impl<'t> Dated<'t> {
    fn day(date: Date, rest: Cursor<'t>) -> Self {
        Self { readings: vec![(date, None)], span: Span::Day, time: None, is_unpadded: false, rest }
    }

    fn period(readings: Vec<(Date, Option<Convention>)>, rest: Cursor<'t>) -> Self {
        Self { readings, span: Span::Period, time: None, is_unpadded: false, rest }
    }
}

/// Reads the date that begins here, in any form that is certain to be a date.
pub(super) fn dated(cursor: Cursor<'_>) -> Option<Dated<'_>> {
    match cursor.digits() {
        0 => month_name_first(cursor),
        1 | 2 => day_or_month_first(cursor),
        4 => year_first(cursor),
        6 => six_digits(cursor),
        8 | 10 | 12 | 14 | 17 => compact(cursor),
        _ => None,
    }
}

/// Reads `2026-01-21`, `2026_1_21`, `2026-Jan-21`, `2026-W04`, `2026-W04-3`, and `2026-01` at the end of a name.
fn year_first(mut cursor: Cursor<'_>) -> Option<Dated<'_>> {
    let year = year(&mut cursor)?;
    if let Some(week) = week_of(year, cursor) {
        return Some(week);
    }
    let separator = cursor.eat_any(SEPARATORS);
    if let Some(month) = month_name(&mut cursor) {
        same(&mut cursor, separator)?;
        let day = value(cursor.number(1..=2)?)?;
        return Some(Dated::day(date(year, month, day)?, cursor));
    }
    let separator = separator?;
    let month = cursor.number(1..=2)?;
    if cursor.is_at_end() && separator == '-' && month.len() == 2 {
        return Some(Dated::period(vec![(date(year, value(month)?, 1)?, None)], cursor));
    }
    same(&mut cursor, Some(separator))?;
    let day = cursor.number(1..=2)?;
    let is_unpadded = month.len() == 1 || day.len() == 1;
    // `2026.1.2` is a program's version.
    if is_unpadded && separator == '.' {
        return None;
    }
    Some(Dated { is_unpadded, ..Dated::day(date(year, value(month)?, value(day)?)?, cursor) })
}

/// Reads `-W04` or `W04`, optionally with a day of the week: `-W04-3`, `W043`.
fn week_of(year: i16, mut cursor: Cursor<'_>) -> Option<Dated<'_>> {
    let separator = cursor.eat_any("-_");
    if !cursor.eat("w") {
        return None;
    }
    let digits = cursor.number(2..=3)?;
    let week = digits[..2].parse().ok()?;
    let mut day = value(&digits[2..]);
    if day.is_none() {
        let mut after = cursor;
        if separator.is_some() && after.eat_any("-_") == separator {
            day = after.number(1..=1).and_then(value);
            cursor = if day.is_some() { after } else { cursor };
        }
    }
    let weekday = Weekday::from_monday_one_offset(i8::try_from(day.unwrap_or(1)).ok()?).ok()?;
    let date = ISOWeekDate::new(year, week, weekday).ok()?.date();
    Some(if day.is_some() { Dated::day(date, cursor) } else { Dated::period(vec![(date, None)], cursor) })
}

/// Reads `21.01.2026`, `01-21-2026`, `21-Jan-2026` and `21Jan2026`. The order of numbers is certain only if one is
/// larger than 12 or other names of the series show it.
fn day_or_month_first(mut cursor: Cursor<'_>) -> Option<Dated<'_>> {
    let first = value(cursor.number(1..=2)?)?;
    let separator = cursor.eat_any(SEPARATORS);
    if let Some(month) = month_name(&mut cursor) {
        same(&mut cursor, separator)?;
        let year = year(&mut cursor)?;
        return Some(Dated::day(date(year, month, first)?, cursor));
    }
    let separator = separator?;
    let second = value(cursor.number(1..=2)?)?;
    same(&mut cursor, Some(separator))?;
    let at_year = cursor;
    let year = year(&mut cursor)?;
    let readings: Vec<_> = [(second, first, Convention::DayFirst), (first, second, Convention::MonthFirst)]
        .into_iter()
        .filter_map(|(month, day, convention)| Some((date(year, month, day)?, Some(convention))))
        .collect();
    if readings.is_empty() {
        return None;
    }
    let mut dated = Dated { readings, ..Dated::day(Date::ZERO, cursor) };
    if first == second {
        dated.readings.truncate(1);
        dated.readings[0].1 = None;
    }
    if year_first(at_year).is_some_and(|other| other.span == Span::Day) {
        // In `10-20-2026-01-21` the start of the date is uncertain.
        dated.readings.clear();
    }
    Some(dated)
}

/// Reads `Jan-21-2026` and `January 21, 2026`.
fn month_name_first(mut cursor: Cursor<'_>) -> Option<Dated<'_>> {
    let month = month_name(&mut cursor)?;
    cursor.eat_any(SEPARATORS);
    let day = value(cursor.number(1..=2)?)?;
    cursor.eat(",");
    cursor.eat_any(SEPARATORS)?;
    let year = year(&mut cursor)?;
    Some(Dated::day(date(year, month, day)?, cursor))
}

/// Reads `202108` or `202132` at the end of a name: a month, or a week if there is no such month.
fn six_digits(mut cursor: Cursor<'_>) -> Option<Dated<'_>> {
    let digits = cursor.number(6..=6).filter(|_| cursor.is_at_end())?;
    let (year, number) = (value(&digits[..4])?, value(&digits[4..])?);
    if !YEARS_OF_SIX_DIGITS.contains(&year) {
        return None;
    }
    let month = date(year, number, 1).map(|date| (date, Some(Convention::Months)));
    let week = ISOWeekDate::new(year, i8::try_from(number).ok()?, Weekday::Monday).ok();
    let week = week.map(|week| (week.date(), Some(Convention::Weeks)));
    let readings: Vec<_> = month.into_iter().chain(week).collect();
    (!readings.is_empty()).then_some(Dated::period(readings, cursor))
}

/// Reads `20260121`, `2026012120`, `202601212000`, `20260121200000` and `20260121200000123`.
fn compact(mut cursor: Cursor<'_>) -> Option<Dated<'_>> {
    let digits = cursor.number(8..=17)?;
    let year = value(&digits[..4]).filter(|year| YEARS.contains(year))?;
    let date = date(year, value(&digits[4..6])?, value(&digits[6..8])?)?;
    let time = if digits.len() == 8 { None } else { Some(compact_time(&digits[8..])?) };
    Some(Dated { time, ..Dated::day(date, cursor) })
}

fn year(cursor: &mut Cursor<'_>) -> Option<i16> {
    value(cursor.number(4..=4)?).filter(|year| YEARS.contains(year))
}

/// Skips the same separator again, or nothing if there was none.
fn same(cursor: &mut Cursor<'_>, separator: Option<char>) -> Option<()> {
    separator.map_or(Some(()), |separator| cursor.eat_any(separator.encode_utf8(&mut [0; 4])).map(drop))
}

/// Reads the English name of a month, whole or its first three letters.
fn month_name(cursor: &mut Cursor<'_>) -> Option<i16> {
    let word = cursor.letters();
    let month = (1..).zip(MONTHS).find(|(_, name)| is_short_for(word, name))?.0;
    cursor.eat(word).then_some(month)
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The English name of a date's month.
pub fn month_name_of(date: Date) -> &'static str {
    MONTHS.get(usize::from(date.month().unsigned_abs()).saturating_sub(1)).copied().unwrap_or_default()
}

/// Whether `word` is `name` or its first three letters, in any case.
pub fn is_short_for(word: &str, name: &str) -> bool {
    word.eq_ignore_ascii_case(name) || name.get(..3).is_some_and(|short| word.eq_ignore_ascii_case(short))
}

fn date(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
