//! The rows of one table.

use std::error::Error;

use super::decode::Decoder;
use super::{Leaf, Tuple, Value, ValueRoom};
use crate::address::Address;
use crate::chunks::Chunks;
use crate::message::{Buffer, Message};
use crate::rows_error::{RowsError, ValueProblem};
use crate::schema::{Column, Schema, Storage};

/// What is wrong with a row that is no pair of tuples.
const NO_TUPLE: &str = "its key or its value is no tuple";

/// Reads the values of the rows of one table under one schema, for some of its columns.
#[derive(Debug)]
pub struct RowReader {
    table: String,
    columns: Vec<ColumnReader>,
    is_keyless: bool,
}

#[derive(Debug)]
struct ColumnReader {
    name: String,
    storage: Storage,
    decoder: Decoder,
}

/// One row of a leaf: its key and its value, as tuples.
#[derive(Debug, Clone, Copy)]
pub struct LeafRow<'l> {
    number: usize,
    key: Tuple<'l>,
    value: Tuple<'l>,
}

impl LeafRow<'_> {
    /// Which row of its leaf it is, from 0.
    pub fn number(&self) -> usize {
        self.number
    }
}

impl ColumnReader {
    fn new(schema: &Schema, column: &Column) -> Result<Self, RowsError> {
        let decoder = Decoder::new(&schema.table, column)?;
        Ok(Self { name: column.name.clone(), storage: column.storage, decoder })
    }

    #[inline]
    fn field<'l>(&self, row: &LeafRow<'l>) -> Option<&'l [u8]> {
        match self.storage {
            Storage::Key(field) => row.key.field(field),
            Storage::Value(field) => row.value.field(field),
            Storage::Nowhere => None,
        }
    }
}

impl RowReader {
    /// Reads the columns that `SELECT *` shows.
    pub fn new(schema: &Schema) -> Result<Self, RowsError> {
        Self::with(schema, schema.shown_columns())
    }

    /// Reads the columns that `SELECT *` shows and that are not generated.
    pub fn without_generated(schema: &Schema) -> Result<Self, RowsError> {
        Self::with(schema, schema.shown_columns().filter(|column| !column.is_generated))
    }

    /// Reads the columns of the primary key, in its order; none for a table without one.
    pub fn of_key(schema: &Schema) -> Result<Self, RowsError> {
        Self::with(schema, schema.primary_key.iter().map(|&place| &schema.columns[place]))
    }

    /// Like [`Self::of_key`], with members of an ENUM or SET as the numbers by which they compare.
    pub fn of_key_order(schema: &Schema) -> Result<Self, RowsError> {
        let mut reader = Self::of_key(schema)?;
        let numbered = |column: ColumnReader| ColumnReader { decoder: column.decoder.numbered(), ..column };
        reader.columns = reader.columns.into_iter().map(numbered).collect();
        Ok(reader)
    }

