//! Which databases a folder holds, and which folders tell when that or a database changes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::chunks::{ChunkStore, Place, Repository};
use super::error::StoreError;
use crate::source::dolt::leftovers::is_left_by_tests;
use crate::source::watch::{Events, Watched};

/// Where a Beads folder keeps its databases: those of a server, those within the program.
const BEADS_FOLDERS: [&str; 2] = ["dolt", "embeddeddolt"];

/// What every database folder holds.
const DOLT: &str = ".dolt";
/// The folder of the repository in a work tree, and what the names of bare repositories end in.
const GIT: &str = ".git";

/// The databases at a path: name, as a server over it has it, to where the store is. A folder without databases of its
/// own may be a git repository that holds one.
///
/// # Errors
/// What the operating system said.
pub fn places(path: &Path) -> Result<BTreeMap<String, Place>, StoreError> {
    let found: BTreeMap<_, _> =
        databases(path)?.into_iter().map(|(name, folder)| (name, Place::Folder(folder))).collect();
    if found.is_empty() && look_into_git(path).is_some_and(|looked| looked.is_ok()) {
        return Ok([(name_of_repository(path), Place::Git(path.to_owned()))].into());
    }
    Ok(found)
}

/// Whether a git repository holds a store: the error says why not. `None` for what is no git repository.
pub fn look_into_git(path: &Path) -> Option<Result<(), StoreError>> {
    let look = || Repository::open(path)?.head().map(drop);
    Repository::is_at(path).then(look)
}

/// The databases in a folder: name, as a server over it has it, to the folder of the store.
///
/// A folder can be a store or a database itself, hold databases (the data folder of a server), or be that of Beads.
///
/// # Errors
/// What the operating system said.
pub fn databases(path: &Path) -> Result<BTreeMap<String, PathBuf>, StoreError> {
    let mut found = BTreeMap::new();
    let path = &without_dolt(path);
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

/// The folder of the database whose store is in a folder: the one around `.dolt/noms`, or the store's own.
pub fn folder_of(store: &Path) -> &Path {
    let database = store.ends_with(".dolt/noms").then(|| store.ancestors().nth(2)).flatten();
    database.unwrap_or(store)
}

/// A `.dolt` stands for the database that it lies in.
fn without_dolt(path: &Path) -> PathBuf {
    match path.ends_with(DOLT) {
        true => path.join(".."),
        false => path.to_owned(),
    }
}

/// The folders in which something happens whenever a database below `path` changes, comes or goes: those that
/// [`databases`] looks into, as far as they are there and can be listed, and the stores'.
pub fn watched(path: &Path) -> Watched {
    let path = &without_dolt(path);
    let mut found = Watched::from([(path.clone(), Events::Entries)]);
    within_database(path, &mut found);
    if ChunkStore::locate(path).is_some_and(|store| store == *path) {
        return found;
    }
    let beads = BEADS_FOLDERS.map(|folder| path.join(folder));
    for parent in std::iter::once(path).chain(&beads) {
        // One that cannot be listed cannot be watched either, so that it is looked at often enough.
        for folder in folders_in(parent).unwrap_or_default().into_values().filter(|folder| folder.is_dir()) {
            found.insert(folder.clone(), Events::Entries);
            within_database(&folder, &mut found);
        }
    }
    found
}

/// Adds the folders of a database, or of a store, that are there.
fn within_database(folder: &Path, found: &mut Watched) {
    let dolt = folder.join(DOLT);
    if dolt.is_dir() {
        found.insert(dolt, Events::Entries);
    }
    for store in [ChunkStore::within(folder), folder.to_owned()] {
        let is_store = store != folder || ChunkStore::locate(folder).as_deref() == Some(folder);
        if is_store && store.is_dir() {
            let old = ChunkStore::old_generation(&store);
            found.insert(store, Events::Writes);
            found.extend(old.is_dir().then_some((old, Events::Writes)));
        }
    }
}

/// Adds the databases in folders right below one; nothing where there is no folder.
fn below(path: &Path, found: &mut BTreeMap<String, PathBuf>) -> Result<(), StoreError> {
    let folders = folders_in(path)?.into_iter();
    found.extend(folders.filter_map(|(name, folder)| Some((name, ChunkStore::locate(&folder)?))));
    Ok(())
}

/// What lies in a folder and can be a database by its name; nothing where there is no folder.
fn folders_in(path: &Path) -> Result<BTreeMap<String, PathBuf>, StoreError> {
    let mut found = BTreeMap::new();
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(found);
        }
        Err(error) => return Err(StoreError::io(path, "list", error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| StoreError::io(path, "list", error))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !is_left_by_tests(&name) && !name.starts_with('.') {
            found.insert(name, entry.path());
        }
    }
    Ok(found)
}

