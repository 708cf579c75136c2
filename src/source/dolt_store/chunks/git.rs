//! A store in a git repository, as `dolt push` to a git remote leaves it: a commit at [`DATA_REF`] whose tree
//! holds the files of a store. A file that is too long for one blob is a folder of parts `0001`, `0002`, ...
//! in this order.
//!
//! Blobs are compressed, and so cannot be read at an offset: each file that a view needs is unpacked once,
//! into a temporary file without a name. Nothing is written to the repository, and no program is run.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use gix::error::Class;
use gix::objs::TreeRefIter;
use gix::objs::tree::EntryKind;
use gix::{ObjectId, ThreadSafeRepository};

use super::file::StoreFile;
use super::spool::Spool;
use crate::source::ErrorKind;
use crate::source::dolt_store::error::StoreError;

/// Where Dolt keeps its data in a git repository.
pub const DATA_REF: &str = "refs/dolt/data";
/// The most that reading one object may allocate, in bytes. Dolt cuts files into blobs of 50 MiB; git may
/// keep one as a chain of differences, which all are in memory with what they are made from.
const MAX_OBJECT_MEMORY: u32 = 512 << 20;
/// How many digits the name of a part has.
const PART_DIGITS: usize = 4;

/// A commit.
pub type CommitId = ObjectId;

/// A git repository, open for reading.
pub struct Repository {
    repository: ThreadSafeRepository,
    folder: PathBuf,
}

impl Repository {
    /// Whether a folder is, or has, a git repository, by a look at its files.
    pub fn is_at(folder: &Path) -> bool {
        folder.join(".git").exists() || folder.join("HEAD").is_file() && folder.join("objects").is_dir()
    }

    /// Opens the repository in a folder: a bare one, a work tree, or the `.git` of one. Settings other than
    /// those of the repository itself are not looked at.
    ///
    /// # Errors
    /// [`StoreError::Git`] for what is no repository, or one of a kind that is not known.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let limit = format!("gitoxide.objects.allocLimit={MAX_OBJECT_MEMORY}");
        let options = gix::open::Options::isolated().config_overrides([limit]);
        let repository = ThreadSafeRepository::open_opts(folder, options)
            .map_err(|error| of_git(folder, "open it".to_owned(), error))?;
        let this = Self { repository, folder: folder.to_owned() };
        match this.repository.to_thread_local().config_snapshot().string("extensions.refStorage") {
            Some(storage) if *storage != *b"files" => {
                let problem = "it keeps its refs in a form that is not read; `git refs migrate --ref-format=files` \
                               makes them files";
                Err(this.failure(ErrorKind::Unsupported, format!("look for {DATA_REF}"), problem))
            }
            _ => Ok(this),
        }
    }

    /// The commit at [`DATA_REF`].
    ///
    /// # Errors
    /// [`StoreError::Git`], of the kind [`ErrorKind::Missing`] where there is no such ref.
    pub fn head(&self) -> Result<CommitId, StoreError> {
        let action = || format!("read {DATA_REF}");
        let repository = self.repository.to_thread_local();
        let found = repository.try_find_reference(DATA_REF).map_err(|error| self.of_git(action(), error))?;
        let mut reference = found.ok_or_else(|| {
            let problem = "there is no such ref; `dolt push` to the repository makes it, and \
                           `git fetch origin refs/dolt/data:refs/dolt/data` gets it from a clone's origin";
            self.failure(ErrorKind::Missing, action(), problem)
        })?;
        match reference.target().try_id() {
            Some(id) => Ok(id.to_owned()),
            None => Ok(reference.peel_to_id().map_err(|error| self.of_git(action(), error))?.detach()),
        }
    }

    /// The files of a commit.
    ///
    /// # Errors
    /// [`StoreError::Git`] for a commit or tree that is missing or damaged.
    pub fn tree(&self, commit: CommitId) -> Result<Tree<'_>, StoreError> {
        let objects = self.repository.to_thread_local();
        let action = || format!("read commit {commit} of {DATA_REF}");
        let found = objects.find_object(commit).map_err(|error| self.of_git(action(), error))?;
        let found = found.peel_to_tree().map_err(|error| self.of_git(action(), error))?;
        let entries = self.entries(&found.data, found.id)?;
        drop(found);
        Ok(Tree { repository: self, objects, entries, spool: OnceCell::new() })
    }

    /// The entries of a tree's object, by name.
    fn entries(&self, data: &[u8], id: ObjectId) -> Result<BTreeMap<String, Entry>, StoreError> {
        let mut entries = BTreeMap::new();
        for entry in TreeRefIter::from_bytes(data, id.kind()) {
            let entry = entry.map_err(|error| self.of_git(format!("read tree {id} of {DATA_REF}"), error))?;
            let (kind, id) = (entry.mode.kind(), entry.oid.to_owned());
            entries.insert(entry.filename.to_string(), Entry { is_folder: kind == EntryKind::Tree, id });
        }
        Ok(entries)
    }

    fn of_git(&self, action: String, error: gix::Error) -> StoreError {
        of_git(&self.folder, action, error)
    }

    fn failure(
        &self,
        kind: ErrorKind,
        action: String,
        problem: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> StoreError {
        StoreError::Git { repository: self.folder.clone(), kind, action, source: problem.into() }
    }
}

