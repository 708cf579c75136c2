//! The commits of a repository that were read: each is read once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use gix::ObjectId;
use gix::objs::Kind;

use super::commit::{CommitText, tag_target};
use super::objects::{CachedReader, FSCK};
use super::tree::{self, Finder, TreeEntry};
use crate::content::{ErrorKind, SourceError, chain};
use crate::model::history::{SnapshotId, SnapshotMeta};

/// Commits more than those of the newest history that are kept before they are thrown out.
const SPARE: usize = 1000;

/// More tags of tags than anyone makes on purpose.
pub(super) const MOST_TAGS_IN_ROW: usize = 64;

/// How many unreadable objects to try again at once: a partial clone may lack any number.
const TRIED_AT_ONCE: usize = 64;

/// A commit, by its place in a graph.
pub(super) type CommitNumber = u32;

/// What a commit has at the chosen path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// This; none if there is nothing, or an empty folder.
    Known(Option<TreeEntry>),
    /// Something in this tree that could not be read.
    Unreadable(ObjectId),
}

#[derive(Debug)]
pub(super) struct Commit {
    pub(super) id: SnapshotId,
    pub(super) object: ObjectId,
    pub(super) text: CommitText,
    pub(super) at: At,
}

impl Commit {
    /// Describes the commit as a snapshot.
    pub(super) fn meta(&self, parents: Vec<SnapshotId>) -> SnapshotMeta {
        SnapshotMeta {
            known_as: None,
            id: Arc::clone(&self.id),
            time: self.text.time,
            commit: Some(Arc::clone(&self.id)),
            parents,
            author: self.text.author.clone(),
            email: self.text.email.clone(),
            message: self.text.message.clone(),
            mark: None,
        }
    }
}

/// Something that could not be read, and may be there later: a fetch or a repair brings it, and moves no name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unread {
    /// What a name stands for.
    Named(ObjectId),
    Commit(ObjectId),
    /// What is at the chosen path in this tree.
    Path(ObjectId),
    /// The entries of this tree.
    Folder(ObjectId),
}

impl Unread {
    fn is_back(self, reader: &mut CachedReader<'_>, path: &[Vec<u8>]) -> bool {
        match self {
            Self::Named(id) => reader.read_any(id, "object").is_ok(),
            Self::Commit(id) => read_commit(reader, id).is_ok(),
            Self::Path(tree) => Finder::default().find(reader, tree, path).is_ok(),
            Self::Folder(tree) => tree::entries(reader, tree).is_ok(),
        }
    }
}

/// Whether a failure is one of the stored data. Others are the operating system's, and are reported.
pub(super) fn is_of_data(error: &SourceError) -> bool {
    matches!(error.kind, ErrorKind::Missing | ErrorKind::Damaged)
}

#[derive(Default)]
pub(super) struct Graph {
    places: HashMap<ObjectId, CommitNumber>,
    commits: Vec<Commit>,
    finder: Finder,
    /// What could not be read the last time.
    pub(super) unread: VecDeque<Unread>,
    /// What names lead to through tags: a commit, or nothing that is shown.
    peeled: HashMap<ObjectId, Option<ObjectId>>,
}

