//! The objects of a repository: read by the library, and checked here against the hashes that name them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gix::error::Class;
use gix::objs::{Find, FindHeader, Kind};
use gix::odb::pack::cache::lru::MemoryCappedHashmap;
use gix::{ObjectId, ThreadSafeRepository};

use super::tree::TreeCache;
use crate::source::stored::io_kind;
use crate::source::{ErrorKind, SourceError};

/// The most that reading one object may allocate, in bytes: git may keep one as a chain of differences, which all are in
/// memory with what they are made from.
pub(super) const MAX_OBJECT_MEMORY: u32 = 512 << 20;

/// What a reader keeps of unpacked objects that others are made from, in bytes.
const BASE_CACHE: usize = 32 << 20;

/// The objects of a repository as of one state of its replacements. All that reads them may block.
pub(super) struct Objects {
    label: Arc<str>,
    repository: ThreadSafeRepository,
    /// Objects that stand for others (`git replace`).
    replaced: Arc<HashMap<ObjectId, ObjectId>>,
}

/// Opens a repository. Settings other than its own are not looked at, and nothing that they name is run.
///
/// # Errors
/// What is no repository, or one of a kind that is not known.
pub(super) fn open(folder: &Path, label: &str) -> Result<ThreadSafeRepository, SourceError> {
    let limit = format!("gitoxide.objects.allocLimit={MAX_OBJECT_MEMORY}");
    // Its format is in its settings, whoever they belong to.
    let options = gix::open::Options::isolated()
        .with(gix::sec::Trust::Full)
        .config_overrides([limit])
        .strict_config(false);
    let repository = ThreadSafeRepository::open_opts(folder, options).map_err(|error| {
        of_git(label, "cannot open the repository".to_owned(), error)
            .with_hint("`git -C PATH fsck` tells what is wrong with it")
    })?;
    match repository.to_thread_local().config_snapshot().string("extensions.refStorage") {
        Some(storage) if *storage != *b"files" => {
            Err(SourceError::new(ErrorKind::Unsupported, label, "cannot read the branches")
                .because(format!("the repository keeps its refs in the form `{storage}`, which is not read"))
                .with_hint("`git refs migrate --ref-format=files` makes them files"))
        }
        _ => Ok(repository),
    }
}

/// A failure that the library tells of.
pub(super) fn of_git(label: &str, operation: String, error: gix::Error) -> SourceError {
    let of_system = error
        .iter_errors()
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .find(|error| error.raw_os_error().is_some());
    let of_class = || match error.dominant_class() {
        Some(Class::NotFound) => ErrorKind::Missing,
        Some(Class::PermissionDenied) => ErrorKind::Refused,
        Some(Class::Unsupported) => ErrorKind::Unsupported,
        Some(Class::Cancelled | Class::Conflict | Class::Retryable) => ErrorKind::Unavailable,
        _ => ErrorKind::Damaged,
    };
    // What the library makes of a failure of the operating system says nothing of what is stored.
    let kind = of_system.map_or_else(of_class, io_kind);
    SourceError::new(kind, label, operation).because(error)
}

impl Objects {
    pub(super) fn new(
        label: Arc<str>,
        repository: ThreadSafeRepository,
        replaced: Arc<HashMap<ObjectId, ObjectId>>,
    ) -> Self {
        Self { label, repository, replaced }
    }

    pub(super) fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// That none of its databases has a working set.
    pub(super) fn no_live_files(&self) -> SourceError {
        SourceError::new(ErrorKind::Missing, &*self.label, "cannot list live files")
            .because("what is not committed is not shown")
    }

    /// The same as they are stored, whatever stands for them.
    pub(super) fn as_stored(&self) -> Self {
        Self::new(Arc::clone(&self.label), self.repository.clone(), Arc::default())
    }

    pub(super) fn repository(&self) -> gix::Repository {
        self.repository.to_thread_local()
    }

    /// The object that is read for `id`.
    pub(super) fn effective(&self, id: ObjectId) -> ObjectId {
        self.replaced.get(&id).copied().unwrap_or(id)
    }

    /// A reader for one thread.
    pub(super) fn reader(&self) -> Reader<'_> {
        let mut repository = self.repository.to_thread_local();
        // Replacements are looked up here, so that what is read can be checked.
        repository.objects.ignore_replacements = true;
        Reader { objects: self, repository, buffer: Vec::new(), trees: TreeCache::default() }
    }

    /// The folders of objects: its own, and those that it borrows from.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let own = self.repository.to_thread_local().common_dir().join("objects");
        let borrowed = gix::odb::alternate::resolve(own.clone(), Path::new("/")).unwrap_or_default();
        std::iter::once(own).chain(borrowed).collect()
    }

    /// Whether it is a partial clone: what it lacks was promised to it by the one that it came from.
    pub(super) fn is_partial(&self) -> bool {
        self.folders().iter().any(|folder| {
            let packs = std::fs::read_dir(folder.join("pack")).into_iter().flatten().flatten();
            packs.into_iter().any(|file| file.path().extension().is_some_and(|end| end == "promisor"))
        })
    }

    /// Why an object is not there, and what can be done about it.
    pub(super) fn missing(&self, id: ObjectId, operation: String) -> SourceError {
        let error = SourceError::new(ErrorKind::Missing, &*self.label, operation);
        if self.is_partial() {
            error
                .because(format!("object {id} was not fetched: the repository is a partial clone"))
                .with_hint(format!("`git cat-file -t {id}`, run in the repository, fetches it"))
        } else {
            error.because(format!("object {id} is not in the repository (any more)")).with_hint(
                "`git gc` removes what no branch or tag reaches; for anything else `git fsck` tells what is missing",
            )
        }
    }
}

/// Reads objects on one thread.
pub(super) struct Reader<'o> {
    objects: &'o Objects,
    repository: gix::Repository,
    buffer: Vec<u8>,
    pub(super) trees: TreeCache,
}

impl<'o> Reader<'o> {
    /// For reading many objects one of which is packed as the difference to another.
    pub(super) fn for_many(mut self) -> Self {
        self.repository.objects.set_pack_cache(|| Box::new(MemoryCappedHashmap::new(BASE_CACHE)));
        self
    }

    pub(super) fn objects(&self) -> &'o Objects {
        self.objects
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

    /// The same for an object of whatever kind.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn read_any(&mut self, id: ObjectId, what: &str) -> Result<(Kind, &[u8]), SourceError> {
        let Self { objects, repository, buffer, .. } = self;
        let label = &*objects.label;
        let operation = || format!("cannot read {what} {id}");
        let stored = objects.effective(id);
        let found = repository.objects.try_find(&stored, buffer);
        let found = found.map_err(|error| of_git(label, operation(), error).with_hint(FSCK))?;
        let found = found.ok_or_else(|| objects.missing(stored, operation()))?;
        found.verify_checksum(&stored).map_err(|_| {
            SourceError::new(ErrorKind::Damaged, label, operation())
                .because(format!("its bytes are not those that the hash {stored} names"))
                .with_hint(FSCK)
        })?;
        Ok((found.kind, found.data))
    }

    /// Kind and length of an object as its header states them; `None` where it is missing or damaged.
    pub(super) fn header(&self, id: ObjectId) -> Option<(Kind, u64)> {
        let header = self.repository.objects.try_header(&self.objects.effective(id)).ok()??;
        Some((header.kind, header.size))
    }
}

/// What to do about damage.
pub(super) const FSCK: &str = "`git fsck` checks the repository; fetching from where it was cloned, or another clone, may bring it back";
