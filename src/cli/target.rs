//! `[DATABASE[/TABLE]]` on the command line.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Failure;
use super::place::{alike, listed};
use crate::catalog::{Catalog, Database};
use crate::query::ROWS;

/// What was asked for: some databases, and perhaps one of their files.
pub(super) struct Target {
    pub databases: Vec<Arc<Database>>,
    /// As it was given, with or without its ending.
    pub table: Option<String>,
}

impl Target {
    /// Without an argument, all databases. With only one database, its name may be left out before a table's.
    pub fn of(catalog: &Catalog, argument: Option<&str>) -> Result<Self, Failure> {
        let state = catalog.state();
        let all: Vec<Arc<Database>> = state.databases().cloned().collect();
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
        let hint = match alike(first, &names) {
            found if found.is_empty() => format!("there are: {}", listed(&names)),
            found => format!("did you mean {}?", found.join(" or ")),
        };
        Err(Failure::new(format!("there is no database `{first}`")).hint(hint))
    }

    /// Whether the file at `path` of a snapshot is what was asked for.
    pub fn wants(&self, path: &str) -> bool {
        self.table.as_ref().is_none_or(|table| is_called(path, table))
    }

    /// The failure for a table that no snapshot has, with those that the newest one has.
    pub async fn unknown_table(&self, table: &str) -> Failure {
        let names = newest_tables(&self.databases).await;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let databases: Vec<&str> = self.databases.iter().map(|database| &*database.name).collect();
        let stranger = table.split_once('/').filter(|(_, rest)| names.contains(&table_name(rest)));
        let hint = match alike(table, &names) {
            _ if let Some((name, _)) = stranger => no_database(name, &databases),
            _ if names.is_empty() => "the newest snapshot has no tables".to_owned(),
            found if found.is_empty() => format!("the newest snapshot has: {}", listed(&names)),
            found => format!("did you mean {}?", found.join(" or ")),
        };
        Failure::new(format!("no snapshot has a table `{table}`")).hint(hint)
    }
}

/// The tables and other files that the newest snapshots have, sorted. Those that cannot be listed are left out.
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

/// What to say of a name before a slash that is no database's, where the rest means something.
pub(super) fn no_database(name: &str, databases: &[&str]) -> String {
    format!("there is no database `{name}`; there are: {}", listed(databases))
}

/// Whether the file at `path` of a snapshot is what is called `name`, with or without its ending.
pub(super) fn is_called(path: &str, name: &str) -> bool {
    path == name || path.strip_suffix(ROWS) == Some(name)
}

/// What a file is called where tables are named.
pub(super) fn table_name(path: &str) -> &str {
    path.strip_suffix(ROWS).unwrap_or(path)
}
