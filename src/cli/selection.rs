//! `[DATABASE[/TABLE]]` on the command line.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::failure::Failure;
use super::suggest::{self, listed};
use crate::catalog::{Catalog, Database};
use crate::query::{is_called, table_name};

/// The databases that the argument selects, and perhaps one of their files.
pub(super) struct DatabaseSelection {
    pub databases: Vec<Arc<Database>>,
    /// As given, with or without its extension.
    pub table: Option<String>,
}

impl DatabaseSelection {
    /// Selects the database `meant` without an argument, or all if none is meant. The name of a database that is meant, or
    /// that is the only one, may be left out before a table.
    pub fn of(catalog: &Catalog, meant: Option<&str>, argument: Option<&str>) -> Result<Self, Failure> {
        let state = catalog.state();
        let meant = meant.and_then(|name| state.database(name)).cloned();
        let all: Vec<Arc<Database>> = match &meant {
            Some(database) => vec![Arc::clone(database)],
            None => state.databases().cloned().collect(),
        };
        let argument = argument.unwrap_or("").trim_matches('/');
        let (first, rest) = argument.split_once('/').unwrap_or((argument, ""));
        if first.is_empty() {
            return Ok(Self { databases: all, table: None });
        }
        if let Some(database) = state.database(first) {
            let table = Some(rest.to_owned()).filter(|rest| !rest.is_empty());
            return Ok(Self { databases: vec![database.clone()], table });
        }
        if all.len() == 1 {
            return Ok(Self { databases: all, table: Some(argument.to_owned()) });
        }
        let names: Vec<&str> = all.iter().map(|database| &*database.name).collect();
        let hint = suggest::hint(first, &names, "the databases are:", "the sources contain no database");
        Err(Failure::new(format!("there is no database `{first}`")).hint(hint))
    }

    /// Whether the file at `path` of a snapshot is selected.
    pub fn includes(&self, path: &str) -> bool {
        self.table.as_ref().is_none_or(|table| is_called(path, table))
    }

    /// The failure for a table that no snapshot has, with a hint on those of the newest one.
    pub async fn unknown_table(&self, table: &str) -> Failure {
        let names = newest_tables(&self.databases).await;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let databases: Vec<&str> = self.databases.iter().map(|database| &*database.name).collect();
        let stranger = table.split_once('/').filter(|(_, rest)| names.contains(&table_name(rest)));
        let none = "the newest snapshot has no tables";
        let similar = || suggest::hint(table, &names, "the newest snapshot has:", none);
        let hint = stranger.map_or_else(similar, |(name, _)| no_database(name, &databases));
        Failure::new(format!("no snapshot has a table `{table}`")).hint(hint)
    }
}

/// The tables and other files of the newest snapshots, sorted. Skips snapshots that cannot be listed.
pub(super) async fn newest_tables(databases: &[Arc<Database>]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for database in databases {
        let Some(latest) = database.latest() else { continue };
        let Some(view) = database.view(latest.key.slot) else { continue };
        if let Ok(files) = view.database.files(&latest.key.id).await {
            names.extend(files.iter().map(|file| table_name(&file.path).to_owned()));
        }
    }
    names
}

/// A hint for a path whose rest exists but whose first name is not a database.
pub(super) fn no_database(name: &str, databases: &[&str]) -> String {
    format!("there is no database `{name}`; the databases are: {}", listed(databases))
}