/// A failure that the library tells of.
fn of_git(repository: &Path, action: String, error: gix::Error) -> StoreError {
    let kind = match error.dominant_class() {
        Some(Class::NotFound) => ErrorKind::Missing,
        Some(Class::PermissionDenied) => ErrorKind::Refused,
        Some(Class::Unsupported) => ErrorKind::Unsupported,
        Some(Class::Cancelled | Class::Conflict | Class::Retryable) => ErrorKind::Unavailable,
        _ => ErrorKind::Damaged,
    };
    StoreError::Git { repository: repository.to_owned(), kind, action, source: error.into() }
}

/// An entry of a tree.
#[derive(Debug, Clone, Copy)]
struct Entry {
    is_folder: bool,
    id: ObjectId,
}

/// The files of one commit.
pub struct Tree<'r> {
    repository: &'r Repository,
    objects: gix::Repository,
    entries: BTreeMap<String, Entry>,
    spool: OnceCell<Spool>,
}

impl Tree<'_> {
    /// The folder of the repository.
    pub fn folder(&self) -> &Path {
        &self.repository.folder
    }

    /// How a file is named to people: as git itself takes it, behind the repository's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.repository.folder.join(format!("{DATA_REF}:{name}"))
    }

    /// Whether there is a file of that name.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// What on disk changes when a file that could not be read is mended: its objects, and the folder of
    /// packs.
    pub fn places(&self, name: &str) -> Vec<PathBuf> {
        let folder = self.objects.common_dir().join("objects");
        let blobs = self.blobs(name).unwrap_or_default();
        let loose = blobs.iter().map(|(id, _)| {
            let digits = id.to_hex().to_string();
            folder.join(&digits[..2]).join(&digits[2..])
        });
        let mut places: Vec<_> = loose.collect();
        places.push(folder.join("pack"));
        places
    }

    /// A small file; `None` where there is none of that name.
    ///
    /// # Errors
    /// [`StoreError::Git`].
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.has(name) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        for (id, what) in self.blobs(name)? {
            bytes.extend_from_slice(&self.object(id, &what)?.data);
        }
        Ok(Some(bytes))
    }

    /// Unpacks a file.
    ///
    /// # Errors
    /// [`StoreError::Git`]; what the operating system said of the temporary file.
    pub fn open(&self, name: &str) -> Result<StoreFile, StoreError> {
        let spool = match self.spool.get() {
            Some(spool) => spool,
            None => {
                let spool = Spool::new()?;
                self.spool.get_or_init(|| spool)
            }
        };
        let mut file = spool.begin();
        for (id, what) in self.blobs(name)? {
            file.write(&self.object(id, &what)?.data)?;
        }
        Ok(file.end(self.path(name)))
    }

    /// The blobs that make up a file, each with its name, in their order.
    fn blobs(&self, name: &str) -> Result<Vec<(ObjectId, String)>, StoreError> {
        let Some(entry) = self.entries.get(name) else {
            let problem = "the manifest names it, and it is not there";
            return Err(self.repository.failure(
                ErrorKind::Missing,
                format!("read file {name} of {DATA_REF}"),
                problem,
            ));
        };
        if !entry.is_folder {
            return Ok(vec![(entry.id, name.to_owned())]);
        }
        let parts = self.object(entry.id, name)?;
        let parts = self.repository.entries(&parts.data, entry.id)?;
        for (at, (part, entry)) in parts.iter().enumerate() {
            let expected = format!("{:0PART_DIGITS$}", at + 1);
            if *part != expected || entry.is_folder {
                let problem = format!("its part {expected} is missing, {part} comes in its place");
                let action = format!("read file {name} of {DATA_REF}");
                return Err(self.repository.failure(ErrorKind::Damaged, action, problem));
            }
        }
        Ok(parts.iter().map(|(part, entry)| (entry.id, format!("{name}/{part}"))).collect())
    }

    /// An object, in memory.
    fn object(&self, id: ObjectId, what: &str) -> Result<gix::Object<'_>, StoreError> {
        let action = || format!("read object {id} ({what} of {DATA_REF})");
        let found = self.objects.try_find_object(id);
        let found = found.map_err(|error| self.repository.of_git(action(), error))?;
        let missing = || self.repository.failure(ErrorKind::Missing, action(), "the object is missing");
        found.ok_or_else(missing)
    }
}
