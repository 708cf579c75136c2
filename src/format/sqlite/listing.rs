//! Decides which tables and views of a schema can be shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::connection::Connected;
use super::problem::Result;
use super::relation::{LeftOutRelation, Relation, RelationKind, RelationListing};
use super::schema::{EntryKind, Schema, SchemaEntry, columns, is_internal};
use super::select::Select;
use super::views;

/// Lists the tables and views of a schema, and says why some of them cannot be shown.
pub(super) fn list(connected: &mut Connected, schema: &Schema) -> Result<RelationListing> {
    let mut listing = RelationListing { shown: Vec::new(), left_out: Vec::new() };
    for entry in &schema.entries {
        let is_virtual = match entry.kind {
            EntryKind::Table => false,
            EntryKind::VirtualTable => true,
            EntryKind::Index | EntryKind::View | EntryKind::Trigger => continue,
        };
        let kind = if is_virtual { RelationKind::VirtualTable } else { RelationKind::Table };
        let outcome = why_not(entry, schema).and_then(|name| {
            let is_computed = !is_virtual && is_computed(connected, name);
            let is_without_rowid = schema.without_rowid.contains(name);
            let relation = Relation { name: name.into(), kind, is_without_rowid, is_computed };
            if is_virtual {
                is_readable(connected, &relation).map_err(|reason| (reason, true))?;
            }
            Ok(relation)
        });
        listing.add(entry, kind.word(), outcome);
    }
    add_views(connected, schema, &mut listing)?;
    Ok(listing)
}

impl RelationListing {
    fn add(&mut self, entry: &SchemaEntry, what: &'static str, outcome: Result<Relation, (String, bool)>) {
        match outcome {
            Ok(relation) => self.shown.push(relation),
            Err((reason, is_broken)) => {
                self.left_out.push(LeftOutRelation {
                    name: entry.lossy_name.clone(),
                    what: what.into(),
                    reason,
                    is_broken,
                });
            }
        }
    }
}

/// The name of what may be shown, or the reason why not.
fn why_not<'e>(entry: &'e SchemaEntry, schema: &Schema) -> Result<&'e str, (String, bool)> {
    let Some(name) = &entry.name else {
        return Err(("has a name that is not UTF-8".to_owned(), false));
    };
    if is_internal(name) {
        return Err(("is SQLite's own".to_owned(), false));
    }
    if schema.shadows.contains(name) {
        return Err(("is an inner part of a virtual table".to_owned(), false));
    }
    Ok(name)
}

/// Whether an expression of the file makes values of a table. If that cannot be found out, it counts as true.
fn is_computed(connected: &Connected, name: &str) -> bool {
    columns(&connected.connection, name)
        .map_or(true, |columns| columns.iter().any(|column| column.is_generated))
}

/// Whether the module of a virtual table is there and can read it.
fn is_readable(connected: &Connected, relation: &Relation) -> Result<(), String> {
    let prepared = Select::new(connected, relation)
        .and_then(|select| Ok(connected.connection.prepare(&select.sql).map(drop)?));
    prepared.map_err(|problem| format!("cannot be read: {problem}"))
}

fn add_views(connected: &mut Connected, schema: &Schema, listing: &mut RelationListing) -> Result<()> {
    let readable = |kind| {
        let names = schema.entries.iter().filter(move |entry| entry.kind == kind);
        names.filter_map(|entry| entry.name.clone())
    };
    let tables = listing.shown.iter().map(|relation| relation.name.to_string());
    let names: BTreeSet<_> =
        tables.chain(readable(EntryKind::View)).map(|name| name.to_ascii_lowercase()).collect();
    let names = Arc::new(names);
    for entry in schema.entries.iter().filter(|entry| entry.kind == EntryKind::View) {
        let outcome = why_not(entry, schema).and_then(|name| {
            let is_ordered = entry.sql.as_deref().is_some_and(views::is_ordered);
            let kind = RelationKind::View { is_ordered };
            let relation = Relation { name: name.into(), kind, is_without_rowid: false, is_computed: false };
            views::check(connected, &relation, Arc::clone(&names)).map_err(|reason| (reason, false))?;
            Ok(relation)
        });
        listing.add(entry, "view", outcome);
    }
    Ok(())
}
