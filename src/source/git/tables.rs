//! Blobs that are SQLite databases, or exports.

use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::blob::Blob;
use crate::format::blob::{Spools, Stored, stored_error};
use crate::format::form::{Form, TableFile, form_of, head, tables};
use crate::format::sqlite::{SqliteFile, is_sqlite};

/// What SQLite adds to the name of a database for the files beside it.
pub(super) const BESIDE: [&[u8]; 2] = [b"-wal", b"-journal"];

/// A database with what lies beside it, in the order of [`BESIDE`].
pub(super) struct DatabaseBlobs {
    pub(super) database: Arc<Blob>,
    pub(super) beside: [Option<Arc<Blob>>; 2],
}

impl DatabaseBlobs {
    /// The tables and the schema, where it has one of these lengths in bytes; none of what only is called like a
    /// database. Blocks.
    pub(super) fn tables(self, lengths: RangeInclusive<u64>, spools: &Arc<Spools>) -> Vec<TableFile> {
        let Self { database, beside } = self;
        let (what, label) = (database.describe(), Arc::clone(database.objects.label()));
        match is_database(&database, lengths) {
            Ok(false) => Vec::new(),
            Ok(true) => {
                let [wal, journal] = beside.map(|blob| Some(blob? as Arc<dyn Stored>));
                let file = SqliteFile::new(label, database, wal, journal, Arc::clone(spools));
                tables(&Arc::new(file), &what).unwrap_or_else(|error| vec![TableFile::broken(&what, &error)])
            }
            Err(error) => {
                let error = stored_error(&label, format!("cannot read {what}"), &what, error);
                vec![TableFile::broken(&what, &error)]
            }
        }
    }
}

fn is_database(blob: &Blob, lengths: RangeInclusive<u64>) -> io::Result<bool> {
    match blob.known_len() {
        Some(len) if !lengths.contains(&len) => Ok(false),
        // Unpacked once for this and for what is read of it next.
        Some(len) => Ok(is_sqlite(&head(blob.open()?)?, len)),
        None => blob.read().map(|_| false),
    }
}

/// Whether an export is JSONL; `None` where it cannot be read. Blocks.
pub(super) fn is_lines(blob: &Blob) -> Option<bool> {
    let len = blob.known_len()?;
    Some(form_of(&blob.read().and_then(head).ok()?, len) == Form::Lines)
}
