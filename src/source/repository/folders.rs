//! Where a repository keeps what (gitrepository-layout(5)).

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use gix::bstr::ByteSlice;

use super::failure::{Failure, if_there};
use super::settings;
use crate::content::ErrorKind;
use crate::files::root::{LEADS_OUTSIDE_HINT, Links, Root, SourcePath};
use crate::model::terminal::ShowPath;
use crate::util::private::is_trusted;

/// The repository's folder in a work tree; a file in a linked one and in a submodule.
pub(super) const GIT: &str = ".git";

/// The longest file that says where something is, in bytes: paths have 4,096 at most.
const LONGEST_POINTER: u64 = 16 << 10;

/// The longest list of folders to borrow objects from, in bytes.
const LONGEST_ALTERNATES: u64 = 1 << 20;

/// More folders of objects than any repository borrows from. A list may name its own folder a thousand times.
const MOST_ALTERNATES: usize = 100;

/// How deep folders of objects borrow from each other, as in git.
const DEEPEST_ALTERNATES: usize = 5;

#[derive(Debug)]
pub(super) struct Folders {
    /// The `.git` file of a linked work tree or a submodule.
    pub(super) pointer: Option<PathBuf>,
    /// Holds HEAD.
    pub(super) git: SourcePath,
    /// Holds refs and objects: the same, but for a linked work tree.
    pub(super) common: SourcePath,
    /// Folders of objects: its own, and those that it borrows from.
    pub(super) objects: Vec<SourcePath>,
    /// Folders that it borrows from and that are outside of the source.
    pub(super) refused: Vec<PathBuf>,
}

/// Whether a folder is a bare repository, a `.git`, or has one.
pub(crate) fn is_repository(folder: &Path) -> bool {
    let Ok(root) = Root::new(folder, Links::Beneath) else { return false };
    let at = |name: &str| root.folder().join(name);
    // Whatever it leads to: opening it says what is wrong with it.
    let is_named = |name: &str| root.metadata(&at(name)).is_ok() || root.link_target(&at(name)).is_ok();
    is_named(GIT) || is_named("HEAD") && root.is_dir(&at("objects")) && root.is_dir(&at("refs"))
}

impl Folders {
    /// Finds the folders of the repository in the folder of a source.
    pub(super) fn find(root: &Root) -> Result<Self, Failure> {
        let whole = SourcePath::new(root, root.folder().to_owned());
        let within = whole.join(GIT);
        let (git, pointer) = match if_there(within.metadata(), "open .git")? {
            None => (whole, None),
            Some(found) if found.is_dir() => (within, None),
            Some(found) => (follow_gitdir(&within, found.uid())?, Some(within.path().to_owned())),
        };
        let has_head =
            || git.join("HEAD").exists() || git.root().link_target(&git.path().join("HEAD")).is_ok();
        if !git.is_dir() || !has_head() {
            return Err(Failure::new(ErrorKind::Missing, "it is no git repository"));
        }
        let common = common(&git)?;
        Ok(Self { pointer, git, common, objects: Vec::new(), refused: Vec::new() })
    }

    pub(super) fn find_objects(&mut self) -> Result<(), Failure> {
        let own = self.common.join("objects");
        own.read_dir().map_err(|error| Failure::io("open its folder of objects", error))?;
        let mut todo = vec![(own, 0)];
        let mut seen = HashSet::new();
        while let Some((place, depth)) = todo.pop() {
            let is_new = place.metadata().is_ok_and(|found| seen.insert((found.dev(), found.ino())));
            if !is_new || self.objects.len() == MOST_ALTERNATES {
                continue;
            }
            if depth < DEEPEST_ALTERNATES {
                let list = place.join("info/alternates");
                let owner = list.metadata().map_or(0, |found| found.uid());
                let text = list.read(LONGEST_ALTERNATES).unwrap_or_default();
                for path in gix::odb::alternate::parse(&text).unwrap_or_default() {
                    match lead_to(&place, &place.path().join(&path), owner) {
                        Some(next) => todo.push((next, depth + 1)),
                        None if self.refused.len() < MOST_ALTERNATES => self.refused.push(path),
                        None => {}
                    }
                }
            }
            self.objects.push(place);
        }
        Ok(())
    }
}

