//! The rows of a leaf as JSON lines, or as literals of SQL.

use std::ops::{ControlFlow, Range};

use super::decode::{Decoder, Room};
use super::error::{RowsError, ValueProblem};
use super::leaf::{Leaf, NO_TUPLE};
use super::schema::{Place, Schema};
use super::tuple::Tuple;
use crate::content::parts::RawRow;
use crate::model::jsonl::{LineLayout, RenderError, Value};
use crate::model::sql_literal::RowLayout;
use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::chunks::Chunks;
use crate::source::dolt::store::message::Message;
use crate::source::dolt::store::rows::schema;

/// How much of a key messages show, in characters.
const KEY_SHOWN: usize = 200;

/// Renders the leaves of one table under one schema.
#[derive(Debug)]
pub struct RowRenderer {
    table: String,
    form: Form,
    columns: Vec<Column>,
    /// The columns of the key, in its order: they name a row in messages.
    key: Vec<Column>,
    is_keyless: bool,
}

/// What a row is written as.
#[derive(Debug)]
enum Form {
    Lines(LineLayout),
    Literals(RowLayout),
}

#[derive(Debug)]
struct Column {
    name: String,
    place: Place,
    decoder: Decoder,
}

impl Column {
    fn new(schema: &Schema, column: &schema::Column) -> Result<Self, RowsError> {
        let decoder = Decoder::new(&schema.table, column)?;
        Ok(Self { name: column.name.clone(), place: column.place, decoder })
    }

    /// The columns of the primary key, in its order.
    fn of_key(schema: &Schema) -> Result<Vec<Self>, RowsError> {
        schema.primary_key.iter().map(|&place| Self::new(schema, &schema.columns[place])).collect()
    }

    fn field<'b>(&self, (key, value): (&Tuple<'b>, &Tuple<'b>)) -> Option<&'b [u8]> {
        match self.place {
            Place::Key(field) => key.field(field),
            Place::Value(field) => value.field(field),
            Place::Nowhere => None,
        }
    }
}

fn layout_of(columns: &[Column]) -> LineLayout {
    LineLayout::new(columns.iter().map(|column| &column.name))
}

impl RowRenderer {
    /// A renderer for the columns that `SELECT *` shows.
    ///
    /// # Errors
    /// [`RowsError::UnsupportedColumn`] for a column whose values cannot be read from the store.
    pub fn new(schema: &Schema) -> Result<Self, RowsError> {
        let columns = schema.shown_columns().map(|column| {
            if column.place == Place::Nowhere {
                let problem = "is generated when it is read (VIRTUAL), so that the store does not hold it";
                return Err(column.unsupported(&schema.table, problem));
            }
            Column::new(schema, column)
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        Self::with(schema, Form::Lines(layout_of(&columns)), columns)
    }

    /// A renderer of literals, for the columns that are not generated; each row is a "line" in parentheses then.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_literals(schema: &Schema, layout: RowLayout) -> Result<Self, RowsError> {
        let columns = schema.shown_columns().filter(|column| !column.is_generated);
        let columns = columns.map(|column| Column::new(schema, column)).collect::<Result<Vec<_>, _>>()?;
        Self::with(schema, Form::Literals(layout), columns)
    }

    /// A renderer for the columns of the primary key alone, in the key's order.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_key(schema: &Schema) -> Result<Self, RowsError> {
        let columns = Column::of_key(schema)?;
        Self::with(schema, Form::Lines(layout_of(&columns)), columns)
    }

    fn with(schema: &Schema, form: Form, columns: Vec<Column>) -> Result<Self, RowsError> {
        let key = Column::of_key(schema)?;
        Ok(Self { table: schema.table.clone(), form, columns, key, is_keyless: schema.is_keyless })
    }

