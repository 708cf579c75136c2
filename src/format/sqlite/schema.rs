//! Reads the schema of a file: the schema table, and SQLite's pragmas.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::problem::Result;

pub(super) struct Schema {
    /// The entries, in the order in which they were made.
    pub(super) entries: Vec<SchemaEntry>,
    /// Tables that hold the inner parts of a virtual table, which its module makes and reads.
    pub(super) shadows: HashSet<String>,
    pub(super) without_rowid: HashSet<String>,
}

/// One row of the schema table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SchemaEntry {
    pub(super) kind: EntryKind,
    /// Its name; `None` if that is not UTF-8.
    pub(super) name: Option<String>,
    /// The name as it is stored, for messages.
    pub(super) lossy_name: String,
    /// The statement that makes it, as it is stored. Indexes that come with a table have none.
    pub(super) sql: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    Table,
    VirtualTable,
    Index,
    View,
    Trigger,
}

impl Schema {
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let mut entries = Vec::new();
        let query = "SELECT type, name, rootpage, sql FROM main.sqlite_schema ORDER BY rowid";
        let mut statement = connection.prepare(query)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |at| -> Result<Option<Vec<u8>>, rusqlite::Error> {
                Ok(match row.get_ref(at)? {
                    ValueRef::Text(text) => Some(text.to_vec()),
                    _ => None,
                })
            };
            let is_rooted = !matches!(row.get_ref(2)?, ValueRef::Null | ValueRef::Integer(0));
            let kind = match text(0)?.as_deref() {
                Some(b"table") if is_rooted => EntryKind::Table,
                Some(b"table") => EntryKind::VirtualTable,
                Some(b"index") => EntryKind::Index,
                Some(b"view") => EntryKind::View,
                Some(b"trigger") => EntryKind::Trigger,
                _ => continue,
            };
            let name = text(1)?.unwrap_or_default();
            let lossy_name = String::from_utf8_lossy(&name).into_owned();
            entries.push(SchemaEntry { kind, name: String::from_utf8(name).ok(), lossy_name, sql: text(3)? });
        }
        let (mut shadows, mut without_rowid) = (HashSet::new(), HashSet::new());
        connection.pragma_query(Some("main"), "table_list", |row| {
            let Ok(name) = row.get::<_, String>(1) else { return Ok(()) };
            if row.get::<_, bool>(4)? {
                without_rowid.insert(name.clone());
            }
            if row.get_ref(2)? == ValueRef::Text(b"shadow") {
                shadows.insert(name);
            }
            Ok(())
        })?;
        Ok(Self { entries, shadows, without_rowid })
    }
}

/// One column of a table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShownColumn {
    pub(super) name: String,
    /// Whether an expression makes its values, so that no value can be inserted.
    pub(super) is_generated: bool,
}

/// The columns that `SELECT *` gives, generated ones too, in their order. None if there is no such table.
pub(super) fn columns(connection: &Connection, table: &str) -> Result<Vec<ShownColumn>> {
    /// The value of `hidden` in `table_xinfo` for a column that a virtual table's rows do not have.
    const HIDDEN: i64 = 1;
    let mut columns = Vec::new();
    connection.pragma(Some("main"), "table_xinfo", table, |row| {
        let hidden: i64 = row.get(6)?;
        if hidden != HIDDEN {
            // 2 and 3 are generated columns: 2 virtual, 3 stored.
            columns.push(ShownColumn { name: row.get(1)?, is_generated: hidden > HIDDEN });
        }
        Ok(())
    })?;
    Ok(columns)
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyColumn {
    pub(super) name: String,
    pub(super) collation: String,
    pub(super) is_descending: bool,
}

/// The columns of a table's primary key, in its order. Empty for a key that is the rowid, or if there is no key.
pub(super) fn primary_key(connection: &Connection, table: &str) -> Result<Vec<KeyColumn>> {
    let mut origins: HashMap<String, String> = HashMap::new();
    connection.pragma(Some("main"), "index_list", table, |row| {
        origins.insert(row.get(3)?, row.get(1)?);
        Ok(())
    })?;
    let mut key = Vec::new();
    if let Some(index) = origins.get("pk") {
        connection.pragma(Some("main"), "index_xinfo", index, |row| {
            // The columns after those of the key only serve to find the row.
            if row.get::<_, bool>(5)? {
                key.push(KeyColumn { name: row.get(2)?, collation: row.get(4)?, is_descending: row.get(3)? });
            }
            Ok(())
        })?;
    }
    Ok(key)
}

/// The names of the columns of a table's primary key, in its order, also of a key that is the rowid.
pub(super) fn key_columns(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut key: Vec<(u32, String)> = Vec::new();
    connection.pragma(Some("main"), "table_xinfo", table, |row| {
        // Its place in the key, from 1 on; 0 for a column that is not in it.
        let place: u32 = row.get(5)?;
        if place > 0 {
            key.push((place, row.get(1)?));
        }
        Ok(())
    })?;
    key.sort();
    Ok(key.into_iter().map(|(_, name)| name).collect())
}

/// Whether SQLite made a table for itself: no other may have such a name.
pub(super) fn is_internal(name: &str) -> bool {
    name.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("sqlite_"))
}
