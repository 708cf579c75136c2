//! A whole file as SQL: what `.dump` of the `sqlite3` shell prints, and what that loses.
//!
//! A database that `sqlite3` makes from it has the same `.dump`. In addition, texts keep what no literal can hold (NUL
//! characters, bytes that are not UTF-8), as do the encoding and the file's own numbers. A rowid stays where it is a
//! column of the table. Virtual tables come as `.dump` has them: their inner tables with all rows, and their own entry
//! in the schema.

use data_encoding::HEXUPPER;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::check::unknown_collations;
use super::connection::{Connected, TextEncoding};
use super::problem::{Result, RowProblem, SqliteProblem};
use super::rows::{SHORTEST_ROW, Take, check_order, push, utf16, values};
use super::schema::{EntryKind, Schema, SchemaEntry, columns, is_internal};
use super::schema_sql::{comment_line, end_of};
use super::select::{quoted, rowid, utf16_value};
use super::stand_ins;
use super::statement::is_one_statement;
use crate::format::blob::PIECE;

pub(super) fn write(connected: &mut Connected, take: Take<'_>) -> Result<()> {
    let schema = Schema::read(&connected.connection)?;
    let mut out = Out { text: Vec::new(), take };
    head(connected, &schema, &mut out.text)?;
    let mut is_writable = false;
    let is_sequence = |entry: &&SchemaEntry| entry.lossy_name.eq_ignore_ascii_case("sqlite_sequence");
    let tables = schema.entries.iter().filter(|entry| is_table(entry));
    let (sequences, tables): (Vec<_>, Vec<_>) = tables.partition(is_sequence);
    for entry in tables.into_iter().chain(sequences) {
        let (Some(name), Some(sql)) = (&entry.name, &entry.sql) else {
            if entry.name.is_none() {
                left_out(&mut out.text, entry, "has a name that is not UTF-8");
            }
            continue;
        };
        if entry.kind == EntryKind::VirtualTable {
            if !std::mem::replace(&mut is_writable, true) {
                out.text.extend_from_slice(b"PRAGMA writable_schema=ON;\n");
            }
            virtual_table(connected, &mut out.text, name, sql)?;
            continue;
        }
        if is_sequence(&entry) {
            out.text.extend_from_slice(b"DELETE FROM sqlite_sequence;\n");
        } else if is_statistics(name) {
            out.text.extend_from_slice(b"ANALYZE sqlite_schema;\n");
        } else if is_internal(name) || !statement(&mut out.text, entry, sql) {
            continue;
        }
        rows(connected, name, &mut out)?;
    }
    for entry in schema.entries.iter().filter(|entry| !is_table(entry)) {
        if let Some(sql) = &entry.sql {
            statement(&mut out.text, entry, sql);
        }
    }
    if is_writable {
        out.text.extend_from_slice(b"PRAGMA writable_schema=OFF;\n");
    }
    out.text.extend_from_slice(b"COMMIT;\n");
    out.push()
}

fn is_table(entry: &SchemaEntry) -> bool {
    matches!(entry.kind, EntryKind::Table | EntryKind::VirtualTable)
}

/// `sqlite_stat1` and the like, which ANALYZE makes.
fn is_statistics(name: &str) -> bool {
    let number = name.get(..11).filter(|start| start.eq_ignore_ascii_case("sqlite_stat")).and(name.get(11..));
    number.is_some_and(|number| number.chars().count() == 1)
}

fn head(connected: &Connected, schema: &Schema, out: &mut Vec<u8>) -> Result<()> {
    comment_line(
        out,
        "-- Database of SQLite as SQL, made by asof. To be loaded into a new file by `sqlite3`.",
    );
    for collation in unknown_collations(&connected.connection, schema)?.keys() {
        let line = format!(
            "-- Loading it needs the collation {collation:?}, which only the program has that made the file."
        );
        comment_line(out, &line);
    }
    out.extend_from_slice(b"PRAGMA foreign_keys=OFF;\n");
    match connected.encoding {
        TextEncoding::Utf8 => {}
        TextEncoding::Utf16Le => out.extend_from_slice(b"PRAGMA encoding='UTF-16le';\n"),
        TextEncoding::Utf16Be => out.extend_from_slice(b"PRAGMA encoding='UTF-16be';\n"),
    }
    out.extend_from_slice(b"BEGIN TRANSACTION;\n");
    for pragma in ["user_version", "application_id"] {
        let number: i64 = connected.connection.pragma_query_value(Some("main"), pragma, |row| row.get(0))?;
        if number != 0 {
            out.extend_from_slice(format!("PRAGMA {pragma}={number};\n").as_bytes());
        }
    }
    Ok(())
}

