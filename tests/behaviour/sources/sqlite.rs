//! A folder of copies of a SQLite database.

use std::path::Path;
use std::sync::Arc;

use asof::source::{Capabilities, Source};

use super::{Archives, damage_middle};
use crate::fixture::{Fixture, HOSTILE, Tables, sql};
use crate::support::command::run;

const TABLES: &str = "CREATE TABLE issues (id INTEGER PRIMARY KEY, title TEXT);
    CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT);";

/// Copies, each made by `sqlite3`.
pub struct Files(Archives);

impl Files {
    fn add(&mut self, tables: &Tables, more: &str) {
        let script = format!("{TABLES}\n{more}\nBEGIN;\n{};\nCOMMIT;\n", sql(tables).join(";\n"));
        self.0.add("state-%Y-%m-%d-%H%M%S.db", |path: &Path| {
            run("sqlite3").arg("-bail").arg(path).input(script).ok();
        });
    }
}

impl Fixture for Files {
    fn new() -> Self {
        Self(Archives::new())
    }

    fn expected(&self) -> Capabilities {
        Capabilities { sql_dump: true, permissions: true, ..Capabilities::default() }
    }

    fn open(&self) -> Arc<dyn Source> {
        self.0.open()
    }

    fn commit(&mut self, tables: &Tables) {
        self.add(tables, "");
    }

    fn path(&self, table: &str) -> Option<String> {
        Some(format!("{table}.jsonl"))
    }

    fn restrict(&mut self) {
        self.0.restrict();
    }

    fn damage(&mut self) -> bool {
        damage_middle(&self.0.newest());
        true
    }

    fn commit_hostile(&mut self, tables: &Tables) -> usize {
        let table = |name: &&str| format!("CREATE TABLE \"{name}\" (id INTEGER PRIMARY KEY);");
        let more: Vec<String> = HOSTILE.iter().map(table).collect();
        self.add(tables, &more.join("\n"));
        HOSTILE.len()
    }
}
