//! Schemas: the `DSCH` message of a table (`serial/schema.fbs`).

use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::InChunk;
use crate::message::{Message, MessageError, MessageTable, SCHEMA_ID};
use crate::rows_error::RowsError;

mod collation;
mod create_table;
mod default_value;
pub(crate) mod encoding;
mod expression;
mod foreign_key;
#[cfg(test)]
mod later_versions;
pub(crate) mod sql_type;

pub use create_table::{SchemaOf, create_table};
pub use encoding::ColumnEncoding;
pub use foreign_key::ForeignKey;
pub(crate) use sql_type::SqlType;

/// Name of the hidden column that is the key of a table without one.
const KEYLESS_ID: &str = "keyless_hash_id";
/// Name of the hidden column that counts how often a row of such a table occurs.
const KEYLESS_COUNT: &str = "keyless_cardinality";

/// The schema of one table.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The table's name, for messages.
    pub table: String,
    /// Its columns in the order of `SELECT *`, with hidden ones.
    pub columns: Vec<Column>,
    /// Places in `columns` of the primary key's columns, in the key's order. Empty for a table without a key.
    pub primary_key: Vec<usize>,
    /// Whether the table has no primary key: its rows are stored by their hash, with a count.
    pub is_keyless: bool,
    /// The secondary indexes, by name.
    pub indexes: Vec<IndexDefinition>,
    /// The CHECK constraints.
    pub checks: Vec<Check>,
    /// The name of the table's collation.
    pub collation: &'static str,
    /// The table's comment.
    pub comment: String,
    /// TARGET_ROW_SIZE, where it is not the default.
    pub target_row_size: Option<u16>,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as the schema writes it.
    pub sql_type: String,
    /// The DEFAULT, as SQL; for a generated column its expression. Empty for none.
    pub default_value: String,
    /// Whether it is generated from others.
    pub is_generated: bool,
    /// Whether it is generated when it is read, and so not stored.
    pub is_virtual: bool,
    /// The ON UPDATE expression. Empty for none.
    pub on_update: String,
    /// Its comment.
    pub comment: String,
    /// Number of its encoding (`serial/encoding.fbs`).
    pub encoding: u8,
    /// Its identity across schemas, which foreign keys use.
    pub tag: u64,
    /// Whether it may be NULL.
    pub is_nullable: bool,
    /// Whether it is `AUTO_INCREMENT`.
    pub is_auto_increment: bool,
    /// Whether it was made for an index over an expression. `SELECT *` and `SHOW CREATE TABLE` leave it out.
    pub is_hidden: bool,
    /// Where the values of the column are stored.
    pub storage: Storage,
}

/// Where the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In this field of the key.
    Key(usize),
    /// In this field of the value.
    Value(usize),
    /// Nowhere: they are computed when they are read.
    Nowhere,
}

/// A secondary index.
#[derive(Debug, Clone)]
pub struct IndexDefinition {
    /// Its name.
    pub name: String,
    /// Its comment.
    pub comment: String,
    /// Places of its columns in the schema.
    pub columns: Vec<usize>,
    /// How much of each column it holds; 0, or no entry, for all of it.
    pub prefix_lengths: Vec<u16>,
    /// Whether it is UNIQUE.
    pub is_unique: bool,
    /// Whether it is SPATIAL.
    pub is_spatial: bool,
    /// Whether it is FULLTEXT.
    pub is_fulltext: bool,
    /// Whether it is a VECTOR index.
    pub is_vector: bool,
}

/// A CHECK constraint.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// Its expression, as SQL.
    pub expression: String,
    /// Whether rows must satisfy it.
    pub is_enforced: bool,
}

impl Column {
    /// Its type, read.
    pub(crate) fn parsed_type(&self, table: &str) -> Result<SqlType, RowsError> {
        let unsupported =
            || self.unsupported(table, format!("has the type {}, which cannot be read", self.sql_type));
        SqlType::parse(&self.sql_type).ok_or_else(unsupported)
    }

    /// The error that this column is of a kind that cannot be read.
    pub(crate) fn unsupported(&self, table: &str, problem: impl Into<String>) -> RowsError {
        RowsError::UnsupportedColumn {
            table: table.to_owned(),
            column: self.name.clone(),
            problem: problem.into(),
        }
    }

    /// How its values are laid out.
    pub(crate) fn known_encoding(&self, table: &str) -> Result<ColumnEncoding, RowsError> {
        ColumnEncoding::from_number(self.encoding).map_err(|what| {
            let problem =
                format!("({}) is stored in encoding {}, which is {what}", self.sql_type, self.encoding);
            self.unsupported(table, problem)
        })
    }
}

