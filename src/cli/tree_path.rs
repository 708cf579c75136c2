//! Paths in the tree on the command line, and hints for those that do not exist.

use super::failure::Failure;
use super::suggest::{self, listed};
use super::tree::OpenTree;
use crate::catalog::pairs;
use crate::content::chain;
use crate::model::time_expr::Clock;
use crate::vfs::{DirEntry, PathError, ResolvedPath, VfsError};

/// Resolves `path`. If there is only one database, its name may be left out.
pub(super) async fn resolve(tree: &OpenTree, path: &str, follows: bool) -> Result<ResolvedPath, Failure> {
    let full = with_database(tree, path);
    match tree.vfs.walk(&full, follows).await {
        Ok(found) => Ok(found),
        Err(error) => Err(not_found(tree, path, &error).await),
    }
}

/// The path with the only database before it, if it does not begin with a database.
fn with_database(tree: &OpenTree, path: &str) -> String {
    let state = tree.catalog.state();
    let mut names = path.split('/').filter(|name| !name.is_empty() && *name != ".");
    let mut databases = state.databases();
    match (names.next(), databases.next(), databases.next()) {
        (Some(first), Some(only), None) if state.database(first).is_none() && first != ".." => {
            format!("{}/{path}", only.name)
        }
        _ => path.to_owned(),
    }
}

async fn not_found(tree: &OpenTree, path: &str, error: &PathError) -> Failure {
    let failure = Failure::new(path.to_owned()).because(error);
    match error {
        PathError::Name { folder, name, error: VfsError::NotFound } => {
            failure.hint(hint_for(tree, folder, name).await)
        }
        PathError::Name { folder, error: VfsError::NotADirectory, .. } => {
            failure.hint(format!("{folder} is a file"))
        }
        PathError::Name { error: VfsError::Source(error), .. } => failure.hint_if(error.hint.as_deref()),
        PathError::LeadsOut => failure.hint("paths start at the root of the tree, which `asof ls` lists"),
        PathError::Name { .. } | PathError::TooManyLinks => failure,
    }
}

pub(super) fn failure(path: &str, error: &VfsError) -> Failure {
    let hint = if let VfsError::Source(source) = error { source.hint.as_deref() } else { None };
    Failure::new(format!("{path}: {}", chain(error))).hint_if(hint)
}

async fn hint_for(tree: &OpenTree, folder: &str, missing: &str) -> String {
    let entries = match tree.vfs.walk(folder, true).await {
        Ok(found) => list(tree, found.ino).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let names: Vec<&str> = entries.iter().map(|entry| &*entry.name).collect();
    let shown = if folder.is_empty() { "the tree" } else { folder };
    if folder.split_once('/').is_some_and(|(_, rest)| rest == "asof") {
        return no_time(shown, missing, &names);
    }
    if let Some(hint) = hint_for_view(tree, folder, missing) {
        return hint;
    }
    match suggest::did_you_mean(missing, &names) {
        Some(question) => format!("there is no `{missing}` in {shown}; {question}"),
        None if names.is_empty() => format!("{shown} is empty"),
        None => format!("{shown} contains: {}", listed(&names)),
    }
}

/// A hint for a missing name in a folder that finds files by name but does not list them.
fn hint_for_view(tree: &OpenTree, folder: &str, missing: &str) -> Option<String> {
    let (name, rest) = folder.split_once('/')?;
    let state = tree.catalog.state();
    let database = state.database(name)?;
    let clock = Clock { now: tree.clock.now(), zone: &tree.zone };
    let no_time = |text: &str| {
        let names: Vec<&str> = database.snapshots().iter().map(|snapshot| &*snapshot.name).collect();
        no_time(&format!("{name}/asof"), text, &names)
    };
    // What is wrong with the name of a snapshot's file, if anything is.
    let name_error = |missing: &str, suffix: &str| match missing.strip_suffix(suffix) {
        None => Some(format!("names in this folder end in {suffix}, as in {folder}/yesterday{suffix}")),
        Some(text) => database.snapshot_or_latest(text, &clock).is_none().then(|| no_time(text)),
    };
    match rest.split_once('/').unwrap_or((rest, "")) {
        ("diff", "") => {
            let unknown = |side: &&str| database.snapshot_or_live(side, &clock).is_none();
            let side = pairs(missing).next().and_then(|(from, to)| [from, to].into_iter().find(unknown));
            let form = || format!("names in this folder are two snapshots with .. between, as in {folder}/yesterday..latest");
            Some(side.filter(|side| !side.is_empty()).map_or_else(form, no_time))
        }
        ("sql", "") => {
            Some(name_error(missing, ".sql").unwrap_or_else(|| {
                "SQL dumps exist only for snapshots of Dolt and SQLite databases".to_owned()
            }))
        }
        ("export", "") => Some(name_error(missing, ".jsonl").unwrap_or_else(|| {
            format!("{name} does not have the tables of Beads then: issues, labels, dependencies and comments")
        })),
        ("history", table) if !table.is_empty() => Some(match missing.strip_suffix(".jsonl") {
            None => format!("names in this folder end in .jsonl, as in {folder}/{missing}.jsonl"),
            Some(_) => "no version of the table has a row with that key; join the values of several columns with commas; rows \
                        without a key have no history"
                .to_owned(),
        }),
        _ => None,
    }
}

/// A hint for a name that means no snapshot.
pub(super) fn no_time(folder: &str, missing: &str, names: &[&str]) -> String {
    let (Some(first), Some(last)) = (names.first(), names.last()) else {
        return format!("{folder} has no snapshot");
    };
    format!(
        "`{missing}` is not a time since the first snapshot, nor a branch, tag or commit; {folder} goes from {first} to \
         {last}, and any time in between works, as do yesterday, '3 days ago', 2026-01-05 and HEAD~3"
    )
}

/// The entries of a folder, in its own order.
pub(super) async fn list(tree: &OpenTree, folder: u64) -> Result<Vec<DirEntry>, VfsError> {
    Ok(tree.vfs.list(folder, 0).await?.rest().map(|(_, entry)| entry.clone()).collect())
}
