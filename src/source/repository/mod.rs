//! The files of a git repository, read without git and without trust in who wrote them.
//!
//! A repository says in many places where more of it is: `.git` files, `commondir`, `objects/info/alternates`, links in
//! the place of refs and packs. A library that opens a repository by its path follows all of these. Here each file is
//! opened beneath the source's folder (`files::root`), and the library only decodes bytes.
//!
//! | file | concern |
//! | --- | --- |
//! | `folders` | where a repository keeps what: git folder, common folder, folders of objects |
//! | `ownership` | git's rule on repositories of other users (`safe.directory`) |
//! | `names` | HEAD, branches, tags |
//! | `settings` | what of its own settings counts |
//! | `packs`, `loose` | objects in packs, and in files of their own |
//! | `reader` | reading objects, which are checked |
//! | `failure` | what goes wrong |

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use gix::bstr::ByteSlice;
use gix::objs::Kind;
use gix::{ObjectId, oid};

mod failure;
mod folders;
mod loose;
mod names;
mod ownership;
mod packs;
mod reader;
mod settings;

pub(crate) use failure::{Failure, kind_of};
pub(crate) use folders::{is_repository, tidy};
pub(crate) use loose::Loose;
pub(crate) use names::{Names, Target};
use packs::Unpacking;
pub(crate) use packs::{BaseCache, MAX_OBJECT_MEMORY};
pub(crate) use reader::ObjectReader;
use settings::Settings;

use crate::files::access;
use crate::files::root::{Links, Root, SourcePath};
use crate::model::access::Audience;
use folders::Folders;
use packs::{PackName, Packs};

/// The longest `shallow` file that is read, in bytes.
const LONGEST_FILE: u64 = 16 << 20;

/// A git repository of a source: looked at again at every poll.
pub(crate) struct Repository {
    /// The folder that the user named. Links in its path count once, when it is opened.
    root: Root,
    state: ArcSwap<RepositoryState>,
}

/// A repository as it was at one instant. What it has in packs stays readable.
pub(crate) struct RepositoryState {
    folders: Folders,
    pub(crate) settings: Settings,
    names: Names,
    /// The commits whose parents a shallow clone left behind.
    pub(crate) boundary: HashSet<ObjectId>,
    pack_names: BTreeMap<PackName, packs::PackStamp>,
    packs: OnceLock<Arc<Packs>>,
}

impl Repository {
    /// Opens the repository in a folder: a work tree, its `.git`, or a bare one. Blocks.
    pub(crate) fn open(folder: &Path, links: Links) -> Result<Self, Failure> {
        let root = Root::new(folder, links).map_err(|error| Failure::io("open it", error))?;
        let state = RepositoryState::read(&root, None)?;
        Ok(Self { root, state: ArcSwap::from_pointee(state) })
    }

    /// The folder that the user named.
    pub(crate) fn folder(&self) -> &Path {
        self.root.folder()
    }

    /// The repository as of the last poll.
    pub(crate) fn state(&self) -> Arc<RepositoryState> {
        self.state.load_full()
    }

    /// Looks again, at its owner too. Blocks.
    pub(crate) fn look(&self) -> Result<Arc<RepositoryState>, Failure> {
        let last = self.state();
        let now = Arc::new(RepositoryState::read(&self.root, Some(&last))?);
        self.state.store(Arc::clone(&now));
        Ok(now)
    }

    /// What a ref leads to now; `None` if there is none of that name. Looks at the owner too, and reads no more than it
    /// has to. Blocks.
    pub(crate) fn find_name(&self, name: &str) -> Result<Option<ObjectId>, Failure> {
        let state = self.state();
        ownership::check(&self.root, &state.folders)?;
        match state.names.of_one(&state.folders, name, state.settings.hash) {
            Some(found) => Ok(found),
            None => {
                let state = self.look()?;
                match state.names.unreadable.iter().find(|(other, _)| other == name) {
                    Some((_, failure)) => Err(Failure::new(failure.kind, failure.problem.to_string())),
                    None => Ok(state.names.find(name)),
                }
            }
        }
    }

    /// The repository with its packs of now, where these are not those of `last`: `git gc` moves objects from one
    /// place to another. Blocks.
    fn with_other_packs(&self, last: &Arc<RepositoryState>) -> Option<Arc<RepositoryState>> {
        let now = self.state();
        if now.pack_names != last.pack_names {
            return Some(now);
        }
        // Names and settings are not read for it: objects are missing in partial clones by the thousand.
        let has_others = packs::list(&now.folders.objects) != now.pack_names;
        has_others.then(|| self.look().ok()).flatten()
    }
}

