//! Finds the databases in a folder, and the folders to watch for changes of them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use dolt_store::StoreError;
use dolt_store::files::StoreFolder;

use super::files::{StoreInGit, StorePlace};
use crate::files::root::{Links, Root, SourcePath, is_outside};
use crate::files::watch::{Events, Watched};
use crate::model::names::shown_name;
use crate::model::terminal::ShowPath;
use crate::source::dolt::common::is_left_by_tests;
use crate::util::clock::WallClock;

/// Where a Beads folder keeps its databases: those of a server, those within the program.
const BEADS_FOLDERS: [&str; 2] = ["dolt", "embeddeddolt"];

/// What every database folder holds.
const DOLT: &str = ".dolt";
/// The folder of the repository in a work tree, and what the names of bare repositories end in.
const GIT: &str = ".git";

/// A folder that a user named, and what is opened beneath it.
#[derive(Debug, Clone)]
pub struct Named {
    /// The path as it was written, absolute: names of databases come from it.
    written: PathBuf,
    pub folder: SourcePath,
}

impl Named {
    /// The folder at a path. One within a database stands for the whole of that.
    pub fn new(path: &Path, links: Links, clock: WallClock) -> Result<Self, StoreError> {
        let fail = |error| StoreError::io(path, "open", error);
        let folder = path.canonicalize().map_err(fail)?;
        let database = folder.ancestors().find(|folder| !is_within(folder)).unwrap_or(&folder);
        let root = Root::new(database, links).map_err(fail)?.with_clock(clock);
        // A `.dolt` stands for the database that it is in.
        let folder = if folder.ends_with(DOLT) { database.to_owned() } else { folder };
        Ok(Self { written: path.to_owned(), folder: SourcePath::new(&root, folder) })
    }

    /// The databases in it: name, as a server over it has it, to where the store is. A folder without databases of its
    /// own may be a git repository that holds one.
    pub fn places(&self) -> Result<BTreeMap<String, StorePlace>, StoreError> {
        let found: BTreeMap<_, _> =
            self.databases()?.into_iter().map(|(name, folder)| (name, StorePlace::Folder(folder))).collect();
        let (path, links) = (&self.written, self.folder.root().links());
        if found.is_empty()
            && let Some(Ok(reference)) = look_into_git(path, links)
        {
            return Ok([in_git(path, links, reference)].into());
        }
        Ok(found)
    }

    /// The databases in the folder: name, as a server over it has it, to the folder of the store.
    ///
    /// A folder can be a store or a database itself, hold databases (the data folder of a server), or be that of Beads.
    pub fn databases(&self) -> Result<BTreeMap<String, SourcePath>, StoreError> {
        let mut found = BTreeMap::new();
        if let Some(store) = StorePlace::locate(&self.folder) {
            found.insert(name_of_chosen(&self.written), store);
        }
        // A bare store has no databases below it, only files of its own.
        if found.values().all(|store| *store != self.folder) {
            below(&self.folder, &mut found)?;
        }
        if found.is_empty() {
            for name in BEADS_FOLDERS {
                let folder = self.folder.join(name);
                if let Some(store) = StorePlace::locate(&folder) {
                    found.insert(name_of(&self.written.join(name)), store);
                }
                below(&folder, &mut found)?;
            }
        }
        Ok(found)
    }

    /// The folders in which something happens whenever a database below changes, comes or goes: those that
    /// [`Self::databases`] looks into, if they are there and can be listed, and those of the stores.
    pub fn watched(&self) -> Watched {
        let mut found = Watched::from([(self.folder.path().to_owned(), Events::Entries)]);
        within_database(&self.folder, &mut found);
        if StorePlace::locate(&self.folder).is_some_and(|store| store == self.folder) {
            return found;
        }
        let beads = BEADS_FOLDERS.map(|folder| self.folder.join(folder));
        for parent in std::iter::once(&self.folder).chain(&beads) {
            // One that cannot be listed cannot be watched either, so that it is looked at often enough.
            for folder in folders_in(parent).unwrap_or_default().into_values().filter(SourcePath::is_dir) {
                found.insert(folder.path().to_owned(), Events::Entries);
                within_database(&folder, &mut found);
            }
        }
        found
    }

    /// Folders that may be databases and are links out of the source.
    pub fn refused(&self) -> Result<Vec<String>, StoreError> {
        let leads_out = |folder: &SourcePath| folder.metadata().is_err_and(|error| is_outside(&error));
        let folders = folders_in(&self.folder)?.into_iter();
        Ok(folders.filter(|(_, folder)| leads_out(folder)).map(|(name, _)| name).collect())
    }
}