/// Appends a statement of the schema, or a comment if it is left out; returns which. A text of more than one statement
/// was put there by hand, and would do more than make its entry: it is left out.
fn statement(out: &mut Vec<u8>, entry: &SchemaEntry, sql: &[u8]) -> bool {
    if !is_one_statement(sql) {
        left_out(out, entry, "has a definition that is more than one statement");
        return false;
    }
    out.extend_from_slice(sql);
    out.extend_from_slice(end_of(sql));
    true
}

fn left_out(out: &mut Vec<u8>, entry: &SchemaEntry, reason: &str) {
    comment_line(out, &format!("-- {:?} is not here: it {reason}.", entry.lossy_name));
}

/// Its entry in the schema: its own statement would fill its inner tables, which come with all their rows.
fn virtual_table(connected: &Connected, out: &mut Vec<u8>, name: &str, sql: &[u8]) -> Result<()> {
    out.extend_from_slice(b"INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table',");
    for _ in 0..2 {
        text(name.as_bytes(), connected.encoding, out);
        out.push(b',');
    }
    out.extend_from_slice(b"0,");
    text(sql, connected.encoding, out);
    out.extend_from_slice(b");\n");
    Ok(())
}

/// Output that was not passed on yet.
struct Out<'t> {
    text: Vec<u8>,
    take: Take<'t>,
}

impl Out<'_> {
    fn push(&mut self) -> Result<()> {
        push(&mut self.text, self.take)
    }
}

/// Appends the rows of a table, in the order in which they are stored: by rowid, or by the key of a table `WITHOUT
/// ROWID`.
fn rows(connected: &Connected, table: &str, out: &mut Out<'_>) -> Result<()> {
    let columns = columns(&connected.connection, table)?;
    if columns.is_empty() {
        return Err(SqliteProblem::NoSuchTable);
    }
    // No stand-in is called: only stored values are read, in the order in which they are stored.
    stand_ins::for_table(&connected.connection, table)?;
    let all: Vec<_> = columns.iter().map(|column| column.name.clone()).collect();
    if let Some(rowid) = rowid(&all).filter(|rowid| has_rowid(&connected.connection, table, rowid)) {
        check_order(connected, &format!("SELECT {rowid} FROM main.{} NOT INDEXED", quoted(table)))?;
    }
    let is_utf16 = connected.encoding != TextEncoding::Utf8;
    let value = |name: &String| {
        if is_utf16 { utf16_value(&quoted(name)) } else { format!("t.{}", quoted(name)) }
    };
    let stored: Vec<_> =
        columns.iter().filter(|column| !column.is_generated).map(|column| &column.name).collect();
    let asked: Vec<_> = stored.iter().map(|name| value(name)).collect();
    let query = format!("SELECT {} FROM main.{} AS t NOT INDEXED", asked.join(","), quoted(table));
    let insert = format!("INSERT INTO {} VALUES(", quoted(table));
    let mut statement = connected.connection.prepare(&query)?;
    let mut rows = statement.query([])?;
    let mut number = 0;
    while let Some(row) = rows.next()? {
        number += 1;
        if number > connected.len / SHORTEST_ROW {
            return Err(SqliteProblem::TooManyRows { len: connected.len });
        }
        out.text.extend_from_slice(insert.as_bytes());
        literals(row, stored.len(), connected.encoding, &mut out.text)
            .map_err(|problem| SqliteProblem::Row { row: number, problem })?;
        out.text.extend_from_slice(b");\n");
        if out.text.len() >= PIECE {
            out.push()?;
        }
    }
    Ok(())
}