/// Slots of `TableSchema`.
mod schema_slot {
    pub const COLUMNS: u16 = 0;
    pub const CLUSTERED_INDEX: u16 = 1;
    pub const SECONDARY_INDEXES: u16 = 2;
    pub const CHECKS: u16 = 3;
    pub const COLLATION: u16 = 4;
    pub const COMMENT: u16 = 6;
    pub const TARGET_ROW_SIZE: u16 = 7;
    pub const COUNT: u16 = 8;
}

/// The TARGET_ROW_SIZE of tables that do not state one.
const DEFAULT_TARGET_ROW_SIZE: u16 = 2048;

/// Slots of `Column`.
mod column_slot {
    pub const NAME: u16 = 0;
    pub const SQL_TYPE: u16 = 1;
    pub const DEFAULT_VALUE: u16 = 2;
    pub const COMMENT: u16 = 3;
    pub const TAG: u16 = 5;
    pub const ENCODING: u16 = 6;
    pub const PRIMARY_KEY: u16 = 7;
    pub const NULLABLE: u16 = 8;
    pub const AUTO_INCREMENT: u16 = 9;
    pub const HIDDEN: u16 = 10;
    pub const GENERATED: u16 = 11;
    pub const VIRTUAL: u16 = 12;
    pub const ON_UPDATE: u16 = 13;
    pub const HIDDEN_SYSTEM: u16 = 15;
    pub const COUNT: u16 = 17;
}

/// Slots of `Index`.
mod index_slot {
    pub const NAME: u16 = 0;
    pub const COMMENT: u16 = 1;
    pub const INDEX_COLUMNS: u16 = 2;
    pub const KEY_COLUMNS: u16 = 3;
    pub const VALUE_COLUMNS: u16 = 4;
    pub const UNIQUE: u16 = 6;
    pub const PREFIX_LENGTHS: u16 = 8;
    pub const SPATIAL: u16 = 9;
    pub const FULLTEXT: u16 = 10;
    pub const VECTOR: u16 = 12;
    // The last one is the condition of a partial index, which `SHOW CREATE TABLE` does not print.
    pub const COUNT: u16 = 15;
}

/// Slots of `CheckConstraint`.
mod check_slot {
    pub const NAME: u16 = 0;
    pub const EXPRESSION: u16 = 1;
    pub const ENFORCED: u16 = 2;
    // The last one says that it is NOT VALID, which `SHOW CREATE TABLE` does not print.
    pub const COUNT: u16 = 4;
}

impl Schema {
    /// Reads the schema of a table from its message.
    pub fn read(table: &str, message: &Message) -> Result<Self, RowsError> {
        let in_schema = |source| RowsError::Message { table: table.to_owned(), object: "schema", source };
        let raw = Raw::read(message).map_err(in_schema)?;
        let schema = Self::assemble(table, raw)
            .map_err(|problem| RowsError::DamagedSchema { table: table.to_owned(), problem })?;
        Ok(schema)
    }

    /// Reads the schema of a table from its chunk.
    pub fn load(chunks: &dyn Chunks, table: &str, address: &Address) -> Result<Self, RowsError> {
        let message = Message::parse_as(chunks.chunk(address)?, &SCHEMA_ID).in_chunk(address, "schema")?;
        Self::read(table, &message)
    }

    fn assemble(table: &str, raw: Raw) -> Result<Self, String> {
        let Raw { mut columns, key, value, mut indexes, checks, collation, comment, target_row_size } = raw;
        let is_keyless = matches!(columns.as_slice(),
            [.., id, count] if id.name == KEYLESS_ID && count.name == KEYLESS_COUNT
                && id.is_generated && count.is_generated);
        let mut next = 0;
        for &place in &value {
            let column = columns.get_mut(usize::from(place)).ok_or_else(|| no_column(place))?;
            if !column.is_virtual {
                column.storage = Storage::Value(next);
                next += 1;
            }
        }
        for (field, &place) in key.iter().enumerate() {
            columns.get_mut(usize::from(place)).ok_or_else(|| no_column(place))?.storage =
                Storage::Key(field);
        }
        if is_keyless {
            if columns.last().is_none_or(|count| count.storage != Storage::Value(0)) {
                return Err("it does not count rows, though it has no key".to_owned());
            }
            columns.truncate(columns.len() - 2);
        }
        if let Some(lost) =
            columns.iter().find(|column| column.storage == Storage::Nowhere && !column.is_virtual)
        {
            return Err(format!("column {:?} is neither in its keys nor in its values", lost.name));
        }
        let outside = |&&place: &&usize| place >= columns.len();
        if let Some(place) = indexes.iter().flat_map(|index| &index.columns).find(outside) {
            return Err(no_column(*place));
        }
        indexes.sort_by(|a, b| a.name.cmp(&b.name));
        let primary_key = if is_keyless { Vec::new() } else { key.into_iter().map(usize::from).collect() };
        let collation =
            collation::name(collation).ok_or_else(|| format!("there is no collation {collation}"))?;
        let target_row_size = Some(target_row_size).filter(|&size| size != DEFAULT_TARGET_ROW_SIZE);
        let table = table.to_owned();
        Ok(Self {
            table,
            columns,
            primary_key,
            is_keyless,
            indexes,
            checks,
            collation,
            comment,
            target_row_size,
        })
    }

