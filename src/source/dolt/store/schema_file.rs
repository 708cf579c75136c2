//! `schema.sql`: the statements that make the tables and views of one moment.

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use dolt_store::message::{FOREIGN_KEYS_ID, Message};
use dolt_store::objects::{RootValue, StoredTable};
use dolt_store::schema::{ForeignKey, Schema, SchemaOf, create_table};
use dolt_store::{Address, Chunks, InChunk, RowsError};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::content::TableContent;
use super::lineage::is_system_table;
use super::shared::{ReadError, SharedDatabase};
use super::table_rows::TableRows;
use crate::content::blocking::on_blocking_thread;
use crate::content::{Sink, SourceError, Stream};
use crate::source::dolt::common::lineage::VIEWS;
use crate::source::dolt::common::listing::Listing;
use crate::source::dolt::common::schema_sql::{SCHEMA_FILE, compose};
use crate::source::dolt::common::views::StoredView;

/// The tables of a root and its views, without reading any row but those that hold the views.
fn list(shared: &Arc<SharedDatabase>, root: &RootValue) -> Result<Listing, ReadError> {
    let mut listing = Listing::default();
    for table in root.tables.keys().filter(|table| !is_system_table(table)) {
        match shared.is_excluded(table) {
            true => listing.excluded.push(table.as_str().into()),
            false => listing.tables.push(table.as_str().into()),
        }
    }
    if let Some(views) = root.tables.get(VIEWS) {
        listing.set_views(stored_views(shared, views)?, &shared.database, &shared.exclude);
    }
    Ok(listing)
}

/// The views as the table of Dolt's own holds them, by name.
fn stored_views(shared: &Arc<SharedDatabase>, table: &Address) -> Result<Vec<StoredView>, ReadError> {
    #[derive(Deserialize)]
    struct ViewRow {
        r#type: String,
        name: String,
        fragment: String,
    }
    let mut views = Vec::new();
    for row in rows_of::<ViewRow>(shared, VIEWS, table)? {
        if row.r#type == "view" {
            views.push(StoredView { name: row.name.into(), definition: row.fragment.into() });
        }
    }
    views.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(views)
}

/// The rows of a table of Dolt's own, read as `R` from their JSON lines.
pub fn rows_of<R: DeserializeOwned>(
    shared: &Arc<SharedDatabase>,
    name: &str,
    table: &Address,
) -> Result<Vec<R>, ReadError> {
    let content =
        TableContent { shared: Arc::clone(shared), name: name.into(), table: *table, when: String::new() };
    let mut lines = Vec::new();
    TableRows::open(&content)?.each_segment(|segment| {
        lines.extend_from_slice(&segment);
        ControlFlow::Continue(())
    })?;
    let rows = serde_json::Deserializer::from_slice(&lines).into_iter().collect::<Result<_, _>>();
    Ok(rows.map_err(|error| RowsError::DamagedSchema {
        table: name.to_owned(),
        problem: format!("its rows are not those that Dolt puts there ({error})"),
    })?)
}

/// Writes the file, as the source over a server does: tables by name, then views.
pub fn write(shared: &Arc<SharedDatabase>, moment: SchemaOf, root: &RootValue) -> Result<String, ReadError> {
    let listing = list(shared, root)?;
    let foreign_keys = foreign_keys(shared, root)?;
    let mut names: Vec<_> = listing.tables.iter().chain(&listing.excluded).collect();
    names.sort();
    let mut statements = Vec::with_capacity(names.len());
    for name in names {
        statements.extend(statement(shared, root, moment, &foreign_keys, name)?);
    }
    Ok(compose(&statements, &listing))
}

/// The `CREATE TABLE` of a table, given all foreign keys of the root; none where there is no such table.
pub fn statement(
    shared: &Arc<SharedDatabase>,
    root: &RootValue,
    moment: SchemaOf,
    foreign_keys: &[ForeignKey],
    name: &str,
) -> Result<Option<String>, ReadError> {
    let Some((table, schema)) = definition(shared, root, name)? else { return Ok(None) };
    let mut clauses = Vec::new();
    for key in foreign_keys.iter().filter(|key| key.is_of(name)) {
        let parent = definition(shared, root, &key.parent_table)?.map(|(_, schema)| schema);
        clauses.push(key.clause(&schema, parent.as_ref())?);
    }
    Ok(Some(create_table(&schema, moment, table.auto_increment, &clauses)?))
}

pub fn foreign_keys(shared: &SharedDatabase, root: &RootValue) -> Result<Vec<ForeignKey>, ReadError> {
    let Some(address) = &root.foreign_keys else { return Ok(Vec::new()) };
    let object = "collection of foreign keys";
    let message =
        Message::parse_as(shared.store.chunk(address)?, &FOREIGN_KEYS_ID).in_chunk(address, object)?;
    Ok(ForeignKey::read_all(&message).in_chunk(address, object)?)
}

/// A table and its schema, by a name in whatever case.
pub fn definition(
    shared: &SharedDatabase,
    root: &RootValue,
    name: &str,
) -> Result<Option<(StoredTable, Schema)>, ReadError> {
    let same = |other: &&String| other.to_lowercase() == name.to_lowercase();
    let exact = root.tables.get_key_value(name);
    let Some((name, address)) = exact.or_else(|| root.tables.iter().find(|(other, _)| same(other))) else {
        return Ok(None);
    };
    let table = StoredTable::read(&shared.store, address)?;
    let schema = shared.schema(name, &table.schema)?;
    Ok(Some((table, schema)))
}

pub struct StoreSchemaContent {
    pub shared: Arc<SharedDatabase>,
    pub root: Address,
    pub moment: SchemaOf,
    /// The moment in words: `at <hash>`, `in the working set`.
    pub when: String,
}

#[async_trait]
impl Stream for StoreSchemaContent {
    fn describe(&self) -> String {
        format!("{SCHEMA_FILE} of {} {} in {}", self.shared.database, self.when, self.shared.label)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let operation =
            format!("cannot read the CREATE statements of {} {}", self.shared.database, self.when);
        let (shared, moment, root) = (Arc::clone(&self.shared), self.moment, self.root);
        let text = on_blocking_thread(&self.shared.label, move || {
            let read = || {
                let root = RootValue::read(&shared.store, &root)?;
                write(&shared, moment, &root)
            };
            read().map_err(|error: ReadError| error.during(&shared.label, operation))
        })
        .await?;
        if !text.is_empty() {
            // A closed sink means that the reader needs no more, which is no failure.
            let _ = sink.push(text.into()).await;
        }
        Ok(())
    }
}