/// Whether a name of the rowid means the rowid in this table: a table `WITHOUT ROWID` has none.
fn has_rowid(connection: &Connection, table: &str, rowid: &str) -> bool {
    connection.prepare(&format!("SELECT {rowid} FROM main.{}", quoted(table))).is_ok()
}

fn literals(
    row: &Row<'_>,
    columns: usize,
    encoding: TextEncoding,
    out: &mut Vec<u8>,
) -> Result<(), RowProblem> {
    for (at, stored) in values(row, columns, encoding).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match stored? {
            (ValueRef::Null, _) => out.extend_from_slice(b"NULL"),
            (ValueRef::Integer(number), _) => out.extend_from_slice(number.to_string().as_bytes()),
            (ValueRef::Real(number), _) => real(number, out),
            (ValueRef::Text(bytes), _) => text(bytes, encoding, out),
            (ValueRef::Blob(bytes), true) => {
                match utf16(bytes, encoding).filter(|text| !text.contains('\0')) {
                    Some(whole) => text(whole.as_bytes(), encoding, out),
                    None => cast(bytes, out),
                }
            }
            (ValueRef::Blob(bytes), false) => blob(bytes, out),
        }
    }
    Ok(())
}

/// Twenty digits, as `.dump` writes: from fewer, SQLite does not always read the nearest number.
fn real(number: f64, out: &mut Vec<u8>) {
    let literal = if number.is_infinite() {
        if number > 0.0 { "9e999".to_owned() } else { "-9e999".to_owned() }
    } else if number == 0.0 && number.is_sign_negative() {
        // A literal of zero loses its sign.
        "0e0*-1e0".to_owned()
    } else if number.is_subnormal() {
        // With more digits the exponent is so low that SQLite reads 0.
        format!("{number:e}")
    } else {
        let digits = format!("{number:.19e}");
        let (mantissa, exponent) = digits.split_once('e').expect("it was written with an exponent");
        format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
    };
    out.extend_from_slice(literal.as_bytes());
}

/// A text in one line, which `sqlite3` reads without changing line breaks. `bytes` should be UTF-8; a text that is not,
/// or that has a NUL, is written as the bytes that the file has.
fn text(bytes: &[u8], encoding: TextEncoding, out: &mut Vec<u8>) {
    let Some(whole) = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')) else {
        match encoding {
            TextEncoding::Utf8 => cast(bytes, out),
            TextEncoding::Utf16Le => cast(&units(bytes, u16::to_le_bytes), out),
            TextEncoding::Utf16Be => cast(&units(bytes, u16::to_be_bytes), out),
        }
        return;
    };
    let breaks = [('\n', 'n', 10), ('\r', 'r', 13)];
    let breaks: Vec<_> = breaks.into_iter().filter(|(char, ..)| whole.contains(*char)).collect();
    let mut line = whole.replace('\'', "''");
    let mut tail = String::new();
    for (char, letter, code) in breaks {
        let mark = unused(whole, letter);
        line = line.replace(char, &mark);
        tail.push_str(&format!(",'{mark}',char({code}))"));
        out.extend_from_slice(b"replace(");
    }
    out.push(b'\'');
    out.extend_from_slice(line.as_bytes());
    out.push(b'\'');
    out.extend_from_slice(tail.as_bytes());
}

fn units(bytes: &[u8], unit: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
    String::from_utf8_lossy(bytes).encode_utf16().flat_map(unit).collect()
}

/// A text that does not occur in another, to stand for a line break.
fn unused(text: &str, letter: char) -> String {
    let mut mark = format!("\\{letter}");
    let mut number = 0_u32;
    while text.contains(&mark) {
        mark = format!("\\({letter}{number})");
        number += 1;
    }
    mark
}

fn cast(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"CAST(");
    blob(bytes, out);
    out.extend_from_slice(b" AS TEXT)");
}

fn blob(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"X'");
    out.extend_from_slice(HEXUPPER.encode(bytes).as_bytes());
    out.push(b'\'');
}