fn pointer(file: &SourcePath) -> io::Result<PathBuf> {
    let text = file.read(LONGEST_POINTER)?;
    Ok(Path::new(OsStr::from_bytes(text.trim_end())).to_owned())
}

/// A place that a file `from` of this owner names: beneath the same folder, or outside of it where links out are
/// followed, and both belong to the user or to root.
fn lead_to(from: &SourcePath, path: &Path, owner: u32) -> Option<SourcePath> {
    let path = tidy(path);
    let root = from.root();
    if path.starts_with(root.folder()) {
        return Some(SourcePath::new(root, path));
    }
    if root.links() != Links::Owned || !is_trusted(owner) {
        return None;
    }
    SourcePath::of_folder(&root.owned_folder(&path).ok()?, Links::Owned).ok()
}

/// The git folder that a `.git` file names. One outside of the source is taken if it says in turn that this work
/// tree is its own, and belongs to the same user: nobody but its owner can make it say so.
fn follow_gitdir(file: &SourcePath, owner: u32) -> Result<SourcePath, Failure> {
    let text = file.read(LONGEST_POINTER).map_err(|error| Failure::io("read .git", error))?;
    let target = text.trim_end().strip_prefix(b"gitdir: ").ok_or_else(|| {
        Failure::new(ErrorKind::Damaged, "its .git is a file that does not begin with `gitdir: `")
    })?;
    let work_tree = file.root().folder();
    let path = tidy(&work_tree.join(OsStr::from_bytes(target)));
    if let Some(place) = lead_to(file, &path, owner) {
        return Ok(place);
    }
    let there = SourcePath::of_folder(&path, file.root().links()).ok();
    let there = there.filter(|there| is_owned_by(there, owner) && is_of(there, work_tree));
    there.ok_or_else(|| leads_out(".git", &path))
}

fn leads_out(name: &str, path: &Path) -> Failure {
    let problem = format!("its {name} leads out of the source, to {}", path.shown());
    Failure::new(ErrorKind::Refused, problem).with_hint(LEADS_OUTSIDE_HINT)
}

fn is_owned_by(folder: &SourcePath, owner: u32) -> bool {
    folder.metadata().is_ok_and(|found| found.uid() == owner)
}

/// Whether a git folder says that a work tree is its own: a linked one by its `gitdir`, a submodule by the setting
/// `core.worktree`.
fn is_of(git: &SourcePath, work_tree: &Path) -> bool {
    let is_same = |path: PathBuf| path.canonicalize().is_ok_and(|path| path == work_tree);
    if let Ok(linked) = pointer(&git.join("gitdir")) {
        return linked.file_name() == Some(GIT.as_ref())
            && linked.parent().is_some_and(|folder| is_same(git.path().join(folder)));
    }
    let named = settings::work_tree(git);
    named.is_some_and(|named| is_same(git.path().join(OsStr::from_bytes(&named))))
}

/// The folder of refs and objects that a linked work tree's git folder names: one that it is in, as git makes it.
fn common(git: &SourcePath) -> Result<SourcePath, Failure> {
    let file = git.join("commondir");
    let Some(named) = if_there(pointer(&file), "read commondir")? else { return Ok(git.clone()) };
    let named = tidy(&git.path().join(named));
    let owner = file.metadata().map_or(0, |found| found.uid());
    if let Some(place) = lead_to(git, &named, owner) {
        return Ok(place);
    }
    let is_around = git.path().starts_with(named.join("worktrees"));
    let there = is_around.then(|| SourcePath::of_folder(&named, git.root().links()).ok()).flatten();
    let there = there.filter(|there| *there.path() == *named && is_owned_by(there, owner));
    there.ok_or_else(|| leads_out("commondir", &named))
}

/// A path without `.` and `..`, taken apart as text: whether it is reached through links shows when it is opened.
pub(crate) fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(tidy.pop()),
            Component::CurDir => {}
            part => tidy.push(part),
        }
    }
    tidy
}
