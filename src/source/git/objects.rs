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
use crate::source::repository::{BaseCache, Failure, Loose, ObjectReader, Repository, RepositoryState};

/// The objects of a repository as of one state of its replacements. All that reads them may block.
pub(super) struct Objects {
    pub(super) label: Arc<str>,
    repository: Arc<Repository>,
    /// Objects that stand for others (`git replace`).
    replaced: Arc<HashMap<ObjectId, ObjectId>>,
    /// Whom the folders of the repository let read it: its own and those of objects, also of those that it borrows.
    pub(super) audience: Audience,
}

fn failed(label: &str, operation: String, failure: Failure) -> SourceError {
    let Failure { kind, problem, hint } = failure;
    SourceError { hint, ..SourceError::new(kind, label, operation).because(problem) }
}

pub(super) fn cannot_open(label: &str, failure: Failure) -> SourceError {
    failed(label, "cannot open the repository".to_owned(), failure)
}

impl Objects {
    pub(super) fn new(
        label: &Arc<str>,
        repository: &Arc<Repository>,
        replaced: &Arc<HashMap<ObjectId, ObjectId>>,
        audience: Audience,
    ) -> Self {
        let (label, repository, replaced) = (Arc::clone(label), Arc::clone(repository), Arc::clone(replaced));
        Self { label, repository, replaced, audience }
    }

    /// The same as they are stored, whatever stands for them.
    pub(super) fn as_stored(&self) -> Self {
        Self::new(&self.label, &self.repository, &Arc::default(), self.audience)
    }

    fn state(&self) -> Arc<RepositoryState> {
        self.repository.state()
    }

    /// The repository as it is now. Blocks.
    pub(super) fn look(&self) -> Result<Arc<RepositoryState>, SourceError> {
        self.repository.look().map_err(|failure| cannot_open(&self.label, failure))
    }

    /// An object that is a file of its own, opened; `None` if there is no such file, or it cannot be read.
    pub(super) fn loose(&self, id: ObjectId) -> Option<Loose> {
        self.state().loose(&id).ok().flatten()
    }

    /// The object that is read for `id`.
    pub(super) fn effective(&self, id: ObjectId) -> ObjectId {
        self.replaced.get(&id).copied().unwrap_or(id)
    }

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

pub(super) struct CachedReader<'o> {
    pub(super) objects: &'o Objects,
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

    /// The memory for reading an object of `len` bytes, which is unpacked in one piece: itself, and what it is made from. To be
    /// had before it is read, and given back when its bytes are.
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

    /// The bytes of an object, which are those that its hash names. `what` says what it is to the reader.
    pub(super) fn read(&mut self, id: ObjectId, kind: Kind, what: &str) -> Result<&[u8], SourceError> {
        let objects = self.objects;
        match self.read_any(id, what)? {
            (found, data) if found == kind => Ok(data),
            (found, _) => {
                let (label, operation) = (&*objects.label, format!("cannot read {what} {id}"));
                Err(SourceError::new(ErrorKind::Damaged, label, operation)
                    .because(format!("it is a {found}")))
            }
        }
    }

    /// The bytes of the object that was read last.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }

    /// The same for an object of whatever kind.
    pub(super) fn read_any(&mut self, id: ObjectId, what: &str) -> Result<(Kind, &[u8]), SourceError> {
        let Self { objects, reader, buffer, .. } = self;
        let operation = || format!("cannot read {what} {id}");
        let stored = objects.effective(id);
        let found = reader.read(&stored, buffer).map_err(|failure| {
            let error = failed(&objects.label, operation(), failure);
            SourceError { hint: error.hint.or_else(|| Some(FSCK.to_owned())), ..error }
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