/// The name of the database in a folder: that of the folder, without what lies within every database.
fn name_of(path: &Path) -> String {
    // A name that the user wrote stays, even where it is that of a symlink; `.` and `..` are none.
    let absolute = match path.file_name() {
        Some(_) => std::path::absolute(path),
        None => path.canonicalize(),
    };
    let absolute = absolute.unwrap_or_else(|_| path.to_owned());
    let is_within =
        |folder: &&Path| folder.ends_with(".dolt/noms") || folder.ends_with(DOLT) || folder.ends_with(GIT);
    let database = absolute.ancestors().find(|folder| !is_within(folder));
    let name = database.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "dolt".to_owned())
}

/// The name of the database in a git repository: that of the repository.
fn name_of_repository(path: &Path) -> String {
    let name = name_of(path);
    name.strip_suffix(GIT).filter(|name| !name.is_empty()).unwrap_or(&name).to_owned()
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

    #[test]
    fn every_folder_on_the_way_to_a_store_is_watched() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |path: &str| folder.path().join(path);
        for path in ["data/a/.dolt/noms/oldgen", "data/a/.dolt/noms", "data/bare/oldgen", "data/bare"] {
            make(&at(path));
        }
        for path in ["data/new", "data/newer/.dolt", "data/testdb_1/.dolt/noms", "repo/dolt/b/.dolt/noms"] {
            std::fs::create_dir_all(at(path)).expect("the folder is ours");
        }
        std::fs::write(at("data/server.log"), "").expect("the folder is ours");
        let watched = |path: &str, kind| {
            let found = watched(&at(path)).into_iter();
            let of_kind = found.filter(|(_, events)| *events == kind).map(|(path, _)| path);
            let shown = of_kind.map(|path| path.strip_prefix(folder.path()).map(|p| p.display().to_string()));
            shown.collect::<Result<Vec<_>, _>>().expect("all are below it").join(" ")
        };
        let (growing, others) = (Events::Writes, Events::Entries);
        let stores = "data/a/.dolt/noms data/a/.dolt/noms/oldgen data/bare data/bare/oldgen";
        assert_eq!(watched("data", growing), stores);
        assert_eq!(watched("data", others), "data data/a data/a/.dolt data/new data/newer data/newer/.dolt");
        assert_eq!(watched("data/bare", growing), "data/bare data/bare/oldgen");
        assert_eq!(watched("data/bare", others), "");
        assert_eq!(watched("repo", growing), "repo/dolt/b/.dolt/noms");
        assert_eq!(watched("repo", others), "repo repo/dolt repo/dolt/b repo/dolt/b/.dolt");
    }

    #[test]
    fn a_repository_is_called_as_people_call_it() {
        for path in ["/x/beads", "/x/beads.git", "/x/beads/.git", "/x/beads.git/", "/x/y/../beads"] {
            assert_eq!(name_of_repository(Path::new(path)), "beads", "{path}");
        }
        assert_eq!(name_of_repository(Path::new("/.git")), "dolt");
    }
}
