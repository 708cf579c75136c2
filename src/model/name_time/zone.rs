//! Reads zones after times in names.

use jiff::tz::Offset;

use super::cursor::{Cursor, value};

/// What is found where a zone may be.
#[derive(Debug)]
pub(super) enum Zone<'t> {
    None,
    Offset(Offset, Cursor<'t>),
    Unsure,
}

/// Abbreviations by their offset in hours: by RFC 2822, and `date +%Z` of Europe, East Asia and Oceania.
const ABBREVIATIONS: [(i32, &[&str]); 16] = [
    (-10, &["HST"]),
    (-8, &["PST"]),
    (-7, &["MST", "PDT"]),
    (-6, &["MDT"]),
    (-5, &["EST", "CDT"]),
    (-4, &["EDT"]),
    (0, &["WET"]),
    (1, &["WEST", "CET", "MEZ"]),
    (2, &["CEST", "MESZ", "EET"]),
    (3, &["EEST", "MSK"]),
    (8, &["HKT"]),
    (9, &["JST", "KST"]),
    (10, &["AEST"]),
    (11, &["AEDT"]),
    (12, &["NZST"]),
    (13, &["NZDT"]),
];

/// Abbreviations that several zones share: `CST` is American or Chinese, `IST` Indian, Irish or Israeli.
const SHARED: [&str; 12] =
    ["CST", "IST", "BST", "AST", "ADT", "SST", "ECT", "AMT", "GST", "PKT", "ACST", "WST"];

/// Reads a zone. An offset needs a `+`, four digits, or a colon: otherwise `-05` is an ordinary number.
pub(super) fn zone(cursor: Cursor<'_>, has_colons: bool, is_sure_time: bool) -> Zone<'_> {
    let mut after = cursor;
    after.eat_any("-_ ");
    for lead in [cursor, after] {
        let mut signed = lead;
        if signed.eat("+") {
            return offset(signed).map_or(Zone::Unsure, |(seconds, rest)| made(seconds, rest));
        }
        let mut named = lead;
        if ["utc", "gmt", "z"].into_iter().any(|name| named.eat(name)) {
            return behind_utc(named);
        }
        let word = lead.letters();
        if let Some((hours, _)) = ABBREVIATIONS.iter().find(|(_, names)| names.contains(&word)) {
            let mut rest = lead;
            rest.eat(word);
            if rest.is_at_boundary() {
                return made(hours * 3600, rest);
            }
        }
        if SHARED.contains(&word) {
            return Zone::Unsure;
        }
    }
    behind_a_dash(cursor, has_colons, is_sure_time)
}

/// Reads what follows `Z` or `GMT`: nothing, or an offset as in `GMT+0100`.
fn behind_utc(mut cursor: Cursor<'_>) -> Zone<'_> {
    if cursor.rest().starts_with(char::is_alphanumeric) {
        // `Zurich`.
        return Zone::None;
    }
    let at_sign = cursor;
    if cursor.eat("+") {
        return offset(cursor).map_or(Zone::Unsure, |(seconds, rest)| made(seconds, rest));
    }
    if cursor.eat("-")
        && let Some((seconds, rest)) = offset(cursor)
    {
        return made(-seconds, rest);
    }
    made(0, at_sign)
}

/// Reads `-0500`, `-05:00`, and `-05` only after a time with colons.
fn behind_a_dash(cursor: Cursor<'_>, has_colons: bool, is_sure_time: bool) -> Zone<'_> {
    let mut after = cursor;
    if !after.eat("-") {
        return Zone::None;
    }
    let has_minutes = after.digits() == 4 || after.rest().get(2..3) == Some(":");
    match offset(after).filter(|(_, rest)| rest.is_at_boundary()) {
        Some((seconds, rest)) if has_minutes || has_colons => made(-seconds, rest),
        // The `-05` of `T2000-05` may be an ISO 8601 offset or a number.
        Some(_) if is_sure_time && after.digits() == 2 => Zone::Unsure,
        _ => Zone::None,
    }
}

/// Reads `0100`, `01:00`, `01-00`, `01` or `1` as seconds. All offsets in use are multiples of a quarter hour.
fn offset(mut cursor: Cursor<'_>) -> Option<(i32, Cursor<'_>)> {
    let digits = cursor.number(1..=4).filter(|digits| digits.len() != 3)?;
    let (hours, mut minutes) = match digits.len() {
        4 => (value(&digits[..2])?, value(&digits[2..])?),
        _ => (value(digits)?, 0),
    };
    let mut after = cursor;
    if digits.len() == 2
        && after.eat_any(":-_.").is_some()
        && let Some(written) = after.number(2..=2).and_then(value)
    {
        minutes = written;
        cursor = after;
    }
    let is_real = hours <= 14 && minutes % 15 == 0 && minutes < 60;
    (is_real && cursor.is_at_boundary()).then(|| (i32::from(hours) * 3600 + i32::from(minutes) * 60, cursor))
}

fn made(seconds: i32, rest: Cursor<'_>) -> Zone<'_> {
    Offset::from_seconds(seconds).map_or(Zone::Unsure, |offset| Zone::Offset(offset, rest))
}
