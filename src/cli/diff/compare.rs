//! Two moments of a database, file by file.

use std::sync::Arc;

use super::sides::{Side, Sides};
use crate::catalog::Moment;
use crate::content::{ErrorKind, FileEntry, SourceError};
use crate::engine::{Engine, Listings};
use crate::query::{ChangedFile, compared};
use crate::views::DerivedError;

/// How often a file of the working set that changes while it is read is tried.
const TRIES: usize = 8;

/// What is compared, and how it is read.
pub(super) struct Comparison<'c> {
    pub engine: &'c Engine,
    pub listings: &'c Listings,
    pub sides: &'c Sides,
}

impl Comparison<'_> {
    /// The files that are other ones, by path, told without reading any.
    ///
    /// # Errors
    /// What a source says when it cannot list one of both sides.
    pub async fn changed(&self) -> Result<Vec<ChangedFile>, Arc<SourceError>> {
        let Sides { from, to } = self.sides;
        Ok(compared(&self.files(from).await?, &self.files(to).await?))
    }

    /// The files of one side.
    ///
    /// # Errors
    /// What the source says when it cannot list them.
    pub async fn files(&self, side: &Side) -> Result<Arc<[FileEntry]>, Arc<SourceError>> {
        let gone = || {
            let error = SourceError::new(ErrorKind::Missing, &*side.database.name, "the source has left");
            Arc::new(error)
        };
        match &side.moment {
            Moment::Snapshot(key) => {
                let view = side.database.view(key.slot).ok_or_else(gone)?;
                self.listings.files(view, &key.id).await
            }
            Moment::Live => self.listings.live_files(side.database.live_view().ok_or_else(gone)?).await,
        }
    }

    /// What `tell` tells of a file: of the working set's, as it is by then, where it has changed since it was listed.
    ///
    /// # Errors
    /// What `tell` says.
    pub async fn settled<T>(
        &self,
        file: &mut ChangedFile,
        tell: impl AsyncFn(&ChangedFile) -> Result<T, DerivedError>,
    ) -> Result<T, DerivedError> {
        let is_live = [&self.sides.from, &self.sides.to].iter().any(|side| side.moment == Moment::Live);
        for _ in 1..TRIES {
            match tell(file).await {
                Err(DerivedError::Source(error)) if is_live && error.kind == ErrorKind::Changed => {}
                told => return told,
            }
            for (side, entry) in [(&self.sides.from, &mut file.before), (&self.sides.to, &mut file.after)] {
                if let (Moment::Live, Some(view)) = (&side.moment, side.database.live_view()) {
                    self.listings.forget_live(view);
                    let files = self.files(side).await?;
                    *entry = files.iter().find(|file_now| file_now.path == file.path).cloned();
                }
            }
        }
        tell(file).await
    }

    /// The sizes of a file that is no table, in bytes; `None` where both sides have the same bytes.
    ///
    /// # Errors
    /// Why one side cannot be read.
    pub async fn sizes(&self, file: &ChangedFile) -> Result<Option<Sizes>, DerivedError> {
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
        Ok(Some(Sizes { before, after }))
    }

    async fn len(&self, entry: Option<&FileEntry>) -> Result<Option<u64>, DerivedError> {
        match entry {
            Some(entry) => Ok(Some(self.engine.len(entry.id, &entry.content).await?)),
            None => Ok(None),
        }
    }
}

/// How long a file is on both sides, in bytes; none where it is not there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub before: Option<u64>,
    pub after: Option<u64>,
}
