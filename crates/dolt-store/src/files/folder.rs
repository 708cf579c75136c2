//! A store in a folder, which Dolt may be writing to.

use std::io;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::{
    FileAccess, FilesState, Generation, JOURNAL, LookAgain, MANIFEST, Stamp, StdAccess, StoreFile, StoreFiles,
};
use crate::error::StoreError;

/// The folder of the old generation within that of a store.
const OLD_GENERATION: &str = "oldgen";
/// Where the folder of a database keeps its store.
const NOMS: &str = ".dolt/noms";
/// The file beside the store of a database that says which branch is checked out.
const REPO_STATE: &str = "repo_state.json";
/// The longest file that is read whole, in bytes: a list of what a shallow clone left behind.
const LONGEST_SMALL_FILE: u64 = 1 << 30;
/// The longest `repo_state.json` that is read, in bytes.
const LONGEST_REPO_STATE: u64 = 1 << 20;

/// A folder that holds the manifest of a store, and how its files are opened.
#[derive(Clone)]
pub struct StoreFolder {
    path: PathBuf,
    access: Arc<dyn FileAccess>,
}

impl StoreFolder {
    /// The store in a folder, with files opened by [`std::fs`].
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::with_access(path, Arc::new(StdAccess))
    }

    /// The store in a folder, with files opened by `access`.
    pub fn with_access(path: impl Into<PathBuf>, access: Arc<dyn FileAccess>) -> Self {
        Self { path: path.into(), access }
    }

    /// The folder of the store that `folder` is or holds; `None` if there is none. `folder` may be the folder of a
    /// database, a `.dolt/noms`, a backup, or the folder of a `file://` remote.
    pub fn locate(folder: &Path, access: &dyn FileAccess) -> Option<PathBuf> {
        // A folder whose manifest is lost is still a store: its journal says what it holds.
        let is_file = |path: PathBuf| access.metadata(&path).is_ok_and(|found| found.is_file());
        let is_store = |folder: &PathBuf| [MANIFEST, JOURNAL].iter().any(|name| is_file(folder.join(name)));
        [Self::in_database(folder), folder.to_owned()].into_iter().find(is_store)
    }

    /// Where the folder of a database has its store.
    pub fn in_database(database: &Path) -> PathBuf {
        database.join(NOMS)
    }

    /// Where the folder of a store has its old generation.
    pub fn old_generation(store: &Path) -> PathBuf {
        store.join(OLD_GENERATION)
    }

    /// Whether a store is that of a database rather than a backup or a remote.
    pub fn is_of_database(store: &Path) -> bool {
        store.ends_with(NOMS)
    }

    fn look(&self, name: &str) -> Result<Option<Stamp>, StoreError> {
        Stamp::of_path(&*self.access, &self.path.join(name))
    }

    /// Reads a file whole; `None` where there is none.
    fn read_whole(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
        let read = || {
            let file = self.access.open(path)?;
            if !file.metadata()?.is_file() {
                return Err(invalid("it is not a regular file".to_owned()));
            }
            let mut bytes = Vec::new();
            file.take(limit + 1).read_to_end(&mut bytes)?;
            match bytes.len() as u64 > limit {
                true => Err(invalid(format!("it is longer than {limit} bytes"))),
                false => Ok(bytes),
            }
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io(path, "read", error)),
        }
    }
}

impl StoreFiles for StoreFolder {
    fn folder(&self) -> &Path {
        &self.path
    }

    fn state(&self) -> Result<FilesState, StoreError> {
        let old = Self::old_generation(&self.path).join(MANIFEST);
        let old = Stamp::of_path(&*self.access, &old)?;
        Ok(FilesState::Changing([self.look(MANIFEST)?, old, self.look(JOURNAL)?]))
    }

    fn at(&self, _state: &FilesState) -> Result<Box<dyn Generation + '_>, StoreError> {
        Ok(Box::new(self.clone()))
    }

    fn may_vanish(&self) -> bool {
        true
    }

    /// The branch that `repo_state.json` names, if that file is there and whole.
    fn checked_out(&self) -> Result<Option<String>, StoreError> {
        #[derive(Deserialize)]
        struct RepoState {
            head: String,
        }
        if !Self::is_of_database(&self.path) {
            return Ok(None);
        }
        let file = self.path.with_file_name(REPO_STATE);
        let Some(text) = self.read_whole(&file, LONGEST_REPO_STATE)? else { return Ok(None) };
        // Dolt rewrites it in place, so it may be incomplete for an instant.
        let state: Option<RepoState> = serde_json::from_slice(&text).ok();
        Ok(state.and_then(|state| state.head.strip_prefix("refs/heads/").map(str::to_owned)))
    }
}

impl Generation for StoreFolder {
    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        match self.access.names(&self.path) {
            Ok(names) => Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(StoreError::io(&self.path, "list", error)),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.access.metadata(&self.path.join(name)).is_ok()
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_whole(&self.path.join(name), LONGEST_SMALL_FILE)
    }

    fn open(&self, name: &str) -> Result<StoreFile, StoreError> {
        StoreFile::open(&*self.access, &self.path.join(name))
    }

    fn stamp(&self, name: &str) -> Result<Option<Stamp>, StoreError> {
        self.look(name)
    }

    fn places(&self, name: &str) -> Vec<LookAgain> {
        let (folder, name) = (self.clone(), name.to_owned());
        vec![Box::new(move || folder.look(&name))]
    }

    fn old(&self) -> Option<Box<dyn Generation + '_>> {
        let path = Self::old_generation(&self.path);
        Some(Box::new(Self { path, access: Arc::clone(&self.access) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_that_is_checked_out_is_named_beside_the_store() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let noms = StoreFolder::in_database(folder.path());
        std::fs::create_dir_all(&noms).expect("the folder is ours");
        let checked_out = || StoreFolder::new(&noms).checked_out().expect("nothing is wrong");
        assert_eq!(checked_out(), None);
        for (text, expected) in
            [(r#"{"head": "refs/heads/x", "remotes": {}}"#, Some("x")), (r#"{"head": "refs/hea"#, None)]
        {
            std::fs::write(folder.path().join(".dolt").join(REPO_STATE), text).expect("the folder is ours");
            assert_eq!(checked_out().as_deref(), expected);
        }
    }
}
