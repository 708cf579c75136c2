//! One value of a row.

/// A value as its column types it, borrowed from the leaf or from a [`ValueRoom`](super::ValueRoom).
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
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
    /// A DATE; in MySQL its year is 0 to 9999, and the zero date is all zeros.
    Date { year: i32, month: u8, day: u8 },
    /// A DATETIME or TIMESTAMP in UTC: a date and a time of day. Digits of a second that the type does not have are
    /// zero.
    DateTime { year: i32, month: u8, day: u8, hour: u8, minute: u8, second: u8, micros: u32 },
    /// A TIME, which may be below zero; in MySQL up to 838 hours.
    Time { negative: bool, hours: u32, minutes: u8, seconds: u8, micros: u32 },
    /// Bytes.
    Bytes(&'v [u8]),
    /// A geometry: the SRID in four bytes, then WKB.
    Geometry(&'v [u8]),
}