impl RepositoryState {
    fn read(root: &Root, last: Option<&Self>) -> Result<Self, Failure> {
        let mut folders = Folders::find(root)?;
        ownership::check(root, &folders)?;
        let settings = Settings::read(&folders.common)?;
        folders.find_objects()?;
        let pack_names = packs::list(&folders.objects);
        let names = Names::read(&folders, settings.hash)?;
        let boundary = boundary(&folders.common);
        let known = last.filter(|last| last.pack_names == pack_names).map(|last| last.packs.clone());
        let packs = known.unwrap_or_default();
        Ok(Self { folders, settings, names, boundary, pack_names, packs })
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// The folders in which something happens whenever a name comes, goes or moves.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &Path> {
        let own = [&self.folders.git, &self.folders.common].into_iter().map(SourcePath::path);
        own.chain(self.names.folders.iter().map(PathBuf::as_path))
    }

    /// Whom its folders let read it: its own, and those of objects, also of those that it borrows. Blocks.
    pub(crate) fn audience(&self) -> Audience {
        let Folders { git, common, objects, .. } = &self.folders;
        let packs = objects.iter().map(|folder| folder.join("pack")).filter(SourcePath::is_dir);
        let folders = [git, common].into_iter().chain(objects).cloned().chain(packs);
        let folders = folders.map(|folder| access::of_way(folder.path()));
        // git makes packs that its umask keeps from others.
        let packs = self.pack_names.values().map(|seen| seen.audience);
        folders.chain(packs).fold(Audience::Everyone, Audience::and)
    }

    /// What on disk changes when an object comes back that could not be read.
    pub(crate) fn places_of(&self, id: &oid) -> impl Iterator<Item = SourcePath> {
        self.folders.objects.iter().flat_map(|place| [loose::path_in(place, id), place.join("pack")])
    }

    /// Whether it is a partial clone: what it lacks was promised to it by the one that it came from.
    pub(crate) fn is_partial(&self) -> bool {
        self.pack_names.values().any(|seen| seen.is_promised)
    }

    /// Folders of objects that it borrows from and that are not read, because they are outside of the source.
    pub(crate) fn refused(&self) -> &[PathBuf] {
        &self.folders.refused
    }

    /// Reads an object into `buffer`, from a pack or a file of its own; `None` if it is in neither. Its bytes are not
    /// yet checked. Blocks.
    fn find(
        &self,
        id: &oid,
        buffer: &mut Vec<u8>,
        unpacking: &mut Unpacking,
    ) -> Result<Option<Kind>, Failure> {
        let packed = self.packs().find(id, buffer, unpacking);
        if let Ok(Some(kind)) = packed {
            return Ok(Some(kind));
        }
        match self.loose(id)? {
            Some(mut loose) => loose.read_whole(buffer, MAX_OBJECT_MEMORY.into()).map(Some),
            None => match packed?.map_or_else(|| self.packs().broken(), |_| None) {
                // It may be in there.
                Some(broken) => Err(broken),
                None => Ok(None),
            },
        }
    }

    /// Kind and length of an object as its header states them; `None` if it is missing or damaged. Blocks.
    fn header(&self, id: &oid, unpacking: &mut Unpacking) -> Option<(Kind, u64)> {
        if let Some(header) = self.packs().header(id, unpacking) {
            return header.ok();
        }
        let loose = self.loose(id).ok()??;
        Some((loose.kind, loose.len))
    }

    /// An object that is a file of its own, opened; `None` if there is no such file.
    pub(crate) fn loose(&self, id: &oid) -> Result<Option<Loose>, Failure> {
        for place in &self.folders.objects {
            if let Some(file) = loose::open(place, id)? {
                return Loose::new(file, id).map(Some).map_err(|error| Failure::io("read it", error));
            }
        }
        Ok(None)
    }

    fn packs(&self) -> &Packs {
        self.packs.get_or_init(|| Arc::new(Packs::open(self.pack_names.keys(), self.settings.hash)))
    }
}

/// The commits whose parents a shallow clone left behind; there is no such file in most repositories.
fn boundary(common: &SourcePath) -> HashSet<ObjectId> {
    let text = common.join("shallow").read(LONGEST_FILE).unwrap_or_default();
    text.lines().filter_map(|line| ObjectId::from_hex(line).ok()).collect()
}