    /// The columns that `SELECT *` shows, in order.
    pub fn shown_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.is_hidden)
    }
}

fn no_column(place: impl std::fmt::Display) -> String {
    format!("there is no column {place}")
}

/// The parts of the message, unchecked against each other.
struct Raw {
    columns: Vec<Column>,
    key: Vec<u16>,
    value: Vec<u16>,
    indexes: Vec<IndexDefinition>,
    checks: Vec<Check>,
    collation: u16,
    comment: String,
    target_row_size: u16,
}

impl Raw {
    fn read(message: &Message) -> Result<Self, MessageError> {
        if message.id != SCHEMA_ID {
            return Err(MessageError::WrongId { found: message.id, wanted: SCHEMA_ID });
        }
        message.check_fields(schema_slot::COUNT)?;
        let clustered = message
            .table(schema_slot::CLUSTERED_INDEX)?
            .ok_or(MessageError::Absent { slot: schema_slot::CLUSTERED_INDEX })?;
        clustered.check_fields(index_slot::COUNT)?;
        Ok(Self {
            columns: message.tables(schema_slot::COLUMNS)?.iter().map(column).collect::<Result<_, _>>()?,
            key: clustered.u16s(index_slot::KEY_COLUMNS)?,
            value: clustered.u16s(index_slot::VALUE_COLUMNS)?,
            indexes: message
                .tables(schema_slot::SECONDARY_INDEXES)?
                .iter()
                .map(index)
                .collect::<Result<_, _>>()?,
            checks: message.tables(schema_slot::CHECKS)?.iter().map(check).collect::<Result<_, _>>()?,
            collation: message.u16(schema_slot::COLLATION)?,
            comment: message.string(schema_slot::COMMENT)?,
            target_row_size: message.u16_or(schema_slot::TARGET_ROW_SIZE, DEFAULT_TARGET_ROW_SIZE)?,
        })
    }
}

fn column(table: &MessageTable) -> Result<Column, MessageError> {
    table.check_fields(column_slot::COUNT)?;
    Ok(Column {
        name: table.string(column_slot::NAME)?,
        sql_type: table.string(column_slot::SQL_TYPE)?,
        default_value: table.string(column_slot::DEFAULT_VALUE)?,
        is_generated: table.bool(column_slot::GENERATED)?,
        is_virtual: table.bool(column_slot::VIRTUAL)?,
        on_update: table.string(column_slot::ON_UPDATE)?,
        comment: table.string(column_slot::COMMENT)?,
        encoding: table.u8(column_slot::ENCODING)?,
        tag: table.u64(column_slot::TAG)?,
        is_nullable: table.bool(column_slot::NULLABLE)? && !table.bool(column_slot::PRIMARY_KEY)?,
        is_auto_increment: table.bool(column_slot::AUTO_INCREMENT)?,
        is_hidden: table.bool(column_slot::HIDDEN)? || table.bool(column_slot::HIDDEN_SYSTEM)?,
        storage: Storage::Nowhere,
    })
}

fn index(table: &MessageTable) -> Result<IndexDefinition, MessageError> {
    table.check_fields(index_slot::COUNT)?;
    Ok(IndexDefinition {
        name: table.string(index_slot::NAME)?,
        comment: table.string(index_slot::COMMENT)?,
        columns: table.u16s(index_slot::INDEX_COLUMNS)?.into_iter().map(usize::from).collect(),
        prefix_lengths: table.u16s(index_slot::PREFIX_LENGTHS)?,
        is_unique: table.bool(index_slot::UNIQUE)?,
        is_spatial: table.bool(index_slot::SPATIAL)?,
        is_fulltext: table.bool(index_slot::FULLTEXT)?,
        is_vector: table.bool(index_slot::VECTOR)?,
    })
}

fn check(table: &MessageTable) -> Result<Check, MessageError> {
    table.check_fields(check_slot::COUNT)?;
    Ok(Check {
        name: table.string(check_slot::NAME)?,
        expression: table.string(check_slot::EXPRESSION)?,
        is_enforced: table.bool(check_slot::ENFORCED)?,
    })
}
