//! A folder of JSONL exports, each of one table.

use std::fs;
use std::sync::Arc;

use asof::source::{Capabilities, Source};

use super::Archives;
use crate::fixture::{Fixture, Tables, lines};

/// Exports of `issues` alone.
pub struct Exports(Archives);

impl Fixture for Exports {
    fn new() -> Self {
        Self(Archives::new())
    }

    fn expected(&self) -> Capabilities {
        Capabilities { permissions: true, ..Capabilities::default() }
    }

    fn open(&self) -> Arc<dyn Source> {
        self.0.open()
    }

    fn commit(&mut self, tables: &Tables) {
        let text = lines(&tables.issues);
        self.0.add("beads-%Y%m%d-%H%M.jsonl", |path| fs::write(path, text).expect("the folder is ours"));
    }

    fn path(&self, table: &str) -> Option<String> {
        (table == "issues").then(|| "issues.jsonl".to_owned())
    }

    fn key(&self) -> Option<Vec<String>> {
        None
    }

    fn restrict(&mut self) {
        self.0.restrict();
    }

    /// Nothing in an export says what its bytes should be.
    fn damage(&mut self) -> bool {
        false
    }

    /// Its only table has the same name in each export.
    fn commit_hostile(&mut self, tables: &Tables) -> usize {
        self.commit(tables);
        0
    }
}
