//! Which tables and views can be shown.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Listing;
use super::connection::Connected;
use super::problem::Problem;
use super::schema::{Entry, EntryKind, Schema, columns};
use super::select::Select;
use super::views;

/// A table or view that can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Relation {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// What it is.
    pub(crate) kind: RelationKind,
    /// Whether it is a table `WITHOUT ROWID`.
    pub(super) is_without_rowid: bool,
    /// Whether it is a table with columns that an expression makes.
    pub(super) is_computed: bool,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RelationKind {
    /// An ordinary table.
    Table,
    /// A table whose rows a module makes.
    VirtualTable,
    /// A view.
    View {
        /// Whether its outermost query says in which order the rows come.
        is_ordered: bool,
    },
}

impl RelationKind {
    /// The word for it in messages.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::VirtualTable => "virtual table",
            Self::View { .. } => "view",
        }
    }
}

/// A table or view that is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    /// Its name, with U+FFFD for what is not UTF-8.
    pub(crate) name: String,
    /// `table`, `virtual table` or `view`.
    pub(crate) what: Cow<'static, str>,
    /// Why, as the end of a sentence that begins with it: `calls random`.
    pub(crate) reason: String,
    /// Whether `schema.sql` has its statement in a comment: nothing could run it.
    pub(super) is_broken: bool,
}

/// Sorts out which tables and views of a schema can be shown.
pub(super) fn sort_out(connected: &mut Connected, schema: &Schema) -> Result<Listing, Problem> {
    let without_rowid = tables_without_rowid(connected)?;
    let mut listing = Listing { shown: Vec::new(), left_out: Vec::new() };
    for entry in &schema.entries {
        let is_virtual = match entry.kind {
            EntryKind::Table => false,
            EntryKind::VirtualTable => true,
            EntryKind::Index | EntryKind::View | EntryKind::Trigger => continue,
        };
        let kind = if is_virtual { RelationKind::VirtualTable } else { RelationKind::Table };
        let outcome = why_not(entry, schema).and_then(|name| {
            let is_computed = !is_virtual && is_computed(connected, name);
            let is_without_rowid = without_rowid.contains(name);
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

impl Listing {
    fn add(&mut self, entry: &Entry, what: &'static str, outcome: Result<Relation, (String, bool)>) {
        match outcome {
            Ok(relation) => self.shown.push(relation),
            Err((reason, is_broken)) => {
                self.left_out.push(LeftOut {
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
fn why_not<'e>(entry: &'e Entry, schema: &Schema) -> Result<&'e str, (String, bool)> {
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

/// Whether SQLite made a table for itself: no other may have such a name.
pub(super) fn is_internal(name: &str) -> bool {
    name.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("sqlite_"))
}

/// Whether an expression of the file makes values of a table. Where that cannot be found out, it may be so.
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

fn add_views(connected: &mut Connected, schema: &Schema, listing: &mut Listing) -> Result<(), Problem> {
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

fn tables_without_rowid(connected: &Connected) -> Result<BTreeSet<String>, Problem> {
    let mut names = BTreeSet::new();
    connected.connection.pragma_query(Some("main"), "table_list", |row| {
        if row.get::<_, bool>(4)? {
            names.extend(row.get::<_, String>(1));
        }
        Ok(())
    })?;
    Ok(names)
}
