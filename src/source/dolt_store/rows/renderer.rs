//! The rows of a leaf as JSON lines, or as literals of SQL.

use std::ops::{ControlFlow, Range};

use super::decode::{Decoder, Room};
use super::error::{RowsError, ValueProblem};
use super::schema::{Place, Schema};
use super::tuple::Tuple;
use crate::model::jsonl::{LineLayout, RenderError, Value};
use crate::model::sql_literal::RowLayout;
use crate::source::dolt_store::chunks::Chunks;
use crate::source::dolt_store::message::{Message, MessageError};
use crate::source::parts::RawRow;

/// Slots of `serial/prolly.fbs`.
mod node_slot {
    pub const KEYS: u16 = 0;
    pub const KEY_OFFSETS: u16 = 1;
    pub const VALUES: u16 = 3;
    pub const VALUE_OFFSETS: u16 = 4;
    pub const LEVEL: u16 = 10;
    pub const COUNT: u16 = 11;
}

const NO_TUPLE: &str = "its key or its value is no tuple";

/// Renders the leaves of one table under one schema.
#[derive(Debug)]
pub struct RowRenderer {
    table: String,
    form: Form,
    columns: Vec<Column>,
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
            let decoder = Decoder::new(&schema.table, column)?;
            Ok(Column { name: column.name.clone(), place: column.place, decoder })
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let form = Form::Lines(LineLayout::new(columns.iter().map(|column| &column.name)));
        Ok(Self { table: schema.table.clone(), form, columns, is_keyless: schema.is_keyless })
    }

    /// A renderer of literals, for the columns that are not generated; each row is a "line" in parentheses then.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_literals(schema: &Schema, layout: RowLayout) -> Result<Self, RowsError> {
        let columns = schema.shown_columns().filter(|column| !column.is_generated).map(|column| {
            let decoder = Decoder::new(&schema.table, column)?;
            Ok(Column { name: column.name.clone(), place: column.place, decoder })
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let form = Form::Literals(layout);
        Ok(Self { table: schema.table.clone(), form, columns, is_keyless: schema.is_keyless })
    }

    /// A renderer for the columns of the primary key alone, in the key's order.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_key(schema: &Schema) -> Result<Self, RowsError> {
        let columns = schema.primary_key.iter().map(|&place| {
            let column = &schema.columns[place];
            let decoder = Decoder::new(&schema.table, column)?;
            Ok(Column { name: column.name.clone(), place: column.place, decoder })
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let form = Form::Lines(LineLayout::new(columns.iter().map(|column| &column.name)));
        Ok(Self { table: schema.table.clone(), form, columns, is_keyless: schema.is_keyless })
    }

    /// The columns that are rendered, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| &*column.name)
    }

    /// The rows of a leaf as they are kept.
    ///
    /// # Errors
    /// [`RowsError`] where the leaf cannot be read.
    pub fn raw_rows(&self, leaf: &Message) -> Result<Vec<RawRow>, RowsError> {
        let leaf = self.leaf(leaf)?;
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
        let leaf = self.leaf(leaf)?;
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

    fn leaf(&self, leaf: &Message) -> Result<Leaf, RowsError> {
        Leaf::read(leaf).map_err(|source| RowsError::Message {
            table: self.table.clone(),
            object: "leaf",
            source,
        })
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
        ended.map_err(|error| self.in_column("", row, error.into()))
    }

    fn each_value(
        &self,
        row: usize,
        (key, value): (&Tuple<'_>, &Tuple<'_>),
        chunks: &dyn Chunks,
        room: &mut Room,
        mut write: impl FnMut(&Value<'_>) -> Result<(), RenderError>,
    ) -> Result<(), RowsError> {
        for column in &self.columns {
            let field = match column.place {
                Place::Key(field) => key.field(field),
                Place::Value(field) => value.field(field),
                Place::Nowhere => None,
            };
            let written = match field {
                Some(field) => column.decoder.value(field, chunks, room).and_then(|value| Ok(write(&value)?)),
                None => write(&Value::Null).map_err(ValueProblem::from),
            };
            written.map_err(|problem| self.in_column(&column.name, row, problem))?;
        }
        Ok(())
    }

    fn in_column(&self, column: &str, row: usize, source: ValueProblem) -> RowsError {
        RowsError::Value {
            table: self.table.clone(),
            column: column.to_owned(),
            row,
            source: Box::new(source),
        }
    }
}

/// How often a row of a table without a key occurs: the first field of its value.
fn occurrences(value: &Tuple<'_>) -> Option<u64> {
    value.field(0)?.try_into().ok().map(u64::from_le_bytes).filter(|&times| times > 0)
}

/// Keys and values of a leaf.
struct Leaf {
    keys: bytes::Bytes,
    key_offsets: Vec<u16>,
    values: bytes::Bytes,
    value_offsets: Vec<u16>,
}

impl Leaf {
    fn read(message: &Message) -> Result<Self, MessageError> {
        if message.id != *b"TUPM" {
            return Err(MessageError::WrongId { found: message.id, wanted: *b"TUPM" });
        }
        message.check_fields(node_slot::COUNT)?;
        if message.u8(node_slot::LEVEL)? != 0 {
            return Err(MessageError::Invalid("it is not a leaf of the tree".to_owned()));
        }
        let leaf = Self {
            keys: message.bytes(node_slot::KEYS)?,
            key_offsets: message.u16s(node_slot::KEY_OFFSETS)?,
            values: message.bytes(node_slot::VALUES)?,
            value_offsets: message.u16s(node_slot::VALUE_OFFSETS)?,
        };
        if leaf.key_offsets.len() != leaf.value_offsets.len() && leaf.len() > 0 {
            let (keys, values) = (leaf.len(), leaf.value_offsets.len().saturating_sub(1));
            return Err(MessageError::Invalid(format!("it has {keys} keys and {values} values")));
        }
        Ok(leaf)
    }

    fn len(&self) -> usize {
        self.key_offsets.len().saturating_sub(1)
    }

    /// The key and the value of a row, or what is wrong with them.
    fn row(&self, row: usize) -> Result<(Tuple<'_>, Tuple<'_>), &'static str> {
        let (key, value) = self.raw(row)?;
        Ok((Tuple::parse(key).ok_or(NO_TUPLE)?, Tuple::parse(value).ok_or(NO_TUPLE)?))
    }

    fn raw(&self, row: usize) -> Result<(&[u8], &[u8]), &'static str> {
        let key = item(&self.keys, &self.key_offsets, row).ok_or("its key lies outside of the leaf")?;
        let value =
            item(&self.values, &self.value_offsets, row).ok_or("its value lies outside of the leaf")?;
        Ok((key, value))
    }
}

fn item<'i>(items: &'i [u8], offsets: &[u16], at: usize) -> Option<&'i [u8]> {
    items.get(usize::from(*offsets.get(at)?)..usize::from(*offsets.get(at + 1)?))
}
