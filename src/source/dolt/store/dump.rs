//! A whole commit as SQL, from the store's files.

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use dolt_store::objects::RootValue;
use dolt_store::schema::SchemaOf;
use dolt_store::{Address, RowsError};

use super::lineage::is_system_table;
use super::renderer::RowRenderer;
use super::schema_file::{definition, foreign_keys, rows_of, statement};
use super::shared::{ReadError, SharedDatabase};
use crate::content::blocking::on_blocking_thread;
use crate::content::{Sink, SourceError, Stream};
use crate::source::dolt::common::lineage::{PROCEDURES, VIEWS};
use crate::source::dolt::common::programs::{Programs, StoredProgram};
use crate::source::dolt::common::sql_dump::{DumpedTable, Subject, TAIL};

/// Size of the pieces handed on, in bytes.
const PIECE: usize = 256 * 1024;

/// The dump of a root value.
#[derive(Clone)]
pub struct StoreDumpContent {
    pub shared: Arc<SharedDatabase>,
    pub root: Address,
    /// The moment in words: `at <hash>`.
    pub when: String,
    pub subject: Subject,
}

#[async_trait]
impl Stream for StoreDumpContent {
    fn describe(&self) -> String {
        format!("dump of {} {} in {}", self.shared.database, self.when, self.shared.label)
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let dump = self.clone();
        on_blocking_thread(&self.shared.label, move || {
            let mut out = Pieces { sink, buffer: Vec::new() };
            // A closed sink means that the reader needs no more, which is no failure.
            dump.write(&mut out).map(|_| ()).map_err(|error| {
                let operation = format!("cannot dump {} {}", dump.shared.database, dump.when);
                error.during(&dump.shared.label, operation)
            })
        })
        .await
    }
}

/// What was written and not handed on yet.
struct Pieces {
    sink: Sink,
    buffer: Vec<u8>,
}

impl Pieces {
    fn push_if_full(&mut self) -> ControlFlow<()> {
        if self.buffer.len() < PIECE { ControlFlow::Continue(()) } else { self.push() }
    }

    fn push(&mut self) -> ControlFlow<()> {
        // Copied, so that a piece takes as much memory as its length: the cache counts lengths.
        let piece = Bytes::copy_from_slice(&self.buffer);
        self.buffer.clear();
        match self.sink.push_blocking(piece) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

impl StoreDumpContent {
    fn write(&self, out: &mut Pieces) -> Result<ControlFlow<()>, ReadError> {
        let shared = &self.shared;
        let root = RootValue::read(&shared.store, &self.root)?;
        let foreign_keys = foreign_keys(shared, &root)?;
        out.buffer.extend_from_slice(self.subject.head().as_bytes());
        let tables = root.tables.keys().filter(|table| !is_system_table(table));
        for name in tables.clone() {
            let Some(shown) = statement(shared, &root, SchemaOf::Commit, &foreign_keys, name)? else {
                continue;
            };
            let unread = || RowsError::UnsupportedTable {
                table: name.clone(),
                problem: format!("has a CREATE TABLE of an unknown form: {shown}"),
            };
            let mut table = DumpedTable::new(name, &shown).ok_or_else(unread)?;
            out.buffer.extend_from_slice(self.subject.table_head(name).as_bytes());
            out.buffer.extend_from_slice(table.begin().as_bytes());
            if !shared.is_excluded(name) && self.rows(&root, name, &mut table, out)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            table.end(&mut out.buffer);
        }
        let programs = self.programs(&root)?;
        out.buffer.extend_from_slice(programs.statements(tables.clone().map(String::as_str)).as_bytes());
        out.buffer.push(b'\n');
        out.buffer.extend_from_slice(TAIL.as_bytes());
        Ok(out.push())
    }

    fn rows(
        &self,
        root: &RootValue,
        name: &str,
        table: &mut DumpedTable,
        out: &mut Pieces,
    ) -> Result<ControlFlow<()>, ReadError> {
        let shared = &self.shared;
        let Some((stored, schema)) = definition(shared, root, name)? else {
            return Ok(ControlFlow::Continue(()));
        };
        let renderer = RowRenderer::of_literals(&schema, table.layout())?;
        let values = shared.values.before(&shared.store);
        let mut row = Vec::new();
        for leaf in stored.leaves(&shared.store) {
            let (leaf, message) = leaf?;
            let mut flow = ControlFlow::Continue(());
            row.clear();
            let rendered = renderer.render(&message, &values, 0..u64::MAX, &mut row, |row| {
                table.row(row, &mut out.buffer);
                row.clear();
                flow = out.push_if_full();
                flow
            });
            rendered.map_err(|source| ReadError::Leaf { leaf, source })?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn programs(&self, root: &RootValue) -> Result<Programs, ReadError> {
        let kept = |table: &str| -> Result<Vec<StoredProgram>, ReadError> {
            match root.tables.get(table) {
                Some(address) => rows_of(&self.shared, table, address),
                None => Ok(Vec::new()),
            }
        };
        Ok(Programs::new(kept(VIEWS)?, kept(PROCEDURES)?))
    }
}
