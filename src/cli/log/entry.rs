//! A snapshot of `asof log`, with what it changed.

use std::sync::Arc;

use crate::catalog::{Database, Snapshot};
use crate::content::SourceError;
use crate::query::{ChangeSize, CountedChange, SnapshotChanges};

/// A snapshot to show.
pub(super) struct LogEntry<'e> {
    pub database: &'e Database,
    pub snapshot: &'e Snapshot,
    /// Branches and tags that name it.
    pub names: &'e [String],
    /// `None` if the snapshot before it is not known.
    pub changes: Result<Option<SnapshotChanges<CountedChange>>, Arc<SourceError>>,
}

impl LogEntry<'_> {
    /// The changed files; empty if they are not known.
    pub fn files(&self) -> &[CountedChange] {
        self.changes.as_ref().ok().and_then(Option::as_ref).map_or(&[], |changes| &changes.files)
    }

    /// Whether everything in it could be read.
    pub fn is_whole(&self) -> bool {
        self.changes.is_ok() && !self.files().iter().any(|file| matches!(file.size, ChangeSize::Failed(_)))
    }
}
