//! A store in a git repository, as `dolt push` to a git remote leaves it: a commit at [`DATA_REF`], or on the branch that
//! `dolt remote add --ref` named, whose tree holds the files of a store. A file that is too long for one blob is a folder of parts `0001`, `0002`, ...
//! in this order.
//!
//! Blobs are compressed, and so cannot be read at an offset: each file that a view needs is unpacked once,
//! into a temporary file without a name. Nothing is written to the repository, and no program is run.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use dolt_store::files::{FilesState, Generation, LookAgain, MANIFEST, Stamp, StoreFile, StoreFiles};
use dolt_store::{StoreError, StoreManifest};
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use gix::objs::{CommitRefIter, Kind, TagRefIter, TreeRefIter};

use super::spool::Spool;
use crate::content::ErrorKind;
use crate::files::root::Links;
use crate::model::access::Audience;
use crate::source::dolt::store::error::{ContainerProblem, IntoSourceError};
use crate::source::repository::{BaseCache, Failure, ObjectReader, Repository, kind_of};

/// Where Dolt keeps its data in a git repository.
const DATA_REF: &str = "refs/dolt/data";
/// What the full names of branches and tags begin with.
const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";
/// How many branches are looked at in search of a store.
const MOST_BRANCHES: usize = 1000;
/// How many digits the name of a part has.
const PART_DIGITS: usize = 4;
/// More tags of tags in a row than are ever made.
const MOST_TAGS_IN_ROW: usize = 100;

/// A git repository with a store in it, open for reading.
pub struct StoreInGit {
    repository: Repository,
    /// Full name of the ref that holds the data.
    reference: String,
}

impl StoreInGit {
    /// Whether a folder is, or has, a git repository, by a look at its files.
    pub fn is_at(folder: &Path) -> bool {
        crate::source::repository::is_repository(folder)
    }

    /// Opens the repository in a folder: a bare one, a work tree, or the `.git` of one, with the data at a ref of this full
    /// name. Settings other than those of the repository itself are not looked at.
    pub fn open(folder: &Path, links: Links, reference: &str) -> Result<Self, StoreError> {
        let repository =
            Repository::open(folder, links).map_err(|error| failed(folder, "open it".to_owned(), error))?;
        Ok(Self { repository, reference: reference.to_owned() })
    }

    /// The full name of the ref that holds a store: Dolt's own one, else the only branch that does.
    pub fn locate(folder: &Path, links: Links) -> Result<String, StoreError> {
        let own = Self::open(folder, links, DATA_REF)?;
        let missing = match own.head() {
            Ok(_) => return Ok(own.reference),
            Err(error) if error.source_kind() == ErrorKind::Missing => error,
            Err(error) => return Err(error),
        };
        match Self::branches(folder, links)?.as_slice() {
            [] => Err(missing),
            [branch] => Ok(format!("{BRANCHES}{branch}")),
            branches => {
                let problem = format!(
                    "several branches hold Dolt data: {}; write git:PATH?ref=BRANCH",
                    branches.join(", ")
                );
                Err(own.failure(ErrorKind::Missing, format!("read {DATA_REF}"), problem))
            }
        }
    }

    /// The branches whose files are those of a store, by short name.
    pub fn branches(folder: &Path, links: Links) -> Result<Vec<String>, StoreError> {
        let mut store = Self::open(folder, links, DATA_REF)?;
        let state = store.repository.state();
        let branches = state.names().all().filter_map(|(name, id)| Some((name.strip_prefix(BRANCHES)?, id?)));
        let mut found = Vec::new();
        for (branch, commit) in branches.take(MOST_BRANCHES) {
            store.reference = format!("{BRANCHES}{branch}");
            if store.holds_store(commit) {
                found.push(branch.to_owned());
            }
        }
        Ok(found)
    }

    /// The full name of the branch, tag or ref of a name, if its files are those of a store.
    pub fn named(folder: &Path, links: Links, name: &str) -> Option<String> {
        let mut store = Self::open(folder, links, name).ok()?;
        let state = store.repository.state();
        let names = [format!("{BRANCHES}{name}"), format!("{TAGS}{name}"), name.to_owned()];
        let (full, commit) =
            names.into_iter().find_map(|name| Some((name.clone(), state.names().find(&name)?)))?;
        store.reference.clone_from(&full);
        store.holds_store(commit).then_some(full)
    }

