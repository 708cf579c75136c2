//! Compares two snapshots, file by file.

use std::sync::Arc;

use super::table::is_called;
use crate::catalog::{Database, FileChange, Listings, SnapshotOrLive, file_changes};
use crate::content::{ErrorKind, FileEntry, SourceError};
use crate::engine::Engine;
use crate::views::DerivedError;

/// How often to try a file of the working set if it changes while it is read.
const TRIES: usize = 8;

/// One side of a comparison.
#[derive(Clone)]
pub struct DiffSide {
    /// The database.
    pub database: Arc<Database>,
    /// What of it is compared.
    pub of: SnapshotOrLive,
}

impl DiffSide {
    /// Where a mount shows it.
    pub fn path(&self) -> String {
        format!("{}/{}", self.database.name, self.database.path_of(&self.of).unwrap_or_default())
    }

    /// Its name in a summary.
    pub fn name(&self) -> String {
        self.database.name_of(&self.of).unwrap_or_default()
    }
}

/// What is compared.
#[derive(Clone)]
pub struct DiffSides {
    /// The earlier side.
    pub from: DiffSide,
    /// The later side.
    pub to: DiffSide,
}

/// A comparison, and what reads it.
pub struct Comparison<'c> {
    /// Reads contents.
    pub engine: &'c Engine,
    /// The files of snapshots.
    pub listings: &'c Listings,
    /// What is compared.
    pub sides: &'c DiffSides,
}

impl Comparison<'_> {
    /// The files that differ, by path, without reading any.
    pub async fn changed(&self) -> Result<Vec<FileChange>, Arc<SourceError>> {
        let DiffSides { from, to } = self.sides;
        Ok(file_changes(&self.files(from).await?, &self.files(to).await?))
    }

    /// The files of one side.
    pub async fn files(&self, side: &DiffSide) -> Result<Arc<[FileEntry]>, Arc<SourceError>> {
        files_of(self.listings, &side.database, &side.of).await
    }

    /// Calls `ask` about a file. If the working set has changed since it was listed, lists it again and retries.
    pub async fn settled<T>(
        &self,
        file: &mut FileChange,
        ask: impl AsyncFn(&FileChange) -> Result<T, DerivedError>,
    ) -> Result<T, DerivedError> {
        let DiffSides { from, to } = self.sides;
        let is_live = [from, to].iter().any(|side| side.of == SnapshotOrLive::Live);
        for _ in 1..TRIES {
            match ask(file).await {
                Err(DerivedError::Source(error)) if is_live && error.kind == ErrorKind::Changed => {}
                answer => return answer,
            }
            for (side, entry) in [(from, &mut file.before), (to, &mut file.after)] {
                if let (SnapshotOrLive::Live, Some(view)) = (&side.of, side.database.live_view()) {
                    self.listings.forget_live(view);
                    let files = self.files(side).await?;
                    *entry = files.iter().find(|file_now| file_now.path == file.path).cloned();
                }
            }
        }
        ask(file).await
    }

    /// The sizes of a file that is not a table; `None` if both sides have the same bytes.
    pub async fn sizes(&self, file: &FileChange) -> Result<Option<FileSizes>, DerivedError> {
        let (before, after) = (self.len(file.before.as_ref()).await?, self.len(file.after.as_ref()).await?);
        if let (Some(old), Some(new)) = (&file.before, &file.after)
            && before == after
            && old.kind == new.kind
        {
            let digest = async |entry: &FileEntry| self.engine.digest(entry.id, &entry.content).await;
            if digest(old).await? == digest(new).await? {
                return Ok(None);
            }
        }
        Ok(Some(FileSizes { before, after }))
    }

    /// Whether one side has a table, by its name.
    pub async fn has_table(&self, table: &str) -> Result<bool, Arc<SourceError>> {
        let (from, to) = (self.files(&self.sides.from).await?, self.files(&self.sides.to).await?);
        Ok(from.iter().chain(to.iter()).any(|file| is_called(&file.path, table)))
    }

    async fn len(&self, entry: Option<&FileEntry>) -> Result<Option<u64>, DerivedError> {
        match entry {
            Some(entry) => Ok(Some(self.engine.len(entry.id, &entry.content).await?)),
            None => Ok(None),
        }
    }
}

/// The files of a snapshot or of the working set.
pub(super) async fn files_of(
    listings: &Listings,
    database: &Database,
    of: &SnapshotOrLive,
) -> Result<Arc<[FileEntry]>, Arc<SourceError>> {
    let gone = || SourceError::new(ErrorKind::Missing, &*database.name, "the source has left");
    match of {
        SnapshotOrLive::Snapshot(key) => {
            listings.files(database.view(key.slot).ok_or_else(gone)?, &key.id).await
        }
        SnapshotOrLive::Live => listings.live_files(database.live_view().ok_or_else(gone)?).await,
    }
}

/// The length of a file on both sides, in bytes; none if it does not exist there.
#[derive(Debug, Clone, Copy)]
pub struct FileSizes {
    /// On the earlier side.
    pub before: Option<u64>,
    /// On the later side.
    pub after: Option<u64>,
}
