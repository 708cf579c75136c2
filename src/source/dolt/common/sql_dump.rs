//! A whole database at one commit as SQL: the statements around its rows.
//!
//! `dolt sql` and the `mysql` client load it into an empty database: both know `DELIMITER`. It holds nothing but what
//! its identity is made of, so that it is the same over a server and from the store's files.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::time::Timestamp;

use super::create_table::CreateTable;
use super::ident;
use super::lineage::{Lineage, Origin, PROCEDURES, SCHEMA};
use crate::model::content_id::ContentId;
use crate::model::sql_literal::{LiteralColumn, RowLayout, text_literal};
use crate::source::dolt::common::create_table;

/// Longest statement with more than one row, in bytes: half of the smallest `max_allowed_packet` in use.
const LONGEST_STATEMENT: usize = 512 * 1024;
/// Strict, so that what does not fit is refused. Zeros in AUTO_INCREMENT columns stay zeros.
pub(super) const STRICT: &str =
    "STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION";
/// The same where strictness would refuse the number 0 of an invalid ENUM member.
const LENIENT: &str = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION";

pub const DUMP_FILE: &str = "dump.sql";

/// What a dump holds and states in its head: only what its identity decides.
#[derive(Debug, Clone)]
pub struct Subject {
    pub database: String,
    /// The commit that last changed any definition.
    definitions: Arc<str>,
    /// The commits that last changed each table whose rows are shown.
    tables: BTreeMap<Arc<str>, Arc<str>>,
    /// Tables whose rows are left out, by name.
    excluded: Vec<Arc<str>>,
}

/// A dump's identity, and in how many commits it is the same.
pub struct Identity {
    pub subject: Subject,
    pub id: ContentId,
    /// When any of it last changed.
    pub changed: Timestamp,
    pub links: u32,
}

/// The identity of the dump of a database with these tables at a commit; `None` for a commit that the lineage does not
/// hold. `known_by` is what the database's contents are known by.
pub fn identify(
    lineage: &mut Lineage,
    (database, known_by): (&str, &str),
    commit: &str,
    tables: &[Arc<str>],
    excluded: &[Arc<str>],
) -> Option<Identity> {
    let mut asked = vec![SCHEMA, PROCEDURES];
    asked.extend(tables.iter().map(|table| &**table));
    let Origin { commits, changed, commits_alike } = lineage.origin(commit, &asked)?;
    let mut parts: Vec<&[u8]> = vec![b"dolt-sql-2", known_by.as_bytes()];
    // Each name with its origin; the file names what is left out.
    for (name, origin) in asked.iter().zip(&commits) {
        parts.extend([name.as_bytes(), origin.as_bytes()]);
    }
    parts.extend(excluded.iter().map(|table| table.as_bytes()));
    let id = ContentId::of(&parts);
    let subject = Subject {
        database: database.to_owned(),
        definitions: Arc::clone(commits.first()?),
        tables: tables.iter().cloned().zip(commits.into_iter().skip(2)).collect(),
        excluded: excluded.to_vec(),
    };
    Some(Identity { subject, id, changed, links: commits_alike })
}

impl Subject {
    /// What comes before the tables.
    pub fn head(&self) -> String {
        let mut head = String::new();
        comment(&mut head, &format!("Database {} of Dolt as SQL, made by asof.", ident(&self.database)));
        comment(&mut head, &format!("Its definitions were last changed by commit {}.", self.definitions));
        comment(&mut head, "To be loaded into an empty database, by `dolt sql` or `mysql --comments`.");
        for table in &self.excluded {
            comment(
                &mut head,
                &format!("The rows of table {} are not here: it is excluded by a pattern.", ident(table)),
            );
        }
        head.push_str("SET NAMES utf8mb4;\n");
        head.push_str("SET @asof_sql_mode = @@sql_mode, @asof_time_zone = @@time_zone;\n");
        head.push_str("SET @asof_foreign_key_checks = @@foreign_key_checks;\n");
        head.push_str("SET foreign_key_checks = 0, time_zone = '+00:00';\n");
        set_mode(&mut head, STRICT);
        head
    }

    /// What comes before a table.
    pub fn table_head(&self, table: &str) -> String {
        let mut head = "\n".to_owned();
        if let Some(commit) = self.tables.get(table) {
            comment(&mut head, &format!("Table {}, last changed by commit {commit}.", ident(table)));
        }
        head
    }
}

/// What comes after everything.
pub const TAIL: &str = "SET sql_mode = @asof_sql_mode, time_zone = @asof_time_zone;\n\
    SET foreign_key_checks = @asof_foreign_key_checks;\n";

/// Names may hold line breaks, which would end the comment.
pub(super) fn comment(out: &mut String, text: &str) {
    out.push_str("-- ");
    out.push_str(&text.replace(['\n', '\r'], " "));
    out.push('\n');
}

