//! Reads the sort position of a table's line from the line.
//!
//! A table's lines are in the order of its primary key. For most column types the rendered values show that order:
//! each is encoded as bytes that compare like the values.

mod decode;
mod encode;
mod kind;
mod scan;
#[cfg(test)]
mod tests;

pub use kind::{KeyKind, KeyValue};

/// The most columns in an ordered key, MySQL's limit.
pub const MOST_COLUMNS: usize = 16;

/// The order of a table's lines: its key columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOrder {
    /// In key order.
    columns: Vec<KeyColumn>,
    /// Their indices in the order of a line's values.
    by_place: Vec<usize>,
}

/// One column of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its position among the values of a line, from 0.
    pub place: usize,
    /// How its values compare.
    pub kind: KeyKind,
}

/// The sort position of a line: keys compare like their lines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineKey(Box<[u8]>);

impl KeyOrder {
    /// The order by these columns, the most significant first; None for no columns, too many, or one position twice.
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

    /// The key of a line, with or without its line feed; None if it is not a line of a table with such a key.
    pub fn key_of(&self, line: &[u8]) -> Option<LineKey> {
        let mut key = Vec::new();
        self.write_key(line, &mut key)?;
        Some(LineKey(key.into()))
    }

    /// The key of values as people write them, one for each column: strings without quotes. `None` if there are more or
    /// fewer, or one is not of the kind of its column.
    pub fn key_of_texts(&self, texts: &[String]) -> Option<LineKey> {
        if texts.len() != self.columns.len() {
            return None;
        }
        let mut key = Vec::new();
        for (column, text) in self.columns.iter().zip(texts) {
            let is_number = text.trim_start_matches('-').starts_with(|first: char| first.is_ascii_digit());
            match column.kind {
                KeyKind::Integer | KeyKind::Decimal if is_number => {
                    encode::value(column.kind, text.as_bytes(), &mut key)?;
                }
                kind => encode::value(kind, serde_json::to_string(text).ok()?.as_bytes(), &mut key)?,
            }
        }
        Some(LineKey(key.into()))
    }

    /// Like [`Self::key_of`], but clears and fills a buffer with [`LineKey::as_bytes`]. After `None` the bytes are no
    /// key.
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

    /// The values of all columns; None for a key of another order.
    pub fn values(&self, key: &LineKey) -> Option<Vec<KeyValue>> {
        let mut rest = &key.0[..];
        let mut values = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let (value, after) = decode::value(column.kind, rest)?;
            values.push(value);
            rest = after;
        }
        rest.is_empty().then_some(values)
    }
}

impl LineKey {
    /// The bytes, which compare like the keys.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Restores a key from the bytes of [`Self::as_bytes`] or [`KeyOrder::write_key`].
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}
