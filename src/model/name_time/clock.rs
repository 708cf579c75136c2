//! Reads times of day in names.

use jiff::civil::Time;
use jiff::tz::Offset;

use super::cursor::{Cursor, value};
use super::date::dated;
use super::zone::{Zone, zone};

/// What follows a date.
#[derive(Debug)]
pub(super) enum ClockReading<'t> {
    /// No time of day.
    None,
    At {
        time: Time,
        offset: Option<Offset>,
        rest: Cursor<'t>,
    },
    /// Looks like a time of day but is none, or its zone is uncertain.
    Unsure,
}

/// What separates the time of day from the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// `T` as in ISO 8601, `at`, `@`: a time follows.
    Sure,
    /// A separator that may also precede another kind of number.
    Separator(char),
}

/// The fields as read, and whether colons separate them.
#[derive(Default)]
struct Fields {
    hour: i16,
    minute: i16,
    second: i16,
    nanosecond: i32,
    has_colons: bool,
}

/// Reads the time of day after a date. `is_unpadded` is true for a date with single digits.
pub(super) fn clock(mut cursor: Cursor<'_>, is_unpadded: bool) -> ClockReading<'_> {
    let Some(lead) = lead(&mut cursor) else { return ClockReading::None };
    match cursor.digits() {
        // `2025-01-01_2026-01-21` is two dates.
        4 if dated(cursor).is_some() => ClockReading::None,
        1 | 2 => in_fields(cursor, lead, is_unpadded),
        4 | 6 | 9 => in_one_number(cursor, lead),
        _ if lead == Lead::Sure => ClockReading::Unsure,
        _ => ClockReading::None,
    }
}

/// Reads `20`, `2000`, `200000` or `200000123` after a date of eight digits.
pub(super) fn compact_time(digits: &str) -> Option<Time> {
    time_of(&compact_fields(digits)?)
}

fn compact_fields(digits: &str) -> Option<Fields> {
    let part = |range: std::ops::Range<usize>| digits.get(range).map_or(Some(0), value);
    let nanosecond = i32::from(part(6..9)?) * 1_000_000;
    Some(Fields {
        hour: part(0..2)?,
        minute: part(2..4)?,
        second: part(4..6)?,
        nanosecond,
        has_colons: false,
    })
}

/// Skips the text between a date and its time. A digit follows.
fn lead(cursor: &mut Cursor<'_>) -> Option<Lead> {
    let begins_time = |cursor: &Cursor<'_>| cursor.digits() > 0;
    for word in ["t", "@", "_at_", "-at-", " at ", ".at."] {
        let mut after = *cursor;
        if after.eat(word) && begins_time(&after) {
            *cursor = after;
            return Some(Lead::Sure);
        }
    }
    let mut after = *cursor;
    let separator = after.eat_any("-_. :")?;
    if !begins_time(&after) {
        // Two equal separators: `2026-Jan-21--2000`.
        after.eat_any(separator.encode_utf8(&mut [0; 4]))?;
    }
    *cursor = after;
    begins_time(&after).then_some(Lead::Separator(separator))
}

fn in_one_number(mut cursor: Cursor<'_>, lead: Lead) -> ClockReading<'_> {
    let Some(digits) = cursor.number(4..=9) else { return ClockReading::None };
    let Some(mut fields) = compact_fields(digits).filter(|fields| time_of(fields).is_some()) else {
        // The number is not a time. It may be a counter, or the date may be none.
        return if cursor.is_at_boundary() { ClockReading::Unsure } else { ClockReading::None };
    };
    if digits.len() == 6 {
        fields.nanosecond = fraction(&mut cursor, lead);
    }
    finish(cursor, fields, lead)
}

fn in_fields(mut cursor: Cursor<'_>, lead: Lead, is_unpadded: bool) -> ClockReading<'_> {
    let Some(hour) = cursor.number(1..=2) else { return ClockReading::None };
    let is_short = hour.len() == 1 && !is_unpadded;
    let mut fields = Fields { hour: value(hour).unwrap_or(99), ..Fields::default() };
    if cursor.eat("h") {
        return if is_short { ClockReading::None } else { with_letters(cursor, fields, lead) };
    }
    let widths = if is_unpadded { 1..=2 } else { 2..=2 };
    let mut after = cursor;
    let separator = after.eat_any("-_.:");
    let minute = separator.and_then(|_| after.number(widths.clone()));
    let (Some(separator), Some(minute)) = (separator, minute) else {
        return hour_alone(cursor, fields, lead, is_short, separator);
    };
    cursor = after;
    fields.minute = value(minute).unwrap_or(99);
    fields.has_colons = separator == ':';
    let mut after = cursor;
    let is_third = after.eat_any(separator.encode_utf8(&mut [0; 4])).is_some();
    if let Some(second) = after.number(widths).filter(|_| is_third) {
        cursor = after;
        fields.second = value(second).unwrap_or(99);
        fields.nanosecond = fraction(&mut cursor, lead);
    } else if separator == '.' {
        // Home Assistant's `05.32_12345678` has seconds and microseconds after the minute.
        let mut after = cursor;
        if after.eat("_")
            && let Some(digits) = after.number(8..=8)
            && let (Some(second), Ok(micros)) = (value(&digits[..2]), digits[2..].parse::<i32>())
        {
            cursor = after;
            fields.second = second;
            fields.nanosecond = micros * 1000;
        }
    }
    if is_short && half_day(cursor).is_none() {
        return ClockReading::None;
    }
    finish(cursor, fields, lead)
}

/// Reads the rest of `06h25m30s` after the `h`: `25m30s`, `25m`, `25`, `25min` or nothing.
fn with_letters(mut cursor: Cursor<'_>, mut fields: Fields, lead: Lead) -> ClockReading<'_> {
    let mut after = cursor;
    after.eat_any("-_");
    if let Some(minute) = after.number(2..=2) {
        fields.minute = value(minute).unwrap_or(99);
        let is_named = after.eat("min") || after.eat("m");
        cursor = after;
        after.eat_any("-_");
        if let Some(second) = after.number(2..=2).filter(|_| is_named) {
            fields.second = value(second).unwrap_or(99);
            if !after.eat("sec") {
                after.eat("s");
            }
            cursor = after;
        }
    }
    finish(cursor, fields, lead)
}

/// Reads an hour without minutes: `T20`, `_20`, `_8pm`.
fn hour_alone(
    cursor: Cursor<'_>,
    fields: Fields,
    lead: Lead,
    is_short: bool,
    separator: Option<char>,
) -> ClockReading<'_> {
    if half_day(cursor).is_some() {
        return finish(cursor, fields, lead);
    }
    let is_hour = !is_short && fields.hour < 24;
    match lead {
        Lead::Sure if is_hour => finish(cursor, fields, lead),
        Lead::Sure => ClockReading::Unsure,
        Lead::Separator('.') => ClockReading::None,
        Lead::Separator(_) if !is_hour => ClockReading::None,
        Lead::Separator(_) => {
            // `2026-01-21-14-3` is either 14:03 or the third backup of that hour.
            let mut after = cursor;
            let number_follows = separator.is_some() && after.eat_any("-_.:").is_some() && after.digits() > 0;
            match separator {
                // `2017_11_19_10.1.0` ends in a version.
                Some('.') if number_follows => ClockReading::None,
                _ if number_follows => ClockReading::Unsure,
                _ => finish(cursor, fields, lead),
            }
        }
    }
}

/// Reads `.123456` after seconds, or `-123` before `Z`: JavaScript's times with colons and dots replaced.
fn fraction(cursor: &mut Cursor<'_>, lead: Lead) -> i32 {
    let mut after = *cursor;
    let Some(mark) = after.eat_any(".,-_") else { return 0 };
    let is_dashed = matches!(mark, '-' | '_');
    let Some(digits) = after.number(if is_dashed { 3..=3 } else { 3..=9 }) else { return 0 };
    if is_dashed && (lead != Lead::Sure || !after.rest().starts_with(['z', 'Z'])) {
        return 0;
    }
    *cursor = after;
    format!("{digits:0<9}").parse().unwrap_or(0)
}

/// Reads `am` or `pm`: whether it is `pm`, and the rest.
fn half_day(mut cursor: Cursor<'_>) -> Option<(bool, Cursor<'_>)> {
    cursor.eat_any("-_. ");
    let word = cursor.letters();
    let is_second = word.eq_ignore_ascii_case("pm");
    let is_there = is_second || word.eq_ignore_ascii_case("am");
    (is_there && cursor.eat(word)).then_some((is_second, cursor))
}

/// Reads what follows the numbers and combines all parts.
fn finish<'t>(mut cursor: Cursor<'t>, mut fields: Fields, lead: Lead) -> ClockReading<'t> {
    if let Some((is_second, after)) = half_day(cursor).filter(|(_, after)| after.is_at_boundary()) {
        if !(1..=12).contains(&fields.hour) {
            return ClockReading::Unsure;
        }
        fields.hour = fields.hour % 12 + if is_second { 12 } else { 0 };
        cursor = after;
    }
    let offset = match zone(cursor, fields.has_colons, lead == Lead::Sure) {
        Zone::None => None,
        Zone::Offset(offset, after) => {
            cursor = after;
            Some(offset)
        }
        Zone::Unsure => return ClockReading::Unsure,
    };
    if !cursor.is_at_boundary() {
        return if lead == Lead::Sure { ClockReading::Unsure } else { ClockReading::None };
    }
    match time_of(&fields) {
        Some(time) => ClockReading::At { time, offset, rest: cursor },
        None => ClockReading::Unsure,
    }
}

fn time_of(fields: &Fields) -> Option<Time> {
    let small = |number: i16| i8::try_from(number).ok();
    Time::new(small(fields.hour)?, small(fields.minute)?, small(fields.second)?, fields.nanosecond).ok()
}
