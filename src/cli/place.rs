//! Paths on the command line: where they lead, and what to say of those that lead nowhere.

use super::Failure;
use super::tree::Tree;
use crate::catalog::pairs;
use crate::content::chain;
use crate::model::time_expr::Clock;
use crate::vfs::{DirEntry, PathError, Place, VfsError};

/// Names that are told of a folder at most.
const TOLD: usize = 8;

/// From this likeness on (Jaro-Winkler, 1 for equal) a name may be what was meant.
const ALIKE: f64 = 0.8;

/// Where `path` leads. With one database, its name may be left out.
pub(super) async fn find(tree: &Tree, path: &str, follows: bool) -> Result<Place, Failure> {
    let full = with_database(tree, path);
    match tree.vfs.walk(&full, follows).await {
        Ok(place) => Ok(place),
        Err(error) => Err(not_found(tree, path, &error).await),
    }
}

/// The path with the only database before it, where it does not begin with one.
fn with_database(tree: &Tree, path: &str) -> String {
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

async fn not_found(tree: &Tree, path: &str, error: &PathError) -> Failure {
    let failure = Failure::new(path.to_owned()).because(error);
    match error {
        PathError::Name { folder, name, error: VfsError::NotFound } => {
            failure.hint(what_is_there(tree, folder, name).await)
        }
        PathError::Name { folder, error: VfsError::NotADirectory, .. } => {
            failure.hint(format!("{folder} is a file"))
        }
        PathError::Name { error: VfsError::Source(error), .. } => with_hint(failure, error.hint.as_deref()),
        PathError::Name { .. } => failure,
        PathError::LeadsOut => failure.hint("paths start at the root of the tree, as `asof ls` lists it"),
        PathError::TooManyLinks => failure,
    }
}

/// A failure of one operation on the tree.
pub(super) fn failed(path: &str, error: &VfsError) -> Failure {
    let failure = Failure::new(format!("{path}: {}", chain(error)));
    match error {
        VfsError::Source(source) => with_hint(failure, source.hint.as_deref()),
        _ => failure,
    }
}

fn with_hint(failure: Failure, hint: Option<&str>) -> Failure {
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The nearest folder that there is, with names in it that are like the one that is not, or else some of them.
async fn what_is_there(tree: &Tree, folder: &str, missing: &str) -> String {
    let entries = entries(tree, folder).await.unwrap_or_default();
    let names: Vec<&str> = entries.iter().map(|entry| &*entry.name).collect();
    let shown = if folder.is_empty() { "the sources".to_owned() } else { folder.to_owned() };
    if folder.split_once('/').is_some_and(|(_, rest)| rest == "asof") {
        return no_time(&shown, missing, &names);
    }
    if let Some(hint) = found_by_name(tree, folder, missing) {
        return hint;
    }
    let alike = alike(missing, &names);
    if names.is_empty() {
        format!("{shown}: nothing is in there")
    } else if alike.is_empty() {
        format!("in {shown} there are: {}", listed(&names))
    } else {
        format!("there is no `{missing}` in {shown}; did you mean {}?", alike.join(" or "))
    }
}

/// What to say of a name that means nothing in a folder that lists none.
fn found_by_name(tree: &Tree, folder: &str, missing: &str) -> Option<String> {
    let (name, rest) = folder.split_once('/')?;
    let state = tree.catalog.state();
    let database = state.database(name)?;
    let clock = Clock { now: tree.clock.now(), zone: &tree.zone };
    let no_time = |text: &str| {
        let names: Vec<&str> = database.snapshots().iter().map(|snapshot| &*snapshot.name).collect();
        no_time(&format!("{name}/asof"), text, &names)
    };
    // What is wrong with a name of a file for each snapshot, if anything is.
    let made_of = |missing: &str, suffix: &str| match missing.strip_suffix(suffix) {
        None => Some(format!("what stands there ends in {suffix}, as in {folder}/yesterday{suffix}")),
        Some(text) => database.snapshot_or_latest(text, &clock).is_none().then(|| no_time(text)),
    };
    match rest.split_once('/').unwrap_or((rest, "")) {
        ("diff", "") => {
            let unknown = |side: &&str| database.moment(side, &clock).is_none();
            let side = pairs(missing).next().and_then(|(from, to)| [from, to].into_iter().find(unknown));
            let form =
                || format!("two names with .. between them stand there, as in {folder}/yesterday..latest");
            Some(side.filter(|side| !side.is_empty()).map_or_else(form, no_time))
        }
        ("sql", "") => {
            Some(made_of(missing, ".sql").unwrap_or_else(|| {
                "snapshots of Dolt and SQLite databases alone can be had as SQL".to_owned()
            }))
        }
        ("export", "") => Some(made_of(missing, ".jsonl").unwrap_or_else(|| {
            format!("{name} has not the tables of Beads then: issues, labels, dependencies and comments")
        })),
        ("history", table) if !table.is_empty() => Some(match missing.strip_suffix(".jsonl") {
            None => format!("what stands there ends in .jsonl, as in {folder}/{missing}.jsonl"),
            Some(_) => {
                "no version of the table has a row with that key; values of several columns are joined by \
                        commas, and rows without a key have no history"
                    .to_owned()
            }
        }),
        _ => None,
    }
}

/// What to say of something under `asof/` that means no snapshot.
pub(super) fn no_time(folder: &str, missing: &str, names: &[&str]) -> String {
    let (Some(first), Some(last)) = (names.first(), names.last()) else {
        return format!("{folder} has no snapshot");
    };
    format!(
        "`{missing}` is not a time from the first snapshot on, nor a branch, tag or commit; {folder} goes from {first} \
         to {last}, and any time in between works, as do yesterday, '3 days ago', 2026-01-05 and HEAD~3"
    )
}

async fn entries(tree: &Tree, folder: &str) -> Option<Vec<DirEntry>> {
    let place = tree.vfs.walk(folder, true).await.ok()?;
    let listing = list(tree, place.ino).await.ok();
    tree.vfs.forget(place.ino, 1);
    listing
}

/// The entries of a folder, in its own order.
pub(super) async fn list(tree: &Tree, folder: u64) -> Result<Vec<DirEntry>, VfsError> {
    let handle = tree.vfs.opendir(folder).await?;
    let entries = tree.vfs.entries(handle).map(|entries| entries.to_vec());
    tree.vfs.release(handle);
    entries
}

/// Names that may be what was meant, the most likely first.
pub(super) fn alike(missing: &str, names: &[&str]) -> Vec<String> {
    let wanted = missing.to_lowercase();
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        // `issues` for `issues.jsonl`.
        let begins = !wanted.is_empty() && name.starts_with(&wanted);
        if begins { 1.0 } else { strsim::jaro_winkler(&wanted, &name) }
    };
    let mut found: Vec<(f64, &str)> = names.iter().map(|name| (likeness(name), *name)).collect();
    // What was typed is no help, even where the name stands for something elsewhere.
    found.retain(|(likeness, name)| *likeness >= ALIKE && *name != missing);
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    // A name of both sides is told once.
    found.dedup();
    found.into_iter().take(3).map(|(_, name)| format!("`{name}`")).collect()
}

/// Some of the names, and how many more there are.
pub(super) fn listed(names: &[&str]) -> String {
    let some = names.iter().take(TOLD).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(TOLD) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_meant() {
        let names = ["issues.jsonl", "labels.jsonl", "schema.sql"];
        for (missing, found) in
            [("issues", "`issues.jsonl`"), ("isues.jsonl", "`issues.jsonl`"), ("Schema.SQL", "`schema.sql`")]
        {
            assert_eq!(alike(missing, &names).first().map(String::as_str), Some(found), "{missing}");
        }
        assert!(alike("zzz", &names).is_empty() && alike("", &names).is_empty());
        assert_eq!(alike("bd-9", &["bd-9x", "bd-1", "bd-9x", "bd-9"]), ["`bd-9x`", "`bd-1`"]);
        assert_eq!(listed(&["a"; 9]), "a, a, a, a, a, a, a, a and 1 more");
    }
}
