//! Which commits a repository names: its branches and tags as of now. No object is read for it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use gix::ThreadSafeRepository;
use gix::bstr::ByteSlice;
use gix::refs::TargetRef;
use gix::{ObjectId, Repository};

use super::objects::{FSCK, of_git};
use super::place::GitPlace;
use crate::source::verify::{Finding, Severity};
use crate::source::watch::{Events, Watched};
use crate::source::{ErrorKind, SourceError};

const HEADS: &str = "refs/heads/";
const REMOTES: &str = "refs/remotes/";
const TAGS: &str = "refs/tags/";
const REPLACED: &str = "refs/replace/";

/// More symbolic refs in a row than git follows.
const MOST_LINKS: usize = 5;

/// What a repository names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refs {
    /// Where the timeline begins.
    pub(super) tip: ObjectId,
    /// Branches, those of remotes as `origin/main`.
    pub(super) branches: BTreeMap<String, ObjectId>,
    pub(super) tags: BTreeMap<String, ObjectId>,
    /// Objects that stand for others; none where the repository's settings do not want it.
    pub(super) replaced: HashMap<ObjectId, ObjectId>,
    /// Commits whose parents a shallow clone left behind.
    pub(super) boundary: HashSet<ObjectId>,
}

impl Refs {
    /// # Errors
    /// When the refs cannot be read, or the one that was asked for is not there.
    pub(super) fn read(
        repository: &ThreadSafeRepository,
        place: &GitPlace,
        label: &str,
    ) -> Result<Self, SourceError> {
        let repository = &repository.to_thread_local();
        let mut refs = Self {
            tip: repository.object_hash().null(),
            branches: BTreeMap::new(),
            tags: BTreeMap::new(),
            replaced: HashMap::new(),
            boundary: boundary(repository),
        };
        let Names { named, left_out } = names(repository, label)?;
        for Finding { place, problem, .. } in left_out {
            tracing::debug!(source = label, place, "a ref is left out: {problem}");
        }
        let wants_replaced = repository.config_snapshot().boolean("core.useReplaceRefs").unwrap_or(true);
        let mut of_remotes = BTreeMap::new();
        for (name, id) in &named {
            if let Some(branch) = name.strip_prefix(HEADS) {
                refs.branches.insert(branch.to_owned(), *id);
            } else if let Some(branch) = name.strip_prefix(REMOTES) {
                of_remotes.insert(branch.to_owned(), *id);
            } else if let Some(tag) = name.strip_prefix(TAGS) {
                refs.tags.insert(tag.to_owned(), *id);
            } else if let Some(of) = name.strip_prefix(REPLACED).filter(|_| wants_replaced)
                && let Ok(of) = ObjectId::from_hex(of.as_bytes())
            {
                refs.replaced.insert(of, *id);
            }
        }
        for (name, id) in of_remotes {
            refs.branches.entry(name).or_insert(id);
        }
        refs.tip = match &place.reference {
            Some(wanted) => find(&named, wanted, label)?,
            None => head(repository, label)?,
        };
        Ok(refs)
    }

    /// Everything that names lead to.
    pub(super) fn tips(&self) -> impl Iterator<Item = ObjectId> {
        [self.tip].into_iter().chain(self.branches.values().copied()).chain(self.tags.values().copied())
    }
}

/// Every ref by its full name. The `HEAD`s of remotes only stand for other branches, and are not among them.
#[derive(Default)]
pub(super) struct Names {
    pub(super) named: BTreeMap<String, ObjectId>,
    /// Those that lead nowhere, and why.
    pub(super) left_out: Vec<Finding>,
}

/// # Errors
/// When the refs cannot be listed.
pub(super) fn names(repository: &Repository, label: &str) -> Result<Names, SourceError> {
    let fail = |error| of_git(label, "cannot list the branches and tags".to_owned(), error);
    let platform = repository.references().map_err(fail)?;
    let mut names = Names::default();
    for found in platform.all().map_err(fail)? {
        let reference = match found {
            Ok(reference) => reference,
            Err(error) => {
                let error = of_git(label, "cannot read a ref".to_owned(), error).with_hint(FSCK);
                names.left_out.push(Finding::of("refs", &error));
                continue;
            }
        };
        let name = reference.name().as_bstr().to_str_lossy().into_owned();
        if name.starts_with(REMOTES) && name.ends_with("/HEAD") {
            continue;
        }
        let mut at = Some(reference);
        for _ in 0..MOST_LINKS {
            match at.as_ref().map(gix::Reference::target) {
                Some(TargetRef::Symbolic(_)) => {
                    at = at.and_then(|at| at.follow()).and_then(Result::ok);
                }
                _ => break,
            }
        }
        match at.as_ref().and_then(gix::Reference::try_id) {
            Some(id) => drop(names.named.insert(name, id.detach())),
            None => {
                let finding = Finding::wrong(name, "it stands for a branch that is not there");
                names.left_out.push(Finding { severity: Severity::Note, ..finding });
            }
        }
    }
    Ok(names)
}

/// The ref that a user names: in full, or a branch, a branch of a remote, a tag.
fn find(named: &BTreeMap<String, ObjectId>, wanted: &str, label: &str) -> Result<ObjectId, SourceError> {
    let full = ["", HEADS, REMOTES, TAGS].map(|folder| format!("{folder}{wanted}"));
    full.iter().find_map(|name| named.get(name)).copied().ok_or_else(|| {
        SourceError::new(ErrorKind::Missing, label, format!("found no branch `{wanted}`"))
            .with_hint("`git branch -a` lists those that are there")
    })
}

/// What HEAD names.
///
/// # Errors
/// [`ErrorKind::Invalid`] where its branch has no commit; others where it cannot be read.
pub(super) fn head(repository: &Repository, label: &str) -> Result<ObjectId, SourceError> {
    let fail = |error| of_git(label, "cannot read HEAD".to_owned(), error);
    let head = repository.head().map_err(fail)?;
    if let Some(id) = head.id() {
        return Ok(id.detach());
    }
    let branch = head.referent_name().map_or_else(String::new, |name| name.shorten().to_string());
    Err(SourceError::new(
        ErrorKind::Invalid,
        label,
        format!("branch `{branch}`, which HEAD names, has no commit"),
    )
    .with_hint("commit something, or name another branch: git:PATH?ref=BRANCH"))
}

/// The commits whose parents a shallow clone left behind.
pub(super) fn boundary(repository: &Repository) -> HashSet<ObjectId> {
    let Ok(file) = repository.shallow_file() else { return HashSet::new() };
    // There is none in most repositories.
    let text = std::fs::read(file).unwrap_or_default();
    text.lines().filter_map(|line| ObjectId::from_hex(line).ok()).collect()
}

/// The folders in which something happens whenever a name comes, goes or moves.
pub(super) fn watched(repository: &ThreadSafeRepository) -> Watched {
    let repository = repository.to_thread_local();
    let common = repository.common_dir().to_owned();
    let mut found = Watched::from([(common.clone(), Events::Entries)]);
    found.insert(repository.git_dir().to_owned(), Events::Entries);
    let mut todo = vec![common.join("refs"), repository.git_dir().join("refs")];
    while let Some(folder) = todo.pop() {
        if folder.is_dir() && found.insert(folder.clone(), Events::Entries).is_none() {
            todo.extend(folders_in(&folder));
        }
    }
    found
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}
