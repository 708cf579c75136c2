//! The rows of a leaf as JSON lines, or as literals of SQL.

use std::ops::{ControlFlow, Range};

use dolt_store::message::{Buffer, Message};
use dolt_store::rows::{Leaf, LeafRow, RowReader, Value, ValueRoom};
use dolt_store::schema::Schema;
use dolt_store::{Chunks, RowsError, ValueProblem};

use crate::content::tree::RawRow;
use crate::model::jsonl;
use crate::model::jsonl::{LineLayout, Out, RenderError};
use crate::model::sql_literal::RowLayout;

/// A tuple without fields: the value beside a key that stands alone.
const NO_VALUE: &[u8] = &[0, 0];

/// How much of a key messages show, in characters.
const KEY_SHOWN: usize = 200;

/// Renders the leaves of one table under one schema.
#[derive(Debug)]
pub struct RowRenderer {
    form: RowForm,
    reader: RowReader,
    /// The columns of the key: they name a row in messages.
    key: RowReader,
    key_layout: LineLayout,
}

/// What a row is written as.
#[derive(Debug)]
enum RowForm {
    Lines(LineLayout),
    Literals(RowLayout),
}

impl RowRenderer {
    /// A renderer for the columns that `SELECT *` shows.
    pub fn new(schema: &Schema) -> Result<Self, RowsError> {
        Self::of_lines(schema, RowReader::new(schema)?)
    }

    /// A renderer of literals, for the columns that are not generated; each row is a "line" in parentheses then.
    pub fn of_literals(schema: &Schema, layout: RowLayout) -> Result<Self, RowsError> {
        Self::with(schema, RowForm::Literals(layout), RowReader::without_generated(schema)?)
    }

    /// A renderer for the columns of the primary key alone, in the key's order.
    pub fn of_key(schema: &Schema) -> Result<Self, RowsError> {
        Self::of_lines(schema, RowReader::of_key(schema)?)
    }

    /// The same, with members of an ENUM or SET as the numbers by which they compare.
    pub fn of_key_order(schema: &Schema) -> Result<Self, RowsError> {
        Self::of_lines(schema, RowReader::of_key_order(schema)?)
    }

    fn of_lines(schema: &Schema, reader: RowReader) -> Result<Self, RowsError> {
        Self::with(schema, RowForm::Lines(LineLayout::new(reader.columns())), reader)
    }

    fn with(schema: &Schema, form: RowForm, reader: RowReader) -> Result<Self, RowsError> {
        let key = RowReader::of_key(schema)?;
        let key_layout = LineLayout::new(key.columns());
        Ok(Self { form, reader, key, key_layout })
    }

