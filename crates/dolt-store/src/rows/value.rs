//! One value of a row.

/// A value as its column types it, borrowed from the leaf or from a [`ValueRoom`](super::ValueRoom).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'v> {
    /// NULL.
    Null,
    /// An integer.
    Int(i64),
    /// An unsigned integer, a BIT or a YEAR.
    UInt(u64),
    /// A DECIMAL with all digits of its scale, as text.
    Decimal(&'v str),
    /// A DECIMAL that is not finite: `NaN`, `Infinity`, `-Infinity`.
    NotFinite(&'static str),
    /// A FLOAT.
    F32(f32),
    /// A DOUBLE.
    F64(f64),
    /// Text, an ENUM's member, or a SET's members joined by commas.
    Text(&'v str),
    /// A JSON document as it is stored, which is not checked.
    Json(&'v str),
    /// A DATE; MySQL's zero date is all zeros.
    Date {
        /// The year; MySQL has 0 to 9999.
        year: i32,
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
    },
    /// A DATETIME or TIMESTAMP, in UTC; MySQL's zero value is all zeros.
    DateTime {
        /// The year; MySQL has 0 to 9999.
        year: i32,
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
        /// 0 to 23.
        hour: u8,
        /// 0 to 59.
        minute: u8,
        /// 0 to 59.
        second: u8,
        /// 0 to 999,999; digits that the type does not have are zero.
        micros: u32,
    },
    /// A TIME.
    Time {
        /// Whether it is below zero.
        negative: bool,
        /// MySQL has 0 to 838.
        hours: u32,
        /// 0 to 59.
        minutes: u8,
        /// 0 to 59.
        seconds: u8,
        /// 0 to 999,999.
        micros: u32,
    },
    /// Bytes.
    Bytes(&'v [u8]),
    /// A geometry: the SRID in four bytes, then WKB.
    Geometry(&'v [u8]),
}
