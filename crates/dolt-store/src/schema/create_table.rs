//! `CREATE TABLE` statements, as the server's `SHOW CREATE TABLE` prints them.

use super::sql_type::{SqlType, is_spatial};
use super::{Column, IndexDefinition, Schema, collation, default_value, expression};
use crate::rows_error::RowsError;
use crate::sql::{ident, idents};

/// Which state of a table a statement describes: the server prints less about commits than about the working set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaOf {
    /// `SHOW CREATE TABLE t AS OF '<commit>'`.
    Commit,
    /// `SHOW CREATE TABLE t`: the working set.
    WorkingSet,
}

/// The statement that makes a table. `auto_increment` is what the table object holds (0 if nothing counts up).
/// `foreign_keys` are the clauses of the foreign keys that the table declares, by name (see
/// [`ForeignKey::clause`](super::ForeignKey::clause)).
pub fn create_table(
    schema: &Schema,
    moment: SchemaOf,
    auto_increment: u64,
    foreign_keys: &[String],
) -> Result<String, RowsError> {
    let mut lines = Vec::with_capacity(schema.columns.len() + schema.indexes.len() + foreign_keys.len() + 2);
    for column in schema.shown_columns() {
        lines.push(column_line(schema, column)?);
    }
    if !schema.primary_key.is_empty() {
        let names: Vec<_> = schema.primary_key.iter().map(|&place| &schema.columns[place].name).collect();
        lines.push(format!("  PRIMARY KEY ({})", idents(&names)));
    }
    lines.extend(schema.indexes.iter().map(|index| index_line(schema, index)));
    lines.extend_from_slice(foreign_keys);
    lines.extend(schema.checks.iter().map(|check| {
        let suffix = if check.is_enforced { "" } else { " /*!80016 NOT ENFORCED */" };
        format!(
            "  CONSTRAINT {} CHECK ({}){suffix}",
            ident(&check.name),
            expression::shown(&check.expression)
        )
    }));
    let counter =
        if auto_increment > 1 { format!(" AUTO_INCREMENT={auto_increment}") } else { String::new() };
    let mut statement = format!(
        "CREATE TABLE {} (\n{}\n) ENGINE=InnoDB{counter} DEFAULT CHARSET={} COLLATE={}",
        ident(&schema.table),
        lines.join(",\n"),
        collation::character_set(schema.collation),
        schema.collation,
    );
    // The server does not print the comment of a table with columns that are computed when they are read.
    if !schema.comment.is_empty() && !schema.columns.iter().any(|column| column.is_virtual) {
        statement.push_str(&format!(" COMMENT='{}'", escaped_comment(&schema.comment)));
    }
    if let Some(size) = schema.target_row_size.filter(|_| moment == SchemaOf::WorkingSet) {
        statement.push_str(&format!(" TARGET_ROW_SIZE={size}"));
    }
    Ok(statement)
}

fn column_line(schema: &Schema, column: &Column) -> Result<String, RowsError> {
    let sql_type = column.parsed_type(&schema.table)?;
    let mut line = format!("  {} {}", ident(&column.name), type_text(&sql_type, schema.collation));
    if !column.is_nullable {
        line.push_str(" NOT NULL");
    }
    if column.is_auto_increment {
        line.push_str(" AUTO_INCREMENT");
    }
    if let Some(srid) = sql_type.srid.filter(|_| is_spatial(&sql_type.base)) {
        line.push_str(&format!(" /*!80003 SRID {srid} */"));
    }
    if column.is_generated {
        let stored = if column.is_virtual { "" } else { " STORED" };
        line.push_str(&format!(" GENERATED ALWAYS AS {}{stored}", expression::shown(&column.default_value)));
    } else if !column.default_value.is_empty() {
        line.push_str(&format!(
            " DEFAULT {}",
            shown_value(schema, column, &column.default_value, &sql_type)?
        ));
    }
    if !column.on_update.is_empty() {
        line.push_str(&format!(" ON UPDATE {}", shown_value(schema, column, &column.on_update, &sql_type)?));
    }
    if !column.comment.is_empty() {
        line.push_str(&format!(" COMMENT '{}'", escaped_comment(&column.comment)));
    }
    Ok(line)
}

fn shown_value(schema: &Schema, column: &Column, sql: &str, sql_type: &SqlType) -> Result<String, RowsError> {
    default_value::shown(sql, sql_type).ok_or_else(|| {
        let problem = format!("({}) has the default {sql}, whose printed form is not known", column.sql_type);
        column.unsupported(&schema.table, problem)
    })
}

/// A type with the character set and collation that differ from the table's.
fn type_text(sql_type: &SqlType, table_collation: &str) -> String {
    let mut text = bare_type(sql_type);
    let collation = sql_type.collation.as_str();
    if sql_type.has_collation() {
        let character_set = collation::character_set(collation);
        if character_set != collation::character_set(table_collation) {
            text.push_str(&format!(" CHARACTER SET {character_set}"));
        }
        if collation != table_collation {
            text.push_str(&format!(" COLLATE {collation}"));
        }
    }
    text
}

fn bare_type(sql_type: &SqlType) -> String {
    match sql_type.base.as_str() {
        // Schemas always state the precision, statements only if it is not 0.
        "datetime" | "timestamp" if sql_type.arguments.first().is_none_or(|&digits| digits == 0) => {
            sql_type.base.clone()
        }
        "enum" | "set" => {
            let members: Vec<_> =
                sql_type.members.iter().map(|member| format!("'{}'", member.replace('\'', "''"))).collect();
            format!("{}({})", sql_type.base, members.join(","))
        }
        "vector" => sql_type.head.clone(),
        // Early versions wrote capitals.
        _ => sql_type.head.to_lowercase(),
    }
}

fn index_line(schema: &Schema, index: &IndexDefinition) -> String {
    let parts = index.columns.iter().enumerate().map(|(nth, &place)| {
        let column = &schema.columns[place];
        if column.is_hidden && column.is_generated {
            // Printed as it is.
            return column.default_value.clone();
        }
        match index.prefix_lengths.get(nth) {
            Some(&length) if length != 0 => format!("{}({length})", ident(&column.name)),
            _ => ident(&column.name),
        }
    });
    let parts = parts.collect::<Vec<_>>().join(",");
    let kind = match index {
        IndexDefinition { is_spatial: true, .. } => "SPATIAL ",
        IndexDefinition { is_unique: true, .. } => "UNIQUE ",
        _ => "",
    };
    let fulltext = if index.is_fulltext { "FULLTEXT " } else { "" };
    let vector = if index.is_vector { "VECTOR " } else { "" };
    let mut line = format!("  {kind}{fulltext}{vector}KEY {} ({parts})", ident(&index.name));
    if !index.comment.is_empty() {
        line.push_str(&format!(" COMMENT '{}'", index.comment));
    }
    line
}

/// A comment as the server escapes it.
fn escaped_comment(comment: &str) -> String {
    let mut escaped = String::with_capacity(comment.len());
    for char in comment.chars() {
        match char {
            '\'' => escaped.push_str("''"),
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\0' => escaped.push_str("\\0"),
            other => escaped.push(other),
        }
    }
    escaped
}
