//! Runs SQLite's own check of a file.
//!
//! The check evaluates generated columns, which may call functions of the program that made the file. What needs these
//! is reported as not checked; the rest is checked. SQLite ignores the CHECK constraints of a file that it may not
//! write to (`sqlite3AddCheckConstraint`), so none of them makes a file wrong.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, ErrorCode};
use serde::{Deserialize, Serialize};

use super::connection::Connected;
use super::problem::{Result, SqliteProblem};
use super::schema::{EntryKind, Schema};
use super::select::quoted;
use super::stand_ins;

const MOST_MESSAGES: u32 = 100;

/// Most names that a file may need and SQLite does not have.
const MOST_STAND_INS: usize = 100;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    /// What is broken, in SQLite's words, at most 100 messages.
    pub(crate) wrong: Vec<String>,
    /// What could not be checked, and why.
    pub(crate) unchecked: Vec<String>,
}

pub(super) fn check(connected: &mut Connected) -> Result<Check> {
    let connection = &connected.connection;
    let schema = match Schema::read(connection) {
        Ok(schema) => schema,
        Err(problem) => {
            return match whole(connection) {
                Ok(wrong) if !wrong.is_empty() => Ok(Check { wrong, unchecked: Vec::new() }),
                _ => Err(problem),
            };
        }
    };
    // If indexes cannot even be listed, the check finds what is broken.
    let unknown = unknown_collations(connection, &schema).unwrap_or_default();
    let unchecked = unknown.into_iter().map(|(collation, indexes)| {
        let indexes = Vec::from_iter(indexes).join(", ");
        format!("the order of {indexes}: it needs the collation {collation}, which only the program has that made the file")
    });
    let mut check = Check { wrong: Vec::new(), unchecked: unchecked.collect() };
    // By table, what its definition needs. SQLite leaves an unknown collation out of a CHECK in silence.
    let mut calls: BTreeMap<String, String> = tables_with_code(&schema)
        .filter_map(|table| Some((table.name, unknown_collation_in(&table.text)?)))
        .collect();
    match whole(connection) {
        Ok(wrong) => check.wrong = wrong,
        Err(Failed::Needs(missing)) => without(connection, &schema, missing, &mut check, &mut calls)?,
        Err(Failed::Problem(problem)) => return Err(problem),
    }
    check.unchecked.extend(calls.into_iter().map(|(table, name)| {
        format!("what table {table} computes or demands of its rows: it needs {name}, which only the program has that made the file")
    }));
    Ok(check)
}

enum Failed {
    /// It needs something by this name that SQLite does not have.
    Needs(Missing),
    Problem(SqliteProblem),
}

enum Missing {
    Collation(String),
    Function(String),
}

impl Missing {
    /// What SQLite reports as missing.
    fn of(error: &rusqlite::Error) -> Option<Self> {
        let said = match error {
            rusqlite::Error::SqliteFailure(_, Some(said)) => said,
            rusqlite::Error::SqlInputError { msg, .. } => msg,
            _ => return None,
        };
        if let Some(name) = said.strip_prefix("no such collation sequence: ") {
            return Some(Self::Collation(name.to_owned()));
        }
        let unknown = said.strip_prefix("unknown function: ").and_then(|name| name.strip_suffix("()"));
        unknown
            .or_else(|| said.strip_prefix("no such function: "))
            .map(|name| Self::Function(name.to_owned()))
    }

    fn name(&self) -> &str {
        match self {
            Self::Collation(name) | Self::Function(name) => name,
        }
    }

    fn stand_in(&self, connection: &Connection) -> Result<()> {
        match self {
            Self::Collation(name) => stand_ins::collation(connection, name),
            Self::Function(name) => stand_ins::function(connection, name),
        }
    }
}

/// The messages about the whole file: none if it is sound.
fn whole(connection: &Connection) -> Result<Vec<String>, Failed> {
    messages(connection, &format!("PRAGMA main.quick_check({MOST_MESSAGES})"))
}

