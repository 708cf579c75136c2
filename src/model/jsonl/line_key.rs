//! Where a line of a table stands among the others, told from the line itself.
//!
//! A table's lines stand in the order of its primary key. For most types of columns that order can be told
//! from the rendered values: each is turned into bytes that compare as the values do.

mod decode;
mod encode;
mod scan;
#[cfg(test)]
mod tests;

/// Most columns that a key with an order has: MySQL allows no more.
pub const MOST_COLUMNS: usize = 16;

/// What orders the lines of a table: the columns of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOrder {
    /// In the order of the key.
    columns: Vec<KeyColumn>,
    /// Which of them come one after the other in a line.
    by_place: Vec<usize>,
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
    /// Decimal numbers without an exponent, and the strings that stand for what is not finite.
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

/// A value of a key column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    /// A whole or decimal number, as SQL and JSON write it.
    Number(String),
    /// A string.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A date, a date with a time, or a time, as SQL writes it within quotes.
    Time(String),
}

impl KeyOrder {
    /// The order by these columns, the most significant first. None without columns, with more than
    /// [`MOST_COLUMNS`] of them, and where two have one place.
    pub fn new(columns: Vec<KeyColumn>) -> Option<Self> {
        let mut by_place: Vec<_> = (0..columns.len()).collect();
        by_place.sort_unstable_by_key(|&at| columns[at].place);
        let is_twice = by_place.windows(2).any(|pair| columns[pair[0]].place == columns[pair[1]].place);
        let is_order = (1..=MOST_COLUMNS).contains(&columns.len()) && !is_twice;
        is_order.then_some(Self { columns, by_place })
    }

    /// The columns, the most significant first.
    pub fn columns(&self) -> &[KeyColumn] {
        &self.columns
    }

    /// Where a line stands, with or without its line feed. None for what is no line of a table with such a
    /// key.
    pub fn key_of(&self, line: &[u8]) -> Option<LineKey> {
        let mut key = Vec::new();
        self.write_key(line, &mut key)?;
        Some(LineKey(key.into()))
    }

    /// The same into a buffer, from which what it holds is cleared first: equal and ordered as
    /// [`LineKey::as_bytes`] is. None as in [`Self::key_of`]; what the buffer holds then is no key.
    pub fn write_key(&self, line: &[u8], key: &mut Vec<u8>) -> Option<()> {
        key.clear();
        let mut spans = [(0, 0); MOST_COLUMNS];
        let mut values = scan::Values::of(line)?;
        let mut place = 0;
        for &at in &self.by_place {
            while place < self.columns[at].place {
                values.next_span()?;
                place += 1;
            }
            spans[at] = values.next_span()?;
            place += 1;
        }
        for (column, &(start, end)) in self.columns.iter().zip(&spans) {
            encode::value(column.kind, &line[start..end], key)?;
        }
        Some(())
    }

    /// The values of all columns. None for a key of another order.
    pub fn values(&self, key: &LineKey) -> Option<Vec<KeyValue>> {
        let mut rest = &key.0[..];
        let mut values = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            values.push(decode::value(column.kind, rest)?);
            rest = rest.get(decode::len(column.kind, rest)?..)?;
        }
        rest.is_empty().then_some(values)
    }
}

impl LineKey {
    /// Its bytes: they compare as the keys do.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key with these bytes, which [`Self::as_bytes`] or [`KeyOrder::write_key`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}
