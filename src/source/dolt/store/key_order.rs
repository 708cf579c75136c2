//! In which order a table's rows are stored, where the rendered keys show it.

use std::collections::HashSet;

use dolt_store::RowsError;
use dolt_store::schema::{Column, ColumnEncoding, Schema, Storage};

use super::renderer::RowRenderer;
use crate::model::jsonl::line_key::{KeyColumn, KeyKind, KeyOrder, LineKey};

/// The places of keys in the order of a table's rows.
#[derive(Debug)]
pub struct KeyPlaces {
    /// The order of the lines of keys.
    pub order: KeyOrder,
    /// Renders the key's columns alone, in the key's order, members of an ENUM or SET as numbers.
    pub renderer: RowRenderer,
    forms: Vec<TextForm>,
}

/// What the text of a value in a key's name is.
#[derive(Debug)]
enum TextForm {
    /// The value.
    Value,
    /// A member of an ENUM, or the empty text for an invalid one.
    Member(Vec<String>),
    /// Members of a SET, with commas between them.
    Members(Vec<String>),
}

/// What the texts of a name are in the key's order.
pub enum NamePlace {
    /// The place of the only key that may have the name.
    At(LineKey),
    /// No key has it.
    Nowhere,
    /// Several keys may have it.
    Unclear,
}

impl KeyPlaces {
    /// The places of the keys of a table. `None` for a table without a key, and where one of its columns does not compare
    /// as it is rendered: FLOAT and DOUBLE, texts and bytes out of line, texts of other collations than the two that
    /// compare by bytes, and, before another column, a DATETIME that shows fewer digits than it may store: `ALTER TABLE`
    /// from DATETIME(6) to DATETIME leaves the rows as they are.
    pub fn of(schema: &Schema) -> Result<Option<Self>, RowsError> {
        let mut columns = Vec::new();
        let mut forms = Vec::new();
        for (place, &column) in schema.primary_key.iter().enumerate() {
            let column = &schema.columns[column];
            let Some((kind, form)) = kind(column) else { return Ok(None) };
            if place + 1 < schema.primary_key.len() && column.may_hide_digits() {
                return Ok(None);
            }
            columns.push(KeyColumn { place, kind });
            forms.push(form);
        }
        let Some(order) = KeyOrder::new(columns) else { return Ok(None) };
        Ok(Some(Self { order, renderer: RowRenderer::of_key_order(schema)?, forms }))
    }

    /// The place of the key with these texts.
    pub fn place_of(&self, mut texts: Vec<String>) -> NamePlace {
        if texts.len() != self.forms.len() {
            return NamePlace::Nowhere;
        }
        for (text, form) in texts.iter_mut().zip(&self.forms) {
            let number = match form {
                TextForm::Value => continue,
                // The number 0 stands for no member, which is written like this one.
                TextForm::Member(members) | TextForm::Members(members) if text.is_empty() => {
                    if members.contains(text) {
                        return NamePlace::Unclear;
                    }
                    Some(0)
                }
                TextForm::Member(members) => number_of(members, text).map(|at| at + 1),
                // MySQL allows no comma in a member.
                TextForm::Members(members) => text
                    .split(',')
                    .map(|member| 1_u64.checked_shl(u32::try_from(number_of(members, member)?).ok()?))
                    .try_fold(0, |bits, bit| Some(bits | bit?)),
            };
            let Some(number) = number else { return NamePlace::Nowhere };
            *text = number.to_string();
        }
        // A text that is no value of its column is in no key.
        self.order.key_of_texts(&texts).map_or(NamePlace::Nowhere, NamePlace::At)
    }
}

fn number_of(members: &[String], text: &str) -> Option<u64> {
    members.iter().position(|member| member == text).map(|at| at as u64)
}

fn kind(column: &Column) -> Option<(KeyKind, TextForm)> {
    use ColumnEncoding::{
        Bit64, Bytes, Date, Datetime, Decimal, Enum, Int8, Int16, Int32, Int64, Set, String, Time, UInt8,
        UInt16, UInt32, UInt64, Year,
    };
    if !matches!(column.storage, Storage::Key(_)) {
        return None;
    }
    let kind = match ColumnEncoding::from_number(column.encoding).ok()? {
        Enum => return Some((KeyKind::Integer, TextForm::Member(distinct(column.members())?))),
        Set => return Some((KeyKind::Integer, TextForm::Members(distinct(column.members())?))),
        Int8 | UInt8 | Int16 | UInt16 | Int32 | UInt32 | Int64 | UInt64 | Bit64 | Year => KeyKind::Integer,
        Decimal => KeyKind::Decimal,
        Bytes => KeyKind::Binary,
        Date | Datetime => KeyKind::DateTime,
        Time => KeyKind::Time,
        String if column.compares_by_bytes() => KeyKind::Text,
        _ => return None,
    };
    Some((kind, TextForm::Value))
}

/// The members of an ENUM or SET, unless two of them are written alike: Dolt does not escape them in its schemas.
fn distinct(members: Vec<String>) -> Option<Vec<String>> {
    let all: HashSet<&String> = members.iter().collect();
    (all.len() == members.len()).then_some(members)
}