    fn holds_store(&self, commit: ObjectId) -> bool {
        let manifest = self.tree(commit).and_then(|tree| Ok((tree.path(MANIFEST), tree.read(MANIFEST)?)));
        manifest
            .is_ok_and(|(path, bytes)| bytes.is_some_and(|bytes| StoreManifest::parse(&path, &bytes).is_ok()))
    }

    /// Who may read the repository, by its folders, as of the last look at it.
    pub fn audience(&self) -> Audience {
        self.repository.state().audience()
    }

    /// The commit at the ref; an error of the kind [`ErrorKind::Missing`] where there is no such ref.
    pub fn head(&self) -> Result<ObjectId, StoreError> {
        let action = || format!("read {}", self.reference);
        let found =
            self.repository.find_name(&self.reference).map_err(|error| self.failed(action(), error))?;
        found.ok_or_else(|| {
            let problem = format!(
                "there is no such ref; `dolt push` to the repository makes it, and `git fetch origin {0}:{0}` gets it from \
                 a clone's origin",
                self.reference
            );
            self.failure(ErrorKind::Missing, action(), problem)
        })
    }

    pub fn tree(&self, commit: ObjectId) -> Result<CommitTree<'_>, StoreError> {
        let mut reader = ObjectReader::new(&self.repository, BaseCache::Nothing);
        let action = || format!("read commit {commit} of {}", self.reference);
        let mut at = commit;
        for _ in 0..MOST_TAGS_IN_ROW {
            let (kind, data) = self.object(&mut reader, at, action())?;
            at = match kind {
                Kind::Commit => CommitRefIter::from_bytes(&data, at.kind()).tree_id(),
                Kind::Tag => TagRefIter::from_bytes(&data, at.kind()).target_id(),
                Kind::Tree => {
                    let entries = self.entries(&data, at)?;
                    let (reader, spool) = (RefCell::new(reader), OnceCell::new());
                    return Ok(CommitTree { repository: self, reader, entries, spool });
                }
                Kind::Blob => return Err(self.failure(ErrorKind::Damaged, action(), "it is a blob")),
            }
            .map_err(|error| self.of_git(action(), error))?;
        }
        Err(self.failure(ErrorKind::Damaged, action(), "tags name each other"))
    }

    /// An object, in memory, whose bytes are those that its hash names.
    fn object(
        &self,
        reader: &mut ObjectReader<'_>,
        id: ObjectId,
        action: String,
    ) -> Result<(Kind, Vec<u8>), StoreError> {
        let mut data = Vec::new();
        match reader.read(&id, &mut data) {
            Ok(Some(kind)) => Ok((kind, data)),
            Ok(None) => Err(self.failure(ErrorKind::Missing, action, "the object is missing")),
            Err(error) => Err(self.failed(action, error)),
        }
    }

    /// The entries of a tree's object, by name.
    fn entries(&self, data: &[u8], id: ObjectId) -> Result<BTreeMap<String, TreeEntry>, StoreError> {
        let mut entries = BTreeMap::new();
        for entry in TreeRefIter::from_bytes(data, id.kind()) {
            let entry =
                entry.map_err(|error| self.of_git(format!("read tree {id} of {}", self.reference), error))?;
            let (kind, id) = (entry.mode.kind(), entry.oid.to_owned());
            entries.insert(entry.filename.to_string(), TreeEntry { is_folder: kind == EntryKind::Tree, id });
        }
        Ok(entries)
    }

    fn of_git(&self, action: String, error: gix::Error) -> StoreError {
        self.failure(kind_of(&error), action, error)
    }

    fn failed(&self, action: String, failure: Failure) -> StoreError {
        failed(self.repository.folder(), action, failure)
    }

    fn failure(
        &self,
        kind: ErrorKind,
        action: String,
        problem: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> StoreError {
        container_error(self.repository.folder(), action, kind, problem.into())
    }
}

fn failed(repository: &Path, action: String, failure: Failure) -> StoreError {
    let Failure { kind, problem, hint } = failure;
    let source = match hint {
        Some(hint) => format!("{problem}; {hint}").into(),
        None => problem,
    };
    container_error(repository, action, kind, source)
}