    fn with<'s>(schema: &Schema, columns: impl Iterator<Item = &'s Column>) -> Result<Self, RowsError> {
        let columns = columns.map(|column| {
            if column.storage == Storage::Nowhere {
                let problem = "is generated when it is read (VIRTUAL), so that the store does not hold it";
                return Err(column.unsupported(&schema.table, problem));
            }
            ColumnReader::new(schema, column)
        });
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Self { table: schema.table.clone(), columns, is_keyless: schema.is_keyless })
    }

    /// The name of the table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The names of the columns that are read, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| &*column.name)
    }

    /// Reads the message of a leaf.
    pub fn leaf<B: Buffer>(&self, message: &Message<B>) -> Result<Leaf<B>, RowsError> {
        let table = || self.table.clone();
        Leaf::read(message).map_err(|source| RowsError::Message { table: table(), object: "leaf", source })
    }

    /// Reads the chunks of the addresses in a leaf that would pass for values of 19 bytes if their chunks were missing:
    /// Dolt 2.0.7 and 2.0.8 left such values. Without this check, a lost chunk may read as a value.
    pub fn check_addresses<B: Buffer>(&self, leaf: &Leaf<B>, chunks: &dyn Chunks) -> Result<(), RowsError> {
        for (number, place) in leaf.zero_led_addresses() {
            let row = self.row(leaf, number)?;
            let is_there = |column: &&ColumnReader| matches!(column.storage, Storage::Value(field) if row.value.range(field).as_ref() == Some(&place));
            let adaptive = self.columns.iter().filter(|column| column.decoder.is_adaptive());
            let Some(column) = adaptive.clone().find(is_there) else { continue };
            let Some(address) = column.field(&row).and_then(Address::from_slice) else { continue };
            chunks.chunk(&address).map_err(|error| self.in_column(column, number, error.into()))?;
        }
        Ok(())
    }

    /// A row of a leaf.
    pub fn row<'l, B: Buffer>(&self, leaf: &'l Leaf<B>, number: usize) -> Result<LeafRow<'l>, RowsError> {
        let (key, value) = self.raw(leaf, number)?;
        self.parse(number, key, value)
    }

    /// The bytes of the key and the value of a row.
    pub fn raw<'l, B: Buffer>(
        &self,
        leaf: &'l Leaf<B>,
        number: usize,
    ) -> Result<(&'l [u8], &'l [u8]), RowsError> {
        leaf.raw(number).map_err(|problem| self.damaged(number, problem))
    }

    /// A row from the bytes of its key and its value, as [`Self::raw`] gives them; `number` is for messages.
    pub fn parse<'l>(&self, number: usize, key: &'l [u8], value: &'l [u8]) -> Result<LeafRow<'l>, RowsError> {
        let tuples = Tuple::parse(key).zip(Tuple::parse(value));
        let (key, value) = tuples.ok_or_else(|| self.damaged(number, NO_TUPLE))?;
        Ok(LeafRow { number, key, value })
    }

    /// How often a row occurs: 1, except in tables without a key, which store equal rows once, with a count.
    pub fn times(&self, row: &LeafRow<'_>) -> Result<u64, RowsError> {
        if !self.is_keyless {
            return Ok(1);
        }
        let count = row.value.field(0).and_then(|field| field.try_into().ok()).map(u64::from_le_bytes);
        let problem = "it does not say how often it occurs";
        count.filter(|&times| times > 0).ok_or_else(|| self.damaged(row.number, problem))
    }

    /// Hands the values of a row to `visit`, in the order of [`Self::columns`]. Values out of line come from `chunks`;
    /// `room` holds values that are not in their field as they are, and is reused from value to value.
    #[inline]
    pub fn each_value<E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        row: &LeafRow<'_>,
        chunks: &dyn Chunks,
        room: &mut ValueRoom,
        mut visit: impl FnMut(&Value<'_>) -> Result<(), E>,
    ) -> Result<(), RowsError> {
        for column in &self.columns {
            let value = match column.field(row) {
                Some(field) => column.decoder.value(field, chunks, room),
                None => Ok(Value::Null),
            };
            // Borrowed and not moved: a read of the whole value would have to wait for the writes of all its parts.
            let problem = match value {
                Ok(ref value) => match visit(value) {
                    Ok(()) => continue,
                    Err(error) => ValueProblem::Refused(error.into()),
                },
                Err(problem) => problem,
            };
            return Err(self.in_column(column, row.number, problem));
        }
        Ok(())
    }

    fn damaged(&self, row: usize, problem: &str) -> RowsError {
        RowsError::DamagedRow { table: self.table.clone(), row, problem: problem.to_owned() }
    }

    #[cold]
    fn in_column(&self, column: &ColumnReader, row: usize, source: ValueProblem) -> RowsError {
        let (table, column, source) = (self.table.clone(), column.name.clone(), Box::new(source));
        RowsError::Value { table, column, row, key: None, source }
    }
}