pub(super) fn set_mode(out: &mut String, mode: &str) {
    out.push_str(&format!("SET sql_mode = {};\n", text_literal(mode)));
}

/// One table: its statement, and those that put its rows in.
pub struct DumpedTable {
    created: CreateTable,
    /// `INSERT INTO ... VALUES`.
    insert: String,
    /// Length of the statement that is open; 0 for none.
    open: usize,
    is_lenient: bool,
}

impl DumpedTable {
    /// Reads its `CREATE TABLE` as Dolt shows it. `None` for one that has another form.
    pub fn new(name: &str, shown: &str) -> Option<Self> {
        let created = create_table::read(shown)?;
        let names: Vec<_> = stored(&created).map(|column| ident(&column.name)).collect();
        let insert = format!("INSERT INTO {} ({}) VALUES\n", ident(name), names.join(","));
        let is_lenient = stored(&created).any(is_empty_invalid);
        Some(Self { created, insert, open: 0, is_lenient })
    }

    /// What makes it, and prepares for its rows.
    pub fn begin(&self) -> String {
        let mut text = format!("{};\n", self.created.statement);
        if self.is_lenient {
            set_mode(&mut text, LENIENT);
        }
        text
    }

    /// The columns to read, as they stand in a SELECT: those that are not generated.
    pub fn selected(&self) -> String {
        if self.created.columns.iter().all(|column| !column.is_generated) {
            return "*".to_owned();
        }
        stored(&self.created).map(|column| ident(&column.name)).collect::<Vec<_>>().join(", ")
    }

    pub fn layout(&self) -> RowLayout {
        let columns = stored(&self.created).map(|column| LiteralColumn {
            name: column.name.clone(),
            is_empty_invalid: is_empty_invalid(column),
        });
        RowLayout::new(columns.collect())
    }

    /// Appends a row, which [`Self::layout`] wrote.
    pub fn row(&mut self, row: &[u8], out: &mut Vec<u8>) {
        if self.open > 0 && self.open + row.len() > LONGEST_STATEMENT {
            self.close(out);
        }
        if self.open == 0 {
            out.extend_from_slice(self.insert.as_bytes());
            self.open = self.insert.len();
        } else {
            out.extend_from_slice(b",\n");
        }
        out.extend_from_slice(row);
        self.open += row.len() + 2;
    }

    /// Appends what comes after the last row.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        if self.is_lenient {
            let mut text = String::new();
            set_mode(&mut text, STRICT);
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open > 0 {
            out.extend_from_slice(b";\n");
            self.open = 0;
        }
    }
}

fn stored(created: &CreateTable) -> impl Iterator<Item = &create_table::Column> {
    created.columns.iter().filter(|column| !column.is_generated)
}

/// An ENUM without an empty member shows an invalid one, of number 0, as an empty text.
fn is_empty_invalid(column: &create_table::Column) -> bool {
    column.members.as_ref().is_some_and(|members| members.iter().all(|member| !member.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_stay_short_and_hold_every_row() {
        let mut table =
            DumpedTable::new("t", "CREATE TABLE `t` (\n  `a` text,\n  `g` int GENERATED ALWAYS AS (1)\n) X")
                .unwrap();
        assert_eq!(table.selected(), "`a`");
        let row = vec![b'x'; 200_000];
        let mut out = Vec::new();
        for _ in 0..5 {
            table.row(&row, &mut out);
        }
        table.row(&vec![b'y'; 2_000_000], &mut out);
        table.row(b"(1)", &mut out);
        table.end(&mut out);
        let text = String::from_utf8(out).unwrap();
        let statements: Vec<_> = text.split_inclusive(";\n").collect();
        assert_eq!(statements.len(), 5, "two, two and one, the long one, and the last");
        assert!(statements.iter().all(|statement| statement.starts_with("INSERT INTO `t` (`a`) VALUES\n")));
        assert_eq!(text.matches(&*"x".repeat(200_000)).count(), 5);
        let mut empty = Vec::new();
        table.end(&mut empty);
        assert!(empty.is_empty());
    }

    #[test]
    fn modes_follow_enums_and_programs() {
        let mut table = DumpedTable::new("t", "CREATE TABLE `t` (\n  `e` enum('a')\n) X").unwrap();
        assert!(table.begin().ends_with(&format!(") X;\nSET sql_mode = '{LENIENT}';\n")));
        let mut out = Vec::new();
        table.end(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("SET sql_mode = '{STRICT}';\n"));
        let strict = DumpedTable::new("t", "CREATE TABLE `t` (\n  `e` enum('a','')\n) X").unwrap();
        assert_eq!(strict.begin(), "CREATE TABLE `t` (\n  `e` enum('a','')\n) X;\n");
    }
}
