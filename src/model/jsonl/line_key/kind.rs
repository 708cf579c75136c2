//! What a key column holds.

/// How a column's values compare and are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Whole numbers from -2^63 to 2^64-1.
    Integer,
    /// Decimal numbers without an exponent, and the strings for infinities and NaN.
    Decimal,
    /// Strings that compare by their bytes.
    Text,
    /// Bytes, rendered in Base64.
    Binary,
    /// Dates, and dates with times, as rendered.
    DateTime,
    /// Times that may be negative and exceed 24 hours.
    Time,
}

/// A value of a key column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    /// A whole or decimal number, as SQL and JSON write it.
    Number(String),
    /// A string.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A date, a date with a time, or a time, as SQL writes it inside quotes.
    Time(String),
}