    /// The columns that are rendered, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.reader.columns()
    }

    /// The rows of a leaf as they are stored.
    pub fn raw_rows(&self, leaf: &Message, chunks: &dyn Chunks) -> Result<Vec<RawRow>, RowsError> {
        let leaf = self.leaf(leaf, chunks)?;
        (0..leaf.len()).map(|place| self.raw(&leaf, place)).collect()
    }

    /// One row of a leaf as it is stored.
    pub fn raw_row(&self, leaf: &Message, place: usize, chunks: &dyn Chunks) -> Result<RawRow, RowsError> {
        self.raw(&self.leaf(leaf, chunks)?, place)
    }

    fn raw(&self, leaf: &Leaf, place: usize) -> Result<RawRow, RowsError> {
        let (key, value) = self.reader.raw(leaf, place)?;
        Ok(RawRow { place, key: leaf.keys.bytes.slice_ref(key), value: leaf.values.slice_ref(value) })
    }

    /// Appends one row as a line.
    pub fn line(&self, row: &RawRow, chunks: &dyn Chunks, out: &mut Vec<u8>) -> Result<(), RowsError> {
        let row = self.reader.parse(row.place, &row.key, &row.value)?;
        self.append_row(&row, chunks, &mut ValueRoom::default(), out)
    }

    /// Appends a key of a node as a line. Only for a renderer of keys.
    pub fn key_line(
        &self,
        place: usize,
        key: &[u8],
        chunks: &dyn Chunks,
        out: &mut Vec<u8>,
    ) -> Result<(), RowsError> {
        let row = self.reader.parse(place, key, NO_VALUE)?;
        self.append_row(&row, chunks, &mut ValueRoom::default(), out)
    }

    /// Appends rows of a leaf in order, one line each; a row of a table without a key as often as it occurs.
    /// `lines` selects them, counted from 0. Out-of-line values come from `chunks`.
    ///
    /// `after_line` is called after each line with all that `out` holds, which it may take away: a leaf of rows with
    /// long texts is many megabytes. It may also break off, which is no error. After an error, what was appended stays.
    pub fn render<O: Out>(
        &self,
        leaf: &Message<impl Buffer>,
        chunks: &dyn Chunks,
        lines: Range<u64>,
        out: &mut O,
        mut after_line: impl FnMut(&mut O) -> ControlFlow<()>,
    ) -> Result<(), RowsError> {
        let leaf = self.leaf(leaf, chunks)?;
        let mut room = ValueRoom::default();
        let mut next_line = 0_u64;
        for number in 0..leaf.len() {
            let row = self.reader.row(&leaf, number)?;
            let of_row = next_line..next_line.saturating_add(self.reader.times(&row)?);
            next_line = of_row.end;
            let wanted = of_row.end.min(lines.end).saturating_sub(of_row.start.max(lines.start));
            if wanted == 0 {
                continue;
            }
            for _ in 0..wanted {
                self.append_row(&row, chunks, &mut room, out)?;
                if after_line(out).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn leaf<B: Buffer>(&self, leaf: &Message<B>, chunks: &dyn Chunks) -> Result<Leaf<B>, RowsError> {
        let leaf = self.reader.leaf(leaf)?;
        match self.reader.check_addresses(&leaf, chunks) {
            Ok(()) => Ok(leaf),
            Err(error) => {
                Err(error.with_key(|row| self.key_text(&self.reader.row(&leaf, row).ok()?, chunks)))
            }
        }
    }

    fn append_row(
        &self,
        row: &LeafRow<'_>,
        chunks: &dyn Chunks,
        room: &mut ValueRoom,
        out: &mut impl Out,
    ) -> Result<(), RowsError> {
        let read = match &self.form {
            RowForm::Lines(layout) => {
                let mut line = layout.line(out);
                let read = self.reader.each_value(row, chunks, room, |value| line.value(&rendered(value)));
                read.and_then(|()| line.end().map_err(|error| self.not_ended(row, error)))
            }
            RowForm::Literals(layout) => {
                let mut literals = layout.row(out);
                let read =
                    self.reader.each_value(row, chunks, room, |value| literals.value(&rendered(value)));
                read.and_then(|()| literals.end().map_err(|error| self.not_ended(row, error)))
            }
        };
        read.map_err(|error| error.with_key(|_| self.key_text(row, chunks)))
    }

    #[cold]
    fn not_ended(&self, row: &LeafRow<'_>, error: RenderError) -> RowsError {
        let (table, column) = (self.reader.table().to_owned(), String::new());
        let source = Box::new(ValueProblem::Refused(error.into()));
        RowsError::Value { table, column, row: row.number(), key: None, source }
    }

    /// The key of a row as a line of JSON, shortened; `None` where the table has none, or it cannot be read.
    fn key_text(&self, row: &LeafRow<'_>, chunks: &dyn Chunks) -> Option<String> {
        self.key.columns().next()?;
        let mut out = Vec::new();
        let mut line = self.key_layout.line(&mut out);
        let write = |value: &Value<'_>| line.value(&rendered(value));
        self.key.each_value(row, chunks, &mut ValueRoom::default(), write).ok()?;
        line.end().ok()?;
        let text = String::from_utf8(out).ok()?;
        let text = text.trim_end();
        Some(match text.char_indices().nth(KEY_SHOWN) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text.to_owned(),
        })
    }
}

/// A value of the store as a value to render.
#[inline]
fn rendered<'v>(value: &Value<'v>) -> jsonl::Value<'v> {
    match *value {
        Value::Null => jsonl::Value::Null,
        Value::Int(number) => jsonl::Value::Int(number),
        Value::UInt(number) => jsonl::Value::UInt(number),
        Value::Decimal(text) => jsonl::Value::Decimal(text),
        Value::F32(number) => jsonl::Value::F32(number),
        Value::F64(number) => jsonl::Value::F64(number),
        Value::Text(text) => jsonl::Value::Text(text),
        // JSON has no number for these.
        Value::NotFinite(name) => jsonl::Value::Text(name),
        Value::Json(text) => jsonl::Value::Json(text),
        Value::Date { year, month, day } => jsonl::Value::Date { year, month, day },
        Value::DateTime { year, month, day, hour, minute, second, micros } => {
            jsonl::Value::DateTime { year, month, day, hour, minute, second, micros }
        }
        Value::Time { negative, hours, minutes, seconds, micros } => {
            jsonl::Value::Time { negative, hours, minutes, seconds, micros }
        }
        Value::Bytes(bytes) | Value::Geometry(bytes) => jsonl::Value::Bytes(bytes),
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod leaf_tests {
    use dolt_store::ErrorKind;
    use dolt_store::schema::{Column, Storage};
    use dolt_store::testing::{Field, MemoryChunks, address_of, items, message};

    use super::*;

    fn column(name: &str, sql_type: &str, encoding: u8, storage: Storage) -> Column {
        let (name, sql_type) = (name.to_owned(), sql_type.to_owned());
        Column { name, sql_type, encoding, storage, ..Column::default() }
    }

    /// A key, and an adaptive column of bytes.
    fn renderer() -> RowRenderer {
        let columns =
            vec![column("id", "int", 7, Storage::Key(0)), column("b", "blob", 136, Storage::Value(0))];
        let schema = Schema { table: "t".to_owned(), columns, primary_key: vec![0], ..Schema::default() };
        RowRenderer::new(&schema).expect("it is known")
    }

    /// A leaf of two rows, the second of which has this value; `addresses` are the places where it states addresses.
    fn leaf(value: &[u8], addresses: Vec<u16>) -> Message {
        let tuple = |field: &[u8]| [field, &[1, 0]].concat();
        let keys = [tuple(&5_i32.to_le_bytes()), tuple(&6_i32.to_le_bytes())];
        let values = [tuple(b"\0first"), tuple(value)];
        let (keys, key_offsets) = items(&keys.each_ref().map(Vec::as_slice));
        let (values, value_offsets) = items(&values.each_ref().map(Vec::as_slice));
        let mut fields =
            vec![(0, keys), (1, key_offsets), (3, values), (4, value_offsets), (10, Field::U8(0))];
        fields.push((6, Field::U16s(addresses)));
        Message::parse(message(b"TUPM", &fields)).expect("a message")
    }

    fn render(leaf: &Message, chunks: &dyn Chunks) -> Result<String, RowsError> {
        let mut out = Vec::new();
        renderer().render(leaf, chunks, 0..u64::MAX, &mut out, |_| ControlFlow::Continue(()))?;
        Ok(String::from_utf8(out).expect("lines are UTF-8"))
    }

    /// The address of a text, which begins with zero, in a row that is older than the column's encoding.
    #[test]
    fn a_lost_chunk_whose_address_could_be_a_value_is_an_error_where_the_leaf_tells() {
        let text = |number: u32| message(b"BLOB", &[(0, Field::Bytes(number.to_string().into_bytes()))]);
        let chunk = (0..).map(text).find(|chunk| address_of(chunk).as_bytes()[0] == 0);
        let chunk = chunk.expect("one of 256 begins with zero");
        let (address, mut chunks) = (address_of(&chunk), MemoryChunks::default());
        // The first value takes 6 bytes and the count of its fields 2.
        let (listed, unlisted) = (leaf(address.as_bytes(), vec![8]), leaf(address.as_bytes(), vec![]));
        for error in [
            render(&listed, &chunks).expect_err("its chunk is lost"),
            renderer().raw_rows(&listed, &chunks).map(drop).expect_err("its chunk is lost"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Missing);
            let story = crate::content::chain(&error);
            for part in ["row 1 of the leaf, whose key is {\"id\":6}", "\"b\"", &address.to_string()] {
                assert!(story.contains(part), "{part} in {story}");
            }
        }
        let as_value = render(&unlisted, &chunks).expect("19 bytes");
        chunks.put(chunk);
        let read = [&listed, &unlisted].map(|leaf| render(leaf, &chunks).expect("its chunk is there"));
        assert!(read[0] == read[1] && read[0] != as_value, "{read:?}");
        assert_eq!(renderer().raw_rows(&listed, &chunks).map(|rows| rows.len()).expect("it is there"), 2);
    }

    /// Addresses that begin with zero stand behind lengths as well, and a damaged leaf may say that they are anywhere.
    #[test]
    fn only_whole_fields_are_looked_for() {
        let address = [&[0][..], &[7; 19]].concat();
        let value = [&[250, 0, 0, 100][..], &address].concat();
        for addresses in [vec![12], vec![8], vec![0], vec![40], vec![u16::MAX]] {
            let rows = renderer().raw_rows(&leaf(&value, addresses), &MemoryChunks::default());
            assert_eq!(rows.map(|rows| rows.len()).expect("nothing is read"), 2);
        }
    }
}
