//! The rows of one table as a file.

use std::sync::Arc;

use async_trait::async_trait;

use super::address::Address;
use super::objects::prolly::{self, LeafPlace};
use super::objects::table::Table;
use super::shared::{ReadError, Shared, blocking};
use crate::source::{Content, Sink, SourceError};

/// How many bytes are handed over at once, about.
const PIECE_LEN: usize = 256 << 10;

/// The rows of a table, rendered leaf by leaf.
#[derive(Clone)]
pub struct TableContent {
    /// The database's store.
    pub shared: Arc<Shared>,
    /// The table's name.
    pub name: Arc<str>,
    /// The table's chunk.
    pub table: Address,
    /// At which moment: `at <hash>`, `in the working set`.
    pub when: String,
}

impl TableContent {
    fn produce(&self, sink: &mut Sink) -> Result<(), ReadError> {
        let store = &self.shared.store;
        let table = Table::read(store, &self.table)?;
        let renderer = self.shared.renderer(&self.name, &table.schema)?;
        let mut piece = Vec::with_capacity(PIECE_LEN);
        for leaf in prolly::leaves(store, &self.table, table.primary_index)? {
            let message = leaf.message(store, &self.table)?;
            renderer.render_leaf(&message, store, &mut piece).map_err(|source| match leaf.place {
                LeafPlace::Chunk(leaf) => ReadError::Leaf { leaf, source },
                LeafPlace::InTable(_) => ReadError::Leaf { leaf: self.table, source },
            })?;
            if piece.len() >= PIECE_LEN {
                let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE_LEN));
                if sink.push_blocking(full.into()).is_err() {
                    return Ok(());
                }
            }
        }
        if !piece.is_empty() {
            // A closed sink means that nobody wants the rest, which is no failure.
            let _ = sink.push_blocking(piece.into());
        }
        Ok(())
    }
}

#[async_trait]
impl Content for TableContent {
    fn describe(&self) -> String {
        format!("table {} of {} {} in {}", self.name, self.shared.database, self.when, self.shared.label)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let content = self.clone();
        blocking(&self.shared.label, move || {
            let operation = || {
                format!("cannot read table {} of {} {}", content.name, content.shared.database, content.when)
            };
            content.produce(&mut sink).map_err(|error| error.during(&content.shared.label, operation()))
        })
        .await
    }
}