fn messages(connection: &Connection, query: &str) -> Result<Vec<String>, Failed> {
    let ask = || -> Result<Vec<String>, rusqlite::Error> {
        let mut statement = connection.prepare(query)?;
        let mut rows = statement.query([])?;
        let mut messages = Vec::new();
        while let Some(row) = rows.next()? {
            let message = row.get_ref(0)?.as_bytes().unwrap_or_default();
            messages.push(String::from_utf8_lossy(message).into_owned());
        }
        Ok(if messages == ["ok"] { Vec::new() } else { messages })
    };
    ask().or_else(|error| match Missing::of(&error) {
        Some(missing) => Err(Failed::Needs(missing)),
        // This is how a virtual table fails whose inner tables are broken.
        None if error.sqlite_error_code() == Some(ErrorCode::Unknown) => Ok(vec![error.to_string()]),
        None => Err(Failed::Problem(error.into())),
    })
}

/// Checks what can be checked of a file that needs `first`.
fn without(
    connection: &Connection,
    schema: &Schema,
    first: Missing,
    check: &mut Check,
    calls: &mut BTreeMap<String, String>,
) -> Result<()> {
    let mut missing = BTreeSet::new();
    let mut next = Some(first);
    let mut messages = Vec::new();
    while let Some(needed) = next.take() {
        if missing.len() >= MOST_STAND_INS || !missing.insert(needed.name().to_ascii_lowercase()) {
            check.unchecked.push(format!("it needs {}, which SQLite does not have", needed.name()));
            return Ok(());
        }
        needed.stand_in(connection)?;
        match whole(connection) {
            Ok(found) => messages = found,
            Err(Failed::Needs(another)) => next = Some(another),
            Err(Failed::Problem(problem)) => return Err(problem),
        }
    }
    for table in tables_with_code(schema) {
        let text = table.text.to_ascii_lowercase();
        if let Some(name) = missing.iter().find(|name| text.contains(name.as_str())) {
            calls.insert(table.name, name.clone());
            continue;
        }
        let query = format!("PRAGMA main.quick_check({})", quoted(&table.name));
        match self::messages(connection, &query) {
            Ok(found) => messages.extend(found),
            Err(Failed::Needs(another)) => drop(calls.insert(table.name, another.name().to_owned())),
            Err(Failed::Problem(problem)) => return Err(problem),
        }
    }
    // A stand-in returns values that the program would not.
    let is_made_up =
        |message: &str| calls.keys().any(|table| message.contains(&format!(" value in {table}.")));
    messages.retain(|message| !is_made_up(message));
    messages.dedup();
    messages.truncate(MOST_MESSAGES as usize);
    check.wrong = messages;
    Ok(())
}

/// The first collation that a definition names and SQLite does not have.
fn unknown_collation_in(definition: &str) -> Option<String> {
    let is_end = |char: char| char.is_whitespace() || "(),;\"'`[]".contains(char);
    let mut words = definition.split(is_end).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("collate") {
            let name = words.next()?;
            if !stand_ins::is_built_in(name) {
                return Some(name.to_owned());
            }
        }
    }
    None
}

/// A table whose definition may call something.
struct Code {
    name: String,
    text: String,
}

fn tables_with_code(schema: &Schema) -> impl Iterator<Item = Code> + '_ {
    let tables = schema.entries.iter().filter(|entry| entry.kind == EntryKind::Table);
    tables.filter_map(|entry| {
        let text = String::from_utf8_lossy(entry.sql.as_deref()?).into_owned();
        let lower = text.to_ascii_lowercase();
        let has_code = lower.contains("check") || lower.contains(" as ") || lower.contains(" as(");
        Some(Code { name: entry.name.clone()?, text }).filter(|_| has_code)
    })
}

/// The collations that SQLite does not have, and the indexes and keys whose order each of them decides.
pub(super) fn unknown_collations(
    connection: &Connection,
    schema: &Schema,
) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut by_collation: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in schema.entries.iter().filter(|entry| entry.kind == EntryKind::Table) {
        let Some(table) = &entry.name else { continue };
        for order in stand_ins::unknown_orders(connection, table)? {
            let what = order.index.unwrap_or_else(|| format!("a key of {table}"));
            by_collation.entry(order.collation).or_default().insert(what);
        }
    }
    Ok(by_collation)
}