/// The ref of a git repository that holds a store; an error explains why there is none. `None` for what is no git repository.
pub fn look_into_git(path: &Path, links: Links) -> Option<Result<String, StoreError>> {
    StoreInGit::is_at(path).then(|| StoreInGit::locate(path, links))
}

/// The database at a ref of a git repository, with its name.
pub fn in_git(path: &Path, links: Links, reference: String) -> (String, StorePlace) {
    (name_of_repository(path), StorePlace::Git(path.to_owned(), links, reference))
}

/// The folder of the database whose store is in a folder: the one around `.dolt/noms`, or the store's own.
pub fn folder_of(store: &Path) -> &Path {
    let database = store.ends_with(".dolt/noms").then(|| store.ancestors().nth(2)).flatten();
    database.unwrap_or(store)
}

/// Adds the folders of a database, or of a store, that are there.
fn within_database(folder: &SourcePath, found: &mut Watched) {
    let dolt = folder.join(DOLT);
    if dolt.is_dir() {
        found.insert(dolt.path().to_owned(), Events::Entries);
    }
    let in_database = SourcePath::new(folder.root(), StoreFolder::in_database(folder.path()));
    for store in [in_database, folder.clone()] {
        let is_store = store != *folder || StorePlace::locate(folder).as_ref() == Some(folder);
        if is_store && store.is_dir() {
            let old = SourcePath::new(store.root(), StoreFolder::old_generation(store.path()));
            found.insert(store.path().to_owned(), Events::Writes);
            found.extend(old.is_dir().then(|| (old.path().to_owned(), Events::Writes)));
        }
    }
}

/// Adds the databases in folders right below one; nothing where there is no folder.
fn below(folder: &SourcePath, found: &mut BTreeMap<String, SourcePath>) -> Result<(), StoreError> {
    let folders = folders_in(folder)?.into_iter();
    found.extend(folders.filter_map(|(name, folder)| Some((name, StorePlace::locate(&folder)?))));
    Ok(())
}

/// What is in a folder and can be a database by its name; nothing where there is no folder.
fn folders_in(folder: &SourcePath) -> Result<BTreeMap<String, SourcePath>, StoreError> {
    let entries = match folder.read_dir().and_then(|open| open.paths()) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(BTreeMap::new());
        }
        Err(error) => return Err(StoreError::io(folder.path(), "list", error)),
    };
    let named = entries.into_iter().filter_map(|(path, _)| {
        let name = path.file_name()?.to_str()?.to_owned();
        let may_be_one = !is_left_by_tests(&name) && !name.starts_with('.');
        may_be_one.then(|| (name, SourcePath::new(folder.root(), path)))
    });
    Ok(named.collect())
}

/// Whether a folder is one within a database or a repository.
fn is_within(folder: &Path) -> bool {
    folder.ends_with(".dolt/noms") || folder.ends_with(DOLT) || folder.ends_with(GIT)
}

/// The name of the database in a folder: that of the folder, or of the one above for a folder within a database.
fn name_of(path: &Path) -> String {
    // A name that the user wrote stays, even where it is that of a symlink; `.` and `..` are none.
    let absolute = match path.file_name() {
        Some(_) => std::path::absolute(path),
        None => path.canonicalize(),
    };
    let absolute = absolute.unwrap_or_else(|_| path.to_owned());
    let database = absolute.ancestors().find(|folder| !is_within(folder));
    let name = database.and_then(Path::file_name).map(|name| name.shown().to_string());
    name.unwrap_or_else(|| "dolt".to_owned())
}

/// The same for the folder that the user chose: without a dot at the start, so that `ls` shows it. Databases within it
/// have the names that a server gives them.
fn name_of_chosen(path: &Path) -> String {
    let name = name_of(path);
    let shown = shown_name(OsStr::new(&name));
    if shown.is_empty() { name } else { shown }
}

/// The name of the database in a git repository: that of the repository.
fn name_of_repository(path: &Path) -> String {
    let name = name_of_chosen(path);
    name.strip_suffix(GIT).filter(|name| !name.is_empty()).unwrap_or(&name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &Path) -> Named {
        Named::new(path, Links::Beneath, WallClock::system()).expect("it is there")
    }

    fn names(path: &Path) -> Vec<String> {
        named(path).databases().expect("nothing is wrong").into_keys().collect()
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
            let found = named(&at(path)).watched().into_iter();
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
