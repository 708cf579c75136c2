//! Where a line of a table stands among the others, told from the line itself.
//!
//! A table's lines stand in the order of its primary key. For most types of columns that order can be told
//! from the rendered values: each is turned into bytes that compare as the values do.

/// What orders the lines of a table: the columns of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOrder {
    /// In the order of the key.
    columns: Vec<KeyColumn>,
}

/// One column of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its place among the values of a line, from 0.
    pub place: usize,
    /// How its values compare.
    pub kind: KeyKind,
}

/// How the values of a column compare, and how they are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Whole numbers from -2^63 to 2^64-1.
    Integer,
    /// Decimal numbers without an exponent.
    Decimal,
    /// Strings that compare by their bytes.
    Text,
    /// Bytes, rendered in Base64.
    Binary,
    /// Dates, and dates with times, as rendered.
    DateTime,
    /// Times that may be negative and over 24 hours.
    Time,
}

/// Where a line stands: keys compare as their lines stand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineKey(Box<[u8]>);