impl Graph {
    pub(super) fn commit(&self, place: CommitNumber) -> &Commit {
        &self.commits[place as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.commits.len()
    }

    pub(super) fn first_parent(&self, place: CommitNumber) -> Option<CommitNumber> {
        self.places.get(self.commit(place).text.parents.first()?).copied()
    }

    /// What the first parent has at the chosen path.
    pub(super) fn before(&self, place: CommitNumber) -> At {
        self.first_parent(place).map_or(At::Known(None), |parent| self.commit(parent).at)
    }

    pub(super) fn place(&self, id: &ObjectId) -> Option<CommitNumber> {
        self.places.get(id).copied()
    }

    /// Whether anything is there now of what could not be read. Tries some of it, and the rest the next times.
    pub(super) fn is_any_back(&mut self, reader: &mut CachedReader<'_>, path: &[Vec<u8>]) -> bool {
        let count = self.unread.len().min(TRIED_AT_ONCE);
        let is_any = self.unread.iter().take(count).any(|unread| unread.is_back(reader, path));
        self.unread.rotate_left(count);
        is_any
    }

    pub(super) fn is_whole(&self) -> bool {
        self.unread.is_empty()
    }

    /// The commit that a name's object stands for; none for tags of trees and blobs, and for what is missing or damaged.
    pub(super) fn peel(
        &mut self,
        reader: &mut CachedReader<'_>,
        id: ObjectId,
    ) -> Result<Option<ObjectId>, SourceError> {
        if let Some(known) = self.peeled.get(&id) {
            return Ok(*known);
        }
        let mut at = id;
        for _ in 0..MOST_TAGS_IN_ROW {
            if self.places.contains_key(&at) {
                break;
            }
            match reader.read_any(at, "what a name stands for, object") {
                Ok((Kind::Commit, _)) => break,
                Ok((Kind::Tag, data)) => match tag_target(data, at.kind()) {
                    Ok(target) => at = target,
                    Err(_) => return Ok(self.peels_to_none(id, "the tag is damaged")),
                },
                Ok((Kind::Tree | Kind::Blob, _)) => return Ok(self.peels_to_none(id, "it names no commit")),
                Err(error) if is_of_data(&error) => {
                    tracing::debug!("a branch or tag is left out: {}", chain(&error));
                    self.unread.push_back(Unread::Named(at));
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
        self.peeled.insert(id, Some(at));
        Ok(Some(at))
    }

    fn peels_to_none(&mut self, id: ObjectId, why: &str) -> Option<ObjectId> {
        tracing::debug!("a tag or branch of {id} is left out: {why}");
        self.peeled.insert(id, None);
        None
    }

    /// Reads what is new among the commits that `tips` reach, and gives all that they reach, parents first. `boundary` are
    /// those whose parents a shallow clone left behind. A commit that is missing or damaged ends its history, with a warning.
    pub(super) fn reach(
        &mut self,
        reader: &mut CachedReader<'_>,
        tips: impl IntoIterator<Item = ObjectId>,
        path: &[Vec<u8>],
        boundary: &HashSet<ObjectId>,
    ) -> Result<Vec<CommitNumber>, SourceError> {
        self.look_again(reader, path)?;
        let mut order = Vec::new();
        let mut seen = HashSet::new();
        for tip in tips {
            let mut todo = vec![(tip, false)];
            while let Some((id, parents_are_done)) = todo.pop() {
                if parents_are_done {
                    order.extend(self.places.get(&id));
                    continue;
                }
                if !seen.insert(id) || !self.is_read(reader, id, path, boundary)? {
                    continue;
                }
                todo.push((id, true));
                let place = self.places[&id];
                todo.extend(self.commit(place).text.parents.iter().rev().map(|parent| (*parent, false)));
            }
        }
        // Later commits rarely use what it knows.
        self.finder = Finder::default();
        let unreadable = order.iter().filter_map(|place| match self.commits[*place as usize].at {
            At::Unreadable(tree) => Some(Unread::Path(tree)),
            At::Known(_) => None,
        });
        self.unread.extend(unreadable);
        Ok(order)
    }

    /// Whether a commit is there, which may have to be read.
    fn is_read(
        &mut self,
        reader: &mut CachedReader<'_>,
        id: ObjectId,
        path: &[Vec<u8>],
        boundary: &HashSet<ObjectId>,
    ) -> Result<bool, SourceError> {
        if self.places.contains_key(&id) {
            return Ok(true);
        }
        match read_commit(reader, id) {
            Ok(mut commit) => {
                if boundary.contains(&id) {
                    commit.text.parents = Box::default();
                }
                commit.at = self.look(reader, commit.text.tree, path)?;
                let place = CommitNumber::try_from(self.commits.len()).map_err(|_| {
                    SourceError::new(ErrorKind::Unsupported, &*reader.objects.label, "too many commits")
                })?;
                self.places.insert(id, place);
                self.commits.push(commit);
                Ok(true)
            }
            Err(error) if is_of_data(&error) => {
                tracing::warn!(
                    hint = error.hint.as_deref(),
                    "the history ends at a commit: {}",
                    chain(&error)
                );
                self.unread.push_back(Unread::Commit(id));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn look(
        &mut self,
        reader: &mut CachedReader<'_>,
        tree: ObjectId,
        path: &[Vec<u8>],
    ) -> Result<At, SourceError> {
        match self.finder.find(reader, tree, path) {
            Ok(entry) => Ok(At::Known(entry)),
            Err(error) if is_of_data(&error) => {
                tracing::debug!("a commit cannot be looked into: {}", chain(&error));
                Ok(At::Unreadable(tree))
            }
            Err(error) => Err(error),
        }
    }

    /// Looks again for what could not be read: a fetch may have brought it.
    fn look_again(&mut self, reader: &mut CachedReader<'_>, path: &[Vec<u8>]) -> Result<(), SourceError> {
        for place in 0..self.commits.len() {
            if let At::Unreadable(tree) = self.commits[place].at {
                self.commits[place].at = self.look(reader, tree, path)?;
            }
        }
        Ok(())
    }

    /// Whether there is much in it that is not among the `shown` commits of the newest history.
    pub(super) fn is_untidy(&self, shown: usize) -> bool {
        self.commits.len() > shown + shown / 2 + SPARE
    }
}

/// Whether a commit is the only one of its history, and holds nothing.
pub(super) fn is_only_commit(reader: &mut CachedReader<'_>, id: ObjectId) -> bool {
    read_commit(reader, id)
        .is_ok_and(|commit| commit.text.parents.is_empty() && commit.text.tree.is_empty_tree())
}

pub(super) fn read_commit(reader: &mut CachedReader<'_>, id: ObjectId) -> Result<Commit, SourceError> {
    let objects = reader.objects;
    let text = CommitText::parse(reader.read(id, Kind::Commit, "commit")?, id.kind()).map_err(|why| {
        let operation = format!("cannot read commit {id}");
        SourceError::new(ErrorKind::Damaged, &*objects.label, operation).because(why).with_hint(FSCK)
    })?;
    Ok(Commit { id: id.to_string().into(), object: id, text, at: At::Known(None) })
}
