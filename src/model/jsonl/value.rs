//! The values of a row, and why one has no rendering.

use super::compact::JsonError;

/// One value of a row, from a source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// NULL: `null`.
    Null,
    /// An integer: a number with all its digits.
    Int(i64),
    /// The same for BIGINT UNSIGNED and BIT.
    UInt(u64),
    /// A decimal number as text: the stored digits, never through a float. Only ZEROFILL's leading zeros (`00042`)
    /// are dropped, because JSON does not allow them.
    Decimal(&'a str),
    /// The shortest number that reads back to the same 32 bits.
    F32(f32),
    /// The shortest number that reads back to the same 64 bits.
    F64(f64),
    /// A string.
    Text(&'a str),
    /// JSON text: the value itself, through [`compact_json`](super::compact_json).
    Json(&'a str),
    /// `"2026-01-02"`; MySQL's zero dates (`0000-00-00`, `2026-00-00`) unchanged.
    Date {
        /// 0 to 9999.
        year: i32,
        /// 0 to 12.
        month: u8,
        /// 0 to 31.
        day: u8,
    },
    /// `"2026-01-02T03:04:05Z"`, with a fraction (trailing zeros cut) only if it is not zero; MySQL's zero value
    /// (`0000-00-00 00:00:00`) is `"0000-00-00"`.
    DateTime {
        /// 0 to 9999.
        year: i32,
        /// 0 to 12.
        month: u8,
        /// 0 to 31.
        day: u8,
        /// 0 to 23.
        hour: u8,
        /// 0 to 59.
        minute: u8,
        /// 0 to 59.
        second: u8,
        /// 0 to 999,999.
        micros: u32,
    },
    /// `"-12:34:56.789"`, with a fraction (trailing zeros cut) only if it is not zero.
    Time {
        /// Whether the time is below zero.
        negative: bool,
        /// At least two digits; MySQL's TIME ends at 838.
        hours: u32,
        /// 0 to 59.
        minutes: u8,
        /// 0 to 59.
        seconds: u8,
        /// 0 to 999,999.
        micros: u32,
    },
    /// Bytes: a base64 string (RFC 4648, standard alphabet, padded).
    Bytes(&'a [u8]),
}

pub(in crate::model) fn is_date(year: i32, month: u8, day: u8) -> bool {
    (0..=9999).contains(&year) && month <= 12 && day <= 31
}

pub(in crate::model) fn is_clock(minute: u8, second: u8, micros: u32) -> bool {
    minute <= 59 && second <= 59 && micros <= 999_999
}

/// Why a value has no rendering.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// JSON cannot spell infinities and NaN.
    #[error("JSON has no number for {0}")]
    NotFinite(String),
    /// SQL has no literal for them either.
    #[error("SQL has no literal for {0}")]
    NoLiteral(String),
    /// A [`Value::Decimal`] that is not a decimal number: `+5`, `.5`, `1,000`, empty.
    #[error("{0:?} is not a decimal number")]
    NotDecimal(String),
    /// A date or time with a field out of its range.
    #[error("{0:?} has a field out of range")]
    OutOfRange(String),
    /// A [`Value::Json`] that is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
}
