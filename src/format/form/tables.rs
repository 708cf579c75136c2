//! The tables of a SQLite database that lies within something else: shown in a folder beside it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Broken;
use crate::content::{Content, SourceError};
use crate::format::blob::lacks_room;
use crate::format::sqlite::{Relation, SqliteFile};
use crate::model::names::{MAX_COMPONENT, escape_with_suffix};

/// What the schema of a database is called.
pub(crate) const SCHEMA: &str = "schema.sql";

/// What is added to the name of a database for the folder of its tables.
const FOLDER: &str = ".tables";

/// A packed database of up to this many bytes is unpacked to show its tables; a larger one is shown as it is alone. It
/// is unpacked for that whenever its snapshot, or one beside it, is listed.
pub(crate) const LARGEST_DATABASE: u64 = 64 << 20;

/// One file with what a database holds.
pub(crate) struct TableFile {
    /// A safe path component.
    pub(crate) name: String,
    pub(crate) content: Content,
    /// Whether it only says why it could not be made.
    pub(crate) is_broken: bool,
}

impl TableFile {
    /// Stands for the tables and the schema of `what`, which cannot be read.
    pub(crate) fn broken(what: &str, error: &SourceError) -> Self {
        tracing::warn!("{}: its tables are not shown", error.chain());
        let content = Broken::content(format!("schema of {what}"), error);
        Self { name: SCHEMA.to_owned(), content, is_broken: true }
    }
}

/// The tables, views and the schema of a database; `what` names it in messages. One that cannot be read has a schema
/// that says so. Blocks.
///
/// # Errors
/// What may pass: another time it may be read.
pub(crate) fn tables(file: &Arc<SqliteFile>, what: &str) -> Result<Vec<TableFile>, SourceError> {
    let found = |name: String, content| TableFile { name, content, is_broken: false };
    match file.listing() {
        Ok(listing) => {
            let rows = |relation: &Relation| {
                found(escape_with_suffix(&relation.name, ".jsonl"), Content::stream(file.rows(relation)))
            };
            let mut files: Vec<TableFile> = listing.shown.iter().map(rows).collect();
            files.push(found(SCHEMA.to_owned(), Content::stream(file.schema())));
            Ok(files)
        }
        Err(error) if !error.kind.is_lasting() && !lacks_room(&error) => Err(error),
        Err(error) => Ok(vec![TableFile::broken(what, &error)]),
    }
}

/// The folder of the tables of a database at `path`; none where its name would be longer than names may be.
pub(crate) fn folder_beside(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    (name.len() + FOLDER.len() <= MAX_COMPONENT).then(|| format!("{path}{FOLDER}"))
}

/// Whether no path in `taken` is a folder's own, or lies within it.
pub(crate) fn is_free(taken: &BTreeSet<&str>, folder: &str) -> bool {
    let below = format!("{folder}/");
    !taken.contains(folder) && taken.range(&*below..).next().is_none_or(|next| !next.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_free_where_nothing_is_called_so_or_lies_within() {
        let taken: BTreeSet<&str> = ["a.db", "b.db", "b.db.tables", "c.db", "c.db.tables/x/y"].into();
        for (path, expected) in [("a.db", true), ("b.db", false), ("c.db", false), ("x/c.db", true)] {
            assert_eq!(is_free(&taken, &folder_beside(path).unwrap()), expected, "{path}");
        }
    }

    #[test]
    fn a_name_that_leaves_no_room_has_no_folder() {
        let path = |len: usize| format!("{}/{}", "x".repeat(300), "y".repeat(len));
        assert_eq!(folder_beside(&path(248)), Some(format!("{}.tables", path(248))));
        assert_eq!(folder_beside(&path(249)), None);
    }
}
