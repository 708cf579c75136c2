//! The objects of a repository: read by the library, and checked here against the hashes that name them.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use gix::ObjectId;
use gix::objs::Kind;

use super::tree::TreeCache;
use crate::content::{ErrorKind, SourceError};
use crate::files::root::LEADS_OUTSIDE_HINT;
use crate::format::blob::io_kind;
use crate::memory::unpacking::{Window, window};
use crate::model::access::Audience;
use crate::model::terminal::ShowPath;
pub(super) use crate::source::repository::MAX_OBJECT_MEMORY;
use crate::source::repository::{
    BaseCache, Failure, Loose, ObjectReader, Repository, RepositoryState, kind_of,
};

/// The objects of a repository as of one state of its replacements. All that reads them may block.
pub(super) struct Objects {
    label: Arc<str>,
    repository: Arc<Repository>,
    /// Objects that stand for others (`git replace`).
    replaced: Arc<HashMap<ObjectId, ObjectId>>,
    audience: Audience,
}

/// The operation that fails if a repository cannot be opened.
pub(super) const CANNOT_OPEN: &str = "cannot open the repository";

/// A failure that the library reports.
pub(super) fn of_git(label: &str, operation: String, error: gix::Error) -> SourceError {
    SourceError::new(kind_of(&error), label, operation).because(error)
}

/// A failure to read a repository.
pub(super) fn failed(label: &str, operation: String, failure: Failure) -> SourceError {
    let Failure { kind, problem, hint } = failure;
    let error = SourceError::new(kind, label, operation).because(problem);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

impl Objects {
    pub(super) fn new(
        label: Arc<str>,
        repository: Arc<Repository>,
        replaced: Arc<HashMap<ObjectId, ObjectId>>,
    ) -> Self {
        Self { label, repository, replaced, audience: Audience::Owner }
    }

    /// The same where this is known.
    #[must_use]
    pub(super) fn for_audience(self, audience: Audience) -> Self {
        Self { audience, ..self }
    }

    /// Whom the folders of the repository let read it: its own and those of objects, also of those that it borrows.
    pub(super) fn audience(&self) -> Audience {
        self.audience
    }

    pub(super) fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// The same as they are stored, whatever stands for them.
    pub(super) fn as_stored(&self) -> Self {
        Self::new(Arc::clone(&self.label), Arc::clone(&self.repository), Arc::default())
    }

    /// The repository as of the last poll.
    pub(super) fn state(&self) -> Arc<RepositoryState> {
        self.repository.state()
    }

    /// The repository as it is now. Blocks.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn look(&self) -> Result<Arc<RepositoryState>, SourceError> {
        let state = self.repository.look();
        state.map_err(|failure| failed(&self.label, CANNOT_OPEN.to_owned(), failure))
    }

    /// An object that is a file of its own, opened; `None` if there is no such file, or it cannot be read.
    pub(super) fn loose(&self, id: ObjectId) -> Option<Loose> {
        self.state().loose(&id).ok().flatten()
    }

    /// The object that is read for `id`.
    pub(super) fn effective(&self, id: ObjectId) -> ObjectId {
        self.replaced.get(&id).copied().unwrap_or(id)
    }

    /// A reader for one thread.
    pub(super) fn reader(&self) -> CachedReader<'_> {
        CachedReader {
            objects: self,
            reader: ObjectReader::new(&self.repository, BaseCache::Nothing),
            buffer: Vec::new(),
            trees: TreeCache::default(),
        }
    }

    /// Whether it is a partial clone: what it lacks was promised to it by the one that it came from.
    pub(super) fn is_partial(&self) -> bool {
        self.state().is_partial()
    }

    /// Why an object is not there, and what can be done about it.
    pub(super) fn missing(&self, id: ObjectId, operation: String) -> SourceError {
        let error = SourceError::new(ErrorKind::Missing, &*self.label, operation);
        if self.is_partial() {
            error
                .because(format!("object {id} was not fetched: the repository is a partial clone"))
                .with_hint(format!("`git cat-file -t {id}`, run in the repository, fetches it"))
        } else if let Some(elsewhere) = self.state().refused().first() {
            error
                .because(format!(
                    "object {id} is not in the repository, which borrows objects from {}: that is outside of the source",
                    elsewhere.shown()
                ))
                .with_hint(LEADS_OUTSIDE_HINT)
        } else {
            error.because(format!("object {id} is not in the repository (any more)")).with_hint(
                "`git gc` removes what no branch or tag reaches; for anything else `git fsck` tells what is missing",
            )
        }
    }
}

/// Objects of so many bytes take no memory worth counting.
const SMALL: u64 = 1 << 20;

/// An object and what it is made from are in memory while it is unpacked.
const COPIES: u64 = 2;

/// Reads objects on one thread.
pub(super) struct CachedReader<'o> {
    objects: &'o Objects,
    reader: ObjectReader<'o>,
    buffer: Vec<u8>,
    pub(super) trees: TreeCache,
}

impl<'o> CachedReader<'o> {
    /// For reading many objects one of which is packed as the difference to another.
    pub(super) fn for_many(mut self) -> Self {
        self.reader = ObjectReader::new(&self.objects.repository, BaseCache::Bases);
        self
    }

    pub(super) fn objects(&self) -> &'o Objects {
        self.objects
    }

    /// The memory for reading an object of `len` bytes, which is unpacked in one piece: itself, and what it is made from. To be
    /// had before it is read, and given back when its bytes are.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub(super) fn memory_for(&self, id: ObjectId, len: u64) -> Result<Window, SourceError> {
        if len <= SMALL {
            return Ok(Window::default());
        }
        window(len.saturating_mul(COPIES)).map_err(|refused| {
            let error = io::Error::from(refused);
            SourceError::new(io_kind(&error), &*self.objects.label, format!("cannot unpack object {id}"))
                .because(error)
                .with_hint("`git cat-file -p` reads it")
        })
    }

    /// The bytes of an object, which are those that its hash names.
    ///
    /// # Errors
    /// When it is missing, damaged, too large or of another kind. `what` says what it is to the reader.
    pub(super) fn read(&mut self, id: ObjectId, kind: Kind, what: &str) -> Result<&[u8], SourceError> {
        let objects = self.objects;
        match self.read_any(id, what)? {
            (found, data) if found == kind => Ok(data),
            (found, _) => {
                let operation = format!("cannot read {what} {id}");
                Err(SourceError::new(ErrorKind::Damaged, &*objects.label, operation)
                    .because(format!("it is a {found}")))
            }
        }
    }

    /// The bytes of the object that was read last.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }

    /// The same for an object of whatever kind.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn read_any(&mut self, id: ObjectId, what: &str) -> Result<(Kind, &[u8]), SourceError> {
        let Self { objects, reader, buffer, .. } = self;
        let operation = || format!("cannot read {what} {id}");
        let stored = objects.effective(id);
        let found = reader.read(&stored, buffer).map_err(|failure| {
            let has_hint = failure.hint.is_some();
            let error = failed(&objects.label, operation(), failure);
            if has_hint { error } else { error.with_hint(FSCK) }
        })?;
        let kind = found.ok_or_else(|| objects.missing(stored, operation()))?;
        Ok((kind, buffer))
    }

    /// Kind and length of an object as its header states them; `None` if it is missing or damaged.
    pub(super) fn header(&mut self, id: ObjectId) -> Option<(Kind, u64)> {
        self.reader.header(&self.objects.effective(id))
    }
}

/// What to do about damage.
pub(super) const FSCK: &str = "`git fsck` checks the repository; fetching from where it was cloned, or another clone, may bring it back";
