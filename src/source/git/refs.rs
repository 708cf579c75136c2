//! Which commits a repository names: its branches and tags as of now. No object is read for it.

use std::collections::{BTreeMap, HashMap, HashSet};

use gix::ObjectId;

use super::objects::FSCK;
use super::place::GitPlace;
use crate::content::{ErrorKind, SourceError};
use crate::source::repository::{RepositoryState, Target};
use crate::source::verify::{Finding, Severity};

const HEADS: &str = "refs/heads/";
const REMOTES: &str = "refs/remotes/";
const TAGS: &str = "refs/tags/";
const REPLACED: &str = "refs/replace/";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refs {
    pub(super) tip: ObjectId,
    /// Branches, those of remotes as `origin/main`.
    pub(super) branches: BTreeMap<String, ObjectId>,
    pub(super) tags: BTreeMap<String, ObjectId>,
    /// The bytes of those names that are not UTF-8, by the texts that stand for them.
    pub(super) odd_names: BTreeMap<String, Vec<u8>>,
    /// Objects that stand for others; none if the repository's settings do not want it.
    pub(super) replaced: HashMap<ObjectId, ObjectId>,
    /// Commits whose parents a shallow clone left behind.
    pub(super) boundary: HashSet<ObjectId>,
}

impl Refs {
    pub(super) fn read(state: &RepositoryState, place: &GitPlace, label: &str) -> Result<Self, SourceError> {
        let mut refs = Self {
            tip: state.settings.hash.null(),
            branches: BTreeMap::new(),
            tags: BTreeMap::new(),
            odd_names: BTreeMap::new(),
            replaced: HashMap::new(),
            boundary: state.boundary.clone(),
        };
        let Names { named, left_out } = names(state, label);
        for Finding { place, problem, .. } in left_out {
            tracing::debug!(source = label, place, "a ref is left out: {problem}");
        }
        let wants_replaced = state.settings.uses_replacements;
        let mut of_remotes = BTreeMap::new();
        for (name, id) in &named {
            if let Some(bytes) = state.names().odd.get(name) {
                let short = |prefix: &str| {
                    Some((name.strip_prefix(prefix)?.to_owned(), bytes.get(prefix.len()..)?.to_vec()))
                };
                refs.odd_names.extend([HEADS, REMOTES, TAGS].into_iter().find_map(short));
            }
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
            None => head(state, label)?,
        };
        Ok(refs)
    }

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

pub(super) fn names(state: &RepositoryState, label: &str) -> Names {
    let mut names = Names::default();
    for (name, failure) in &state.names().unreadable {
        let error = SourceError::new(failure.kind, label, format!("cannot read ref {name}"))
            .because(failure.problem.to_string())
            .with_hint(failure.hint.clone().unwrap_or_else(|| FSCK.to_owned()));
        names.left_out.push(Finding::of(name.clone(), &error));
    }
    for (name, found) in state.names().all() {
        if name.starts_with(REMOTES) && name.ends_with("/HEAD") {
            continue;
        }
        match found {
            Some(id) => drop(names.named.insert(name.to_owned(), id)),
            None => {
                let finding = Finding::wrong(name, "it stands for a branch that is not there");
                names.left_out.push(Finding { severity: Severity::Note, ..finding });
            }
        }
    }
    names
}

/// The ref that a user names: in full, or a branch, a branch of a remote, a tag.
fn find(named: &BTreeMap<String, ObjectId>, wanted: &str, label: &str) -> Result<ObjectId, SourceError> {
    let full = ["", HEADS, REMOTES, TAGS].map(|folder| format!("{folder}{wanted}"));
    full.iter().find_map(|name| named.get(name)).copied().ok_or_else(|| {
        SourceError::new(ErrorKind::Missing, label, format!("found no branch `{wanted}`"))
            .with_hint("`git branch -a` lists those that are there")
    })
}

pub(super) fn head(state: &RepositoryState, label: &str) -> Result<ObjectId, SourceError> {
    let names = state.names();
    if let Some(id) = names.head.as_ref().and_then(|head| names.follow(head)) {
        return Ok(id);
    }
    let branch = match &names.head {
        Some(Target::Name(name)) => name.strip_prefix(HEADS).unwrap_or(name),
        _ => "",
    };
    let operation = format!("branch `{branch}`, which HEAD names, has no commit");
    Err(SourceError::new(ErrorKind::Invalid, label, operation)
        .with_hint("commit something, or name another branch: git:PATH?ref=BRANCH"))
}