    /// The columns that are rendered, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| &*column.name)
    }

    /// The rows of a leaf as they are kept.
    ///
    /// # Errors
    /// [`RowsError`] where the leaf cannot be read.
    pub fn raw_rows(&self, leaf: &Message, chunks: &dyn Chunks) -> Result<Vec<RawRow>, RowsError> {
        let leaf = self.leaf(leaf, chunks)?;
        let row = |row| {
            let (key, value) = leaf.raw(row).map_err(|problem| self.damaged(row, problem))?;
            Ok(RawRow { place: row, key: leaf.keys.slice_ref(key), value: leaf.values.slice_ref(value) })
        };
        (0..leaf.len()).map(row).collect()
    }

    /// Appends one row as a line.
    ///
    /// # Errors
    /// [`RowsError`] where a value cannot be read.
    pub fn line(&self, row: &RawRow, chunks: &dyn Chunks, out: &mut Vec<u8>) -> Result<(), RowsError> {
        let tuples = Tuple::parse(&row.key).zip(Tuple::parse(&row.value));
        let (key, value) = tuples.ok_or_else(|| self.damaged(row.place, NO_TUPLE))?;
        self.append_row(row.place, (&key, &value), chunks, &mut Room::default(), out)
    }

    /// Appends rows of a leaf in order, one line each; a row of a table without a key as often as it occurs.
    /// `lines` says which, counted from 0. Out-of-line values come from `chunks`.
    ///
    /// `after_line` is called after each line with all that `out` holds, which it may take away: a leaf of rows with
    /// long texts is many megabytes. It may also break off, which is no error.
    ///
    /// # Errors
    /// [`RowsError`] where the leaf or a value cannot be read; what was appended before stays.
    pub fn render(
        &self,
        leaf: &Message,
        chunks: &dyn Chunks,
        lines: Range<u64>,
        out: &mut Vec<u8>,
        mut after_line: impl FnMut(&mut Vec<u8>) -> ControlFlow<()>,
    ) -> Result<(), RowsError> {
        let leaf = self.leaf(leaf, chunks)?;
        let mut room = Room::default();
        let mut next_line = 0_u64;
        for row in 0..leaf.len() {
            let (key, value) = leaf.row(row).map_err(|problem| self.damaged(row, problem))?;
            let times = match self.is_keyless {
                true => occurrences(&value)
                    .ok_or_else(|| self.damaged(row, "it does not say how often it occurs"))?,
                false => 1,
            };
            let of_row = next_line..next_line.saturating_add(times);
            next_line = of_row.end;
            let wanted = of_row.end.min(lines.end).saturating_sub(of_row.start.max(lines.start));
            if wanted == 0 {
                continue;
            }
            let start = out.len();
            self.append_row(row, (&key, &value), chunks, &mut room, out)?;
            let repeated = if wanted > 1 { out[start..].to_vec() } else { Vec::new() };
            for nth in 0..wanted {
                if nth > 0 {
                    out.extend_from_slice(&repeated);
                }
                if after_line(out).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn leaf(&self, leaf: &Message, chunks: &dyn Chunks) -> Result<Leaf, RowsError> {
        let leaf = Leaf::read(leaf).map_err(|source| RowsError::Message {
            table: self.table.clone(),
            object: "leaf",
            source,
        })?;
        self.check_addresses(&leaf, chunks)?;
        Ok(leaf)
    }

    /// Checks the addresses of a leaf that would be taken for values of 19 bytes if their chunks were not there: see
    /// [`out_of_line`](super::out_of_line).
    fn check_addresses(&self, leaf: &Leaf, chunks: &dyn Chunks) -> Result<(), RowsError> {
        for (row, place) in leaf.zero_led_addresses() {
            let (key, value) = leaf.row(row).map_err(|problem| self.damaged(row, problem))?;
            let is_there = |column: &&Column| matches!(column.place, Place::Value(field) if value.range(field).as_ref() == Some(&place));
            let columns = self.columns.iter().filter(|column| column.decoder.is_adaptive());
            let Some(column) = columns.clone().find(is_there) else { continue };
            let Some(address) = column.field((&key, &value)).and_then(Address::from_slice) else { continue };
            let found = chunks.chunk(&address);
            found.map_err(|error| self.in_column(&column.name, row, &key, chunks, error.into()))?;
        }
        Ok(())
    }

    fn damaged(&self, row: usize, problem: &str) -> RowsError {
        RowsError::DamagedRow { table: self.table.clone(), row, problem: problem.to_owned() }
    }

    fn append_row(
        &self,
        row: usize,
        tuples: (&Tuple<'_>, &Tuple<'_>),
        chunks: &dyn Chunks,
        room: &mut Room,
        out: &mut Vec<u8>,
    ) -> Result<(), RowsError> {
        let ended = match &self.form {
            Form::Lines(layout) => {
                let mut line = layout.line(out);
                self.each_value(row, tuples, chunks, room, |value| line.value(value))?;
                line.end()
            }
            Form::Literals(layout) => {
                let mut literals = layout.row(out);
                self.each_value(row, tuples, chunks, room, |value| literals.value(value))?;
                literals.end()
            }
        };
        ended.map_err(|error| self.in_column("", row, tuples.0, chunks, error.into()))
    }

    fn each_value(
        &self,
        row: usize,
        tuples: (&Tuple<'_>, &Tuple<'_>),
        chunks: &dyn Chunks,
        room: &mut Room,
        mut write: impl FnMut(&Value<'_>) -> Result<(), RenderError>,
    ) -> Result<(), RowsError> {
        for column in &self.columns {
            let field = column.field(tuples);
            let written = match field {
                Some(field) => column.decoder.value(field, chunks, room).and_then(|value| Ok(write(&value)?)),
                None => write(&Value::Null).map_err(ValueProblem::from),
            };
            written.map_err(|problem| self.in_column(&column.name, row, tuples.0, chunks, problem))?;
        }
        Ok(())
    }

    #[cold]
    fn in_column(
        &self,
        column: &str,
        row: usize,
        key: &Tuple<'_>,
        chunks: &dyn Chunks,
        source: ValueProblem,
    ) -> RowsError {
        RowsError::Value {
            table: self.table.clone(),
            column: column.to_owned(),
            row,
            key: self.key_text(key, chunks),
            source: Box::new(source),
        }
    }

    /// A key as a line of JSON, shortened; `None` where the table has none, or it cannot be read.
    fn key_text(&self, key: &Tuple<'_>, chunks: &dyn Chunks) -> Option<String> {
        if self.key.is_empty() {
            return None;
        }
        let (layout, mut room, mut out) = (layout_of(&self.key), Room::default(), Vec::new());
        let mut line = layout.line(&mut out);
        for column in &self.key {
            let value = match column.field((key, key)) {
                Some(field) => column.decoder.value(field, chunks, &mut room).ok()?,
                None => Value::Null,
            };
            line.value(&value).ok()?;
        }
        line.end().ok()?;
        let text = String::from_utf8(out).ok()?;
        let text = text.trim_end();
        Some(match text.char_indices().nth(KEY_SHOWN) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text.to_owned(),
        })
    }
}

/// How often a row of a table without a key occurs: the first field of its value.
fn occurrences(value: &Tuple<'_>) -> Option<u64> {
    value.field(0)?.try_into().ok().map(u64::from_le_bytes).filter(|&times| times > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::ErrorKind;
    use crate::source::dolt::store::testing::{Field, MemoryChunks, address_of, items, message};

    fn column(name: &str, sql_type: &str, encoding: u8, place: Place) -> schema::Column {
        schema::Column {
            name: name.to_owned(),
            sql_type: sql_type.to_owned(),
            default_value: String::new(),
            is_generated: false,
            is_virtual: false,
            on_update: String::new(),
            comment: String::new(),
            encoding,
            tag: 1,
            is_nullable: true,
            is_auto_increment: false,
            is_hidden: false,
            place,
        }
    }

    /// A key, and an adaptive column of bytes.
    fn renderer() -> RowRenderer {
        let columns = vec![column("id", "int", 7, Place::Key(0)), column("b", "blob", 136, Place::Value(0))];
        let schema = Schema {
            table: "t".to_owned(),
            columns,
            primary_key: vec![0],
            is_keyless: false,
            indexes: Vec::new(),
            checks: Vec::new(),
            collation: "utf8mb4_0900_bin",
            comment: String::new(),
            target_row_size: None,
        };
        RowRenderer::new(&schema).expect("it is known")
    }

    /// A leaf of two rows, of which the second one has this value; `addresses` is where it says that addresses are.
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
