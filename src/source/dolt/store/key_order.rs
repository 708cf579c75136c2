//! In which order a table's rows are stored, where the rendered keys show it.

use dolt_store::schema::{Column, ColumnEncoding, Schema, Storage};

use crate::model::jsonl::line_key::{KeyColumn, KeyKind, KeyOrder};

/// The order of lines of a table's key columns alone, in the key's order. `None` for a table without a key, and where one
/// of them does not compare as it is rendered: FLOAT and DOUBLE, ENUM and SET, texts and bytes out of line, and texts of
/// other collations than the two that compare by bytes.
pub fn of(schema: &Schema) -> Option<KeyOrder> {
    let kind = |(place, &column)| Some(KeyColumn { place, kind: kind(&schema.columns[column])? });
    KeyOrder::new(schema.primary_key.iter().enumerate().map(kind).collect::<Option<_>>()?)
}

fn kind(column: &Column) -> Option<KeyKind> {
    use ColumnEncoding::{
        Bit64, Bytes, Date, Datetime, Decimal, Int8, Int16, Int32, Int64, String, Time, UInt8, UInt16,
        UInt32, UInt64, Year,
    };
    if !matches!(column.storage, Storage::Key(_)) {
        return None;
    }
    Some(match ColumnEncoding::from_number(column.encoding).ok()? {
        Int8 | UInt8 | Int16 | UInt16 | Int32 | UInt32 | Int64 | UInt64 | Bit64 | Year => KeyKind::Integer,
        Decimal => KeyKind::Decimal,
        Bytes => KeyKind::Binary,
        Date | Datetime => KeyKind::DateTime,
        Time => KeyKind::Time,
        String if column.compares_by_bytes() => KeyKind::Text,
        _ => return None,
    })
}
