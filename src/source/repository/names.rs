//! HEAD, branches and tags, as they are written (gitrepository-layout(5)). No object is read for them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use gix::bstr::BStr;
use gix::hash::Kind as HashKind;
use gix::refs::{FullName, packed};
use gix::{ObjectId, refs};

use super::failure::{Failure, if_there};
use super::folders::Folders;
use crate::content::ErrorKind;
use crate::files::root::SourcePath;
use crate::model::terminal::ShowPath;

/// The longest file of one ref, in bytes.
const LONGEST_REF: u64 = 64 << 10;

/// The longest list of refs, in bytes: some millions.
const LONGEST_LIST: u64 = 256 << 20;

/// More folders of refs than are looked into.
const MOST_FOLDERS: usize = 100_000;

/// The deepest folder of refs that is read.
const DEEPEST: usize = 64;

/// More symbolic refs in a row than git follows.
const MOST_LINKS: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Object(ObjectId),
    /// Another ref, by its full name.
    Name(String),
}

#[derive(Debug, Default)]
pub(crate) struct Names {
    /// What HEAD names.
    pub(crate) head: Option<Target>,
    /// Every ref by its full name, as [`text_of`] has it.
    refs: BTreeMap<String, Target>,
    /// The names that are not UTF-8, by the texts that stand for them.
    pub(crate) odd: BTreeMap<String, Vec<u8>>,
    /// Refs that cannot be read, with why.
    pub(crate) unreadable: Vec<(String, Failure)>,
    pub(super) folders: Vec<PathBuf>,
    /// What tells the list of refs from its next version.
    list: Option<(u64, u64, i64, i64)>,
}

fn stamp_of_list(common: &SourcePath) -> Option<(u64, u64, i64, i64)> {
    let found = common.join("packed-refs").metadata().ok()?;
    Some((found.ino(), found.len(), found.ctime(), found.ctime_nsec()))
}

impl Names {
    pub(super) fn read(folders: &Folders, hash: HashKind) -> Result<Self, Failure> {
        let mut names = Self { list: stamp_of_list(&folders.common), ..Self::default() };
        names.read_list(&folders.common, hash)?;
        names.read_folder(&folders.common, hash);
        if folders.git != folders.common {
            // A linked work tree has a few of its own.
            names.read_folder(&folders.git, hash);
        }
        let head = folders.git.join("HEAD").read(LONGEST_REF);
        let head = head.map_err(|error| Failure::io("read HEAD", error))?;
        let name = FullName::try_from("HEAD").expect("it is a name");
        names.head = Some(target(name, &head, hash).map_err(|error| Failure::git("read HEAD", error))?);
        Ok(names)
    }

    /// What one ref leads to, where that can be told without reading all of them: a file of its own, or a list that is the
    /// one that was read.
    pub(super) fn of_one(&self, folders: &Folders, name: &str, hash: HashKind) -> Option<Option<ObjectId>> {
        match folders.common.join(name).read(LONGEST_REF) {
            Ok(text) => match target(FullName::try_from(BStr::new(name)).ok()?, &text, hash).ok()? {
                Target::Object(id) => Some(Some(id)),
                Target::Name(_) => None,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (stamp_of_list(&folders.common) == self.list).then(|| self.find(name))
            }
            Err(_) => None,
        }
    }

    /// Every ref, with the object that it leads to: none for one that stands for a ref that is not there.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Option<ObjectId>)> {
        self.refs.iter().map(|(name, target)| (name.as_str(), self.follow(target)))
    }

    pub(crate) fn find(&self, name: &str) -> Option<ObjectId> {
        self.follow(self.refs.get(name)?)
    }

    /// The object that a target leads to.
    pub(crate) fn follow(&self, target: &Target) -> Option<ObjectId> {
        let mut at = target;
        for _ in 0..=MOST_LINKS {
            match at {
                Target::Object(id) => return Some(*id),
                Target::Name(name) => at = self.refs.get(name)?,
            }
        }
        None
    }

    /// The text for a name, which is remembered where it is not the name itself.
    fn text_of(&mut self, name: &[u8]) -> String {
        let text = text_of(name);
        if text.as_bytes() != name {
            self.odd.insert(text.clone(), name.to_vec());
        }
        text
    }

    fn read_list(&mut self, common: &SourcePath, hash: HashKind) -> Result<(), Failure> {
        let text = common.join("packed-refs").read(LONGEST_LIST);
        let Some(text) = if_there(text, "read packed-refs")? else { return Ok(()) };
        let list = packed::Iter::new(&text, hash).map_err(|error| Failure::git("read packed-refs", error))?;
        for found in list {
            match found {
                Ok(found) => {
                    let name = self.text_of(found.name.as_bstr());
                    self.refs.insert(name, Target::Object(found.target()));
                }
                Err(error) => {
                    self.unreadable.push(("packed-refs".to_owned(), Failure::git("read a ref", error)));
                }
            }
        }
        Ok(())
    }

    /// Adds the refs that are files of their own. Names that git would not accept are skipped.
    fn read_folder(&mut self, place: &SourcePath, hash: HashKind) {
        let mut todo = vec![(place.path().join("refs"), b"refs".to_vec(), 0)];
        while let Some((folder, prefix, depth)) = todo.pop() {
            let entries = place.root().read_dir(&folder).and_then(|open| open.paths());
            let Ok(entries) = entries else { continue };
            self.folders.push(folder);
            for (path, kind) in entries {
                let Some(last) = path.file_name() else { continue };
                let name = [&prefix, last.as_bytes()].join(&b'/');
                // git makes no linked folders, and one could lead to itself.
                if kind.is_dir() {
                    if depth < DEEPEST && self.folders.len() < MOST_FOLDERS {
                        todo.push((path, name, depth + 1));
                    }
                    continue;
                }
                let Ok(full) = FullName::try_from(BStr::new(&name)) else { continue };
                let name = self.text_of(&name);
                let text = place.root().read(&path, LONGEST_REF);
                let text = text.map_err(|error| Failure::io("read a ref", error));
                let found = text.and_then(|text| {
                    target(full, &text, hash).map_err(|error| Failure::git("read a ref", error))
                });
                match found {
                    Ok(found) => drop(self.refs.insert(name, found)),
                    // Removed since it was listed.
                    Err(error) if error.kind == ErrorKind::Missing => {}
                    Err(error) => {
                        self.refs.remove(&name);
                        self.unreadable.push((name, error));
                    }
                }
            }
        }
    }
}

/// A ref's name as a text that stands for no other: bytes that are not UTF-8 are `\xe4`, and a name of a ref has no
/// backslash.
fn text_of(name: &[u8]) -> String {
    OsStr::from_bytes(name).shown().to_string()
}

fn target(name: FullName, text: &[u8], hash: HashKind) -> gix::Result<Target> {
    let found = refs::file::loose::Reference::try_from_path(name, text, hash)?;
    Ok(match found.target {
        refs::Target::Object(id) => Target::Object(id),
        refs::Target::Symbolic(name) => Target::Name(text_of(name.as_bstr())),
    })
}
