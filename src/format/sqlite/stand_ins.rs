//! Stands in for collations and functions that only the program that made a file has.
//!
//! SQLite prepares no statement over a table whose key has a collation that it does not know, not even to read rows as
//! they are stored. So it gets a stand-in under that name, for statements that never call it: nothing is sorted or
//! compared by it.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Null;

use super::problem::Result;

const BUILT_IN: [&str; 3] = ["BINARY", "NOCASE", "RTRIM"];

/// Whether a collation is built into SQLite.
pub(super) fn is_built_in(collation: &str) -> bool {
    BUILT_IN.iter().any(|known| collation.eq_ignore_ascii_case(known))
}

/// An index, or the key of a table, whose order depends on a collation that SQLite does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownOrder {
    pub(super) collation: String,
    /// The name of the index; none for that of a key or another constraint.
    pub(super) index: Option<String>,
    is_primary_key: bool,
}

/// The indexes and keys of a table whose order SQLite does not know.
pub(super) fn unknown_orders(connection: &Connection, table: &str) -> Result<Vec<UnknownOrder>> {
    let mut indexes: Vec<(String, String)> = Vec::new();
    connection.pragma(Some("main"), "index_list", table, |row| {
        indexes.push((row.get(1)?, row.get(3)?));
        Ok(())
    })?;
    let mut unknown = Vec::new();
    for (index, origin) in indexes {
        connection.pragma(Some("main"), "index_xinfo", &index, |row| {
            let collation: Option<String> = row.get(4)?;
            // The columns after those of the key only serve to find the row.
            if let Some(collation) = collation.filter(|name| row.get(5) == Ok(true) && !is_built_in(name)) {
                let index = (origin == "c").then(|| index.clone());
                unknown.push(UnknownOrder { collation, index, is_primary_key: origin == "pk" });
            }
            Ok(())
        })?;
    }
    Ok(unknown)
}

/// Lets SQLite prepare statements over a table whatever its indexes and keys need. True if the primary key now has a
/// stand-in, so that rows may be read only in the order in which they are stored.
pub(super) fn for_table(connection: &Connection, table: &str) -> Result<bool> {
    let unknown = unknown_orders(connection, table)?;
    let names: BTreeSet<&str> = unknown.iter().map(|order| &*order.collation).collect();
    for name in names {
        collation(connection, name)?;
    }
    Ok(unknown.iter().any(|order| order.is_primary_key))
}

pub(super) fn collation(connection: &Connection, name: &str) -> Result<()> {
    let by_bytes: fn(&str, &str) -> Ordering = |a, b| a.cmp(b);
    Ok(connection.create_collation(name, by_bytes)?)
}

/// A stand-in for a function: NULL, whatever it is called with.
pub(super) fn function(connection: &Connection, name: &str) -> Result<()> {
    let null = |_: &Context<'_>| -> rusqlite::Result<Null> { Ok(Null) };
    // A schema that is not trusted may call what is declared to do no harm.
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    Ok(connection.create_scalar_function(name, -1, flags, null)?)
}