fn container_error(
    repository: &Path,
    action: String,
    kind: ErrorKind,
    source: Box<dyn Error + Send + Sync>,
) -> StoreError {
    let source = ContainerProblem { kind, source };
    let (kind, source) = (source.store_kind(), Box::new(source));
    StoreError::Container { container: "git repository", place: repository.to_owned(), kind, action, source }
}

impl StoreFiles for StoreInGit {
    fn folder(&self) -> &Path {
        self.repository.folder()
    }

    /// The commit: one look at a ref.
    fn state(&self) -> Result<FilesState, StoreError> {
        Ok(FilesState::Fixed(self.head()?.as_slice().to_vec()))
    }

    fn at(&self, state: &FilesState) -> Result<Box<dyn Generation + '_>, StoreError> {
        let commit = match state {
            FilesState::Fixed(id) => ObjectId::try_from(id.as_slice()).ok(),
            FilesState::Changing(_) => None,
        };
        Ok(Box::new(self.tree(commit.map_or_else(|| self.head(), Ok)?)?))
    }

    fn may_vanish(&self) -> bool {
        false
    }
}

/// An entry of a tree.
#[derive(Debug, Clone, Copy)]
struct TreeEntry {
    is_folder: bool,
    id: ObjectId,
}

pub struct CommitTree<'r> {
    repository: &'r StoreInGit,
    reader: RefCell<ObjectReader<'r>>,
    entries: BTreeMap<String, TreeEntry>,
    spool: OnceCell<Spool>,
}

impl CommitTree<'_> {
    /// The blobs that make up a file, each with its name, in their order.
    fn blobs(&self, name: &str) -> Result<Vec<(ObjectId, String)>, StoreError> {
        let action = || format!("read file {name} of {}", self.repository.reference);
        let Some(entry) = self.entries.get(name) else {
            let problem = "the manifest names it, and it is not there";
            return Err(self.repository.failure(ErrorKind::Missing, action(), problem));
        };
        if !entry.is_folder {
            return Ok(vec![(entry.id, name.to_owned())]);
        }
        let parts = self.object(entry.id, name)?;
        let parts = self.repository.entries(&parts, entry.id)?;
        for (at, (part, entry)) in parts.iter().enumerate() {
            let expected = format!("{:0PART_DIGITS$}", at + 1);
            if *part != expected || entry.is_folder {
                let problem = format!("its part {expected} is missing, {part} comes in its place");
                return Err(self.repository.failure(ErrorKind::Damaged, action(), problem));
            }
        }
        Ok(parts.iter().map(|(part, entry)| (entry.id, format!("{name}/{part}"))).collect())
    }

    fn object(&self, id: ObjectId, what: &str) -> Result<Vec<u8>, StoreError> {
        let action = format!("read object {id} ({what} of {})", self.repository.reference);
        self.repository.object(&mut self.reader.borrow_mut(), id, action).map(|(_, data)| data)
    }
}

impl Generation for CommitTree<'_> {
    /// A file as git itself names it, behind the repository's folder.
    fn path(&self, name: &str) -> PathBuf {
        self.repository.repository.folder().join(format!("{}:{name}", self.repository.reference))
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.entries.keys().cloned().collect())
    }

    fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.has(name) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        for (id, what) in self.blobs(name)? {
            bytes.extend_from_slice(&self.object(id, &what)?);
        }
        Ok(Some(bytes))
    }

    /// Unpacks a file.
    fn open(&self, name: &str) -> Result<StoreFile, StoreError> {
        let spool = match self.spool.get() {
            Some(spool) => spool,
            None => {
                let spool = Spool::new()?;
                self.spool.get_or_init(|| spool)
            }
        };
        let blobs = self.blobs(name)?;
        spool.unpack(self.path(name), blobs.iter().map(|(id, what)| self.object(*id, what)))
    }

    fn stamp(&self, _name: &str) -> Result<Option<Stamp>, StoreError> {
        Ok(None)
    }

    /// The objects of the file, and the folder of packs.
    fn places(&self, name: &str) -> Vec<LookAgain> {
        let blobs = self.blobs(name).unwrap_or_default();
        let reader = self.reader.borrow();
        let places = blobs.iter().flat_map(|(id, _)| reader.state().places_of(id));
        places
            .map(|place| -> LookAgain { Box::new(move || Stamp::of_path(place.root(), place.path())) })
            .collect()
    }

    fn old(&self) -> Option<Box<dyn Generation + '_>> {
        None
    }
}
