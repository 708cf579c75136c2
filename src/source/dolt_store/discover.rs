//! Which databases a folder holds.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::chunks::ChunkStore;
use super::error::StoreError;
use crate::source::dolt::leftovers::is_left_by_tests;

/// Where a Beads folder keeps its databases: those of a server, those within the program.
const BEADS_FOLDERS: [&str; 2] = ["dolt", "embeddeddolt"];

/// What every database folder holds.
const DOLT: &str = ".dolt";

/// The databases in a folder: name, as a server over it has it, to the folder of the store.
///
/// A folder can be a store or a database itself, hold databases (the data folder of a server), or be that of Beads.
///
/// # Errors
/// What the operating system said.
pub fn databases(path: &Path) -> Result<BTreeMap<String, PathBuf>, StoreError> {
    let mut found = BTreeMap::new();
    let path = match path.ends_with(DOLT) {
        true => &path.join(".."),
        false => path,
    };
    if let Some(folder) = ChunkStore::locate(path) {
        found.insert(name_of(path), folder);
    }
    // A bare store has no databases below it, only files of its own.
    if found.values().all(|folder| folder != path) {
        below(path, &mut found)?;
    }
    if found.is_empty() {
        for folder in BEADS_FOLDERS {
            let path = path.join(folder);
            if let Some(folder) = ChunkStore::locate(&path) {
                found.insert(name_of(&path), folder);
            }
            below(&path, &mut found)?;
        }
    }
    Ok(found)
}

/// Adds the databases in folders right below one; nothing where there is no folder.
fn below(path: &Path, found: &mut BTreeMap<String, PathBuf>) -> Result<(), StoreError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(StoreError::io(path, "list", error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| StoreError::io(path, "list", error))?;
        let folder = entry.path();
        let Ok(name) = entry.file_name().into_string() else { continue };
        if let Some(store) =
            ChunkStore::locate(&folder).filter(|_| !is_left_by_tests(&name) && !name.starts_with('.'))
        {
            found.insert(name, store);
        }
    }
    Ok(())
}

/// The name of the database in a folder: that of the folder, without what lies within every database.
fn name_of(path: &Path) -> String {
    // A name that the user wrote stays, even where it is that of a symlink; `.` and `..` are none.
    let absolute = match path.file_name() {
        Some(_) => std::path::absolute(path),
        None => path.canonicalize(),
    };
    let absolute = absolute.unwrap_or_else(|_| path.to_owned());
    let is_within = |folder: &&Path| folder.ends_with(".dolt/noms") || folder.ends_with(DOLT);
    let database = absolute.ancestors().find(|folder| !is_within(folder));
    let name = database.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "dolt".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        databases(path).expect("nothing is wrong").into_keys().collect()
    }

    fn make(folder: &Path) {
        std::fs::create_dir_all(folder).expect("the folder is ours");
        std::fs::write(folder.join("manifest"), "").expect("the folder is ours");
    }

    #[test]
    fn every_layout_is_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |path: &str| folder.path().join(path);
        for path in ["data/b-eads/.dolt/noms", "data/wéird db/.dolt/noms", "data/testdb_1/.dolt/noms"] {
            make(&at(path));
        }
        make(&at("data/.dolt/noms"));
        make(&at("backup/oldgen"));
        make(&at("backup"));
        make(&at("repo/.beads/dolt/beads/.dolt/noms"));
        make(&at("other/.beads/embeddeddolt/o/.dolt/noms"));
        std::fs::create_dir(at("data/.doltcfg")).expect("the folder is ours");
        assert_eq!(names(&at("data")), ["b-eads", "data", "wéird db"]);
        assert_eq!(names(&at("data/b-eads")), ["b-eads"]);
        assert_eq!(names(&at("data/b-eads/.dolt")), ["b-eads"]);
        assert_eq!(names(&at("data/b-eads/.dolt/noms")), ["b-eads"]);
        assert_eq!(names(&at("backup")), ["backup"], "the old generation is part of it");
        assert_eq!(names(&at("repo/.beads")), ["beads"]);
        assert_eq!(names(&at("other/.beads")), ["o"]);
        assert_eq!(names(&at("repo")), Vec::<String>::new());
    }
}
