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
#[derive(Debug, Clone, Default)]
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
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct Column {
    pub name: String,
    /// Its type as the schema writes it.
    pub sql_type: String,
    /// The DEFAULT, as SQL; for a generated column its expression. Empty for none.
    pub default_value: String,
    /// Whether it is generated from other columns.
    pub is_generated: bool,
    /// Whether it is generated when it is read, and so not stored.
    pub is_virtual: bool,
    /// The ON UPDATE expression. Empty for none.
    pub on_update: String,
    pub comment: String,
    /// Number of its encoding (`serial/encoding.fbs`).
    pub encoding: u8,
    /// Its identity across schemas, which foreign keys use.
    pub tag: u64,
    pub is_nullable: bool,
    pub is_auto_increment: bool,
    /// Whether it was made for an index over an expression. `SELECT *` and `SHOW CREATE TABLE` leave it out.
    pub is_hidden: bool,
    pub storage: Storage,
}

/// Where the values of a column are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Storage {
    /// In this field of the key.
    Key(usize),
    /// In this field of the value.
    Value(usize),
    /// Nowhere: they are computed when they are read.
    #[default]
    Nowhere,
}

/// A secondary index.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct IndexDefinition {
    pub name: String,
    pub comment: String,
    /// Places of its columns in the schema.
    pub columns: Vec<usize>,
    /// How much of each column it holds; 0, or no entry, for all of it.
    pub prefix_lengths: Vec<u16>,
    pub is_unique: bool,
    pub is_spatial: bool,
    pub is_fulltext: bool,
    pub is_vector: bool,
}

/// A CHECK constraint, its expression as SQL.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Check {
    pub name: String,
    pub expression: String,
    /// Whether rows must satisfy it.
    pub is_enforced: bool,
}

impl Column {
    /// Its type, parsed.
    pub(crate) fn parsed_type(&self, table: &str) -> Result<SqlType, RowsError> {
        let unsupported =
            || self.unsupported(table, format!("has the type {}, which cannot be read", self.sql_type));
        SqlType::parse(&self.sql_type).ok_or_else(unsupported)
    }

    /// The members of its ENUM or SET, in order; none for other types.
    pub fn members(&self) -> Vec<String> {
        SqlType::parse(&self.sql_type).map_or_else(Vec::new, |read| read.members)
    }

    /// Whether its values are texts that compare by their bytes. (Some other binary collations have weights for only a
    /// part of all code points.)
    pub fn compares_by_bytes(&self) -> bool {
        let is_binary = |read: SqlType| {
            read.has_collation() && matches!(&*read.collation, collation::DEFAULT | "utf8mb4_bin")
        };
        SqlType::parse(&self.sql_type).is_some_and(is_binary)
    }

    /// Whether it may store more digits of a second than it shows, so that different values are written alike: a
    /// DATETIME or TIMESTAMP of fewer than six. Dolt leaves stored rows as they are when `ALTER TABLE` takes digits
    /// away.
    pub fn may_hide_digits(&self) -> bool {
        let shown = || SqlType::parse(&self.sql_type).and_then(|read| read.arguments.first().copied());
        ColumnEncoding::from_number(self.encoding) == Ok(ColumnEncoding::Datetime) && shown().unwrap_or(0) < 6
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

/// The TARGET_ROW_SIZE of tables that do not state one.
const DEFAULT_TARGET_ROW_SIZE: u16 = 2048;
/// The last field of an index is the condition of a partial index, which `SHOW CREATE TABLE` does not print.
const INDEX_FIELDS: u16 = 15;

impl Schema {
    /// Reads the schema of a table from its message.
    pub fn read(table: &str, message: &Message) -> Result<Self, RowsError> {
        let in_schema = |source| RowsError::Message { table: table.to_owned(), object: "schema", source };
        let raw = Raw::read(table, message).map_err(in_schema)?;
        raw.assemble().map_err(|problem| RowsError::DamagedSchema { table: table.to_owned(), problem })
    }

    /// Reads the schema of a table from its chunk.
    pub fn load(chunks: &dyn Chunks, table: &str, address: &Address) -> Result<Self, RowsError> {
        let message = Message::parse_as(chunks.chunk(address)?, &SCHEMA_ID).in_chunk(address, "schema")?;
        Self::read(table, &message)
    }

    /// The columns that `SELECT *` shows, in order.
    pub fn shown_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.is_hidden)
    }
}

fn no_column(place: impl std::fmt::Display) -> String {
    format!("there is no column {place}")
}

/// The parts of the message, not yet checked against each other.
///
/// | slot | field |
/// | --- | --- |
/// | 0 | columns |
/// | 1 | clustered index: what the rows are stored by |
/// | 2, 3 | secondary indexes, CHECK constraints |
/// | 4, 6 | collation, comment |
/// | 7 | TARGET_ROW_SIZE |
struct Raw {
    /// Its columns have no storage yet.
    schema: Schema,
    key: Vec<u16>,
    value: Vec<u16>,
    collation: u16,
}

impl Raw {
    fn read(table: &str, message: &Message) -> Result<Self, MessageError> {
        if message.id != SCHEMA_ID {
            return Err(MessageError::WrongId { found: message.id, wanted: SCHEMA_ID });
        }
        message.check_fields(8)?;
        let clustered = message.table(1)?.ok_or(MessageError::Absent { slot: 1 })?;
        clustered.check_fields(INDEX_FIELDS)?;
        let target_row_size = message.u16_or(7, DEFAULT_TARGET_ROW_SIZE)?;
        let schema = Schema {
            table: table.to_owned(),
            columns: message.tables(0)?.iter().map(column).collect::<Result<_, _>>()?,
            indexes: message.tables(2)?.iter().map(index).collect::<Result<_, _>>()?,
            checks: message.tables(3)?.iter().map(check).collect::<Result<_, _>>()?,
            comment: message.string(6)?,
            target_row_size: Some(target_row_size).filter(|&size| size != DEFAULT_TARGET_ROW_SIZE),
            ..Schema::default()
        };
        let (key, value, collation) = (clustered.u16s(3)?, clustered.u16s(4)?, message.u16(4)?);
        Ok(Self { schema, key, value, collation })
    }

    fn assemble(self) -> Result<Schema, String> {
        let Self { mut schema, key, value, collation } = self;
        let columns = &mut schema.columns;
        schema.is_keyless = matches!(columns.as_slice(),
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
        if schema.is_keyless {
            if columns.last().is_none_or(|count| count.storage != Storage::Value(0)) {
                return Err("it does not count rows, though it has no key".to_owned());
            }
            columns.truncate(columns.len() - 2);
        } else {
            schema.primary_key = key.into_iter().map(usize::from).collect();
        }
        let is_lost = |column: &&Column| column.storage == Storage::Nowhere && !column.is_virtual;
        if let Some(lost) = columns.iter().find(is_lost) {
            return Err(format!("column {:?} is neither in its keys nor in its values", lost.name));
        }
        let outside = |&&place: &&usize| place >= columns.len();
        if let Some(place) = schema.indexes.iter().flat_map(|index| &index.columns).find(outside) {
            return Err(no_column(*place));
        }
        schema.indexes.sort_by(|a, b| a.name.cmp(&b.name));
        schema.collation =
            collation::name(collation).ok_or_else(|| format!("there is no collation {collation}"))?;
        Ok(schema)
    }
}

fn column(table: &MessageTable) -> Result<Column, MessageError> {
    table.check_fields(17)?;
    Ok(Column {
        name: table.string(0)?,
        sql_type: table.string(1)?,
        default_value: table.string(2)?,
        is_generated: table.bool(11)?,
        is_virtual: table.bool(12)?,
        on_update: table.string(13)?,
        comment: table.string(3)?,
        encoding: table.u8(6)?,
        tag: table.u64(5)?,
        is_nullable: table.bool(8)? && !table.bool(7)?,
        is_auto_increment: table.bool(9)?,
        is_hidden: table.bool(10)? || table.bool(15)?,
        storage: Storage::Nowhere,
    })
}

fn index(table: &MessageTable) -> Result<IndexDefinition, MessageError> {
    table.check_fields(INDEX_FIELDS)?;
    Ok(IndexDefinition {
        name: table.string(0)?,
        comment: table.string(1)?,
        columns: table.u16s(2)?.into_iter().map(usize::from).collect(),
        prefix_lengths: table.u16s(8)?,
        is_unique: table.bool(6)?,
        is_spatial: table.bool(9)?,
        is_fulltext: table.bool(10)?,
        is_vector: table.bool(12)?,
    })
}

fn check(table: &MessageTable) -> Result<Check, MessageError> {
    // The last field says that a CHECK is NOT VALID, which `SHOW CREATE TABLE` does not print.
    table.check_fields(4)?;
    Ok(Check { name: table.string(0)?, expression: table.string(1)?, is_enforced: table.bool(2)? })
}
